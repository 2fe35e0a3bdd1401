package alert

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/alert/address"
)

// Bounds of one address.
const (
	maxWaiting  = 32
	maxAge      = 24 * time.Hour // of a message that could not be sent
	sendTimeout = 30 * time.Second
	firstRetry  = 10 * time.Second
	lastRetry   = 10 * time.Minute
)

// courier sends messages to one address, in order, one at a time. It knows nothing of other addresses, whose troubles are
// not its own.
type courier struct {
	target *address.Target
	send   func(context.Context, *address.Target, Message) error
	now    func() time.Time
	log    *slog.Logger
	wake   chan struct{}

	mu      sync.Mutex
	waiting []Message
	stats   CourierStats
}

// CourierStats are what became of the messages for one address.
type CourierStats struct {
	Target    string // service and host; never a secret
	Sent      uint64
	Failed    uint64 // attempts
	Dropped   uint64 // refused for good, too old, or above the bound
	Waiting   int
	LastError string // "" after a success
}

func newCourier(t *address.Target, send func(context.Context, *address.Target, Message) error, now func() time.Time, log *slog.Logger) *courier {
	return &courier{target: t, send: send, now: now, log: log, wake: make(chan struct{}, 1)}
}

// put queues a message; at the bound the oldest is dropped.
func (c *courier) put(m Message) {
	c.mu.Lock()
	if len(c.waiting) == maxWaiting {
		c.waiting = append(c.waiting[:0], c.waiting[1:]...)
		c.stats.Dropped++
	}
	c.waiting = append(c.waiting, m)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *courier) status() CourierStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Target, s.Waiting = c.target.String(), len(c.waiting)
	return s
}

// next gives the oldest message that is young enough.
func (c *courier) next() (Message, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.waiting) > 0 {
		m := c.waiting[0]
		c.waiting = append(c.waiting[:0], c.waiting[1:]...)
		if c.now().Sub(m.At) < maxAge {
			return m, true
		}
		c.stats.Dropped++
	}
	return Message{}, false
}

// run sends until ctx ends. What waits then is lost.
func (c *courier) run(ctx context.Context) {
	for {
		m, ok := c.next()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-c.wake:
			}
			continue
		}
		if !c.deliver(ctx, m) {
			return
		}
	}
}

// deliver tries until a message is sent, refused for good, or too old. False when ctx has ended.
func (c *courier) deliver(ctx context.Context, m Message) bool {
	pause := firstRetry
	for {
		err := c.attempt(ctx, m)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			return true
		}
		wait := pause
		var refusal *SendError
		if errors.As(err, &refusal) {
			if refusal.Final {
				return true
			}
			wait = max(wait, min(refusal.After, lastRetry))
		}
		if c.now().Add(wait).Sub(m.At) >= maxAge {
			c.mu.Lock()
			c.stats.Dropped++
			c.mu.Unlock()
			return true
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-t.C:
		}
		pause = min(pause*2, lastRetry)
	}
}

func (c *courier) attempt(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := c.send(ctx, c.target, m)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.stats.Sent++
		c.stats.LastError = ""
		return nil
	}
	c.stats.Failed++
	first := c.stats.LastError == ""
	c.stats.LastError = err.Error()
	var refusal *SendError
	final := errors.As(err, &refusal) && refusal.Final
	if final {
		c.stats.Dropped++
	}
	if first || final {
		c.log.Warn("an alert could not be sent", "target", c.target.String(), "err", err, "given_up", final)
	}
	return err
}
