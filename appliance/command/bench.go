package command

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/bench"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link/bare"
)

// scenario is one thing that bench measures, with the defaults of its flags.
type scenario struct {
	name, usage string
	defaults    bench.Options
	run         func(context.Context, bench.Options) (report any, sheet bench.Sheet, err error)
}

// measured fits a scenario's function to all the others.
func measured[R interface{ Sheet() bench.Sheet }](run func(context.Context, bench.Options) (R, error)) func(context.Context, bench.Options) (any, bench.Sheet, error) {
	return func(ctx context.Context, o bench.Options) (any, bench.Sheet, error) {
		r, err := run(ctx, o)
		return r, r.Sheet(), err
	}
}

// scenarios are what bench measures, the default first.
func scenarios() []scenario {
	return []scenario{
		{"relay", "events per second, latency, CPU and memory against a bare relay",
			bench.Options{Rounds: 5, Events: 60_000, Rate: 400, Paced: 5 * time.Second, Apps: 3}, measured(bench.Run)},
		{"away", "how fast a backlog reaches an app that was away",
			bench.Options{Rounds: 5, Backlog: 10_000}, measured(bench.RunAway)},
		{"isolation", "what a stalled app and one that is away cost a third",
			bench.Options{Rounds: 7, Rate: 1000, Paced: 20 * time.Second}, measured(bench.RunIsolation)},
		{"flash", "bytes that reach a block device (root, mkfs.ext4 and losetup; all rates at the same time)",
			bench.Options{Rates: []int{1, 10, 50}, Paced: 2 * time.Minute}, measured(bench.RunFlash)},
		{"scale", "1, 3 and 10 apps, 1 and 20 accounts",
			bench.Options{Rounds: 3, Events: 20_000, Rate: 400, Paced: 3 * time.Second,
				Shapes: bench.Shapes()}, measured(bench.RunScale)},
	}
}

// Bench measures this build on this machine.
func (s *Shell) Bench() *cli.Command {
	var text strings.Builder
	for _, sc := range scenarios() {
		fmt.Fprintf(&text, "  %-10s %s\n", sc.name, sc.usage)
	}
	return data(&cli.Command{
		Name: "bench", Usage: "measure events per second, latency, CPU and memory against a bare relay",
		UsageText: "catflap bench [--scenario NAME] [--rounds N] [--events N] [--rate N] [--paced 5s] [--apps N] [--json | --markdown]\n\n" +
			"It starts throw-away instances on loopback and stops by itself. Scenarios:\n\n" + text.String() + "\nexample: catflap bench --rounds 3",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "scenario", Usage: "what to measure; every scenario has defaults of its own for the flags below", Value: "relay"},
			&cli.IntFlag{Name: "rounds", Usage: "interleaved pairs of runs; medians are reported", Value: 5},
			&cli.IntFlag{Name: "events", Usage: "events of a flat-out run", Value: 60000},
			&cli.IntFlag{Name: "rate", Usage: "events per second of a paced run", Value: 400},
			&cli.DurationFlag{Name: "paced", Usage: "length of a paced run, whole seconds", Value: 5 * time.Second},
			&cli.IntFlag{Name: "apps", Usage: "apps that receive everything", Value: 3},
			&cli.IntSliceFlag{Name: "rates", Usage: "flash: events per second of each run"},
			&cli.IntFlag{Name: "backlog", Usage: "away: events that wait for the app", Value: 10_000},
			&cli.BoolFlag{Name: "markdown", Usage: "print a section for docs/benchmarks.md"},
			&cli.StringFlag{Name: "role", Hidden: true},
		},
		Action: func(c *cli.Context) error {
			switch c.String("role") {
			case "relay":
				return s.benchRelay(c)
			case "catflap":
				return s.benchServe(c)
			}
			return s.bench(c)
		},
	})
}

// benchOptions are a scenario's defaults with the flags that were given.
func benchOptions(c *cli.Context, o bench.Options) (bench.Options, error) {
	for name, set := range map[string]func(){
		"rounds":  func() { o.Rounds = c.Int("rounds") },
		"events":  func() { o.Events = c.Int("events") },
		"rate":    func() { o.Rate = c.Int("rate") },
		"paced":   func() { o.Paced = c.Duration("paced") },
		"apps":    func() { o.Apps = c.Int("apps") },
		"rates":   func() { o.Rates = c.IntSlice("rates") },
		"backlog": func() { o.Backlog = c.Int("backlog") },
	} {
		if c.IsSet(name) {
			set()
		}
	}
	// What a scenario does not use is zero, unless somebody set it.
	out := func(v, least, most int) bool { return v != 0 && (v < least || v > most) }
	bad := out(o.Rounds, 1, 100) || out(o.Events, 1000, 10_000_000) || out(o.Rate, 1, 10_000) || out(o.Apps, 1, 16) ||
		out(o.Backlog, 1000, 50_000) || o.Paced != 0 && (o.Paced < time.Second || o.Paced > time.Hour) || len(o.Rates) > 5
	for _, name := range []string{"rounds", "events", "rate", "apps", "backlog"} {
		bad = bad || c.IsSet(name) && c.Int(name) == 0
	}
	for _, rate := range o.Rates {
		bad = bad || rate < 1 || rate > 1000
	}
	if bad || c.IsSet("paced") && o.Paced == 0 {
		return o, misuse("rounds 1-100, events 1000-10000000, rate 1-10000, paced 1s-1h, apps 1-16, at most 5 rates of 1-1000, backlog 1000-50000", "a flag is out of its range")
	}
	return o, nil
}

