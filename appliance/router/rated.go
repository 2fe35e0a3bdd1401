package router

import (
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/napcat"
)

// Calls with the suffix _rate_limited go out one by one, this far apart, as go-cqhttp and the standard's default have it
// (napcat-onebot11.md, 8); NapCat itself would run them at once. Pacing comes on top for those that send.
const (
	ratedEvery = 500 * time.Millisecond
	maxRated   = 256
	ratedBytes = 16 << 20
)

// rated spaces the _rate_limited calls of one account, of all its apps. It is independent of the account's pacing.
type rated struct {
	now func() time.Time

	mu     sync.Mutex
	due    time.Time // when the next may go
	queue  []ratedCall
	bytes  int
	timer  *time.Timer
	armed  bool // the timer runs, or what it let go
	closed bool
}

// ratedCall is one call. Run is called once, with an error if it may not go; keep is called before if it has to wait.
type ratedCall struct {
	size int // bytes that it keeps while it waits
	keep func()
	run  func(error)
}

// do runs a call now or later, or refuses it.
func (q *rated) do(c ratedCall) {
	if direct, err := q.admit(c); direct || err != nil {
		c.run(err)
	}
}

func (q *rated) admit(c ratedCall) (direct bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	switch {
	case q.closed:
		return false, napcat.ErrAway
	case !q.armed && !now.Before(q.due):
		q.due = now.Add(ratedEvery)
		return true, nil
	case len(q.queue) >= maxRated, len(q.queue) > 0 && q.bytes+c.size > ratedBytes:
		return false, napcat.ErrBusy
	}
	c.keep()
	q.queue = append(q.queue, c)
	q.bytes += c.size
	if !q.armed {
		q.arm(now)
	}
	return false, nil
}

// arm sets the timer for the next call; a clock that was set back does not stop them. The caller holds the lock.
func (q *rated) arm(now time.Time) {
	q.armed = true
	d := min(max(q.due.Sub(now), 0), ratedEvery)
	if q.timer == nil {
		q.timer = time.AfterFunc(d, q.release)
	} else {
		q.timer.Reset(d)
	}
}

// release lets the first that waits go.
func (q *rated) release() {
	q.mu.Lock()
	if len(q.queue) == 0 { // closed
		q.mu.Unlock()
		return
	}
	c := q.queue[0]
	q.queue[0] = ratedCall{}
	q.queue = q.queue[1:]
	q.bytes -= c.size
	q.due = q.now().Add(ratedEvery)
	q.mu.Unlock()
	c.run(nil) // the timer is set behind it, so two never overtake each other
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.armed = false; len(q.queue) > 0 {
		q.arm(q.now())
	}
}

// close refuses what waits and all that comes.
func (q *rated) close() {
	q.mu.Lock()
	q.closed = true
	if q.timer != nil {
		q.timer.Stop()
	}
	waiting := q.queue
	q.queue, q.bytes = nil, 0
	q.mu.Unlock()
	for _, c := range waiting {
		c.run(napcat.ErrAway)
	}
}
