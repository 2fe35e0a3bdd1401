package store

import (
	"cmp"
	"slices"
	"time"
)

// Bounds of what a cursor sets aside.
const (
	maxAside      = 64
	maxAsideBytes = 1 << 20
)

// SetAside lets what is newer pass by an event in flight: Ack does not reach it any more, it waits for AckAside. False when
// it is not in flight, or when too much is set aside already.
func (c *Cursor) SetAside(seq uint64) bool {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	var bytes int64
	for _, e := range c.aside {
		bytes += int64(e.size)
	}
	if len(c.aside) >= maxAside || bytes > maxAsideBytes {
		return false
	}
	for _, l := range []*line{&c.messages, &c.requests} {
		i := l.find(seq)
		if i < 0 || i >= l.sent || l.at(i).gone {
			continue
		}
		e := l.discard(i) // the place goes, what it holds does not
		l.trim()
		at, _ := slices.BinarySearchFunc(c.aside, seq, func(e place, seq uint64) int { return cmp.Compare(e.seq, seq) })
		c.aside = slices.Insert(c.aside, at, e)
		return true
	}
	return false
}

// Aside reports whether an event is set aside still: it may have become too old, which is counted.
func (c *Cursor) Aside(seq uint64) bool {
	now := c.j.steady()
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	c.expireAside(now)
	return slices.ContainsFunc(c.aside, func(e place) bool { return e.seq == seq })
}

// AckAside says that the peer has an event that was set aside.
func (c *Cursor) AckAside(seq uint64) {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	c.removeAside(func(e place) bool { return e.seq == seq })
}

// Rejoin puts what was set aside back in front: it is read next. Nothing may be in flight.
func (c *Cursor) Rejoin() {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	var messages, requests line
	for _, e := range c.aside {
		l := &messages
		if e.class == ClassRequest {
			l = &requests
		}
		e.again = true
		l.pushPlace(e)
	}
	c.aside = nil
	c.messages.prepend(&messages)
	c.requests.prepend(&requests)
}

// removeAside lets go of what is set aside and matches, and says how much it was.
func (c *Cursor) removeAside(match func(place) bool) (n uint64) {
	c.aside = slices.DeleteFunc(c.aside, func(e place) bool {
		if !match(e) {
			return false
		}
		c.letGo(e)
		n++
		return true
	})
	return n
}

// expireAside skips what has become too old.
func (c *Cursor) expireAside(now time.Duration) {
	c.skipped += c.removeAside(func(e place) bool {
		limit := c.o.Bounds.maxAge(e.class)
		return limit > 0 && now-e.born > limit
	})
}

// giveUpAside drops an event whose row in the queue table has to go.
func (c *Cursor) giveUpAside(seq uint64) {
	c.dropped += c.removeAside(func(e place) bool { return e.seq == seq })
}

// asideOf returns the place of an event that was set aside and is in memory, or nil.
func (c *Cursor) asideOf(ev *Event) *place {
	for i := range c.aside {
		if c.aside[i].ev == ev {
			return &c.aside[i]
		}
	}
	return nil
}
