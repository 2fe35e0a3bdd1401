package napcat

import (
	"slices"
	"sync"
	"time"
)

// patience is how long a post waits for one that began before it.
const patience = 100 * time.Millisecond

// lineup hands on what several requests bring in the order in which they began, one at a time: NapCat posts each event on
// a connection of its own, and a larger one takes longer to come in. A request that takes too long is overtaken, so that
// a slow peer delays nobody. The number of requests is bounded where they are accepted. The zero value is ready.
type lineup struct {
	mu    sync.Mutex
	queue []*place // oldest first
}

// place is one request in a lineup.
type place struct {
	since   time.Time
	deliver func() // nil until the request has been read
	late    bool   // it was overtaken, or has left
	done    chan struct{}
}

// enter takes a place at the end; deliver or leave gives it back.
func (l *lineup) enter() *place {
	p := &place{since: time.Now(), done: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, p)
	return p
}

// deliver runs f when it is p's turn, at once if p was overtaken, and returns after it has run.
func (l *lineup) deliver(p *place, f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.late {
		f()
		return
	}
	p.deliver = f
	for l.advance(); len(l.queue) > 0 && p.deliver != nil; l.advance() {
		wait := time.NewTimer(patience - time.Since(l.queue[0].since))
		l.mu.Unlock()
		select {
		case <-p.done:
		case <-wait.C:
		}
		wait.Stop()
		l.mu.Lock()
	}
}

// leave gives up a place from which nothing is delivered. After deliver it does nothing.
func (l *lineup) leave(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.queue, p); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		p.late = true
		l.advance()
	}
}

// advance delivers from the front what has been read. The caller holds the lock.
func (l *lineup) advance() {
	for len(l.queue) > 0 {
		p := l.queue[0]
		switch {
		case p.deliver != nil:
			p.deliver()
			p.deliver = nil
			close(p.done)
		case time.Since(p.since) >= patience:
			p.late = true
		default:
			return
		}
		l.queue = slices.Delete(l.queue, 0, 1)
	}
}
