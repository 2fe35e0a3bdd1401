package media

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/catflap/catflap/appliance/fence"
	"github.com/catflap/catflap/store"
)

// Why a medium cannot be had. What Cache.Open returns wraps one of these.
var (
	// ErrUnknown: no message had it, or that was too long ago.
	ErrUnknown = errors.New("no such medium")
	// ErrPending: it is still on its way.
	ErrPending = errors.New("the medium is still being fetched")
	// ErrGone: neither its address nor NapCat has it any more.
	ErrGone = errors.New("the medium is gone at its origin")
	// ErrTooLarge: it is larger than may be kept.
	ErrTooLarge = errors.New("the medium is too large")
	// ErrUnavailable: it cannot be fetched now; asking again later may help.
	ErrUnavailable = errors.New("the medium cannot be fetched now")
	// ErrAway is what Options.Ask and Options.Stream wrap when NapCat gave no answer.
	ErrAway = errors.New("NapCat gave no answer")

	errClosed   = fmt.Errorf("%w: catflap is going away", ErrUnavailable)
	errBudget   = fmt.Errorf("%w: media.maxDailyMb is used up for today", ErrUnavailable)
	errDisk     = fmt.Errorf("%w: the disk is full", ErrUnavailable)
	errFolder   = fmt.Errorf("%w: the folder of the media cache cannot be used", ErrUnavailable)
	errQuota    = fmt.Errorf("%w: media.maxTotalMb is full of what is being read", ErrUnavailable)
	errBusy     = fmt.Errorf("%w: too many media are waited for", ErrUnavailable)
	errIndex    = fmt.Errorf("%w: the media index cannot be used", ErrUnavailable)
	errEager    = fmt.Errorf("%w: larger than media.eagerMb", ErrUnavailable)
	errNewer    = fmt.Errorf("%w: a newer message has it, too", ErrUnavailable)
	errDisabled = fmt.Errorf("%w: media.maxTotalMb or media.maxDailyMb is 0", ErrUnavailable)
)

// The bounds of one medium. Each is an ErrTooLarge.
const (
	errLarge tooLarge = "the medium is larger than mediaMaxMb"
	errShare tooLarge = "the medium is larger than half of media.maxTotalMb"
)

// tooLarge is an ErrTooLarge that names its bound.
type tooLarge string

// Error names the bound.
func (e tooLarge) Error() string { return string(e) }

// Is makes it an ErrTooLarge.
func (e tooLarge) Is(target error) bool { return target == ErrTooLarge }

// flight is the one fetch of a medium, however many wait for it. Cache.mu guards what is not said to be otherwise.
type flight struct {
	key     Key
	origin  origin
	limit   int64 // of an eager one, bytes; 0 = the medium's own bound
	again   bool  // the bytes that are here are in doubt
	started bool
	place   place
	trip    *trip // what became of the first road, for when NapCat is asked
	// next is the newest origin that was offered since the fetch began; nil = none that may have other bytes.
	next *origin
	// doubtful says that what came is no better than what it is for. Only fly and what it calls use it.
	doubtful bool

	done chan struct{}
	err  error // valid once done is closed
}

func newFlight(key Key, o origin) *flight {
	return &flight{key: key, origin: o, done: make(chan struct{})}
}

// end tells those who wait.
func (f *flight) end(err error) {
	f.err = err
	close(f.done)
}

// lookAgain reports whether a flight that is over brought nothing, and another one may.
func (f *flight) lookAgain() bool { return errors.Is(f.err, errEager) || errors.Is(f.err, errNewer) }

// failure is a medium that could not be had lately, so that readers who ask again cost nothing.
type failure struct {
	err   error
	until time.Time
	count int
}

func (f failure) over(now time.Time) bool { return !now.Before(f.until) }

// failing returns why a medium is not tried now; nil if it may be. The caller holds the lock.
func (c *Cache) failing(key Key) error {
	if f, ok := c.failures[key]; ok && c.now().Before(f.until) {
		return f.err
	}
	return nil
}

