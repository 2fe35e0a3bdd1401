package media

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// Bounds of readers. Frameworks on this box share its loopback address, so that one has more, has places of its own, and
// its bursts wait for a moment where others are refused.
const (
	maxReaders   = 32 // at once, in all, of each of the two kinds
	maxPerGuest  = 8  // at once, of one address
	maxWaiters   = 64 // of media that are being fetched, in all, of each of the two kinds
	waitersMore  = 2  // an address may wait for so many times more than it may read
	guestRate    = 20 // requests per second that an address has in the long run
	guestBurst   = 100
	guestsKnown  = 1024
	loopbackMore = 8
	// queueTime is how long a request of loopback waits for a place or its turn, maxQueued how many do.
	queueTime = 5 * time.Second
	maxQueued = 256
	// queueTick is how often those that wait look, beside when a place gets free.
	queueTick = 20 * time.Millisecond
)

// guests counts what addresses read.
type guests struct {
	now func() time.Time

	mu     sync.Mutex
	known  map[netip.Addr]*guest
	here   [2]int // readers: [1] of loopback, [0] all others
	wait   [2]int // the same for those that wait for a fetch
	queued int
	freed  chan struct{} // closed when a place got free
}

// guest is one address.
type guest struct {
	here, wait int
	more       int // times more than others
	kind       int // index of here and wait
	tokens     float64
	at         time.Time
}

func (g *guests) init(now func() time.Time) {
	g.now, g.known, g.freed = now, make(map[netip.Addr]*guest), make(chan struct{})
}

// enter takes a request that any address may make so many of. False if there are too many.
func (g *guests) enter(ctx context.Context, remote string) bool {
	return g.queue(ctx, remote, func(v *guest) bool {
		v.refill(g.now())
		if v.tokens < 1 {
			return false
		}
		v.tokens--
		return true
	})
}

// read gives a request a place to read from until leave is called; leave is nil if there is none.
func (g *guests) read(ctx context.Context, remote string) (leave func()) {
	g.queue(ctx, remote, func(v *guest) bool {
		if g.here[v.kind] >= maxReaders*v.more || v.here >= maxPerGuest*v.more {
			return false
		}
		v.here++
		g.here[v.kind]++
		leave = func() { g.leave(&v.here, &g.here[v.kind]) }
		return true
	})
	return leave
}

// await lets a request wait for a fetch until leave is called. Who waits takes no place of those who read.
func (g *guests) await(ctx context.Context, remote string) (leave func(), err error) {
	ok := g.queue(ctx, remote, func(v *guest) bool {
		if g.wait[v.kind] >= maxWaiters*v.more || v.wait >= maxPerGuest*v.more*waitersMore {
			return false
		}
		v.wait++
		g.wait[v.kind]++
		leave = func() { g.leave(&v.wait, &g.wait[v.kind]) }
		return true
	})
	if !ok {
		return nil, errBusy
	}
	return leave, nil
}

func (g *guests) leave(counts ...*int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range counts {
		*n--
	}
	if g.queued > 0 {
		close(g.freed)
		g.freed = make(chan struct{})
	}
}

// queue tries until it works; only loopback may try for long.
func (g *guests) queue(ctx context.Context, remote string, try func(v *guest) bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.guest(remote)
	if try(v) {
		return true
	}
	if v.more == 1 || g.queued >= maxQueued {
		return false
	}
	g.queued++
	defer func() { g.queued-- }()
	ctx, cancel := context.WithTimeout(ctx, queueTime)
	defer cancel()
	tick := time.NewTicker(queueTick)
	defer tick.Stop()
	for {
		freed := g.freed
		g.mu.Unlock()
		select {
		case <-freed:
		case <-tick.C:
		case <-ctx.Done():
			g.mu.Lock()
			return false
		}
		g.mu.Lock()
		if try(g.guest(remote)) { // it may have been forgotten meanwhile
			return true
		}
	}
}

// guest is what is known of an address. The caller holds the lock.
func (g *guests) guest(remote string) *guest {
	address := addressOf(remote)
	v := g.known[address]
	if v == nil {
		if len(g.known) >= guestsKnown {
			g.forget(g.now())
		}
		v = &guest{more: 1, at: g.now()}
		if address.IsLoopback() {
			v.more, v.kind = loopbackMore, 1
		}
		v.tokens = float64(guestBurst * v.more)
		g.known[address] = v
	}
	return v
}

// refill gives an address what it has earned. A clock that was put back costs it nothing.
func (v *guest) refill(now time.Time) {
	passed := now.Sub(v.at).Seconds()
	v.at = now
	if passed > 0 {
		v.tokens = min(v.tokens+passed*float64(guestRate*v.more), float64(guestBurst*v.more))
	}
}

// forget makes room: of addresses that do nothing just now, those with all their tokens, else any one.
func (g *guests) forget(now time.Time) {
	for a, v := range g.known {
		if v.idle() && now.Sub(v.at) > guestBurst/guestRate*time.Second {
			delete(g.known, a)
		}
	}
	for a, v := range g.known {
		if len(g.known) < guestsKnown {
			return
		}
		if v.idle() {
			delete(g.known, a)
		}
	}
}

func (v *guest) idle() bool { return v.here == 0 && v.wait == 0 }

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
