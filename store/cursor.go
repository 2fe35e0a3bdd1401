package store

import (
	"sync/atomic"
	"time"
)

// Bounds limit what waits for one app on one account. Zero means without that bound, save for requests: those are
// always bounded, at 200, and never pushed out by anything else.
type Bounds struct {
	MaxAgeMessage time.Duration // age at reading above which a message is skipped
	MaxAgeNotice  time.Duration // the same for notices and meta events
	MaxAgeRequest time.Duration // the same for requests
	MaxEvents     int           // events that wait and were never sent, requests not counted
	MaxBytes      int64         // their bytes, requests not counted
	MaxStrikes    int           // an event may be given up after that many strikes (0 = never); see Cursor.Strike
}

const (
	maxRequests     = 200     // requests per cursor that were never sent
	maxRequestBytes = 1 << 20 // their bytes
	// maxFlight bounds what was read and not acknowledged; above it the oldest counts as dropped.
	maxFlight = 16384
)

// CursorOptions names a subscription and says how it is bounded and woken.
type CursorOptions struct {
	App, Account string // together the cursor's name, also on disk
	AccountIndex uint16 // Event.Account of the events it wants
	Slot         uint8  // bit of Event.For, 0..63
	Bounds       Bounds
	Wake         func() // called after an Append for this cursor, outside the lock; must not block; may be nil
}

// CursorStats is a snapshot of a cursor's numbers. Every event that was for the cursor is in exactly one of
// acknowledged, Backlog, Dropped, Skipped and Poisoned.
type CursorStats struct {
	Backlog  int    // not acknowledged, read or not
	Unread   int    // of these, not read yet
	Dropped  uint64 // fell out at a bound
	Skipped  uint64 // were too old when their turn came
	Poisoned uint64 // given up, since the peer disconnects at them
	Repeated uint64 // times that an event was read again after a rewind
	Acked    uint64 // highest acknowledged sequence number
}

// Cursor is one app's place in the journal for one account. All methods are safe for concurrent use, but there is one
// reader: the pump of the app.
type Cursor struct {
	j    *Journal
	o    CursorOptions
	wake atomic.Pointer[func()]
	slot atomic.Uint64 // bit mask, read by Append after unlocking
	acct atomic.Uint32

	// Requests stand in a line of their own, so that no bound on messages touches them; both are in order, and
	// Next merges them.
	messages, requests line
	aside              []place // in flight, and let pass by what is newer; in order

	began uint64 // acked when the connection began
	alone bool   // what is in flight is a suspect, and nothing joins it
	held  bool   // the reader was given less than there is, since a suspect travels alone

	acked, sent uint64 // highest numbers acknowledged and read
	dropped     uint64
	skipped     uint64
	poisoned    uint64
	repeated    uint64
	storedAck   uint64 // what the cursors table says: settled, at the last commit
	stored      bool
}

// configure takes over everything that may change while the cursor lives.
func (c *Cursor) configure(o CursorOptions) {
	c.o = o
	c.slot.Store(1 << (o.Slot & 63))
	c.acct.Store(uint32(o.AccountIndex))
	if o.Wake == nil {
		c.wake.Store(nil)
		return
	}
	c.wake.Store(&o.Wake)
}

// wants reports whether an event is for this cursor. It needs no lock.
func (c *Cursor) wants(ev *Event) bool {
	return ev.For&c.slot.Load() != 0 && uint32(ev.Account) == c.acct.Load()
}

// lineOf returns the line that a class stands in.
func (c *Cursor) lineOf(class Class) *line {
	if class == ClassRequest {
		return &c.requests
	}
	return &c.messages
}

// add puts an event at the end of its line and keeps the bounds.
func (c *Cursor) add(ev *Event) {
	ev.holders++
	c.lineOf(ev.Class).push(ev)
	c.bound()
}

// bound drops the oldest events above the bounds, of those that were never sent: what may have arrived is not lost for
// the peer's being away. Of what is in flight it drops the oldest above maxFlight.
func (c *Cursor) bound() {
	b := c.o.Bounds
	for c.messages.fresh > 0 && (b.MaxEvents > 0 && c.messages.fresh > b.MaxEvents || b.MaxBytes > 0 && c.messages.bytes > b.MaxBytes) {
		c.drop(&c.messages)
	}
	for c.requests.fresh > maxRequests || c.requests.fresh > 1 && c.requests.bytes > maxRequestBytes {
		c.drop(&c.requests)
	}
	for _, l := range []*line{&c.messages, &c.requests} {
		flight := maxFlight
		if l == &c.requests {
			flight = maxRequests
		}
		for l.sent > flight {
			e := l.at(0)
			if !e.gone {
				c.discard(l, 0)
				c.dropped++
			}
			l.trim()
		}
		l.compact()
	}
}

