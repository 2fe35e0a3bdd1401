package bench

import (
	"context"
	"fmt"
	"time"
)

// awayRate bounds how fast the backlog is made: what is measured is its delivery.
const awayRate = 4000

// Away is the report of the away scenario: an app that missed Backlog events comes back.
type Away struct {
	Machine  string  `json:"machine"`
	Rounds   int     `json:"rounds"`
	Backlog  int     `json:"backlog"`
	Relay    float64 `json:"relay_events_per_s"` // bare relay, one app, as many events, flat out
	CatchUp  float64 `json:"catch_up_events_per_s"`
	Ratio    float64 `json:"ratio"` // median of the pairs
	RSSAnon  int64   `json:"rss_anon_peak"`
	Lost     int64   `json:"lost"`
	Repeated int64   `json:"repeated"`
	Disorder int64   `json:"out_of_order"`
}

// RunAway measures how fast a backlog reaches the app that was away, from the start of its dial to its last event.
func RunAway(ctx context.Context, o Options) (Away, error) {
	r := Away{Machine: machine(), Rounds: o.Rounds, Backlog: o.Backlog}
	var base, cat []figures
	for round := range o.Rounds {
		var b, c figures
		err := o.with(ctx, baseline, setup{apps: 1, accounts: 1}, func(_ *process, l *load) error {
			if err := l.attachAll(ctx); err != nil {
				return err
			}
			time.Sleep(settling)
			began := time.Now()
			if err := l.flat(ctx, o.Backlog); err != nil {
				return err
			}
			b.eventsPerS = float64(o.Backlog) / l.ended.Sub(began).Seconds()
			return nil
		})
		if err != nil {
			return r, fmt.Errorf("round %d, %s: %w", round+1, baseline, err)
		}
		s := setup{apps: 2, accounts: 1, queue: fmt.Sprintf("{maxEvents: %d, maxMb: %d}", o.Backlog+o.Backlog/4, 1+o.Backlog*1024>>20)}
		if err := o.with(ctx, catflap, s, func(p *process, l *load) error { return o.away(ctx, p, l, &c) }); err != nil {
			return r, fmt.Errorf("round %d, %s: %w", round+1, catflap, err)
		}
		base, cat = append(base, b), append(cat, c)
		o.Tell("round %d/%d relay %8.0f events/s  catch-up %8.0f events/s  lost %d", round+1, o.Rounds, b.eventsPerS, c.eventsPerS, c.lost)
	}
	rate := func(f figures) float64 { return f.eventsPerS }
	r.Relay, r.CatchUp, r.Ratio = median(base, rate), median(cat, rate), pairs(cat, base, rate)
	r.RSSAnon = most(cat, func(f figures) int64 { return f.flat.rssAnon })
	r.Lost = sum(cat, func(f figures) int64 { return f.lost })
	r.Repeated = sum(cat, func(f figures) int64 { return f.repeated })
	r.Disorder = sum(cat, func(f figures) int64 { return f.disorder })
	return r, nil
}

// away is one round of catflap: one app is there, the other goes and comes back.
func (o Options) away(ctx context.Context, p *process, l *load, f *figures) error {
	if err := l.attachAll(ctx); err != nil {
		return err
	}
	time.Sleep(settling)
	absent := l.apps[1]
	if err := l.flat(ctx, chunk); err != nil {
		return err
	}
	time.Sleep(settling) // the first events are acknowledged
	absent.detach()
	stop := p.watch()
	if _, err := l.paced(ctx, awayRate, time.Duration(float64(o.Backlog)/awayRate*float64(time.Second)), false); err != nil {
		stop()
		return err
	}
	began := time.Now()
	err := l.attach(ctx, absent)
	if err == nil {
		err = l.arrived(ctx)
	}
	f.flat = stop()
	if err != nil {
		return fmt.Errorf("after the return: %w", err)
	}
	f.eventsPerS = float64(o.Backlog) / l.ended.Sub(began).Seconds()
	f.count(l)
	return nil
}

// Sheet is the report as a table.
func (r Away) Sheet() Sheet {
	return Sheet{
		Title: "An app comes back", Machine: r.Machine,
		Method: fmt.Sprintf("One app of two disconnects, %d events arrive at %d/s, then it connects again. Timed from its dial to its last event; "+
			"the bare relay passes as many events to one app, flat out. Medians of %d interleaved pairs.", r.Backlog, awayRate, r.Rounds),
		Head: []string{"", "figure", "goal"},
		Rows: [][]string{
			{"bare relay, events/s", number(r.Relay), ""},
			{"catch-up, events/s", number(r.CatchUp), ""},
			{"ratio", fmt.Sprintf("%.2f", r.Ratio), "at least 0.50"},
			{"RssAnon peak, MiB", mib(r.RSSAnon), ""},
			{"lost, repeated, out of order", fmt.Sprintf("%d, %d, %d", r.Lost, r.Repeated, r.Disorder), "0, 0, 0"},
		},
	}
}
