package media

import (
	"net/netip"
	"sync"
	"time"
)

// Bounds of readers. Frameworks on this box share its loopback address, so that one has more.
const (
	maxReaders   = 32 // at once, in all
	maxPerGuest  = 8  // at once, of one address
	guestRate    = 20 // requests per second that an address has in the long run
	guestBurst   = 100
	guestsKnown  = 1024
	loopbackMore = 4
)

// guests counts what addresses read.
type guests struct {
	mu    sync.Mutex
	known map[netip.Addr]*guest
	here  int
}

// guest is one address.
type guest struct {
	here   int
	tokens float64
	at     time.Time
}

func (g *guests) init() { g.known = make(map[netip.Addr]*guest) }

// enter lets a request in until leave is called; leave is nil if there are too many, and wait says when to come again.
func (g *guests) enter(remote string, now time.Time) (leave func(), wait time.Duration) {
	address := addressOf(remote)
	more := 1
	if address.IsLoopback() {
		more = loopbackMore
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.known[address]
	if v == nil {
		if len(g.known) >= guestsKnown {
			g.forget(now)
		}
		v = &guest{tokens: float64(guestBurst * more), at: now}
		g.known[address] = v
	}
	v.refill(now, more)
	switch {
	case v.tokens < 1, g.here >= maxReaders, v.here >= maxPerGuest*more:
		return nil, time.Second
	}
	v.tokens--
	v.here++
	g.here++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		v.here--
		g.here--
	}, 0
}

// refill gives an address what it has earned. A clock that was put back costs it nothing.
func (v *guest) refill(now time.Time, more int) {
	passed := now.Sub(v.at).Seconds()
	v.at = now
	if passed > 0 {
		v.tokens = min(v.tokens+passed*float64(guestRate*more), float64(guestBurst*more))
	}
}

// forget makes room: of addresses that read nothing just now, those with all their tokens, else any one.
func (g *guests) forget(now time.Time) {
	for a, v := range g.known {
		if v.here == 0 && now.Sub(v.at) > guestBurst/guestRate*time.Second {
			delete(g.known, a)
		}
	}
	for a, v := range g.known {
		if len(g.known) < guestsKnown {
			return
		}
		if v.here == 0 {
			delete(g.known, a)
		}
	}
}

// addressOf is the address of a peer. Of IPv6 the network counts: one host has all the addresses of it.
func addressOf(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	a := ap.Addr().Unmap().WithZone("")
	if a.Is6() && !a.IsLoopback() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
