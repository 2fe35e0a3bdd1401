package router

import (
	"sync"
	"time"
)

// Minutes is how far back the count of messages goes.
const Minutes = 60

// rhythm counts messages by the minute.
type rhythm struct {
	mu     sync.Mutex
	newest int64 // minutes since 1970
	counts [Minutes]uint32
}

// forward makes the minute of a time the newest. A clock that jumps back changes nothing: what comes counts for the newest.
// The caller holds the lock.
func (r *rhythm) forward(at time.Time) {
	minute := at.Unix() / 60
	if minute <= r.newest {
		return
	}
	for m := max(r.newest+1, minute-Minutes+1); m <= minute; m++ {
		r.counts[m%Minutes] = 0
	}
	r.newest = minute
}

func (r *rhythm) count(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forward(at)
	r.counts[r.newest%Minutes]++
}

// Messages is how many messages came from NapCat in each of the last minutes, the oldest first. The newest is not over.
func (r *Router) Messages() []uint32 {
	h := &r.rhythm
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forward(r.Now())
	out := make([]uint32, Minutes)
	for i := range out {
		out[i] = h.counts[(h.newest+1+int64(i))%Minutes]
	}
	return out
}
