package media

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"math"
)

// inlineWaiting bounds the base64 of actions that waits to be written, bytes. What is longer has no place in history.
const inlineWaiting = 4 << 20

// inlined is a medium that an action carried.
type inlined struct {
	key  Key
	text []byte // base64
}

// Keep takes a medium that an action carries inline, base64://... or data:...;base64,..., and gives it a key, by which it
// can be read a moment later. Not ok means that it is not kept. Keep neither blocks nor keeps the bytes: it copies them.
func (c *Cache) Keep(payload []byte) (key Key, ok bool) {
	text, ok := base64Of(payload)
	s := c.settings.Load()
	size := int64(len(text)) / 4 * 3
	switch {
	case !ok || size == 0 || s.Total <= 0 || s.Daily <= 0 || c.root.Load() == nil:
		return Key{}, false
	case size > s.Total/2:
		c.count.failed(reasonShare)
		return Key{}, false
	case c.index.Spend(day(c.now()), 0)+size > s.Daily:
		c.count.failed(reasonBudget)
		return Key{}, false
	}
	if _, err := rand.Read(key[:]); err != nil {
		return Key{}, false
	}
	n := int64(len(text))
	if c.waiting.Add(n) > inlineWaiting {
		c.waiting.Add(-n)
		c.count.failed(reasonBusy)
		return Key{}, false
	}
	c.unseen.Add(1)
	select {
	case c.inlines <- inlined{key, bytes.Clone(text)}:
		return key, true
	default:
		c.unseen.Add(-1)
		c.waiting.Add(-n)
		c.count.failed(reasonBusy)
		return Key{}, false
	}
}

// base64Of is the base64 in a payload.
func base64Of(payload []byte) ([]byte, bool) {
	payload = bytes.TrimSpace(payload)
	scheme, text, ok := bytes.Cut(payload, []byte(":"))
	switch {
	case !ok:
		return nil, false
	case bytes.EqualFold(scheme, []byte("base64")):
		return bytes.TrimPrefix(text, []byte("//")), true
	case bytes.EqualFold(scheme, []byte("data")):
		kind, text, ok := bytes.Cut(text, []byte(","))
		return text, ok && bytes.HasSuffix(bytes.ToLower(kind), []byte(";base64"))
	}
	return nil, false
}

// keepInlines writes what Keep took, one by one.
func (c *Cache) keepInlines() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case i := <-c.inlines:
			if err := c.keepInline(i); err != nil && c.ctx.Err() == nil {
				c.count.failed(reasonOf(err))
				c.log.Debug("a medium that an app sent is not kept for the history", "err", err)
			}
			c.waiting.Add(-int64(len(i.text)))
			c.unseen.Add(-1)
		}
	}
}

func (c *Cache) keepInline(i inlined) error {
	text := bytes.TrimRight(i.text, "= \r\n") // some leave the padding out
	_, err := c.put(c.ctx, base64.NewDecoder(base64.RawStdEncoding, bytes.NewReader(text)), "", math.MaxInt64, i.key)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // NapCat will have refused it, too
	}
	return err
}
