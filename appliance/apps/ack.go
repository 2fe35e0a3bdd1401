package apps

import (
	"encoding/binary"
	"sync"
	"time"
)

// An app that leaves pings unanswered for this long, and has never answered one, gets ack: written.
const ackPatience = 30 * time.Second

// maxPingDeaths is how many connections in a row may end with their first ping unanswered before the app gets
// ack: written: a client that closes on a ping does it again, one that was killed does not.
const maxPingDeaths = 2

// ackEvery is the least time between two pings: under load one proves many events. A single event is asked about at once.
const ackEvery = 25 * time.Millisecond

// acker proves how far an app's WebSocket has read: a ping with the number of the last event follows the frames, at
// most one is on its way, and its pong means that everything before it was read. It does not mean that the app's
// handler ran (design: DELIVERY, Acknowledgement).
type acker struct {
	now   func() time.Time
	trust *pongs
	later func(time.Duration) // asks for another fill after a while

	mu      sync.Mutex
	sent    uint64 // newest event that was handed to the socket
	proved  uint64
	asked   uint64    // number in the ping that is on its way, 0 = none
	at      time.Time // of the last ping
	waiting bool      // later has been called for the next one
}

// next returns the payload of a ping that is due after the event sent, false if none is.
func (a *acker) next(sent uint64) (payload [8]byte, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = max(a.sent, sent)
	if a.asked != 0 || a.sent <= a.proved {
		return payload, false
	}
	now := a.now()
	if wait := ackEvery - now.Sub(a.at); wait > 0 && wait <= ackEvery {
		if !a.waiting {
			a.waiting = true
			a.later(wait)
		}
		return payload, false
	}
	a.asked, a.at, a.waiting = a.sent, now, false
	binary.BigEndian.PutUint64(payload[:], a.asked)
	return payload, true
}

// pong takes a pong. It returns the number that is proved by it, 0 for a pong that asks for nothing, and whether another
// ping is due.
func (a *acker) pong(payload []byte) (seq uint64, more bool) {
	if len(payload) != 8 {
		return 0, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if seq = binary.BigEndian.Uint64(payload); seq == 0 || seq != a.asked {
		return 0, false
	}
	a.proved, a.asked = seq, 0
	a.trust.answered()
	return seq, a.sent > a.proved
}

// silent reports whether the app ignores pings: it has had time enough, and never answered one.
func (a *acker) silent() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked != 0 && a.now().Sub(a.at) > ackPatience && a.trust.never()
}

// ended notes that the connection ended, by the app.
func (a *acker) ended() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked != 0 {
		a.trust.died()
	}
}

// pongs is what is known of an app's answers to pings, over its connections.
type pongs struct {
	mu     sync.Mutex
	good   bool // it has answered one
	deaths int  // connections in a row that ended with their first ping unanswered
	mute   bool // it ignores them
}

func (p *pongs) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.good, p.deaths = true, 0
}

func (p *pongs) never() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.good
}

func (p *pongs) died() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.good {
		p.deaths++
	}
}

func (p *pongs) ignores() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
}

// usable reports whether pings prove anything for this app.
func (p *pongs) usable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.mute && p.deaths < maxPingDeaths
}