// drop gives up the oldest event of a line that was never sent.
func (c *Cursor) drop(l *line) {
	if i := l.firstFresh(); i >= 0 {
		c.discard(l, i)
		c.dropped++
		l.trim()
	}
}

// holds reports whether an event still waits for the cursor.
func (c *Cursor) holds(ev *Event) bool {
	l := c.lineOf(ev.Class)
	i := l.find(ev.Seq)
	return i >= 0 && l.at(i).ev == ev || c.asideOf(ev) != nil
}

// settled is the highest number up to which nothing waits any more: it was acknowledged, or given up and counted. This is
// what a start goes on from, so that no restart brings back, or counts again, what had fallen out.
func (c *Cursor) settled() uint64 {
	settled := c.j.last
	for _, l := range []*line{&c.messages, &c.requests} {
		if l.n > 0 { // the first place is never gone
			settled = min(settled, l.at(0).seq-1)
		}
	}
	if len(c.aside) > 0 {
		settled = min(settled, c.aside[0].seq-1)
	}
	return settled
}

// discard marks one entry as gone, wherever it stands.
func (c *Cursor) discard(l *line, i int) { c.letGo(l.discard(i)) }

// letGo says that the cursor does not count on a place's event any more.
func (c *Cursor) letGo(e place) {
	switch {
	case e.gone:
	case e.ev != nil:
		c.j.release(e.ev)
	case e.shelved:
		c.j.unshelve(e.seq)
	}
}

// evicted is told that the ring forgets a message that is not on the disk. Unread it is dropped; read, it cannot be
// repeated any more.
func (c *Cursor) evicted(ev *Event) {
	l := &c.messages
	i := l.find(ev.Seq)
	if i < 0 || l.at(i).ev != ev {
		return
	}
	if i < l.sent {
		l.at(i).ev = nil
		c.j.release(ev)
	} else {
		c.discard(l, i)
		c.dropped++
	}
	l.trim()
}

// Next appends to dst what follows the read position, in order, up to maxEvents events and maxBytes bytes (at least
// one event; <= 0 = no limit), and moves the position. What is too old is skipped and counted. The events are shared
// and must not be changed.
//
// What the ring has forgotten is read back from the queue table, outside of all locks. There may be one reader only. A
// suspect (see Strike) is given alone, and nothing after it before it is acknowledged; then Wake is called.
func (c *Cursor) Next(dst []*Event, maxEvents int, maxBytes int64) []*Event {
	var bytes int64
	for first := len(dst); ; {
		var l *line
		var missing []uint64
		dst, l, missing = c.next(dst, first, maxEvents, maxBytes, &bytes)
		if len(missing) == 0 || !c.readBack(l, missing) {
			return dst
		}
	}
}

// next is Next without reading back: it ends before the first event that is on the shelf only, and says which line
// needs what from there. dst[first:] and bytes are what was given so far.
func (c *Cursor) next(dst []*Event, first, maxEvents int, maxBytes int64, bytes *int64) ([]*Event, *line, []uint64) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	if c.messages.unread == 0 && c.requests.unread == 0 {
		return dst, nil, nil
	}
	defer c.bound()
	now := j.steady()
	for maxEvents <= 0 || len(dst)-first < maxEvents {
		l, i := c.nextLine()
		if l == nil {
			break
		}
		e := l.at(i)
		if c.apart(e, len(dst)-first) {
			c.held = true
			break
		}
		ev := e.ev
		if ev == nil {
			if ev = l.fromPage(e.seq); ev == nil {
				return dst, l, l.wanted(i)
			}
			ev.Account = c.o.AccountIndex
		}
		if limit := c.o.Bounds.maxAge(ev.Class); limit > 0 && now-ev.born > limit {
			c.discard(l, i)
			c.skipped++
			l.trim()
			continue
		}
		if maxBytes > 0 && len(dst) > first && *bytes+int64(len(ev.Raw)) > maxBytes {
			break
		}
		*bytes += int64(len(ev.Raw))
		dst = append(dst, ev)
		c.sent = max(c.sent, e.seq)
		if e.again {
			e.again = false
			c.repeated++
		}
		c.alone = c.suspect(e)
		l.read(i)
	}
	return dst, nil, nil
}

// nextLine returns the line whose oldest unread event comes first, and the place of that event.
func (c *Cursor) nextLine() (*line, int) {
	m, r := c.messages.firstUnread(), c.requests.firstUnread()
	switch {
	case m < 0 && r < 0:
		return nil, 0
	case r < 0 || m >= 0 && c.messages.at(m).seq < c.requests.at(r).seq:
		return &c.messages, m
	}
	return &c.requests, r
}

