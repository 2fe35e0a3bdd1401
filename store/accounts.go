package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// maxGroups bounds an account's joined-group list.
const maxGroups = 20_000

// Accounts keeps what was learned about the configured accounts: the QQ number each belongs to and the groups it is
// in. Reads are from memory; a change is on the disk when the call returns.
type Accounts struct {
	f *file

	changes sync.Mutex // one change at a time; never held by readers
	mu      sync.RWMutex
	pins    map[string]uint64
	groups  map[string][]uint64
}

func newAccounts(f *file) *Accounts {
	return &Accounts{f: f, pins: map[string]uint64{}, groups: map[string][]uint64{}}
}

// load reads both tables; they hold one row per account.
func (a *Accounts) load(tx *bbolt.Tx) error {
	err := tx.Bucket(bucketPins).ForEach(func(k, v []byte) error {
		if len(v) == 8 {
			a.pins[string(k)] = binary.BigEndian.Uint64(v)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the pinned accounts: %w", err)
	}
	err = tx.Bucket(bucketGroups).ForEach(func(k, v []byte) error {
		list := make([]uint64, 0, len(v)/8)
		for ; len(v) >= 8; v = v[8:] {
			list = append(list, binary.BigEndian.Uint64(v))
		}
		a.groups[string(k)] = list
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the joined groups: %w", err)
	}
	return nil
}

// Pinned returns the QQ number that an account belongs to, 0 when it is not known yet.
func (a *Accounts) Pinned(account string) uint64 {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.pins[account]
}

// Pin remembers an account's QQ number. Pinning the same number again writes nothing.
func (a *Accounts) Pin(account string, self uint64) error {
	a.changes.Lock()
	defer a.changes.Unlock()
	if a.Pinned(account) == self {
		return nil
	}
	err := a.f.update(func(tx *bbolt.Tx) error { return putUint(tx.Bucket(bucketPins), []byte(account), self) })
	if err != nil {
		return fmt.Errorf("pinning account %s: %w", account, err)
	}
	a.mu.Lock()
	a.pins[account] = self
	a.mu.Unlock()
	return nil
}

// Unpin forgets an account's QQ number.
func (a *Accounts) Unpin(account string) error {
	a.changes.Lock()
	defer a.changes.Unlock()
	err := a.f.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketPins).Delete([]byte(account)) })
	if err != nil {
		return fmt.Errorf("unpinning account %s: %w", account, err)
	}
	a.mu.Lock()
	delete(a.pins, account)
	a.mu.Unlock()
	return nil
}

// Groups returns the groups that an account was in when it was last asked, sorted; nil when that is not known. The
// slice is the caller's.
func (a *Accounts) Groups(account string) []uint64 {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return slices.Clone(a.groups[account])
}

// SetGroups remembers the groups that an account is in. An unchanged list, in whatever order, is not written.
func (a *Accounts) SetGroups(account string, groups []uint64) error {
	sorted := slices.Clone(groups)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	if len(sorted) > maxGroups {
		sorted = sorted[:maxGroups]
	}
	a.changes.Lock()
	defer a.changes.Unlock()
	a.mu.RLock()
	old, known := a.groups[account]
	a.mu.RUnlock()
	if known && slices.Equal(old, sorted) {
		return nil
	}
	v := make([]byte, 0, 8*len(sorted))
	for _, id := range sorted {
		v = binary.BigEndian.AppendUint64(v, id)
	}
	err := a.f.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketGroups).Put([]byte(account), v) })
	if err != nil {
		return fmt.Errorf("saving the groups of account %s: %w", account, err)
	}
	a.mu.Lock()
	a.groups[account] = sorted
	a.mu.Unlock()
	return nil
}
