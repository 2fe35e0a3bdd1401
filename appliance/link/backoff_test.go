package link

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBackoffBounds(t *testing.T) {
	low, high := func() float64 { return 0 }, func() float64 { return math.Nextafter(1, 0) }
	tests := []struct {
		name string
		make func() Backoff
		min  []time.Duration
		max  []time.Duration
	}{
		{"defaults of accounts", func() Backoff { return Backoff{Min: 5 * time.Second, Max: 60 * time.Second, Factor: 2} },
			[]time.Duration{2500 * time.Millisecond, 2500 * time.Millisecond, 2500 * time.Millisecond},
			[]time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 60 * time.Second, 60 * time.Second}},
		{"factor 1 never grows", func() Backoff { return Backoff{Min: time.Second, Max: 10 * time.Second, Factor: 1} },
			[]time.Duration{500 * time.Millisecond}, []time.Duration{time.Second, time.Second, time.Second}},
		{"factor 1 with retries", func() Backoff { return Backoff{Min: time.Second, Max: 10 * time.Second, Factor: 1, Retries: 2} },
			[]time.Duration{500 * time.Millisecond}, []time.Duration{time.Second, time.Second, 10 * time.Second, 10 * time.Second}},
		{"nonsense", func() Backoff { return Backoff{Factor: math.NaN()} },
			[]time.Duration{500 * time.Millisecond}, []time.Duration{time.Second, time.Second}},
		{"maximum below minimum", func() Backoff { return Backoff{Min: 10 * time.Second, Max: time.Second, Factor: 10} },
			[]time.Duration{5 * time.Second}, []time.Duration{10 * time.Second, 10 * time.Second}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			least, most := test.make(), test.make()
			least.Rand, most.Rand = low, high
			for n, want := range test.min {
				if got := least.Next(); got != want {
					t.Errorf("delay %d is at least %v; want %v", n, got, want)
				}
			}
			for n, want := range test.max {
				if got := most.Next(); got > want || got < want-time.Microsecond {
					t.Errorf("delay %d is at most %v; want %v", n, got, want)
				}
			}
		})
	}
}

func TestBackoffProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Backoff{
			Min:    time.Duration(rapid.Int64Range(int64(100*time.Millisecond), int64(time.Hour)).Draw(t, "min")),
			Factor: rapid.Float64Range(1, 10).Draw(t, "factor"),
		}
		b.Max = time.Duration(rapid.Int64Range(int64(b.Min), math.MaxInt64).Draw(t, "max"))
		b.tries = rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, math.MaxInt32)).Draw(t, "n")
		limit := math.Min(float64(b.Max), float64(b.Min)*math.Pow(b.Factor, float64(b.tries)))
		got := b.Next()
		if got < b.Min/2 || got > b.Max || float64(got) > limit {
			t.Fatalf("delay %v; want between %v and %v", got, b.Min/2, time.Duration(limit))
		}
		if b.tries < 0 {
			t.Fatal("the counter overflowed")
		}
	})
}

// A whole day down: dialling never stops, never hurries, and after a real link the delays start anew; after
// links that were dropped at once they do not.
func TestFault_T12_ADayDownThenUp(t *testing.T) {
	b := Backoff{Min: 5 * time.Second, Max: time.Minute, Factor: 2}
	var day time.Duration
	dials := 0
	distinct := map[time.Duration]bool{}
	for day < 24*time.Hour {
		d := b.Next()
		if d < b.Min/2 || d > b.Max {
			t.Fatalf("delay %v", d)
		}
		distinct[d] = true
		day += d
		dials++
		b.Up(time.Duration(dials%60) * time.Second) // accepted and dropped: not up for long enough
	}
	// On average a delay is half of 2.5 s to 60 s.
	if dials < 2500 || dials > 3100 {
		t.Errorf("%d dials in a day", dials)
	}
	if len(distinct) < dials/2 {
		t.Errorf("only %d different delays", len(distinct))
	}
	if b.Tries() != dials {
		t.Errorf("%d tries counted; want %d", b.Tries(), dials)
	}
	b.Up(time.Minute)
	if d := b.Next(); d > b.Min || b.Tries() != 1 {
		t.Errorf("after a good link the first delay is %v, tries %d", d, b.Tries())
	}
}
