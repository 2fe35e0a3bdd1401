package media

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"

	"github.com/catflap/catflap/appliance/fence"
)

// reason is why a medium was not had, for the counters.
type reason uint8

const (
	reasonTooLarge reason = iota // than mediaMaxMb
	reasonShare                  // larger than half of media.maxTotalMb
	reasonBudget
	reasonBusy
	reasonGone
	reasonRefused // by the guard of the inner network
	reasonURL     // none that is fetched
	reasonDisk
	reasonFolder
	reasonIndex
	reasonAway
	reasonServer // answers with something else than the file
	reasonSlow
	reasonNetwork
	reasons
)

// words are the reasons as metrics and `media stats` have them.
var words = [reasons]string{
	reasonTooLarge: "too_large", reasonShare: "half_quota", reasonBudget: "daily_limit", reasonBusy: "busy", reasonGone: "expired",
	reasonRefused: "refused", reasonURL: "bad_url", reasonDisk: "disk", reasonFolder: "folder", reasonIndex: "index",
	reasonAway: "napcat_away", reasonServer: "server", reasonSlow: "slow", reasonNetwork: "network",
}

// reasonOf sorts an error.
func reasonOf(err error) reason {
	var (
		status *fence.StatusError
		file   *fs.PathError
		link   *os.LinkError
	)
	switch {
	case errors.Is(err, errShare):
		return reasonShare
	case errors.Is(err, ErrTooLarge), errors.Is(err, fence.ErrTooLarge):
		return reasonTooLarge
	case errors.Is(err, errBudget):
		return reasonBudget
	case errors.Is(err, errBusy):
		return reasonBusy
	case errors.Is(err, fence.ErrRefused):
		return reasonRefused
	case errors.Is(err, errDisk), errors.Is(err, errQuota):
		return reasonDisk
	case errors.Is(err, errFolder):
		return reasonFolder
	case errors.Is(err, errIndex):
		return reasonIndex
	case errors.Is(err, ErrAway):
		return reasonAway
	case errors.Is(err, fence.ErrURL): // nobody else had it: it is an ErrGone, too
		return reasonURL
	case errors.Is(err, ErrGone):
		return reasonGone
	case errors.Is(err, errWrite), errors.As(err, &file), errors.As(err, &link):
		return reasonDisk
	case errors.Is(err, fence.ErrAnswer), errors.As(err, &status):
		return reasonServer
	case errors.Is(err, fence.ErrSlow):
		return reasonSlow
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
	// FakeIP are the networks of fake-IP proxies that the guard has refused since the settings were made; nil = none.
	FakeIP []string
}

// Stats returns the current numbers. It reads no file.
func (c *Cache) Stats() Stats {
	s, t := c.settings.Load(), c.index.Totals()
	c.mu.Lock()
	waiting := len(c.flights) + len(c.later)
	trouble, fakes := "", slices.Clone(c.fakes)
	if c.trouble != nil {
		trouble = c.trouble.Error()
	}
	c.mu.Unlock()
	out := Stats{
		Items: t.Blobs, Bytes: t.Bytes, Keys: t.Rows, Quota: s.Total, Spent: c.index.Spend(day(c.now()), 0), Daily: s.Daily,
		Hits: c.count.hits.Load(), Misses: c.count.misses.Load(), Uploads: c.count.uploads.Load(),
		Fetched: c.count.fetched.Load(), FetchedBytes: c.count.fetchedBytes.Load(), ServedBytes: c.count.served.Load(),
		Evicted: c.count.evicted.Load(), Refused: c.count.refusals.Load(),
		Repaired: c.count.orphans.Load() + c.count.dangling.Load(), Waiting: waiting, Skipped: c.count.skipped.Load(), Failures: make(map[string]int64), Trouble: trouble, FakeIP: fakes,
	}
	for r := range c.count.failures {
		out.Failures[words[r]] = c.count.failures[r].Load()
	}
	return out
}
