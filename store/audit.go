package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

const (
	maxAudit        = 10_000 // entries kept on disk
	auditSlack      = 100    // they are trimmed in runs of this size
	maxAuditWaiting = 1000   // entries in memory only
)

// AuditEntry is one refused or sensitive action, or one change of who may talk.
type AuditEntry struct {
	Time    time.Time `json:"time"` // Add fills it when zero
	Account string    `json:"account,omitempty"`
	App     string    `json:"app,omitempty"`
	Action  string    `json:"action"`
	Target  string    `json:"target,omitempty"`
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason,omitempty"`
	By      string    `json:"by,omitempty"`
}

// Audit keeps the newest 10,000 entries in state.db. Entries are written in groups.
type Audit struct {
	f    *file
	kick func()
	now  func() time.Time

	mu      sync.Mutex
	waiting []AuditEntry
	writing int // the first of waiting that a commit has in hand
	bytes   int64
	dropped uint64
	last    uint64 // key of the newest written entry
}

func newAudit(f *file, now func() time.Time) *Audit { return &Audit{f: f, kick: func() {}, now: now} }

// load reads where the numbering stands.
func (a *Audit) load(tx *bbolt.Tx) {
	if k, _ := tx.Bucket(bucketAudit).Cursor().Last(); len(k) == 8 {
		a.last = binary.BigEndian.Uint64(k)
	}
}

// Add keeps an entry. It never waits; when the disk refuses for long the oldest unwritten entry is dropped, counted.
func (a *Audit) Add(e AuditEntry) {
	if e.Time.IsZero() {
		e.Time = a.now()
	}
	a.mu.Lock()
	if len(a.waiting) >= maxAuditWaiting+a.writing {
		a.bytes -= a.waiting[a.writing].size()
		a.waiting = slices.Delete(a.waiting, a.writing, a.writing+1)
		a.dropped++
	}
	a.waiting = append(a.waiting, e)
	a.bytes += e.size()
	a.mu.Unlock()
	a.kick()
}

// size is a rough figure of an entry's memory.
func (e AuditEntry) size() int64 {
	return int64(96 + len(e.Account) + len(e.App) + len(e.Action) + len(e.Target) + len(e.Outcome) + len(e.Reason) + len(e.By))
}

// Last returns the newest n entries, newest first, written or not.
func (a *Audit) Last(n int) ([]AuditEntry, error) {
	n = min(n, maxAudit)
	var list []AuditEntry
	a.mu.Lock()
	waiting, last := slices.Clone(a.waiting), a.last
	a.mu.Unlock()
	for i := len(waiting) - 1; i >= 0 && len(list) < n; i-- {
		list = append(list, waiting[i])
	}
	err := a.f.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketAudit).Cursor()
		for k, v := c.Last(); k != nil && len(list) < n; k, v = c.Prev() {
			var e AuditEntry
			// What was written since the look at memory is in the list already.
			if len(k) == 8 && binary.BigEndian.Uint64(k) <= last && json.Unmarshal(v, &e) == nil {
				list = append(list, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return list, nil
}

// pending reports whether anything waits to be written.
func (a *Audit) pending() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting) > 0
}

// unflushed returns the bytes in memory only and the entries that were dropped.
func (a *Audit) unflushed() (int64, uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bytes, a.dropped
}

// flush writes what waits; only the committer calls it.
func (a *Audit) flush() error {
	a.mu.Lock()
	a.writing = len(a.waiting)
	batch := slices.Clone(a.waiting)
	a.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := a.f.update(func(tx *bbolt.Tx) error { return writeAudit(tx.Bucket(bucketAudit), a.last, batch) })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writing = 0
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	a.last += uint64(len(batch))
	a.waiting = slices.Delete(a.waiting, 0, len(batch))
	for _, e := range batch {
		a.bytes -= e.size()
	}
	return nil
}

// writeAudit appends entries and trims the table. Keys are contiguous, so the count is a subtraction.
func writeAudit(b *bbolt.Bucket, last uint64, batch []AuditEntry) error {
	b.FillPercent = appendFill
	for _, e := range batch {
		v, err := json.Marshal(e)
		if err != nil {
			return err
		}
		last++
		if err := b.Put(seqKey(last), v); err != nil {
			return err
		}
	}
	k, _ := b.Cursor().First()
	if len(k) != 8 {
		return nil
	}
	first := binary.BigEndian.Uint64(k)
	if last-first+1 < maxAudit+auditSlack {
		return nil
	}
	for ; last-first+1 > maxAudit; first++ {
		if err := b.Delete(seqKey(first)); err != nil {
			return err
		}
	}
	return nil
}
