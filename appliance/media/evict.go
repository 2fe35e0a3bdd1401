package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/catflap/catflap/store"
)

const (
	// blockWaste is what a file takes on the disk beyond its size, on average: half a block.
	blockWaste = 2 << 10
	// evictRun bounds the files that leave with one commit.
	evictRun = 256
	// attachTime is how often a folder that cannot be used is tried again.
	attachTime = time.Minute
)

// weigh is what the quota counts.
func weigh(t store.MediaTotals) int64 { return t.Bytes + t.Blobs*blockWaste }

func (c *Cache) weight() int64 { return weigh(c.index.Totals()) }

// makeRoom evicts to nine tenths of the quota when a file of a size does not fit below it. The caller holds c.room.
func (c *Cache) makeRoom(size int64) error {
	total := c.settings.Load().Total
	if c.weight()+size+blockWaste <= total {
		return nil
	}
	if _, err := c.evictTo(c.ctx, max(total/10*9-size-blockWaste, 1)); err != nil {
		return err
	}
	if c.weight()+size+blockWaste > total {
		return errQuota
	}
	return nil
}

// evict removes files, least lately used first, until the rest weighs target at most.
func (c *Cache) evict(ctx context.Context, target int64) (Removed, error) {
	c.room.Lock()
	defer c.room.Unlock()
	return c.evictTo(ctx, target)
}

// evictTo is evict for who holds c.room.
func (c *Cache) evictTo(ctx context.Context, target int64) (Removed, error) {
	return c.remove(func(keep func(store.Blob) bool) ([]store.Blob, error) {
		return c.index.Evict(ctx, store.EvictOptions{Target: target, Weight: weigh, Keep: keep, Max: evictRun})
	})
}

// shed removes files of a weight at once, without waiting for the index, which a full disk may not take: a crash before it is
// written leaves rows without their files, and the next start finds those.
func (c *Cache) shed(weight int64) error {
	c.room.Lock()
	defer c.room.Unlock()
	_, err := c.remove(func(keep func(store.Blob) bool) (out []store.Blob, err error) {
		oldest, err := c.index.Oldest(evictRun - 1) // fewer than a whole step: there is no second one
		for _, b := range oldest {
			if weight <= 0 {
				break
			}
			if !keep(b) {
				weight -= b.Size + blockWaste
				c.index.Forget(b.Sum)
				out = append(out, b)
			}
		}
		return out, err
	})
	return err
}

// remove takes files out of the index, in steps, and then off the disk. Between the two nobody may read or add them:
// they are condemned.
func (c *Cache) remove(step func(keep func(store.Blob) bool) ([]store.Blob, error)) (all Removed, err error) {
	root := c.root.Load()
	if root == nil {
		return all, errFolder
	}
	for {
		var marked []store.MediaSum
		over := make(chan struct{})
		gone, err := step(func(b store.Blob) bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.pins[b.Sum] > 0 {
				return true
			}
			c.condemned[b.Sum] = over
			marked = append(marked, b.Sum)
			return false
		})
		for _, b := range gone {
			if err := root.Remove(fileName(b.Sum)); err != nil && !errors.Is(err, os.ErrNotExist) {
				c.log.Error("a medium could not be removed from the disk; the next start removes it", "err", err)
			}
			all.Items++
			all.Bytes += b.Size
		}
		c.mu.Lock()
		for _, sum := range marked {
			delete(c.condemned, sum)
		}
		c.mu.Unlock()
		close(over)
		c.count.evicted.Add(int64(len(gone)))
		if err != nil {
			return all, err
		}
		if len(gone) < evictRun {
			return all, nil
		}
	}
}

// Removed says what left the cache.
type Removed struct {
	Items int64
	Bytes int64
}

// tidy removes what is too old and what is above the quota.
func (c *Cache) tidy(ctx context.Context) (Removed, error) {
	s := c.settings.Load()
	c.room.Lock()
	defer c.room.Unlock()
	if c.root.Load() == nil {
		return Removed{}, nil // what is there is looked at when the folder is back
	}
	var old Removed
	if s.MaxAge > 0 {
		before := c.now().Add(-s.MaxAge).Unix()
		var err error
		old, err = c.remove(func(keep func(store.Blob) bool) ([]store.Blob, error) {
			return c.index.Expire(ctx, before, evictRun, keep)
		})
		if err != nil {
			return old, err
		}
	}
	if c.weight() <= s.Total {
		return old, nil
	}
	target := s.Total / 10 * 9
	if s.Total <= 0 {
		target = 0
	}
	above, err := c.evictTo(ctx, target)
	return Removed{old.Items + above.Items, old.Bytes + above.Bytes}, err
}

// GC removes what is too old and what is above the quota, and everything that nobody reads just now if all is set.
func (c *Cache) GC(ctx context.Context, all bool) (Removed, error) {
	var removed Removed
	var err error
	if all {
		removed, err = c.evict(ctx, 0)
	} else {
		removed, err = c.tidy(ctx)
	}
	if err != nil {
		return removed, fmt.Errorf("removing media: %w", err)
	}
	return removed, nil
}

// sweep tidies up now and then.
func (c *Cache) sweep() {
	t, again := time.NewTicker(sweepTime), time.NewTicker(attachTime)
	defer t.Stop()
	defer again.Stop()
	for {
		if _, err := c.tidy(c.ctx); err != nil && c.ctx.Err() == nil {
			c.log.Error("media could not be tidied up", "err", err)
		}
	wait:
		for {
			select {
			case <-c.ctx.Done():
				return
			case <-again.C:
				if c.root.Load() == nil && c.attach() == nil {
					break wait
				}
			case <-t.C:
				break wait
			}
		}
	}
}

// pin keeps a file from being evicted until unpin; it waits for the end of an eviction that takes it.
func (c *Cache) pin(sum store.MediaSum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		over, ok := c.condemned[sum]
		if !ok {
			break
		}
		c.mu.Unlock()
		<-over
		c.mu.Lock()
	}
	c.pins[sum]++
}

// unpin undoes one pin.
func (c *Cache) unpin(sum store.MediaSum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pins[sum]--; c.pins[sum] <= 0 {
		delete(c.pins, sum)
	}
}
