package media

import "github.com/catflap/catflap/store"

// Keeps reports whether media are kept at all: media.maxTotalMb and media.maxDailyMb may be 0.
func (c *Cache) Keeps() bool {
	s := c.settings.Load()
	return s.Total > 0 && s.Daily > 0
}

// Known reports whether a key stands for a medium, here or at its origin, and what its sender called it. It does not wait:
// of a medium that has just come the name may not be known yet.
func (c *Cache) Known(key Key) (name string, ok bool) {
	unseen := c.unseen.Load() // before the look: an offer may be taken between the two
	row, known, err := c.index.Get(store.MediaKey(key))
	if err != nil || !known {
		return "", err == nil && unseen > 0
	}
	return row.Name, true
}
