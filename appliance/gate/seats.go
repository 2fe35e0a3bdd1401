package gate

import (
	"fmt"
	"net/http"
	"sync/atomic"
)

// Seats bounds how many accepted links are open at once, over all listeners: limits.links. What catflap dials itself is
// bounded by the configuration.
type Seats struct {
	limit atomic.Int64
	taken atomic.Int64
}

// SetLimit changes the bound. Links that are open stay.
func (s *Seats) SetLimit(n int) { s.limit.Store(int64(n)) }

// Limit is the bound.
func (s *Seats) Limit() int { return int(s.limit.Load()) }

// Used is how many seats are taken.
func (s *Seats) Used() int { return int(s.taken.Load()) }

// Take reserves a seat; the caller gives it back with Leave when the link has ended.
func (s *Seats) Take() *Refusal {
	if s.taken.Add(1) > s.limit.Load() {
		s.taken.Add(-1)
		return &Refusal{http.StatusServiceUnavailable, fmt.Sprintf("%d links are open already (limits.links)", s.limit.Load())}
	}
	return nil
}

// Exceed takes a seat whatever the bound is, for a link that ends another one as soon as it is up. The caller sees to it
// that such links are few, and gives the seat back with Leave.
func (s *Seats) Exceed() { s.taken.Add(1) }

// Leave gives a seat back.
func (s *Seats) Leave() { s.taken.Add(-1) }
