package media

import (
	"time"

	"github.com/catflap/catflap/store"
)

const (
	// doubtTries is how often readers have one medium's newest origin asked per doubtWindow, so that lies do not become a
	// storm of fetches.
	doubtTries  = 3
	doubtWindow = time.Minute
	// doubtTime is how long a reader waits for better bytes than those in doubt.
	doubtTime = 10 * time.Second
)

// doubt is what was done about bytes that contradict their message.
type doubt struct {
	until time.Time // offers do not have them fetched again before, nor readers from an origin that was asked
	asked time.Time // the same for readers alone
	count int       // fetches that brought no better ones
	since time.Time // when the window of tries began
	tries int
}

// doubtLike takes over what is known of the bytes that are here, and reports whether a fetch may bring better ones: they
// are in doubt, and this is another upload than theirs, or one whose end is missing. The right bytes end the doubt.
func (o *origin) doubtLike(old *origin) bool {
	if !old.Doubtful {
		return false
	}
	o.Doubtful, o.Short = true, old.Short
	o.Newer = old.Newer || o.upload() != old.upload()
	return o.Newer || o.Short
}

// doubt notes what a fetch means for bytes in doubt. While no better ones come, offers have them fetched less often each
// time, whatever link they bring: otherwise whoever sends a picture under another one's name has it fetched with each
// message. The caller holds the lock.
func (c *Cache) doubt(f *flight, err error) {
	d, known := c.doubts[f.key]
	switch {
	case err == nil && !f.doubtful:
		delete(c.doubts, f.key)
		return
	case !f.again && (err != nil || known):
		return
	}
	now := c.now()
	makePlace(c.doubts, now)
	d.asked = now.Add(pauses[0])
	if f.again {
		d.until = now.Add(pauses[min(d.count, len(pauses)-1)])
		d.asked = d.until
		d.count++
	}
	c.doubts[f.key] = d
}

// over reports whether a doubt keeps nobody from fetching any more.
func (d doubt) over(now time.Time) bool {
	return !now.Before(d.until) && !now.Before(d.asked) && now.Sub(d.since) >= doubtWindow
}

// doubted reports whether an offer does not have bytes in doubt fetched again just now. The caller holds the lock.
func (c *Cache) doubted(key Key) bool { return c.now().Before(c.doubts[key].until) }

// reask returns the flight that may bring better bytes to a reader of those in doubt; nil = there is none, and they are what
// can be had now.
func (c *Cache) reask(key Key, o origin) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[key]; f != nil {
		c.hurry(f)
		c.dispatch()
		return f
	}
	now, d := c.now(), c.doubts[key]
	if now.Sub(d.since).Abs() >= doubtWindow {
		d.since, d.tries = now, 0
	}
	switch {
	case c.closed, len(c.urgent) >= maxQueue, c.failing(key) != nil, d.tries >= doubtTries:
		return nil
	case !o.Newer && (!o.Short || now.Before(d.asked)):
		return nil // the same origin would give the same again
	}
	d.tries++
	makePlace(c.doubts, now)
	c.doubts[key] = d
	f := newFlight(key, o)
	f.again = true
	c.flights[key] = f
	c.urgent = append(c.urgent, f)
	c.dispatch()
	return f
}

// noBetter reports whether the bytes that are here stay, for those that came for the origin are in doubt as well, and notes
// that it was asked. Bytes of the right size are better than others.
func (c *Cache) noBetter(key Key, o origin) bool {
	c.taking.Lock()
	defer c.taking.Unlock()
	row, known, err := c.index.Get(store.MediaKey(key))
	if err != nil || !known || row.Sum == (store.MediaSum{}) {
		return false
	}
	old := originOf(row.Origin)
	if !old.Doubtful { // somebody else brought the right ones
		return true
	}
	if old.Short && !o.Short {
		return false
	}
	c.remember(key, row.Sum, o)
	return true
}
