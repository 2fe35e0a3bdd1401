// Package onebot12 translates between OneBot 12, which apps speak, and OneBot 11, which everything else in catflap and
// NapCat speak. It works on bytes and does no I/O.
//
// What OneBot 12 has no word for is an extension under the prefix "qq.". NoneBot makes nested objects of dotted keys,
// wherever they stand, and a clash ends its link: so no key that is written here has two dots, none is a bare "qq", and
// none comes from somebody's text.
package onebot12

// The words by which this implementation is known to apps.
const (
	// Impl is the name of the implementation; with "12." in front it is the WebSocket subprotocol.
	Impl = "catflap"
	// Platform is the one of all bots.
	Platform = "qq"
	// Subprotocol is what a reverse connection offers and a server may select. Most apps select none.
	Subprotocol = "12." + Impl
)

// Bot is one account as status tells of it.
type Bot struct {
	Self   uint64
	Online bool
}

// Medium is one picture, voice, video or file of a message, for which an app needs a file_id.
type Medium struct {
	Type   string // as OneBot 11 calls it: image, record, video or file
	File   string // QQ's file name, NapCat's key for looking it up
	FileID string // NapCat's file_id; of files only
	URL    string // as it stands in the frame: catflap's own address if media are rewritten
	Origin string // QQ's address behind catflap's, "" if the frame has none
	Name   string // for people, "" if unknown
	Size   int64  // bytes, 0 = unknown
	// MessageID and Group are where it was seen; 0 if not known, or private.
	MessageID int64
	Group     uint64
}

// Reading is what is asked about OneBot 11 messages while they become OneBot 12. Functions may be nil and must not block.
type Reading struct {
	// Self is the account; 0 = the frame's self_id.
	Self uint64
	// Author names who wrote a message, for the user_id of a reply. Not ok gives "".
	Author func(messageID int64) (user uint64, ok bool)
	// FileID gives a medium its id: opaque, without dots, good even if nothing has been fetched. "" and a nil function give
	// one that is made of the medium's names, which no get_file can resolve.
	FileID func(m Medium) string
	// OriginURL puts QQ's own address into qq.url where the frame has catflap's.
	OriginURL bool
}
