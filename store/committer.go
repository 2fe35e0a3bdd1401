package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	firstRetry = time.Second      // pause after a first failed commit
	lastRetry  = 60 * time.Second // pause after many
	// sweepSteps bounds the walk for dead records after one commit.
	sweepSteps = 8
	// trimRun is how many of the oldest records leave at once above the soft cap.
	trimRun = 256
)

// committer is the one goroutine that writes journal.db, and the audit log with it. Nobody waits for it but Clear,
// Flush and Close.
type committer struct {
	s       *Store
	kicks   chan struct{}
	orders  chan errand
	quit    chan struct{}
	done    chan struct{}
	started bool
	once    sync.Once
	final   error

	failures  int
	retryAt   time.Duration
	auditAt   time.Duration // when the audit log is due; 0 = nothing waits
	softLimit int64
}

// errand is something to run in the committer.
type errand struct {
	run    func() error // nil = flush the history
	result chan error
}

func newCommitter(s *Store) *committer {
	c := &committer{
		s: s, kicks: make(chan struct{}, 1), orders: make(chan errand), quit: make(chan struct{}), done: make(chan struct{}),
		// bbolt refuses to grow within one step of the limit, so a small limit needs more room than a fifth.
		softLimit: min(s.o.MaxBytes/5*4, s.o.MaxBytes-2*growStep),
	}
	s.history.kick, s.audit.kick, s.journal.wakeSaver = c.kick, c.kick, c.kick
	s.history.inside = c.inside
	return c
}

// kick makes the committer look at once; it never blocks.
func (c *committer) kick() {
	select {
	case c.kicks <- struct{}{}:
	default:
	}
}

func (c *committer) start() {
	c.started = true
	go c.loop()
}

// stop writes everything that waits and ends the goroutine.
func (c *committer) stop() error {
	if !c.started {
		return nil
	}
	c.once.Do(func() { close(c.quit) })
	<-c.done
	return c.final
}

