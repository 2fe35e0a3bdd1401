package bench

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// preload fills every queue and every window of the history, so that the steady state is measured.
	preload     = 5000
	preloadRate = 1000
	// restall is how often the stalled app connects anew: catflap gives up on one that reads nothing for 10 s.
	restall = 8 * time.Second
)

// Isolation is the report of the isolation scenario: of three apps one reads nothing and one is away.
type Isolation struct {
	Machine string  `json:"machine"`
	Rounds  int     `json:"rounds"`
	Rate    int     `json:"rate"`
	Samples int     `json:"samples"` // per run
	Calm50  float64 `json:"undisturbed_p50_us"`
	Calm99  float64 `json:"undisturbed_p99_us"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	Ratio50 float64 `json:"ratio_p50"` // medians of the pairs
	Ratio99 float64 `json:"ratio_p99"`
	RSSAnon int64   `json:"rss_anon_peak"`
	VMHWM   int64   `json:"vm_hwm"`
	Lost    int64   `json:"lost"` // by the third app
}

// RunIsolation measures the third app's latency, undisturbed and disturbed in turn.
func RunIsolation(ctx context.Context, o Options) (Isolation, error) {
	r := Isolation{Machine: machine(), Rounds: o.Rounds, Rate: o.Rate, Samples: int(float64(o.Rate) * o.Paced.Seconds())}
	var calm, disturbed []figures
	for round := range o.Rounds {
		for _, disturb := range []bool{false, true} {
			var f figures
			err := o.with(ctx, catflap, setup{apps: 3, accounts: 1}, func(p *process, l *load) error {
				return o.isolate(ctx, p, l, disturb, &f)
			})
			if err != nil {
				return r, fmt.Errorf("round %d: %w", round+1, err)
			}
			name := "undisturbed"
			if disturb {
				name = "disturbed"
				disturbed = append(disturbed, f)
			} else {
				calm = append(calm, f)
			}
			o.Tell("round %d/%d %-11s p50 %5.0f us  p99 %6.0f us  RssAnon %.1f MiB", round+1, o.Rounds, name, f.p50, f.p99, float64(f.paced.rssAnon)/(1<<20))
		}
	}
	p50, p99 := func(f figures) float64 { return f.p50 }, func(f figures) float64 { return f.p99 }
	r.Calm50, r.Calm99, r.P50, r.P99 = median(calm, p50), median(calm, p99), median(disturbed, p50), median(disturbed, p99)
	r.Ratio50, r.Ratio99 = pairs(disturbed, calm, p50), pairs(disturbed, calm, p99)
	r.RSSAnon = most(disturbed, func(f figures) int64 { return f.paced.rssAnon })
	r.VMHWM = most(disturbed, func(f figures) int64 { return f.paced.hwm })
	r.Lost = sum(disturbed, func(f figures) int64 { return f.lost })
	return r, nil
}

// isolate is one run. The first app stalls and the second is away when disturb is set; the third is measured.
func (o Options) isolate(ctx context.Context, p *process, l *load, disturb bool, f *figures) error {
	if err := l.attachAll(ctx); err != nil {
		return err
	}
	time.Sleep(settling)
	third := l.apps[2]
	if disturb {
		l.apps[0].detach()
		l.apps[1].detach()
		stop, err := l.stall(ctx, l.apps[0])
		if err != nil {
			return err
		}
		defer stop()
	}
	if _, err := l.paced(ctx, preloadRate, preload/preloadRate*time.Second, false); err != nil {
		return fmt.Errorf("filling the queues: %w", err)
	}
	var err error
	f.paced, f.pacedCPU, f.pacedWrites, err = l.run(p, func() (int, error) { return l.paced(ctx, o.Rate, o.Paced, true) })
	if err != nil {
		return err
	}
	f.p50, f.p99 = latency([]*app{third})
	f.lost = third.lost.Load()
	return nil
}

// stall connects an app that reads nothing, again and again, until stop.
func (l *load) stall(ctx context.Context, a *app) (stop func(), err error) {
	open := func() (net.Conn, error) {
		c, _, err := l.dialApp(ctx, a)
		if tcp, ok := c.(*net.TCPConn); ok && err == nil {
			err = tcp.SetReadBuffer(bufio.MaxScanTokenSize)
		}
		return c, err
	}
	c, err := open()
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	var task sync.WaitGroup
	task.Go(func() {
		defer func() { _ = c.Close() }()
		tick := time.NewTicker(restall)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if next, err := open(); err == nil {
				_ = c.Close()
				c = next
			}
		}
	})
	return func() { close(done); task.Wait() }, nil
}

// Sheet is the report as a table.
func (r Isolation) Sheet() Sheet {
	row := func(name string, calm, disturbed, ratio float64, goal string) []string {
		return []string{name, number(calm), number(disturbed), fmt.Sprintf("%.2f", ratio), goal}
	}
	return Sheet{
		Title: "One app stalled, one away", Machine: r.Machine,
		Method: fmt.Sprintf("Three apps with the default queues. Undisturbed all three read; disturbed the first reads nothing from its socket, the second "+
			"is away, and %d events have filled their queues: it has fewer readers to serve, but a disk to write to. The third app's latency at %d events/s, %d samples a run. "+
			"Medians of %d interleaved pairs.", preload, r.Rate, r.Samples, r.Rounds),
		Head: []string{"", "undisturbed", "disturbed", "ratio", "goal"},
		Rows: [][]string{
			row("latency p50, us", r.Calm50, r.P50, r.Ratio50, "at most 1.2"),
			row("latency p99, us", r.Calm99, r.P99, r.Ratio99, "at most 2"),
			{"RssAnon peak, MiB", "", mib(r.RSSAnon), "", "at most 32"},
			{"VmHWM, MiB", "", mib(r.VMHWM), "", "mapped store included"},
			{"lost by the third app", "", fmt.Sprint(r.Lost), "", "0"},
		},
	}
}
