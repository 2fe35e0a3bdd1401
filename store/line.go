package store

// place is one event in a cursor's line.
type place struct {
	ev      *Event // nil when gone, or when the ring forgot it while it was in flight
	seq     uint64
	size    int32
	strikes uint8 // rewinds that found it in flight
	gone    bool  // dropped, skipped or given up: counted, and never to be read again
}

// line is a cursor's events in order of arrival: a ring buffer whose first `sent` places were read and wait for their
// acknowledgement. Everything is counted as it changes, nothing is searched.
type line struct {
	q       []place // length is a power of two
	head, n int
	sent    int   // places before it were read (or are gone)
	lost    int   // places before it have left the journal's ring
	live    int   // places that are not gone
	unread  int   // of these, not read
	bytes   int64 // of these, bytes
}

// minLine is the smallest buffer; a buffer that grew far past it is given back when the line runs empty.
const minLine = 32

// at returns the i-th oldest place.
func (l *line) at(i int) *place { return &l.q[(l.head+i)&(len(l.q)-1)] }

// push adds an unread event.
func (l *line) push(ev *Event) {
	if l.n == len(l.q) {
		grown := make([]place, max(minLine, 2*len(l.q)))
		for i := range l.n {
			grown[i] = *l.at(i)
		}
		l.q, l.head = grown, 0
	}
	*l.at(l.n) = place{ev: ev, seq: ev.Seq, size: int32(len(ev.Raw))}
	l.n++
	l.live++
	l.unread++
	l.bytes += int64(len(ev.Raw))
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
	l.bytes -= int64(l.at(i).size)
	l.sent = i + 1
}

// discard marks a place as gone and returns its event, nil when there was none left.
func (l *line) discard(i int) *Event {
	e := l.at(i)
	ev := e.ev
	e.ev, e.gone = nil, true
	l.live--
	if i >= l.sent {
		l.unread--
		l.bytes -= int64(e.size)
		if i == l.sent {
			l.sent++
		}
	}
	return ev
}

// pop removes the oldest place and returns its event, nil when there is none left.
func (l *line) pop() *Event {
	e := l.at(0)
	ev := e.ev
	if !e.gone {
		l.live--
		if l.sent == 0 {
			l.unread--
			l.bytes -= int64(e.size)
		}
	}
	*e = place{}
	l.head = (l.head + 1) & (len(l.q) - 1)
	l.n--
	l.sent = max(l.sent-1, 0)
	l.lost = max(l.lost-1, 0)
	if l.n == 0 && len(l.q) > 8*minLine {
		l.q, l.head = nil, 0
	}
	return ev
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
		if e := l.at(i); !e.gone {
			l.unread++
			l.bytes += int64(e.size)
		}
	}
	l.sent = 0
	l.trim()
}

// prepend puts older unread places in front; the line itself has nothing in flight.
func (l *line) prepend(older *line) {
	if older.n == 0 {
		return
	}
	for i := range l.n {
		if e := l.at(i); !e.gone {
			older.push(e.ev)
			older.at(older.n - 1).strikes = e.strikes
		}
	}
	*l = *older
}