func (s *Shell) bench(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	all := scenarios()
	i := slices.IndexFunc(all, func(sc scenario) bool { return sc.name == c.String("scenario") })
	if i < 0 {
		var names []string
		for _, sc := range all {
			names = append(names, sc.name)
		}
		return misuse("scenarios: "+strings.Join(names, ", "), "there is no scenario %q", c.String("scenario"))
	}
	o, err := benchOptions(c, all[i].defaults)
	if err != nil {
		return err
	}
	o.Tell = func(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }
	if o.Program, err = os.Executable(); err != nil {
		return failed("", "finding this program: %v", err)
	}
	if o.Dir, err = os.MkdirTemp("", "catflap-bench"); err != nil {
		return failed("", "%v", err)
	}
	defer os.RemoveAll(o.Dir)
	report, sheet, err := all[i].run(c.Context, o)
	if err != nil {
		return failed("", "%v", err)
	}
	switch relay, ok := report.(bench.Report); {
	case c.Bool("json"):
		return s.printValue(report)
	case c.Bool("markdown"):
		return sheet.Markdown(s.Out, time.Now())
	case ok:
		s.printBench(relay)
		return nil
	}
	return sheet.Text(s.Out)
}

func (s *Shell) printBench(r bench.Report) {
	fmt.Fprintf(s.Out, "%s\n%d apps, %d rounds of %d events flat out and %d events/s; medians\n\n", r.Machine, r.Apps, r.Rounds, r.Events, r.Rate)
	fmt.Fprintf(s.Out, "%-26s %12s %12s %8s\n", "", "bare relay", "catflap", "ratio")
	row := func(name string, base, cat, ratio float64, unit string) {
		fmt.Fprintf(s.Out, "%-26s %12.1f %12.1f %8.2f  %s\n", name, base, cat, ratio, unit)
	}
	row("events per second", r.Baseline.EventsPerS, r.Catflap.EventsPerS, r.Ratio.EventsPerS, "flat out")
	row("latency p50, us", r.Baseline.P50, r.Catflap.P50, r.Ratio.P50, fmt.Sprintf("at %d events/s", r.Rate))
	row("latency p99, us", r.Baseline.P99, r.Catflap.P99, r.Ratio.P99, fmt.Sprintf("at %d events/s", r.Rate))
	row("CPU per event, us", r.Baseline.CPU, r.Catflap.CPU, r.Ratio.CPU, "flat out")
	const mib = 1 << 20
	fmt.Fprintf(s.Out, "\nmemory (RssAnon peak): %.1f MiB at %d events/s, %.1f MiB flat out; VmHWM %.1f MiB; RSS idle %.1f MiB\n",
		float64(r.Catflap.RSSAnonPeakPaced)/mib, r.Rate, float64(r.Catflap.RSSAnonPeak)/mib, float64(r.Catflap.VMHWM)/mib, float64(r.Catflap.IdleRSS)/mib)
	fmt.Fprintf(s.Out, "written to disk: %.0f bytes per event at %d events/s, %.0f flat out\n", r.Catflap.PacedWriteBytes, r.Rate, r.Catflap.WriteBytes)
	fmt.Fprintf(s.Out, "lost %d, repeated %d, out of order %d\n", r.Catflap.Lost, r.Catflap.Repeated, r.Catflap.OutOfOrder)
}

// benchRelay says where it listens and relays until it is told to stop.
func (s *Shell) benchRelay(c *cli.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failed("", "%v", err)
	}
	fmt.Fprintln(s.Out, l.Addr(), l.Addr())
	stop := context.AfterFunc(c.Context, func() { _ = l.Close() })
	defer stop()
	if err := bare.Serve(l); c.Context.Err() == nil {
		return failed("", "%v", err)
	}
	return nil
}

// benchServe runs catflap and says where it listens.
func (s *Shell) benchServe(c *cli.Context) error {
	cfg, err := config.Load(c.String("config"), s.Env)
	if err != nil {
		return failed("", "%v", err)
	}
	log, _ := newLog(s.Err, cfg)
	a, err := appliance.Open(cfg, appliance.Options{Log: log, Version: s.Version})
	if err != nil {
		return failed("", "%v", err)
	}
	at := a.Addresses()
	host := func(url string) string {
		host, _, _ := strings.Cut(strings.TrimPrefix(url, "ws://"), "/")
		return host
	}
	napcat := ""
	for name, url := range at {
		if strings.HasPrefix(name, "napcat.") { // all accounts share one listener here
			napcat = host(url)
		}
	}
	fmt.Fprintln(s.Out, napcat, host(at["gateway"]))
	runErr := a.Run(c.Context)
	if err := a.Close(); err != nil {
		return failed("", "closing: %v", err)
	}
	if c.Context.Err() == nil {
		return failed("", "%v", runErr)
	}
	return nil
}
