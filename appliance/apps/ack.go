package apps

import (
	"encoding/binary"
	"math"
	"sync"
	"time"
)

const (
	// ackEvery is the least time between two pings while few events are unproven: one ping proves many.
	ackEvery = 25 * time.Millisecond
	// flightEvents and flightBytes bound what is unproven on a connection that answers pings: it is what a crash of the app
	// makes catflap send again, and what a slow reader finds in its buffers.
	flightEvents = 2048
	flightBytes  = 2 << 20
	// flowPatience is how long they hold on a connection that has never answered: it may be one that ignores pings.
	flowPatience = 2 * time.Second
)

// probe is the number in a ping that asks only whether pings are answered.
const probe = math.MaxUint64

// acker proves how far an app's WebSocket has read: a ping with the number of the last event follows the frames, at
// most one is on its way, and its pong means that everything before it was read. It does not mean that the app's
// handler ran (design: DELIVERY, Acknowledgement).
type acker struct {
	now     func() time.Time
	trust   *pongs
	later   func(time.Duration) // asks for another fill after a while
	careful uint64              // up to here each event is asked about at once: they may travel one by one

	mu      sync.Mutex
	sent    uint64 // newest event that was handed to the socket
	proved  uint64
	asked   uint64    // number in the ping that is on its way, 0 = none
	at      time.Time // of the last ping
	waiting bool      // later has been called for the next one
	heard   bool      // a ping was answered on this connection
	lives   bool      // the app has sent something else since the last ping
	written bool      // pings prove nothing here: what is in the kernel's hands counts
	bare    bool      // nothing may follow the first ping before its pong, or probePatience
	blocked bool      // there may be more to send than there was room for

	flight, asking load // unproven; and what of it the ping asks about
}

// load is an amount of events.
type load struct {
	events int
	bytes  int64
}

// newAcker makes one for a new connection.
func newAcker(now func() time.Time, trust *pongs, later func(time.Duration)) *acker {
	a := &acker{now: now, trust: trust, later: later}
	switch trust.begin(now()) {
	case planProbe:
		a.bare = true
	case planListen, planWritten:
		a.written = true
	}
	return a
}

// first returns the payload of the ping that asks whether pings are answered, before any event; false if none is needed.
func (a *acker) first() (payload [8]byte, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.bare && (!a.written || a.trust.dies()) {
		return payload, false
	}
	return a.ask(probe), true
}

// ask notes a ping.
func (a *acker) ask(seq uint64) (payload [8]byte) {
	a.asked, a.at, a.waiting, a.lives = seq, a.now(), false, false
	binary.BigEndian.PutUint64(payload[:], seq)
	return payload
}

// room is how much may be sent now.
func (a *acker) room() load {
	a.mu.Lock()
	defer a.mu.Unlock()
	batch := load{batchEvents, batchBytes}
	if a.written {
		return batch
	}
	wait := flowPatience
	left := load{flightEvents - a.flight.events, flightBytes - a.flight.bytes}
	switch {
	case a.bare:
		wait = probePatience
	case left.events > 0 && left.bytes > 0:
		return load{min(batch.events, left.events), min(batch.bytes, left.bytes)}
	}
	a.blocked = true
	if a.heard || a.asked == 0 {
		return load{}
	}
	if wait -= a.now().Sub(a.at); wait > 0 {
		a.later(wait)
		return load{}
	}
	a.bare = false
	return batch
}

// took notes an event that is handed to the socket.
func (a *acker) took(seq uint64, bytes int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = max(a.sent, seq)
	a.flight.events++
	a.flight.bytes += int64(bytes)
}

// next returns the payload of a ping that is due, false if none is.
func (a *acker) next() (payload [8]byte, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.written || a.asked != 0 || a.sent <= a.proved {
		return payload, false
	}
	few := a.flight.events < batchEvents && a.flight.bytes < batchBytes && a.sent > a.careful
	if wait := ackEvery - a.now().Sub(a.at); few && wait > 0 && wait <= ackEvery {
		if !a.waiting {
			a.waiting = true
			a.later(wait)
		}
		return payload, false
	}
	a.asking = a.flight
	return a.ask(a.sent), true
}

// pong takes a pong. It returns the number that is proved by it, 0 for none, and whether it is news that the app answers
// pings.
func (a *acker) pong(payload []byte) (seq uint64, news bool) {
	if len(payload) != 8 {
		return 0, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if seq = binary.BigEndian.Uint64(payload); seq == 0 || seq != a.asked {
		return 0, false
	}
	a.asked, a.heard, a.written = 0, true, false
	news = a.trust.answered()
	if seq == probe {
		if a.bare {
			a.bare, a.at = false, time.Time{} // the first event is asked about at once
		}
		return 0, news
	}
	a.proved = max(a.proved, seq)
	a.flight.events -= a.asking.events
	a.flight.bytes -= a.asking.bytes
	a.asking = load{}
	return seq, news
}

// more reports whether there may be something to send after a pong.
func (a *acker) more() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	blocked := a.blocked
	a.blocked = false
	return blocked || a.sent > a.proved
}

// wrote is told that everything up to seq is in the kernel's hands, and reports whether that counts as proof.
func (a *acker) wrote(seq uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.written {
		a.proved, a.flight, a.asking = seq, load{}, load{}
	}
	return a.written
}

// alive notes that the app has sent something, so that it does not hang.
func (a *acker) alive() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lives = true
}

// silent reports whether the app ignores pings, and gives it ack: written then. An app that hangs does so too, and loses
// what was not read if that is taken for it: so it has to send something else meanwhile, or to be silent for long.
func (a *acker) silent() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.written || a.heard || a.asked == 0 {
		return false
	}
	patience := ackPatience
	if known := a.trust.known(); known || !a.lives {
		if patience = deafPatience; known && !a.lives {
			return false
		}
	}
	if a.now().Sub(a.at) <= patience {
		return false
	}
	a.written = true
	a.trust.ignores()
	return true
}

// ended notes that the app ended the connection, and reports whether it is not pinged any more for it.
func (a *acker) ended() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked == 0 || a.heard || a.written {
		return false
	}
	now := a.now()
	return a.trust.died(a.bare, now.Sub(a.at), now)
}