// demand returns the flight that fetches a medium for somebody who waits for it.
func (c *Cache) demand(key Key, o origin) (*flight, error) {
	if s := c.settings.Load(); s.Total <= 0 || s.Daily <= 0 {
		return nil, errDisabled
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	f := c.flights[key]
	if f == nil {
		if err := c.failing(key); err != nil {
			return nil, err
		}
		if len(c.urgent) >= maxQueue {
			return nil, errBusy
		}
		f = newFlight(key, o)
		c.flights[key] = f
		c.urgent = append(c.urgent, f)
	} else {
		c.hurry(f)
	}
	c.dispatch()
	return f, nil
}

// fly fetches one medium and tells those who wait, or has it wait for its turn at NapCat.
func (c *Cache) fly(f *flight) {
	ctx, cancel := context.WithTimeout(c.ctx, flightTime)
	aside := time.AfterFunc(c.slowTime, func() { c.aside(f) })
	err := c.bring(ctx, f)
	aside.Stop()
	cancel()
	c.mu.Lock()
	c.leave(f)
	if errors.Is(err, errAsk) {
		switch {
		case c.closed:
			err = errClosed
		case len(c.asking) >= maxQueue:
			err = errBusy
		default:
			c.asking = append(c.asking, f)
			c.dispatch()
			c.mu.Unlock()
			return
		}
		c.dropTrip(f)
	}
	delete(c.flights, f.key)
	if err != nil && f.next != nil {
		err = errNewer
	}
	switch {
	case err == nil:
		delete(c.failures, f.key)
	case errors.Is(err, errEager), errors.Is(err, errNewer): // the next reader brings it
	case errors.Is(err, errDisabled):
	case c.ctx.Err() != nil:
		err = errClosed
	default:
		c.note(f.key, err)
		c.log.Debug("a medium was not fetched", "medium", f.origin.String(), "reason", words[reasonOf(err)], "err", err)
	}
	c.doubt(f, err)
	next := f.next
	c.mu.Unlock()
	if next != nil && (err != nil || f.doubtful) && c.ctx.Err() == nil {
		c.take(&offer{f.key, *next}) // before those who wait look again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f.end(err)
	c.dispatch()
	c.more()
}

// Pauses before a medium is tried again, by the number of failures.
var pauses = [...]time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute}

// note remembers a failure. The caller holds the lock.
func (c *Cache) note(key Key, err error) {
	c.count.failed(reasonOf(err))
	now := c.now()
	makePlace(c.failures, now)
	n := c.failures[key].count
	pause := pauses[min(n, len(pauses)-1)]
	if errors.Is(err, errDisk) || errors.Is(err, errQuota) || errors.Is(err, errFolder) || errors.Is(err, errIndex) || errors.Is(err, errBusy) || errors.Is(err, ErrAway) {
		n, pause = 0, 10*time.Second // it is not the medium's fault
	}
	c.failures[key] = failure{err, now.Add(pause), n + 1}
}

// makePlace makes room for one more. The caller holds the lock.
func makePlace[T interface{ over(time.Time) bool }](failures map[Key]T, now time.Time) {
	if len(failures) < maxFailures {
		return
	}
	for k, f := range failures {
		if f.over(now) {
			delete(failures, k)
		}
	}
	for k := range failures {
		if len(failures) < maxFailures {
			break
		}
		delete(failures, k) // any one
	}
}

// retryAfter is when a medium that failed may be asked for again.
func (c *Cache) retryAfter(key Key) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.failures[key]; ok {
		if wait := f.until.Sub(c.now()); wait > 0 {
			return wait
		}
	}
	return 5 * time.Second
}

// bring fetches a medium over one of its roads and adds it to the cache.
func (c *Cache) bring(ctx context.Context, f *flight) error {
	if err := c.mayWrite(f.origin.Size); err != nil {
		return err
	}
	limit, above := c.settings.Load().Total/2, errShare
	if most := c.most(&f.origin); most > 0 && most < limit {
		limit, above = most, errLarge
	}
	eager := f.limit > 0 && f.limit < limit
	if eager {
		limit = f.limit
	}
	p, whole, err := c.travel(ctx, f, limit)
	switch {
	case errors.Is(err, errAsk):
		return err
	case eager && errors.Is(err, fence.ErrTooLarge):
		return errEager
	case errors.Is(err, fence.ErrTooLarge):
		return fmt.Errorf("%w: %w", above, err)
	case err != nil:
		return c.diskError(err)
	}
	defer p.discard()
	o := f.origin
	o.Doubtful, o.Short, o.Newer = !whole || o.MD5 != "" && o.MD5 != p.md5(), !whole, false
	if f.doubtful = o.Doubtful; f.again && f.doubtful && c.noBetter(f.key, o) {
		return nil
	}
	sum, size, err := c.publish(p)
	if err != nil {
		p.discard()
		return c.diskError(err)
	}
	defer c.unpin(sum)
	c.count.fetched.Add(1)
	c.count.fetchedBytes.Add(size)
	c.taking.Lock()
	defer c.taking.Unlock()
	row := store.Medium{Key: store.MediaKey(f.key), Sum: sum, Name: shorten(o.File), Origin: o.encode(), At: c.now().Unix()}
	if err := c.write(func() error { return c.index.Put(row) }); err != nil {
		return errIndex
	}
	return nil
}

// most is an account's mediaMaxMb as it is now, bytes; 0 = no bound.
func (c *Cache) most(o *origin) int64 {
	if most, ok := c.settings.Load().Max[o.Account]; ok {
		return most
	}
	return o.Max
}

// mayWrite says whether so many bytes may go to the disk today.
func (c *Cache) mayWrite(n int64) error {
	now := c.now()
	switch s := c.settings.Load(); {
	case s.Total <= 0 || s.Daily <= 0:
		return errDisabled
	case now.UnixNano() < c.noRoom.Load():
		return errDisk
	case c.index.Spend(day(now), 0)+max(n, 1) > s.Daily:
		return errBudget
	}
	return nil
}

// diskError recognises a full disk: media stop for a while, and some of them make room for what matters more.
func (c *Cache) diskError(err error) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	now := c.now()
	if before := c.noRoom.Swap(now.Add(30 * time.Second).UnixNano()); now.UnixNano() > before {
		c.log.Warn("the disk is full: media are not kept until there is room", "dir", c.dir)
		if err := c.shed(c.weight() / 10); err != nil {
			c.log.Error("media could not be evicted", "err", err)
		}
	}
	return errDisk
}
