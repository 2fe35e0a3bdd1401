package apps

import (
	"sync"
	"time"
)

// pulse makes a heartbeat due every so often, as a data frame: a framework drops links that are silent for 30 s
// whatever pings they carry.
type pulse struct {
	beat func()

	mu      sync.Mutex
	every   time.Duration
	timer   *time.Timer
	stopped bool
}

// set changes the interval; 0 means none.
func (p *pulse) set(every time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.every = every
	switch {
	case p.stopped:
	case p.timer == nil && every > 0:
		p.timer = time.AfterFunc(every, p.fire)
	case p.timer != nil && every > 0:
		p.timer.Reset(every)
	case p.timer != nil:
		p.timer.Stop()
	}
}

func (p *pulse) fire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.every == 0 {
		return
	}
	p.beat()
	p.timer.Reset(p.every)
}

// stop ends the pulse for good.
func (p *pulse) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.timer != nil {
		p.timer.Stop()
	}
}
