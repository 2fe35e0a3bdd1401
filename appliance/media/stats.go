package media

import (
	"errors"
	"sync/atomic"

	"github.com/catflap/catflap/appliance/fence"
)

// reason is why a medium was not had, for the counters.
type reason uint8

const (
	reasonTooLarge reason = iota
	reasonBudget
	reasonBusy
	reasonGone
	reasonRefused
	reasonDisk
	reasonIndex
	reasonAway
	reasonNetwork
	reasons
)

// words are the reasons as metrics and `media stats` have them.
var words = [reasons]string{"too_large", "daily_limit", "busy", "expired", "refused", "disk", "index", "napcat_away", "network"}

// reasonOf sorts an error.
func reasonOf(err error) reason {
	switch {
	case errors.Is(err, ErrTooLarge), errors.Is(err, fence.ErrTooLarge):
		return reasonTooLarge
	case errors.Is(err, errBudget):
		return reasonBudget
	case errors.Is(err, errBusy):
		return reasonBusy
	case errors.Is(err, fence.ErrRefused):
		return reasonRefused
	case errors.Is(err, errDisk), errors.Is(err, errQuota), errors.Is(err, errFolder):
		return reasonDisk
	case errors.Is(err, errIndex):
		return reasonIndex
	case errors.Is(err, ErrAway):
		return reasonAway
	case errors.Is(err, ErrGone):
		return reasonGone
	}
	return reasonNetwork
}

// counters count since the start.
type counters struct {
	hits, misses, uploads                atomic.Int64
	fetched, fetchedBytes, served        atomic.Int64
	evicted, orphans, dangling, refusals atomic.Int64
	skipped                              atomic.Int64
	failures                             [reasons]atomic.Int64
}

func (c *counters) failed(r reason) { c.failures[r].Add(1) }

// Stats are the cache's numbers: what it holds now, and what happened since the start.
type Stats struct {
	Items int64 // files
	Bytes int64 // their sizes
	Keys  int64 // addresses that are known, fetched or not
	Quota int64 // media.maxTotalMb in bytes
	Spent int64 // bytes written to the disk today (UTC)
	Daily int64 // media.maxDailyMb in bytes

	Hits         int64 // reads that found the medium here
	Misses       int64 // reads that had to fetch it
	Uploads      int64
	Fetched      int64
	FetchedBytes int64
	ServedBytes  int64
	Evicted      int64 // files
	Refused      int64 // requests above the bounds of an address
	Repaired     int64 // files without a row and rows without a file that were found
	Waiting      int   // fetches
	Skipped      int64 // media that were not fetched when they came: too many waited. The next reader brings them
	Failures     map[string]int64
	Trouble      string // why the folder cannot be used; "" = it can
}

// Stats returns the current numbers. It reads no file.
func (c *Cache) Stats() Stats {
	s, t := c.settings.Load(), c.index.Totals()
	c.mu.Lock()
	waiting := len(c.flights) + len(c.later)
	trouble := ""
	if c.trouble != nil {
		trouble = c.trouble.Error()
	}
	c.mu.Unlock()
	out := Stats{
		Items: t.Blobs, Bytes: t.Bytes, Keys: t.Rows, Quota: s.Total, Spent: c.index.Spend(day(c.now()), 0), Daily: s.Daily,
		Hits: c.count.hits.Load(), Misses: c.count.misses.Load(), Uploads: c.count.uploads.Load(),
		Fetched: c.count.fetched.Load(), FetchedBytes: c.count.fetchedBytes.Load(), ServedBytes: c.count.served.Load(),
		Evicted: c.count.evicted.Load(), Refused: c.count.refusals.Load(),
		Repaired: c.count.orphans.Load() + c.count.dangling.Load(), Waiting: waiting, Skipped: c.count.skipped.Load(), Failures: make(map[string]int64), Trouble: trouble,
	}
	for r := range c.count.failures {
		out.Failures[words[r]] = c.count.failures[r].Load()
	}
	return out
}
