package store

import "time"

// place is one event in a cursor's line.
type place struct {
	ev      *Event // nil when gone, on the shelf, or when the ring forgot it while it was in flight
	seq     uint64
	born    time.Duration // arrival on the steady clock
	size    int32
	class   Class
	strikes uint8 // disconnects in a row that found it in flight
	blame   uint8 // of these, those that hardly anything else can have caused
	again   bool  // was read before: the next time counts as repeated
	gone    bool  // dropped, skipped or given up: counted, and never to be read again
	shelved bool  // in the queue table only
}

// line is a cursor's events in order of arrival: a ring buffer whose first `sent` places were read and wait for their
// acknowledgement. Everything is counted as it changes, nothing is searched.
type line struct {
	q       []place // length is a power of two
	head, n int
	sent    int      // places before it were read (or are gone)
	live    int      // places that are not gone
	unread  int      // of these, not read
	tried   int      // places before it were sent once: no bound on what waits counts them
	fresh   int      // unread ones behind those
	bytes   int64    // of these, bytes
	page    []*Event // read back from the shelf and not asked for yet
}

// minLine is the smallest buffer; a buffer that grew far past it is given back when the line runs empty.
const minLine = 32

// at returns the i-th oldest place.
func (l *line) at(i int) *place { return &l.q[(l.head+i)&(len(l.q)-1)] }

// push adds an unread event.
func (l *line) push(ev *Event) { l.pushPlace(placeOf(ev)) }

// placeOf is a place for an event in memory.
func placeOf(ev *Event) place {
	return place{ev: ev, seq: ev.Seq, born: ev.born, size: int32(len(ev.Raw)), class: ev.Class}
}

// pushPlace adds an unread place.
func (l *line) pushPlace(e place) {
	if l.n == len(l.q) {
		grown := make([]place, max(minLine, 2*len(l.q)))
		for i := range l.n {
			grown[i] = *l.at(i)
		}
		l.q, l.head = grown, 0
	}
	*l.at(l.n) = e
	l.n++
	l.live++
	l.unread++
	l.fresh++
	l.bytes += int64(e.size)
}

// firstFresh returns the place of the oldest event that was never sent, or -1.
func (l *line) firstFresh() int {
	if l.fresh == 0 {
		return -1
	}
	i := max(l.sent, l.tried)
	for l.at(i).gone {
		i++
	}
	l.tried = i // what is gone need not be looked at again
	return i
}

// stale takes a place out of the count of what was never sent.
func (l *line) stale(i int) {
	if i >= l.tried {
		l.fresh--
		l.bytes -= int64(l.at(i).size)
	}
}

// firstUnread returns the place of the oldest unread event, or -1.
func (l *line) firstUnread() int {
	if l.unread == 0 {
		return -1
	}
	for l.sent < l.n && l.at(l.sent).gone {
		l.sent++
	}
	return l.sent
}

// read marks the oldest unread place as read.
func (l *line) read(i int) {
	l.unread--
	l.stale(i)
	l.sent = i + 1
}

// discard marks a place as gone and returns it as it was.
func (l *line) discard(i int) place {
	e := l.at(i)
	was := *e
	e.ev, e.gone = nil, true
	l.live--
	if i >= l.sent {
		l.unread--
		l.stale(i)
		if i == l.sent {
			l.sent++
		}
	}
	return was
}

// pop removes the oldest place and returns it.
func (l *line) pop() place {
	e := l.at(0)
	was := *e
	if !e.gone {
		l.live--
		if l.sent == 0 {
			l.unread--
			l.stale(0)
		}
	}
	*e = place{}
	l.head = (l.head + 1) & (len(l.q) - 1)
	l.n--
	l.sent, l.tried = max(l.sent-1, 0), max(l.tried-1, 0)
	if l.n == 0 && len(l.q) > 8*minLine {
		l.q, l.head = nil, 0
	}
	return was
}

// trim removes what is gone from the front.
func (l *line) trim() {
	for l.n > 0 && l.at(0).gone {
		l.pop()
	}
}

// rewind makes every live place unread again.
func (l *line) rewind() {
	for i := range l.sent {
		if !l.at(i).gone {
			l.unread++
		}
	}
	l.sent, l.tried = 0, max(l.sent, l.tried)
	l.trim()
}

// late reports whether the oldest place has not been acknowledged since before a moment on the steady clock.
func (l *line) late(before time.Duration) bool {
	if l.n == 0 || l.at(0).gone {
		return false
	}
	ev := l.at(0).ev
	return ev == nil || ev.saved != saveNone || ev.born <= before
}

// compact removes what is gone from the middle, once it is more than what is live.
func (l *line) compact() {
	if l.n-l.live <= max(1024, l.live) {
		return
	}
	kept, sent, tried := 0, 0, 0
	for i := range l.n {
		e := *l.at(i)
		if e.gone {
			continue
		}
		if i < l.sent {
			sent++
		}
		if i < l.tried {
			tried++
		}
		*l.at(kept) = e
		kept++
	}
	for i := kept; i < l.n; i++ {
		*l.at(i) = place{}
	}
	l.n, l.sent, l.tried = kept, sent, tried
}

// prepend puts older places in front that were sent once; the line itself has nothing in flight.
func (l *line) prepend(older *line) {
	if older.n == 0 {
		return
	}
	older.tried, older.fresh, older.bytes = older.n, 0, 0
	for i := range l.n {
		if e := l.at(i); !e.gone {
			older.pushPlace(*e)
			if i < l.tried {
				older.stale(older.n - 1)
				older.tried = older.n
			}
		}
	}
	*l = *older
}
