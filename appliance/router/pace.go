package router

import (
	"container/heap"
	"errors"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/policy"
)

// maxPaced bounds the sends of one app that wait for their time.
const maxPaced = 256

// errPaced refuses a send that would have to wait too long.
var errPaced = errors.New("sending too fast: the message would wait longer than 10 s (pacing)")

// paced is one send. Run is called once, with an error if it may not go; keep is called before if it has to wait.
type paced struct {
	app  string
	chat policy.Chat
	keep func()
	run  func(error)
}

// pace lets sends go when the account's token buckets allow, first-in first-out per chat.
type pace struct {
	now  func() time.Time
	rand func() float64

	mu       sync.Mutex
	rules    policy.PacingRules
	pacer    *policy.Pacer
	queue    dueHeap
	count    uint64
	perChat  map[policy.Chat]int
	perApp   map[string]int
	timer    *time.Timer
	draining bool
	closed   bool
}

func (p *pace) init(now func() time.Time, rand func() float64) {
	p.now, p.rand = now, rand
	p.perChat = make(map[policy.Chat]int)
	p.perApp = make(map[string]int)
}

// do runs a send now, later, or refuses it.
func (p *pace) do(rules policy.PacingRules, s paced) {
	direct, err := p.admit(rules, s)
	if direct || err != nil {
		s.run(err)
	}
}

// admit decides about a send: refused (an error), direct, or queued.
func (p *pace) admit(rules policy.PacingRules, s paced) (direct bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false, napcat.ErrAway
	}
	if p.pacer == nil || p.rules != rules {
		p.rules, p.pacer = rules, policy.NewPacer(rules)
	}
	if p.perApp[s.app] >= maxPaced {
		return false, napcat.ErrBusy
	}
	now := p.now()
	wait, ok := p.pacer.Reserve(s.chat, now, p.rand())
	switch {
	case !ok:
		return false, errPaced
	case wait <= 0 && p.perChat[s.chat] == 0:
		return true, nil
	}
	s.keep()
	p.count++
	heap.Push(&p.queue, due{at: now.Add(wait), n: p.count, paced: s})
	p.perChat[s.chat]++
	p.perApp[s.app]++
	p.arm(now)
	return false, nil
}

// arm sets the timer to the first send that is due. The caller holds the lock.
func (p *pace) arm(now time.Time) {
	if len(p.queue) == 0 || p.draining {
		return
	}
	d := max(p.queue[0].at.Sub(now), 0)
	if p.timer == nil {
		p.timer = time.AfterFunc(d, p.drain)
	} else {
		p.timer.Reset(d)
	}
}

// drain runs what is due, in order. Only one drain works at a time, or two sends of one chat could overtake
// each other.
func (p *pace) drain() {
	p.mu.Lock()
	if p.draining {
		p.mu.Unlock()
		return
	}
	p.draining = true
	for len(p.queue) > 0 && !p.queue[0].at.After(p.now()) {
		s := p.pop()
		p.mu.Unlock()
		s.run(nil)
		p.mu.Lock()
	}
	p.draining = false
	p.arm(p.now())
	p.mu.Unlock()
}

func (p *pace) pop() paced {
	d := heap.Pop(&p.queue).(due)
	if p.perChat[d.chat]--; p.perChat[d.chat] == 0 {
		delete(p.perChat, d.chat)
	}
	if p.perApp[d.app]--; p.perApp[d.app] == 0 {
		delete(p.perApp, d.app)
	}
	return d.paced
}

// restart empties the buckets after a reconnect.
func (p *pace) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pacer != nil {
		p.pacer.Restart(p.now())
	}
}

// observe takes the end of a send and reports whether the account has just become limited.
func (p *pace) observe(limited bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pacer != nil && p.pacer.Observe(limited, p.now())
}

// limited reports whether the account is limited now.
func (p *pace) limited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pacer != nil && p.pacer.Limited()
}

// close refuses what waits and all that comes.
func (p *pace) close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	var waiting []paced
	for len(p.queue) > 0 {
		waiting = append(waiting, p.pop())
	}
	p.mu.Unlock()
	for _, s := range waiting {
		s.run(napcat.ErrAway)
	}
}

type due struct {
	at time.Time
	n  uint64
	paced
}

// dueHeap orders by time, then by arrival.
type dueHeap []due

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].n < h[j].n
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(due)) }
func (h *dueHeap) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = due{}
	*h = old[:len(old)-1]
	return d
}
