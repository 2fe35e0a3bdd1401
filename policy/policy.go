// Package policy decides, from facts and rules alone, who may talk to the bots and what apps may do: no clock, no I/O, no store.
//
// Everything fails closed: the zero value of every result denies, and what is not understood is refused with a reason.
package policy

// Outcome is what becomes of an event. The zero value drops it.
type Outcome uint8

// The outcomes, from least to most.
const (
	Drop    Outcome = iota // nothing happens; the text is neither stored nor logged
	Context                // goes to history, and to apps whose own rule lets it through (see View)
	Deliver                // goes to history and to the apps
	Pair                   // a stranger's DM: a pairing reply may be due (see Book)
	Command                // an owner's "/pair ..." in a DM: for catflap itself, never for apps
)

// String gives the outcome's name as it stands in `catflap explain`.
func (o Outcome) String() string {
	switch o {
	case Context:
		return "context"
	case Deliver:
		return "deliver"
	case Pair:
		return "pair"
	case Command:
		return "command"
	default:
		return "drop"
	}
}

// Kind is the post_type of an event. The zero value is no kind and is dropped.
type Kind uint8

// The kinds of events of OneBot 11. Sent is NapCat's post_type message_sent: the account's own message, from any device.
const (
	Message Kind = iota + 1
	Sent
	Notice
	Request
	Meta
)

// String gives the OneBot post_type.
func (k Kind) String() string {
	switch k {
	case Message:
		return "message"
	case Sent:
		return "message_sent"
	case Notice:
		return "notice"
	case Request:
		return "request"
	case Meta:
		return "meta_event"
	default:
		return "unknown"
	}
}

// Reply says whom a message's reply segment answers.
type Reply uint8

// The readings of a reply segment. ReplyUnknown is an id that is not in the memory of sent ids: it is no mention.
const (
	ReplyNone Reply = iota
	ReplyToBot
	ReplyToOther
	ReplyUnknown
)

// Facts is one event as numbers, made by the router before any decision. Text is valid during the call only.
type Facts struct {
	Kind    Kind
	Detail  string // message_type, notice_type, request_type or meta_event_type
	SubType string // sub_type as sent; absent = ""

	// The ids of the event, 0 = absent. Target is target_id: for an own private message the peer, for a poke who was poked.
	Self, User, Group, Target, Operator uint64

	ForeignSelf bool // self_id is not the account's
	Duplicate   bool // seen before
	// Blocked and Approved are what the store knows of the person on the other side: User, but Target for own private messages.
	// Blocked covers the store's list only, the configured one is in Rules.
	Blocked, Approved bool

	AtSelf bool // an at segment names Self
	AtAll  bool // an at segment names everybody
	Reply  Reply
	Text   string // decoded text of the text segments; needed only if WantsText of the Set or a View says so
}

// Own reports whether the event is the account's own message. Such messages never trigger anything.
func (f *Facts) Own() bool {
	return f.Kind == Sent || f.Kind == Message && f.Self != 0 && f.User == f.Self
}

// Chat gives the chat that the event belongs to; false for events of no chat (meta events, notices about the account).
func (f *Facts) Chat() (Chat, bool) {
	var c Chat
	switch f.Kind {
	case Message, Sent:
		switch {
		case f.Detail == messageGroup:
			c = Chat{Group: true, ID: f.Group}
		case f.Own(): // NapCat's target_id is the peer of a private chat
			c.ID = f.Target
		default: // a temporary session carries a group_id too, but is a chat with its user
			c.ID = f.User
		}
	case Notice, Request:
		if f.Group != 0 {
			c = Chat{Group: true, ID: f.Group}
		} else {
			c.ID = f.User
		}
	}
	return c, c.ID != 0
}

// Verdict is the decision about one event, before any app's own view.
type Verdict struct {
	Outcome Outcome
	Reason  Reason // never empty in what Decide returns
	// Mentioned: the event addresses the bot (at, reply, pattern, name, a poke that counts, any admitted DM message)
	// and comes from somebody who may trigger it.
	Mentioned bool
	// MentionRequired: the message is in a group whose rule asks for a mention.
	MentionRequired bool
}

// Rules is one account's policy as configured, already merged: the account's values over the top level's.
type Rules struct {
	DMPolicy    string // open, pairing, allowlist, closed or disabled
	GroupPolicy string // open, allowlist, closed or disabled

	AllowFrom      []string // who may write DMs: "123", "user:123", "*"
	GroupAllowFrom []string // "user:1", "group:2", "*" or a bare number

	Groups map[string]GroupRules // key: a group's number or "*"

	Owners, Blocked []uint64 // QQ numbers

	MentionPatterns []string // RE2, matched case-insensitively
	BotNames        []string // matched case-insensitively, as whole words where they begin or end in a Latin letter or digit

	TempSessions bool // DMs by way of a group count as DMs
	MentionAll   bool // at-all is a mention
	PokeTriggers bool // a poke at the bot is a mention

	JoinedGroups map[uint64]struct{} // the account's groups where known; only read during Compile
}

// GroupRules is one entry of groups. Nil fields are not set and fall back to the "*" entry, field by field.
type GroupRules struct {
	Enabled        *bool
	RequireMention *bool
	AllowFrom      *[]string // nil = absent; empty = nobody
}