// maxAge returns the age bound of a class.
func (b Bounds) maxAge(class Class) time.Duration {
	switch class {
	case ClassMessage:
		return b.MaxAgeMessage
	case ClassRequest:
		return b.MaxAgeRequest
	}
	return b.MaxAgeNotice
}

// Ack says that the peer has everything up to seq, save what was set aside. Numbers that were not read yet are cut to what
// was.
func (c *Cursor) Ack(seq uint64) {
	c.j.mu.Lock()
	more := c.ack(seq)
	c.j.mu.Unlock()
	if more {
		if wake := c.wake.Load(); wake != nil {
			(*wake)()
		}
	}
}

// ack reports whether the reader should ask again.
func (c *Cursor) ack(seq uint64) (more bool) {
	seq = min(seq, c.sent)
	if seq <= c.acked {
		return false
	}
	c.acked = seq
	for _, l := range []*line{&c.messages, &c.requests} {
		for l.sent > 0 && l.at(0).seq <= seq {
			c.letGo(l.pop())
		}
		l.trim()
	}
	more = c.held && c.flying() == 0
	c.held = c.held && !more
	return more
}

// Rewind moves the read position back to what was acknowledged: call it when a new connection begins. What was in
// flight counts as repeated once it is read again; what ring and queue table have both lost meanwhile counts as dropped.
func (c *Cursor) Rewind() {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	for _, l := range []*line{&c.messages, &c.requests} {
		for i := range l.sent {
			e := l.at(i)
			switch {
			case e.gone:
				continue
			case e.ev == nil && !e.shelved:
				l.discard(i)
				c.dropped++
				continue
			}
			e.again = true
		}
		l.rewind()
	}
	c.sent, c.began, c.alone, c.held = c.acked, c.acked, false, false
	c.bound()
}

// RewindTo moves the read position to just after seq, also before what was acknowledged, as far as the ring
// reaches (SSE Last-Event-ID). What is read again counts as repeated.
func (c *Cursor) RewindTo(seq uint64) {
	if seq >= c.Stats().Acked {
		c.Ack(seq)
		c.Rewind()
		return
	}
	c.Rewind()
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	if seq >= c.acked {
		return
	}
	var messages, requests line
	for i := j.after(seq); i < j.n; i++ {
		ev := j.at(i)
		if ev.Seq > c.acked {
			break
		}
		if !c.wants(ev) {
			continue
		}
		ev.holders++
		l := &messages
		if ev.Class == ClassRequest {
			l = &requests
		}
		e := placeOf(ev)
		e.again = true
		l.pushPlace(e)
	}
	c.messages.prepend(&messages)
	c.requests.prepend(&requests)
	c.acked, c.sent, c.began = seq, seq, seq
	c.bound()
}

// expire skips what has become too old while the app was away: nobody counts on it any more, and it need not stay on the
// disk until the app is back. It ends at the first event of a line that is young enough.
func (c *Cursor) expire(now time.Duration) {
	for _, l := range []*line{&c.messages, &c.requests} {
		for i := l.firstUnread(); i >= 0; i = l.firstUnread() {
			e := l.at(i)
			if limit := c.o.Bounds.maxAge(e.class); limit <= 0 || now-e.born <= limit {
				break
			}
			c.discard(l, i)
			c.skipped++
			l.trim()
		}
	}
	c.expireAside(now)
}

// Stats returns the cursor's numbers.
func (c *Cursor) Stats() CursorStats {
	now := c.j.steady()
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	c.expire(now)
	return CursorStats{
		Backlog: c.live(), Unread: c.messages.unread + c.requests.unread,
		Dropped: c.dropped, Skipped: c.skipped, Poisoned: c.poisoned, Repeated: c.repeated, Acked: c.acked,
	}
}

// DropBacklog forgets everything that waits, counted as dropped: the app has been away for too long.
func (c *Cursor) DropBacklog() {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	c.dropped += uint64(c.live())
	c.clear()
}

// live is how many events are not acknowledged and not given up.
func (c *Cursor) live() int { return c.messages.live + c.requests.live + len(c.aside) }

// flying is how many of them are in flight and not set aside.
func (c *Cursor) flying() int {
	return c.messages.live + c.requests.live - c.messages.unread - c.requests.unread
}

// clear lets go of every event.
func (c *Cursor) clear() {
	for _, l := range []*line{&c.messages, &c.requests} {
		for l.n > 0 {
			c.letGo(l.pop())
		}
		l.page = nil
	}
	for _, e := range c.aside {
		c.letGo(e)
	}
	c.aside = nil
}
