package store

import "math"

// requestPatience is how many strikes more a request may take than other events: a lost one is worse than a repeated one.
const requestPatience = 2

// GivenUp is an event that was given up as poisonous.
type GivenUp struct {
	Seq   uint64
	Class Class
}

// Strike says that the peer has ended its connection, which one of the events in flight may have caused. Call it before
// the next Rewind, and not when the connection ended for another reason. It returns the event that is given up for it.
//
// Everything in flight gets a strike, since one event of it may be poisonous. One strike below Bounds.MaxStrikes an event
// is a suspect: it travels alone, so the others prove to be harmless, one by one, and the poisonous one is alone in flight
// when the peer disconnects. It is given up when it has MaxStrikes (a request: two more), was alone in flight at the last
// of these disconnects, and twice nothing else can have caused it: it was alone, or it was the first in flight on a
// connection that acknowledged nothing.
func (c *Cursor) Strike() (given GivenUp, ok bool) {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	limit := c.o.Bounds.MaxStrikes
	if limit <= 0 {
		return GivenUp{}, false
	}
	var first *place
	var of *line
	var at, flight int
	for _, l := range []*line{&c.messages, &c.requests} {
		for i := range l.sent {
			e := l.at(i)
			if e.gone {
				continue
			}
			flight++
			e.strikes = min(e.strikes, math.MaxUint8-1) + 1
			if first == nil || e.seq < first.seq {
				first, of, at = e, l, i
			}
		}
	}
	if first == nil || flight > 1 && c.acked != c.began {
		return GivenUp{}, false
	}
	first.blame = min(first.blame, math.MaxUint8-1) + 1
	if first.class == ClassRequest {
		limit += requestPatience
	}
	if flight > 1 || int(first.strikes) < limit || int(first.blame) < min(limit, 2) {
		return GivenUp{}, false
	}
	given = GivenUp{Seq: first.seq, Class: first.class}
	c.discard(of, at)
	c.poisoned++
	of.trim()
	return given, true
}

// suspect reports whether an event may be what the peer disconnects at.
func (c *Cursor) suspect(e *place) bool {
	limit := c.o.Bounds.MaxStrikes
	return limit > 0 && int(e.strikes) >= max(1, limit-1)
}

// SuspectUpTo is the number of the newest suspect, 0 if there is none (see Strike).
func (c *Cursor) SuspectUpTo() (seq uint64) {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	for _, l := range []*line{&c.messages, &c.requests} {
		for i := range min(l.n, l.tried) {
			if e := l.at(i); !e.gone && c.suspect(e) {
				seq = max(seq, e.seq)
			}
		}
	}
	return seq
}

// apart reports whether an event must not join what is in flight, of which more is being taken just now.
func (c *Cursor) apart(e *place, taking int) bool {
	return (taking > 0 || c.flying() > 0) && (c.alone || c.suspect(e))
}
