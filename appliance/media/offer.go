package media

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/catflap/catflap/store"
)

// maxField bounds one text of an offer: QQ's addresses have some hundreds of bytes.
const maxField = 2 << 10

// guessedSize is what a medium of unknown size is taken for when little of the day's budget is left, bytes.
const guessedSize = 256 << 10

// refreshTime is how old a row may be before an offer of the same medium dates it anew.
const refreshTime = time.Hour

// Offered is one medium of an admitted message, as its segment names it.
type Offered struct {
	Account   string
	MessageID int64
	Group     bool
	Type      string // image, record, video or file
	File      string // QQ's file name, NapCat's key for looking it up
	FileID    string // of files
	URL       string // "" when NapCat gave none
	Size      int64  // as the segment says; 0 = it says nothing
	Max       int64  // the account's mediaMaxMb in bytes; 0 = no bound
}

// origin is an offer as the index keeps it.
type origin struct {
	Account   string `json:"a,omitempty"`
	MessageID int64  `json:"m,omitempty"`
	Group     bool   `json:"g,omitempty"`
	Type      string `json:"t,omitempty"`
	File      string `json:"f,omitempty"`
	FileID    string `json:"i,omitempty"`
	URL       string `json:"u,omitempty"`
	Size      int64  `json:"s,omitempty"`
	Max       int64  `json:"x,omitempty"`
	MD5       string `json:"h,omitempty"` // what the bytes should have, lower case
	// Doubtful says that the bytes which are here are not what the message claims. With another MD5 than the name's,
	// somebody may have chosen a name to have his picture shown for another one; with another size, an end may be missing.
	// So they are fetched again (doubt.go).
	Doubtful bool `json:"d,omitempty"`
	Short    bool `json:"q,omitempty"` // doubtful, and the size is another one, too: the same origin may give more later
	Newer    bool `json:"n,omitempty"` // doubtful, and this origin was not asked yet: the bytes are of an older one
}

// offer is one that waits to be looked at.
type offer struct {
	key    Key
	origin origin
}

// size is what an offer's texts take, bytes.
func (o *offer) size() int {
	return len(o.origin.Account) + len(o.origin.Type) + len(o.origin.File) + len(o.origin.FileID) + len(o.origin.URL) + len(o.origin.MD5)
}

// inbox holds offers until they are looked at. It takes memory while there are some.
type inbox struct {
	ready chan struct{} // has something once there is an offer

	mu    sync.Mutex
	list  []offer
	bytes int
}

// put adds an offer; false when there are too many.
func (b *inbox) put(o offer) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) >= maxOffers || b.bytes+o.size() > offerBytes {
		return false
	}
	b.list = append(b.list, o)
	b.bytes += o.size()
	select {
	case b.ready <- struct{}{}:
	default:
	}
	return true
}

// take takes the oldest.
func (b *inbox) take() (o offer, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) == 0 {
		b.list = nil
		return offer{}, false
	}
	o, b.list[0] = b.list[0], offer{}
	b.list = b.list[1:]
	b.bytes -= o.size()
	return o, true
}

// Notes of media that stay at QQ.
const (
	noteTooLarge = "not kept by catflap: larger than mediaMaxMb"
	noteShare    = "not kept by catflap: larger than half of media.maxTotalMb"
	noteBudget   = "not kept by catflap: media.maxDailyMb is used up for today"
	noteDisk     = "not kept by catflap: the disk is full"
	noteURL      = "not kept by catflap: its address is too long"
	noteFolder   = "not kept by catflap: the folder media.dir cannot be used"
	noteBusy     = "not kept by catflap: too many media at once"
)

// Offer takes a medium of an admitted message. The key is good at once, the fetch may begin later. Not ok means that the
// medium keeps its own address; note says why, where there is something to say. Offer does not block, and looks into the index
// only while nothing may be written.
func (c *Cache) Offer(o Offered) (key Key, note string, ok bool) {
	s := c.settings.Load()
	web := isWeb(o.URL)
	switch {
	case s.Total <= 0 || s.Daily <= 0, !web && o.File == "" && o.FileID == "":
		return Key{}, "", false
	case c.root.Load() == nil:
		c.count.failed(reasonFolder)
		return Key{}, noteFolder, false
	case len(o.URL) > maxField || len(o.File) > maxField/4 || len(o.FileID) > maxField/4 || len(o.Account) > 256:
		c.count.failed(reasonURL)
		return Key{}, noteURL, false
	case o.Max > 0 && o.Size > o.Max:
		c.count.failed(reasonTooLarge)
		return Key{}, noteTooLarge, false
	case o.Size > s.Total/2:
		c.count.failed(reasonShare)
		return Key{}, noteShare, false
	}
	identity, sum := o.identity()
	key = c.key(identity)
	size := o.Size
	if size <= 0 { // what little is left of the day is not for one of which nobody knows the size
		size = min(guessedSize, s.Daily/8)
	}
	if err := c.mayWrite(size); err != nil && !c.holds(key) {
		c.count.failed(reasonOf(err))
		if errors.Is(err, errBudget) {
			return Key{}, noteBudget, false
		}
		return Key{}, noteDisk, false
	}
	or := origin{Account: o.Account, MessageID: o.MessageID, Group: o.Group, Type: o.Type, File: o.File, FileID: o.FileID, Size: o.Size, Max: o.Max, MD5: sum}
	if web {
		or.URL = o.URL
	}
	c.unseen.Add(1)
	if !c.offers.put(offer{key, or}) {
		c.unseen.Add(-1)
		c.count.failed(reasonBusy)
		return Key{}, noteBusy, false
	}
	return key, "", true
}

