package bench

import (
	"context"
	"fmt"
)

// Shape is a number of apps and of accounts.
type Shape struct {
	Apps     int `json:"apps"`
	Accounts int `json:"accounts"`
}

// Shapes are those of the scale scenario.
func Shapes() (list []Shape) {
	for _, accounts := range []int{1, 20} {
		for _, apps := range []int{1, 3, 10} {
			list = append(list, Shape{Apps: apps, Accounts: accounts})
		}
	}
	return list
}

// Scale is the report of the scale scenario.
type Scale struct {
	Machine string  `json:"machine"`
	Rounds  int     `json:"rounds"`
	Events  int     `json:"events"`
	Rate    int     `json:"rate"`
	Cases   []Sized `json:"cases"`
}

// Sized is one shape's figures; every app has one connection per account.
type Sized struct {
	Shape
	Baseline Relay    `json:"baseline"` // one account, as many apps
	Catflap  Catflap  `json:"catflap"`
	Ratio    Compared `json:"ratio"`
}

// RunScale measures each shape like Run does.
func RunScale(ctx context.Context, o Options) (Scale, error) {
	r := Scale{Machine: machine(), Rounds: o.Rounds, Events: o.Events, Rate: o.Rate}
	for _, shape := range o.Shapes {
		one := o
		one.Apps = shape.Apps
		o.Tell("%d apps, %d accounts", shape.Apps, shape.Accounts)
		report, err := compare(ctx, one, shape.Accounts)
		if err != nil {
			return r, fmt.Errorf("%d apps, %d accounts: %w", shape.Apps, shape.Accounts, err)
		}
		r.Cases = append(r.Cases, Sized{shape, report.Baseline, report.Catflap, report.Ratio})
	}
	return r, nil
}

// Sheet is the report as a table.
func (r Scale) Sheet() Sheet {
	s := Sheet{
		Title: "Apps and accounts", Machine: r.Machine,
		Method: fmt.Sprintf("Every app takes the events of every account, on one connection per account. The bare relay has one NapCat and as many apps. "+
			"%d events flat out over all accounts, and %d events/s for the latency; medians of %d interleaved pairs.", r.Events, r.Rate, r.Rounds),
		Head: []string{"apps", "accounts", "events/s", "bare relay", "ratio", "p50, us", "p99, us", "CPU, us/event", "RssAnon peak, MiB", "RSS idle, MiB", "lost"},
	}
	for _, c := range r.Cases {
		s.Rows = append(s.Rows, []string{
			fmt.Sprint(c.Apps), fmt.Sprint(c.Accounts), number(c.Catflap.EventsPerS), number(c.Baseline.EventsPerS), fmt.Sprintf("%.2f", c.Ratio.EventsPerS),
			number(c.Catflap.P50), number(c.Catflap.P99), fmt.Sprintf("%.1f", c.Catflap.CPU), mib(c.Catflap.RSSAnonPeak), mib(c.Catflap.IdleRSS), fmt.Sprint(c.Catflap.Lost),
		})
	}
	return s
}