// inside runs fn in the committer and waits for it or for ctx.
func (c *committer) inside(ctx context.Context, fn func() error) error {
	if !c.started {
		return ErrReadOnly
	}
	o := errand{run: fn, result: make(chan error, 1)}
	select {
	case c.orders <- o:
	case <-c.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *committer) loop() {
	defer close(c.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var tick <-chan time.Time
		if wait := c.pass(); wait > 0 {
			timer.Reset(wait)
			tick = timer.C
		}
		select {
		case <-c.kicks:
		case <-tick:
		case o := <-c.orders:
			if o.run == nil {
				o.run = c.flush
			}
			o.result <- o.run()
		case <-c.quit:
			c.final = c.finish()
			return
		}
	}
}

// pass writes what is due and returns how long nothing will be; 0 = until somebody kicks.
func (c *committer) pass() time.Duration {
	now := c.s.o.Steady()
	if c.retryAt > now {
		return c.retryAt - now
	}
	ready, wait := c.s.history.ready(now)
	queue, next, write := c.s.journal.due(false, ready)
	if ready || write {
		// History that would soon make a commit of its own shares this one.
		ready = ready || wait > 0 && wait <= c.s.o.Sync/4
		if c.commit(queue, ready) != nil {
			return max(c.retryAt-c.s.o.Steady(), time.Millisecond)
		}
		c.maintain()
		return time.Millisecond // look again: a group may have been cut, and newer events may be due
	}
	if next > 0 {
		// Not more often than four times in queueSync, so that single events still make groups.
		wait = earlier(wait, max(next, c.s.o.QueueSync/4))
	}
	return earlier(wait, c.passAudit())
}

// passAudit writes the audit log when it is due and returns how long until it is.
func (c *committer) passAudit() time.Duration {
	if !c.s.audit.pending() {
		c.auditAt = 0
		return 0
	}
	now := c.s.o.Steady()
	if c.auditAt == 0 {
		c.auditAt = now + c.s.o.Sync
	}
	if now < c.auditAt {
		return c.auditAt - now
	}
	if err := c.s.audit.flush(); err != nil {
		c.failed(err)
		c.auditAt = now + lastRetry
		return lastRetry
	}
	c.auditAt = 0
	return 0
}

// earlier returns the shorter of two waits, where 0 means for ever.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// commit writes a queue batch, and a group of history when asked, in one transaction. When it fails everything is
// kept and tried again later; a full file is trimmed and tried again at once.
func (c *committer) commit(queue queueBatch, withHistory bool) error {
	var group *historyBatch
	if withHistory {
		group = c.s.history.take()
	}
	run := func() error {
		return c.s.log.update(func(tx *bbolt.Tx) error {
			if group != nil {
				if err := group.write(tx, false); err != nil {
					return err
				}
			}
			return queue.write(tx)
		})
	}
	var before historyBatch
	if group != nil {
		before = *group
	}
	err := run()
	if errors.Is(err, berrors.ErrMaxSizeReached) && c.trim(trimRun) > 0 {
		if group != nil {
			c.s.history.refresh(group, before)
		}
		err = run()
	}
	c.s.journal.finish(&queue, err == nil)
	if group != nil {
		if err == nil {
			c.s.history.written(group)
		} else {
			c.s.history.failed()
		}
	}
	if err != nil {
		c.failed(err)
		return err
	}
	if c.failures > 0 {
		c.s.o.Log.Info("writing to the store works again", "failures", c.failures)
	}
	c.failures, c.retryAt = 0, 0
	return nil
}

// failed counts a failed commit and says when to try again.
func (c *committer) failed(err error) {
	c.failures++
	pause := min(firstRetry<<min(c.failures-1, 10), lastRetry)
	c.retryAt = c.s.o.Steady() + pause
	if c.failures&(c.failures-1) == 0 { // the 1st, 2nd, 4th, 8th ...
		c.s.o.Log.Error("writing to the store failed; what waits stays in memory", "err", err, "failures", c.failures, "retry", pause)
	}
}

// maintain deletes dead records and keeps the file below its soft cap; each step is a small transaction of its own.
func (c *committer) maintain() {
	h := c.s.history
	for range sweepSteps {
		if !h.wantsSweep() {
			break
		}
		err := h.commit(func(tx *bbolt.Tx, b *historyBatch) (err error) {
			h.sweep, err = b.sweepStep(tx, h.sweep)
			return err
		})
		if err != nil {
			c.failed(err)
			return
		}
		h.setSweeping(h.sweep != 0)
	}
	for range sweepSteps {
		if c.s.log.used() <= c.softLimit || c.trim(trimRun) == 0 {
			return
		}
	}
}

// trim deletes the oldest n records and returns how many went.
func (c *committer) trim(n int) (gone int) {
	err := c.s.history.commit(func(tx *bbolt.Tx, b *historyBatch) (err error) {
		gone, err = b.trimOldest(tx, n)
		return err
	})
	if err != nil {
		c.failed(err)
		return 0
	}
	return gone
}

// flush writes all history that waits.
func (c *committer) flush() error {
	for {
		if waits, _ := c.s.history.unflushed(); waits == 0 && !c.s.history.recalling() {
			return nil
		}
		if err := c.commit(queueBatch{}, true); err != nil {
			return err
		}
		c.maintain()
	}
}

// finish writes everything at Close, with the index and the cursors.
func (c *committer) finish() error {
	var errs []error
	if err := c.flush(); err != nil {
		errs = append(errs, fmt.Errorf("writing the last history: %w", err))
	}
	for len(errs) == 0 {
		queue, next, write := c.s.journal.due(true, true)
		if !write && next == 0 {
			break
		}
		if err := c.commit(queue, false); err != nil {
			errs = append(errs, fmt.Errorf("writing the waiting events: %w", err))
		}
	}
	if len(errs) == 0 && c.s.history.hasTail() {
		if err := c.s.history.commit(func(tx *bbolt.Tx, b *historyBatch) error { return b.write(tx, true) }); err != nil {
			errs = append(errs, fmt.Errorf("writing the index: %w", err))
		}
	}
	if err := c.s.audit.flush(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