// holds reports whether the bytes of a key are here.
func (c *Cache) holds(key Key) bool {
	row, _, err := c.index.Get(store.MediaKey(key))
	return err == nil && row.Sum != (store.MediaSum{})
}

// isWeb reports whether an address is one that can be fetched at all. Paths of this box or NapCat's are never opened (S03).
func isWeb(address string) bool {
	return strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
}

// look looks at offers, one by one: what is known already is dated anew, the rest is remembered and, if it is small, fetched.
func (c *Cache) look() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.offers.ready:
			for o, ok := c.offers.take(); ok && c.ctx.Err() == nil; o, ok = c.offers.take() {
				c.take(&o)
				c.unseen.Add(-1)
			}
		case <-c.idle:
			c.refill()
		}
	}
}

// take looks at one offer.
func (c *Cache) take(o *offer) {
	c.taking.Lock()
	defer c.taking.Unlock()
	row, known, err := c.index.Get(store.MediaKey(o.key))
	if err != nil {
		c.count.failed(reasonIndex)
		return
	}
	old := originOf(row.Origin)
	here := row.Sum != (store.MediaSum{})
	if here {
		c.index.Touch(row.Sum)
		retry := o.origin.doubtLike(&old)
		if c.now().Sub(time.Unix(row.At, 0)).Abs() >= refreshTime || retry && o.origin != old {
			c.remember(o.key, row.Sum, o.origin)
		}
		if !retry {
			return
		}
	} else if !known || old != o.origin {
		c.remember(o.key, store.MediaSum{}, o.origin)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if f := c.flights[o.key]; f != nil {
		if !f.started {
			f.origin = o.origin // the newer link lives longer
		} else if f.origin.upload() != o.origin.upload() {
			next := o.origin // what comes may be another picture than this one
			f.next = &next
		}
		return
	}
	if old.URL != o.origin.URL {
		delete(c.failures, o.key) // a new link, a new chance
	}
	c.board(o.key, o.origin, here)
}

// remember keeps what a key stands for.
func (c *Cache) remember(key Key, sum store.MediaSum, o origin) {
	row := store.Medium{Key: store.MediaKey(key), Sum: sum, Name: shorten(o.File), Origin: o.encode(), At: c.now().Unix()}
	if err := c.write(func() error { return c.index.Put(row) }); err != nil {
		c.count.failed(reasonIndex)
	}
}

// indexTime is how long the index may be too busy to take a row: one commit.
const indexTime = 2 * time.Second

// write puts something into the index, and waits for a commit when too much waits for that already.
func (c *Cache) write(put func() error) error {
	err := put()
	if !errors.Is(err, store.ErrMediaBusy) {
		return err
	}
	late, again := time.NewTimer(indexTime), time.NewTicker(10*time.Millisecond)
	defer late.Stop()
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if err = put(); !errors.Is(err, store.ErrMediaBusy) {
				return err
			}
		case <-late.C:
			return err
		case <-c.ctx.Done():
			return err
		}
	}
}

// encode lays an origin out; too long a one, which Offer's bounds rule out save for odd letters, is without its address.
func (o origin) encode() []byte {
	b, err := json.Marshal(o)
	if err != nil || len(b) > 4<<10 {
		o.URL = ""
		b, _ = json.Marshal(o)
	}
	return b
}

// originOf reads an origin. Uploads have none.
func originOf(b []byte) (o origin) {
	if json.Unmarshal(b, &o) != nil {
		return origin{}
	}
	return o
}

// fileID is what stays the same in the addresses of one upload to QQ.
func (o *origin) fileID() string {
	if id := query(o.URL, "fileid"); id != "" {
		return id
	}
	return o.FileID
}

// upload tells one upload to QQ from another.
func (o *origin) upload() string {
	if id := o.fileID(); id != "" {
		return id
	}
	return o.URL
}

// String names an origin in the log, without its address.
func (o *origin) String() string {
	return fmt.Sprintf("%s %q of account %s", o.Type, o.File, o.Account)
}

// shorten cuts a name to what the index keeps, between letters.
func shorten(name string) string {
	const most = 255
	if len(name) <= most {
		return name
	}
	name = name[:most]
	for len(name) > 0 && !utf8.ValidString(name) {
		name = name[:len(name)-1]
	}
	return name
}

// day numbers the days since 1970, in UTC.
func day(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }
