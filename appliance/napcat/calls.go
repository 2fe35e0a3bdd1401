package napcat

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
)

// Bounds of calls (design: DELIVERY, Actions).
const (
	maxPending  = 64  // calls at NapCat at once, per account
	maxInternal = 8   // more for catflap's own, so that a busy app cannot blind the probes
	maxWaiting  = 256 // calls that wait for a free place, per app
	callTimeout = 60 * time.Second
	maxOutBytes = 16 << 20 // of calls on their way to NapCat, per account; one larger call goes alone
)

// Why a call has no answer.
var (
	ErrAway    = errors.New("NapCat is not connected")
	ErrDropped = errors.New("NapCat's link dropped before the answer; the action may have been done")
	ErrTimeout = errors.New("NapCat did not answer in time; the action may have been done")
	ErrBusy    = errors.New("too many calls wait for NapCat")
	// ErrTooLarge ends the sentence that names the answer's size. The action has been done.
	ErrTooLarge = errors.New("larger than limits.maxFrameMb")
)

// Call is one action on its way to NapCat.
type Call struct {
	App    string // who asks; "" is catflap itself
	Action string
	Params []byte // raw JSON, nil for none; read before Submit returns
	// Done takes each answer in order, on the link's reader or a timer: it must not block. It is called
	// until an answer is final.
	Done func(Answer)
}

// Answer is one frame for a call, or the error that ended it.
type Answer struct {
	Frame []byte // valid during Done only; nil if Err is set
	Head  *onebot.Head
	Final bool
	Err   error
}

// calls is the table of one account's calls. Echoes are unique across restarts: NapCat may answer a call of
// an old link on a new one.
type calls struct {
	prefix  string
	timeout time.Duration // callTimeout, shorter in tests

	mu      sync.Mutex
	road    road // nil while NapCat is away
	next    uint64
	pending map[uint64]*entry
	waiting map[string][]*entry // per app
	turns   []string            // apps that wait, in turn
}

type entry struct {
	Call
	id      uint64 // 0 while it waits for a place
	streams bool
	timer   *time.Timer
	ended   bool
	failure error  // why it could not be started
	packets int    // of a stream, told so far; calls.mu guards it
	stop    func() // ends what the road still does for it; nil for nothing. calls.mu guards it

	// An answer and a failure may come at once, from the link's reader and a timer.
	turn sync.Mutex
	told bool // Done has heard the final answer
}

func (c *calls) init(prefix string) {
	c.prefix, c.timeout = prefix, callTimeout
	c.pending = make(map[uint64]*entry)
	c.waiting = make(map[string][]*entry)
}

// Submit sends a call to NapCat, or lets it wait its turn. Done hears of every end.
func (a *Account) Submit(call Call) { a.calls.submit(call) }

// Do makes a call and waits for its last answer. The returned bytes are the caller's.
func (a *Account) Do(ctx context.Context, action string, params []byte) ([]byte, error) {
	type result struct {
		frame []byte
		err   error
	}
	done := make(chan result, 1)
	e := a.calls.submit(Call{Action: action, Params: params, Done: func(ans Answer) {
		if ans.Final {
			done <- result{append([]byte(nil), ans.Frame...), ans.Err}
		}
	}})
	select {
	case r := <-done:
		return r.frame, r.err
	case <-ctx.Done():
		a.calls.end(e, ErrTimeout)
		r := <-done
		return r.frame, r.err
	}
}

func (c *calls) submit(call Call) *entry {
	e := &entry{Call: call, streams: onebot.Streams(call.Action)}
	c.mu.Lock()
	if c.road == nil {
		e.ended = true
		c.mu.Unlock()
		e.fail(ErrAway)
		return e
	}
	limit := maxPending
	if call.App == "" {
		limit += maxInternal
	}
	var err error
	switch {
	case len(c.pending) < limit:
		err = c.start(e)
	case len(c.waiting[call.App]) >= maxWaiting:
		err = ErrBusy
	default:
		e.Params = append([]byte(nil), call.Params...)
		if len(c.waiting[call.App]) == 0 {
			c.turns = append(c.turns, call.App)
		}
		c.waiting[call.App] = append(c.waiting[call.App], e)
	}
	if err == nil {
		e.timer = time.AfterFunc(c.timeout, func() { c.end(e, ErrTimeout) })
	}
	e.ended = err != nil
	c.mu.Unlock()
	if err != nil {
		e.fail(err)
	}
	return e
}

// start gives a call to the road. The caller holds the lock, so calls leave in the order of their echoes.
func (c *calls) start(e *entry) error {
	c.next++
	e.id = c.next
	if err := c.road.start(e, c.prefix+strconv.FormatUint(e.id, 10)); err != nil {
		return err
	}
	e.Params = nil
	c.pending[e.id] = e
	return nil
}

// complete hands a response to its call and reports whether there was one.
func (c *calls) complete(frame []byte, head *onebot.Head) bool {
	id, ok := c.id(head.Echo)
	if !ok {
		return false
	}
	c.mu.Lock()
	e := c.pending[id]
	c.mu.Unlock()
	return e != nil && c.answer(e, frame, head)
}

// answer hands one answer to a call and reports whether the call still waited for it.
func (c *calls) answer(e *entry, frame []byte, head *onebot.Head) bool {
	c.mu.Lock()
	if e.ended {
		c.mu.Unlock()
		return false
	}
	final := !e.streams || !head.Stream || head.StreamEnd
	var failed []*entry
	if final {
		failed = c.remove(e)
	} else {
		e.packets++
		if e.timer != nil {
			e.timer.Reset(c.timeout)
		}
	}
	c.mu.Unlock()
	e.tell(Answer{Frame: frame, Head: head, Final: final})
	for _, f := range failed {
		f.fail(f.failure)
	}
	return true
}

// id reads the number in an internal echo.
func (c *calls) id(echo []byte) (uint64, bool) {
	if len(echo) < 2 || echo[0] != '"' {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(echo[1:len(echo)-1]), c.prefix)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseUint(digits, 10, 64)
	return id, err == nil
}

// end ends a call without an answer, once. One that never left was not done for certain.
func (c *calls) end(e *entry, why error) {
	c.mu.Lock()
	if e.ended {
		c.mu.Unlock()
		return
	}
	if e.id == 0 {
		why = ErrBusy
	}
	failed := c.remove(e)
	c.mu.Unlock()
	e.fail(why)
	for _, f := range failed {
		f.fail(f.failure)
	}
}

// remove takes a call out of the table and starts what waited for its place. It returns calls that could not
// be started. The caller holds the lock.
func (c *calls) remove(e *entry) (failed []*entry) {
	e.close()
	if e.id == 0 {
		c.unqueue(e)
		return nil
	}
	delete(c.pending, e.id)
	for c.road != nil && len(c.pending) < maxPending && len(c.turns) > 0 {
		next := c.dequeue()
		if err := c.start(next); err != nil {
			next.failure = err
			next.close()
			failed = append(failed, next)
		}
	}
	return failed
}

// dequeue takes the next waiting call, app by app in turn, so that one app's queue delays no other's call.
func (c *calls) dequeue() *entry {
	app := c.turns[0]
	c.turns = c.turns[1:]
	queue := c.waiting[app]
	e := queue[0]
	if len(queue) > 1 {
		c.waiting[app] = queue[1:]
		c.turns = append(c.turns, app)
	} else {
		delete(c.waiting, app)
	}
	return e
}

func (c *calls) unqueue(e *entry) {
	queue := c.waiting[e.App]
	for i, q := range queue {
		if q != e {
			continue
		}
		queue = append(queue[:i:i], queue[i+1:]...)
		if len(queue) > 0 {
			c.waiting[e.App] = queue
			return
		}
		delete(c.waiting, e.App)
		for j, app := range c.turns {
			if app == e.App {
				c.turns = append(c.turns[:j:j], c.turns[j+1:]...)
				return
			}
		}
	}
}

// attach makes r the road that calls leave by. It returns what waited at the road that is replaced: to be
// dropped by the caller, without locks.
func (c *calls) attach(r road) (lost []*entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lost = c.take()
	c.road = r
	return lost
}

// detach fails all calls of a road that has ended, unless another has replaced it.
func (c *calls) detach(r road) {
	c.mu.Lock()
	if c.road != r {
		c.mu.Unlock()
		return
	}
	c.road = nil
	lost := c.take()
	c.mu.Unlock()
	for _, e := range lost {
		e.drop()
	}
}

func (c *calls) dropAll(why error) {
	c.mu.Lock()
	c.road = nil
	lost := c.take()
	c.mu.Unlock()
	for _, e := range lost {
		e.fail(why)
	}
}

// take empties the table. The caller holds the lock.
func (c *calls) take() []*entry {
	lost := make([]*entry, 0, len(c.pending))
	for _, e := range c.pending {
		lost = append(lost, e)
	}
	for _, queue := range c.waiting {
		lost = append(lost, queue...)
	}
	for _, e := range lost {
		e.close()
	}
	clear(c.pending)
	clear(c.waiting)
	c.turns = nil
	return lost
}

func (c *calls) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}

// close marks a call that is in no table any more. The caller holds the table's lock.
func (e *entry) close() {
	e.ended = true
	if e.timer != nil {
		e.timer.Stop()
	}
	if e.stop != nil {
		e.stop()
	}
}

// drop fails a call whose link has gone. One that never left was not done for certain.
func (e *entry) drop() {
	if e.id == 0 {
		e.fail(ErrAway)
		return
	}
	e.fail(ErrDropped)
}

func (e *entry) fail(why error) { e.tell(Answer{Final: true, Err: why}) }

// tell hands an answer on, one at a time, and nothing after the final one.
func (e *entry) tell(a Answer) {
	e.turn.Lock()
	defer e.turn.Unlock()
	if e.told {
		return
	}
	e.told = a.Final
	e.Done(a)
}
