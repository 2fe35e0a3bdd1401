// Package bench measures catflap against a bare relay in the same run: events per second, added latency, CPU, memory,
// bytes written, order and loss. Each is a process of its own; the load comes from this one.
package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Options say how much to measure.
type Options struct {
	Program string        // the catflap binary
	Dir     string        // a throw-away folder
	Rounds  int           // interleaved pairs; medians are reported
	Events  int           // events of one flat-out run
	Rate    int           // events per second of one paced run
	Paced   time.Duration // length of one paced run
	Apps    int
	Rates   []int                            // of the flash scenario, events per second
	Backlog int                              // events that wait for an app in the away scenario
	Shapes  []Shape                          // of the scale scenario
	Tell    func(format string, args ...any) // progress
}

// Report is what `catflap bench --json` prints. Figures are medians over the rounds unless they are peaks or counts.
type Report struct {
	Machine  string   `json:"machine"`
	Apps     int      `json:"apps"`
	Rounds   int      `json:"rounds"`
	Events   int      `json:"events"`
	Rate     int      `json:"rate"`
	Baseline Relay    `json:"baseline"`
	Catflap  Catflap  `json:"catflap"`
	Ratio    Compared `json:"ratio"`
}

// Relay is what is measured of any relay.
type Relay struct {
	EventsPerS float64 `json:"events_per_s"` // flat out
	P50        float64 `json:"p50_us"`       // at Rate, from the load's write to the app's read
	P99        float64 `json:"p99_us"`
	CPU        float64 `json:"cpu_us"`       // of the process, per event, flat out
	PacedCPU   float64 `json:"paced_cpu_us"` // the same at Rate
}

// Catflap is what is measured of catflap beside.
type Catflap struct {
	Relay
	RSSAnonPeak      int64   `json:"rss_anon_peak"`       // bytes, flat out
	RSSAnonPeakPaced int64   `json:"rss_anon_peak_paced"` // bytes, at Rate
	VMHWM            int64   `json:"vm_hwm"`              // bytes, mapped store pages included
	IdleRSS          int64   `json:"idle_rss"`            // bytes, linked but without events
	WriteBytes       float64 `json:"write_bytes_per_event"`
	PacedWriteBytes  float64 `json:"paced_write_bytes_per_event"`
	Lost             int64   `json:"lost"`
	Repeated         int64   `json:"repeated"`
	OutOfOrder       int64   `json:"out_of_order"`
}

// Compared is catflap's figure divided by the baseline's.
type Compared struct {
	EventsPerS float64 `json:"events_per_s"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
	CPU        float64 `json:"cpu"`
}

// Run measures both, round by round.
func Run(ctx context.Context, o Options) (Report, error) { return compare(ctx, o, 1) }

// compare is Run with several accounts.
func compare(ctx context.Context, o Options, accounts int) (Report, error) {
	r := Report{Machine: machine(), Apps: o.Apps, Rounds: o.Rounds, Events: o.Events, Rate: o.Rate}
	var base, cat []figures
	for round := range o.Rounds {
		for _, kind := range []string{baseline, catflap} {
			f, err := measure(ctx, o, kind, setup{apps: o.Apps, accounts: accounts})
			if err != nil {
				return r, fmt.Errorf("round %d, %s: %w", round+1, kind, err)
			}
			if kind == baseline {
				base = append(base, f)
			} else {
				cat = append(cat, f)
			}
			o.Tell("round %d/%d %-8s %8.0f events/s  p50 %5.0f us  p99 %6.0f us  %5.2f us CPU/event", round+1, o.Rounds, kind,
				f.eventsPerS, f.p50, f.p99, f.cpu)
		}
	}
	r.Baseline = relayOf(base)
	r.Catflap = Catflap{
		Relay:            relayOf(cat),
		RSSAnonPeak:      most(cat, func(f figures) int64 { return f.flat.rssAnon }),
		RSSAnonPeakPaced: most(cat, func(f figures) int64 { return f.paced.rssAnon }),
		VMHWM:            most(cat, func(f figures) int64 { return f.flat.hwm }),
		IdleRSS:          most(cat, func(f figures) int64 { return f.idleRSS }),
		WriteBytes:       median(cat, func(f figures) float64 { return f.flatWrites }),
		PacedWriteBytes:  median(cat, func(f figures) float64 { return f.pacedWrites }),
		Lost:             sum(cat, func(f figures) int64 { return f.lost }),
		Repeated:         sum(cat, func(f figures) int64 { return f.repeated }),
		OutOfOrder:       sum(cat, func(f figures) int64 { return f.disorder }),
	}
	r.Ratio = Compared{
		EventsPerS: pairs(cat, base, func(f figures) float64 { return f.eventsPerS }),
		P50:        pairs(cat, base, func(f figures) float64 { return f.p50 }),
		P99:        pairs(cat, base, func(f figures) float64 { return f.p99 }),
		CPU:        pairs(cat, base, func(f figures) float64 { return f.cpu }),
	}
	return r, nil
}

// figures are those of one process in one round.
type figures struct {
	eventsPerS, p50, p99, cpu, pacedCPU float64
	flat, paced                         peak
	flatWrites, pacedWrites             float64
	idleRSS                             int64
	lost, repeated, disorder            int64
}

func relayOf(all []figures) Relay {
	return Relay{
		EventsPerS: median(all, func(f figures) float64 { return f.eventsPerS }),
		P50:        median(all, func(f figures) float64 { return f.p50 }),
		P99:        median(all, func(f figures) float64 { return f.p99 }),
		CPU:        median(all, func(f figures) float64 { return f.cpu }),
		PacedCPU:   median(all, func(f figures) float64 { return f.pacedCPU }),
	}
}

func median(all []figures, of func(figures) float64) float64 {
	values := make([]float64, 0, len(all))
	for _, f := range all {
		values = append(values, of(f))
	}
	return middle(values)
}

// pairs is the median of the ratios round by round: what disturbs the machine disturbs both of a pair.
func pairs(cat, base []figures, of func(figures) float64) float64 {
	var values []float64
	for i := range cat {
		if b := of(base[i]); b > 0 {
			values = append(values, of(cat[i])/b)
		}
	}
	return middle(values)
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}

func most(all []figures, of func(figures) int64) int64 {
	var out int64
	for _, f := range all {
		out = max(out, of(f))
	}
	return out
}

func sum(all []figures, of func(figures) int64) int64 {
	var out int64
	for _, f := range all {
		out += of(f)
	}
	return out
}
