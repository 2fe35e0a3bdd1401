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

	// The parts that are written fail and try again apart from each other.
	journal, audit, number pause

	auditAt   time.Duration // when the audit log is due; 0 = nothing waits
	softLimit int64
}

// pause is the back-off of one part.
type pause struct {
	failures int
	until    time.Duration // on the steady clock; 0 = not failing
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
	s.media.kick, s.media.inside = c.kick, c.inside
	s.media.commit = func() error { return c.commit(queueBatch{}, false) }
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
	return earlier(earlier(c.passJournal(), c.passAudit()), c.passNumber())
}

// passJournal writes what is due of history and queue.
func (c *committer) passJournal() time.Duration {
	now := c.s.o.Steady()
	if c.journal.until > now {
		return c.journal.until - now
	}
	ready, wait := c.s.history.ready(now)
	queue, next, write := c.s.journal.due(false, ready)
	if ready || write {
		// History that would soon make a commit of its own shares this one.
		ready = ready || wait > 0 && wait <= c.s.o.Sync/4
		if c.commit(queue, ready) != nil {
			return max(c.journal.until-c.s.o.Steady(), time.Millisecond)
		}
		c.maintain()
		return time.Millisecond // look again: a group may have been cut, and newer events may be due
	}
	if next > 0 {
		// Not more often than four times in queueSync, so that single events still make groups.
		wait = earlier(wait, max(next, c.s.o.QueueSync/4))
	}
	return c.passMedia(wait)
}

// passMedia writes what waits of the media index, unless something else has already taken it along. wait is how long
// nothing else will be due.
func (c *committer) passMedia(wait time.Duration) time.Duration {
	due, waits := c.s.media.due()
	switch {
	case !waits:
		return wait
	case due > 0:
		return earlier(wait, due)
	case c.commit(queueBatch{}, false) != nil:
		return max(c.journal.until-c.s.o.Steady(), time.Millisecond)
	}
	return time.Millisecond
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
	if due := max(c.auditAt, c.audit.until); now < due {
		return due - now
	}
	if err := c.s.audit.flush(); err != nil {
		return c.failed(&c.audit, err)
	}
	c.worked(&c.audit)
	c.auditAt = 0
	return 0
}

// passNumber writes the number of this start, where Open could not.
func (c *committer) passNumber() time.Duration {
	if !c.s.unnumbered {
		return 0
	}
	if now := c.s.o.Steady(); now < c.number.until {
		return c.number.until - now
	}
	if err := c.s.writeNumber(); err != nil {
		return c.failed(&c.number, err)
	}
	c.s.unnumbered = false
	c.worked(&c.number)
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
	index := c.s.media.take()
	run := func() error {
		return c.s.log.update(func(tx *bbolt.Tx) error {
			if group != nil {
				if err := group.write(tx, false); err != nil {
					return err
				}
			}
			if index != nil {
				if err := index.write(tx); err != nil {
					return err
				}
			}
			if c.s.unnumbered {
				if err := putUint(tx.Bucket(bucketMeta), keyEpoch, c.s.epoch); err != nil {
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
	if errors.Is(err, berrors.ErrMaxSizeReached) && c.makeRoom(&queue) {
		if group != nil {
			c.s.history.refresh(group, before)
		}
		err = run()
	}
	c.s.journal.finish(&queue, err == nil)
	if index != nil {
		c.s.media.finish(index, err == nil)
	}
	if group != nil {
		if err == nil {
			c.s.history.written(group)
		} else {
			c.s.history.failed()
		}
	}
	if err != nil {
		c.failed(&c.journal, err)
		return err
	}
	c.worked(&c.journal)
	return nil
}

// failed counts a failed commit and returns how long to wait before the next attempt.
func (c *committer) failed(p *pause, err error) time.Duration {
	p.failures++
	wait := min(firstRetry<<min(p.failures-1, 10), lastRetry)
	p.until = c.s.o.Steady() + wait
	if p.failures&(p.failures-1) == 0 { // the 1st, 2nd, 4th, 8th ...
		c.s.o.Log.Error("writing to the store failed; what waits stays in memory", "err", err, "failures", p.failures, "retry", wait)
	}
	return wait
}

// worked ends a back-off.
func (c *committer) worked(p *pause) {
	if p.failures > 0 {
		c.s.o.Log.Info("writing to the store works again", "failures", p.failures)
	}
	*p = pause{}
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
			c.failed(&c.journal, err)
			return
		}
		h.setSweeping(h.sweep != 0)
	}
	for range sweepSteps {
		if c.s.log.used() <= c.softLimit {
			return
		}
		if gone, err := c.trim(trimRun); err != nil {
			return
		} else if gone == 0 {
			c.shrinkQueue(c.s.o.MaxBytes / 8)
			return
		}
	}
}

// makeRoom shortens what takes most of a file that is full while a batch waits: the queue above a quarter of the file, or
// the history.
func (c *committer) makeRoom(queue *queueBatch) bool {
	free := queue.free
	if queue.free = nil; c.shrinkQueue(c.s.o.MaxBytes / 4) { // deletes them too
		return true
	}
	queue.free = free
	gone, _ := c.trim(trimRun)
	return gone > 0
}

// shrinkQueue gives up the oldest of what waits, above so many bytes, in a transaction of its own: only then its pages are
// free for the next one.
func (c *committer) shrinkQueue(above int64) bool {
	b := queueBatch{free: c.s.journal.tighten(above)}
	if len(b.free) == 0 {
		return false
	}
	err := c.s.log.update(b.write)
	c.s.journal.finish(&b, err == nil)
	if err != nil {
		c.failed(&c.journal, err)
	}
	return err == nil
}

// trim deletes the oldest n records and returns how many went.
func (c *committer) trim(n int) (gone int, err error) {
	err = c.s.history.commit(func(tx *bbolt.Tx, b *historyBatch) (err error) {
		gone, err = b.trimOldest(tx, n)
		return err
	})
	if err != nil {
		c.failed(&c.journal, err)
		return 0, err
	}
	return gone, nil
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
	for {
		queue, next, write := c.s.journal.due(true, true)
		if !write && next == 0 {
			break
		}
		if err := c.commit(queue, false); err != nil {
			errs = append(errs, fmt.Errorf("writing the waiting events: %w", err))
			break
		}
	}
	if c.s.media.settle() {
		if err := c.commit(queueBatch{}, false); err != nil {
			errs = append(errs, fmt.Errorf("writing the media index: %w", err))
		}
	}
	if len(errs) == 0 && c.s.history.hasTail() {
		if err := c.s.history.commit(func(tx *bbolt.Tx, b *historyBatch) error { return b.write(tx, true) }); err != nil {
			errs = append(errs, fmt.Errorf("writing the index: %w", err))
		}
	}
	if c.s.unnumbered {
		if err := c.s.writeNumber(); err != nil {
			errs = append(errs, fmt.Errorf("numbering this start: %w", err))
		}
	}
	if err := c.s.audit.flush(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
