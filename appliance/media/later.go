package media

import "github.com/catflap/catflap/store"

// maxLater bounds the media that found the queue of fetches full and are to be fetched once it is not.
const maxLater = 16384

// board queues the fetch of a medium that has just come, if it is small. Again: the bytes that are here are in doubt. The
// caller holds the lock, and no flight has the key.
func (c *Cache) board(key Key, o origin, again bool) {
	eager := c.settings.Load().Eager
	switch {
	case again && c.doubted(key):
		return
	case eager <= 0 || o.Size > eager || c.failing(key) != nil:
		return // fetched when somebody asks for it
	case len(c.eager) < maxQueue:
	case len(c.later) < maxLater && !again:
		c.later = append(c.later, key)
		return
	default:
		c.count.skipped.Add(1)
		return
	}
	f := newFlight(key, o)
	f.limit, f.again = eager, again
	c.flights[key] = f
	c.eager = append(c.eager, f)
	c.dispatch()
}

// more has look refill the queue once half of it is free. The caller holds the lock.
func (c *Cache) more() {
	if len(c.later) == 0 || len(c.eager) > maxQueue/2 {
		return
	}
	select {
	case c.idle <- struct{}{}:
	default:
	}
}

// refill queues media that found no place when they came.
func (c *Cache) refill() {
	for {
		c.mu.Lock()
		if c.closed || len(c.later) == 0 || len(c.eager) >= maxQueue {
			c.mu.Unlock()
			return
		}
		key := c.later[0]
		if c.later = c.later[1:]; len(c.later) == 0 {
			c.later = nil
		}
		c.mu.Unlock()
		row, known, err := c.index.Get(store.MediaKey(key))
		if err != nil || !known || row.Sum != (store.MediaSum{}) {
			continue // it has been fetched, or has gone
		}
		c.mu.Lock()
		if !c.closed && c.flights[key] == nil {
			c.board(key, originOf(row.Origin), false)
		}
		c.mu.Unlock()
	}
}
