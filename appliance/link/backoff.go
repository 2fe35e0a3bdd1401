package link

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// Backoff gives the delays before dialling again: the n-th is random between Min/2 and
// min(Max, Min*Factor^n), n from 0. It counts steady time only, so a clock that jumps does not matter.
// Not safe for concurrent use.
type Backoff struct {
	Min    time.Duration  // first delay's upper bound; below 1 ms it is taken as 1 s
	Max    time.Duration  // every delay's upper bound; at least Min
	Factor float64        // growth per try; below 1 it is taken as 1
	Rand   func() float64 // uniform in [0, 1); nil = math/rand/v2
	// Retries, when above zero, is the number of delays after which the upper bound is Max whatever the
	// factor: dialling never stops, but goes on at its slowest.
	Retries int

	tries int
}

// Next gives the delay before the next try.
func (b *Backoff) Next() time.Duration {
	low, high := b.bounds()
	if b.tries < math.MaxInt32 {
		b.tries++
	}
	random := b.Rand
	if random == nil {
		random = rand.Float64
	}
	part := min(max(random(), 0), 1)
	return min(low+time.Duration(part*float64(high-low)), high)
}

// Wait waits for d, or until ctx ends, and reports whether ctx is still alive.
func Wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// Tries is the number of delays given since the last reset.
func (b *Backoff) Tries() int { return b.tries }

// Up tells how long a link stayed up. Only one that stayed for Max starts the delays anew: a link that is
// accepted and dropped at once must not be dialled at the first delay for ever.
func (b *Backoff) Up(d time.Duration) {
	if _, limit := b.limits(); d >= limit {
		b.tries = 0
	}
}

func (b *Backoff) limits() (first, limit time.Duration) {
	first = b.Min
	if first < time.Millisecond {
		first = time.Second
	}
	return first, max(first, b.Max)
}

func (b *Backoff) bounds() (low, high time.Duration) {
	first, limit := b.limits()
	factor := b.Factor
	if !(factor >= 1) { // also NaN
		factor = 1
	}
	high = limit
	if b.Retries > 0 && b.tries >= b.Retries {
		return first / 2, high
	}
	// In floating point, so that no number of tries overflows: the power may be +Inf, the comparison still holds.
	if f := float64(first) * math.Pow(factor, float64(b.tries)); f < float64(limit) {
		high = time.Duration(f)
	}
	return first / 2, high
}
