package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// maxDecisions is how many decisions are kept.
const maxDecisions = 500

var keyRing = []byte("ring")

// Decision says what became of one event and why. It never carries a text.
type Decision struct {
	Time    time.Time     `json:"time"`
	Account string        `json:"account"`
	Chat    string        `json:"chat"`
	User    uint64        `json:"user"`
	Kind    string        `json:"kind"`
	Outcome string        `json:"outcome"`
	Reason  string        `json:"reason"`
	Apps    []AppDecision `json:"apps,omitempty"`
}

// AppDecision is one app's part of a Decision.
type AppDecision struct {
	App     string `json:"app"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	// Away says that the app was not there: nothing is kept for it before it connects for events.
	Away bool `json:"away,omitempty"`
}

// Decisions is the ring of the newest decisions. It lives in memory, is written at Close and read at Open.
type Decisions struct {
	f *file

	mu   sync.Mutex
	ring []Decision
	next int // place of the next one; the ring is full when len(ring) == maxDecisions
}

func newDecisions(f *file) *Decisions { return &Decisions{f: f} }

// Add keeps a decision. d.Apps belongs to the ring from now on. It allocates only while the ring is filling.
func (d *Decisions) Add(decision Decision) {
	d.mu.Lock()
	if len(d.ring) < maxDecisions {
		d.ring = append(d.ring, decision)
	} else {
		d.ring[d.next] = decision
	}
	d.next = (d.next + 1) % maxDecisions
	d.mu.Unlock()
}

// Last returns the newest n decisions, newest first.
func (d *Decisions) Last(n int) []Decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	n = max(0, min(n, len(d.ring)))
	list := make([]Decision, 0, n)
	for i := range n {
		list = append(list, d.ring[(d.next-1-i+2*maxDecisions)%maxDecisions])
	}
	return list
}

// load reads what the last Close wrote. It is a convenience, so an unreadable one is an empty one.
func (d *Decisions) load(tx *bbolt.Tx) error {
	v := tx.Bucket(bucketDecisions).Get(keyRing)
	var list []Decision
	if v == nil || json.Unmarshal(v, &list) != nil {
		return nil
	}
	for _, decision := range list {
		d.Add(decision)
	}
	return nil
}

// save writes the ring, oldest first.
func (d *Decisions) save() error {
	list := d.Last(maxDecisions)
	slices.Reverse(list)
	v, err := json.Marshal(list)
	if err == nil {
		err = d.f.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketDecisions).Put(keyRing, v) })
	}
	if err != nil {
		return fmt.Errorf("saving the decisions: %w", err)
	}
	return nil
}
