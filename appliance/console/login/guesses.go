package login

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of guessing.
const (
	freeGuesses  = 3 // people mistype
	firstWait    = time.Second
	maxWait      = 5 * time.Minute
	forgetAfter  = time.Hour
	maxAddresses = 1024
	maxQueue     = 8           // of those whose password waits to be compared
	sayEvery     = time.Minute // entries of the audit log about guessing, all addresses together
)

// guesses makes each wrong password of an address cost more than the one before, and lets one be compared at a time.
type guesses struct {
	now   func() time.Time
	turn  chan struct{}
	queue atomic.Int32

	mu     sync.Mutex
	seen   map[netip.Addr]guess
	said   time.Time
	unsaid int
}

type guess struct {
	count int
	last  time.Time
	until time.Time // nothing is compared before
}

func (g *guesses) init(now func() time.Time) {
	g.now, g.turn, g.seen = now, make(chan struct{}, 1), make(map[netip.Addr]guess)
}

// enter waits for the caller's turn. leave must be called with the outcome; it returns how many wrong passwords the
// audit log has to be told of now, 0 for none.
func (g *guesses) enter(ctx context.Context, from netip.Addr) (leave func(wrong bool) int, err error) {
	from = network(from)
	if err := g.blocked(from); err != nil {
		return nil, err
	}
	defer g.queue.Add(-1)
	if g.queue.Add(1) > maxQueue {
		return nil, ErrBusy
	}
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if err := g.blocked(from); err != nil { // those before may have been of the same address
		<-g.turn
		return nil, err
	}
	return func(wrong bool) int {
		defer func() { <-g.turn }()
		return g.count(from, wrong)
	}, nil
}

func (g *guesses) blocked(from netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if left := g.seen[from].until.Sub(g.now()); left > 0 {
		return &WaitError{For: left}
	}
	return nil
}

func (g *guesses) count(from netip.Addr, wrong bool) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !wrong {
		delete(g.seen, from)
		return 0
	}
	now := g.now()
	one, known := g.seen[from]
	if now.Sub(one.last) > forgetAfter {
		one = guess{}
	}
	one.count, one.last = one.count+1, now
	if one.count >= freeGuesses {
		one.until = now.Add(min(firstWait<<min(one.count-freeGuesses, 16), maxWait))
	}
	if !known && len(g.seen) >= maxAddresses {
		g.forgetOldest()
	}
	g.seen[from] = one
	g.unsaid++
	if one.count < freeGuesses || !g.said.IsZero() && now.Sub(g.said) < sayEvery {
		return 0
	}
	said := g.unsaid
	g.said, g.unsaid = now, 0
	return said
}

func (g *guesses) forgetOldest() {
	var oldest netip.Addr
	var at time.Time
	for addr, one := range g.seen {
		if at.IsZero() || one.last.Before(at) {
			oldest, at = addr, one.last
		}
	}
	delete(g.seen, oldest)
}

// network is what one person can have many addresses of: an IPv6 network of 64 bits, or one IPv4 address.
func network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() && !addr.IsLoopback() {
		if prefix, err := addr.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return addr
}
