package command

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/bench"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link/bare"
)

// Bench measures this build on this machine.
func (s *Shell) Bench() *cli.Command {
	return data(&cli.Command{
		Name: "bench", Usage: "measure events per second, latency, CPU and memory against a bare relay",
		UsageText: "catflap bench [--rounds N] [--events N] [--rate N] [--paced 5s] [--apps N] [--json]\n\n" +
			"It starts throw-away instances on loopback and stops by itself.\n\nexample: catflap bench --rounds 3",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "rounds", Usage: "interleaved pairs of runs; medians are reported", Value: 5},
			&cli.IntFlag{Name: "events", Usage: "events of a flat-out run", Value: 60000},
			&cli.IntFlag{Name: "rate", Usage: "events per second of a paced run", Value: 400},
			&cli.DurationFlag{Name: "paced", Usage: "length of a paced run, whole seconds", Value: 5 * time.Second},
			&cli.IntFlag{Name: "apps", Usage: "apps that receive everything", Value: 3},
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

func (s *Shell) bench(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	o := bench.Options{
		Rounds: c.Int("rounds"), Events: c.Int("events"), Rate: c.Int("rate"), Paced: c.Duration("paced"), Apps: c.Int("apps"),
		Tell: func(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) },
	}
	switch {
	case o.Rounds < 1 || o.Rounds > 100, o.Events < 1000 || o.Events > 10_000_000, o.Rate < 1 || o.Rate > 10_000,
		o.Paced < time.Second || o.Paced > 10*time.Minute, o.Apps < 1 || o.Apps > 16:
		return misuse("rounds 1-100, events 1000-10000000, rate 1-10000, paced 1s-10m, apps 1-16", "a flag is out of its range")
	}
	var err error
	if o.Program, err = os.Executable(); err != nil {
		return failed("", "finding this program: %v", err)
	}
	if o.Dir, err = os.MkdirTemp("", "catflap-bench"); err != nil {
		return failed("", "%v", err)
	}
	defer os.RemoveAll(o.Dir)
	report, err := bench.Run(c.Context, o)
	if err != nil {
		return failed("", "%v", err)
	}
	if c.Bool("json") {
		return s.printValue(report)
	}
	s.printBench(report)
	return nil
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
	fmt.Fprintln(s.Out, host(at["napcat."+config.DefaultAccount]), host(at["gateway"]))
	runErr := a.Run(c.Context)
	if err := a.Close(); err != nil {
		return failed("", "closing: %v", err)
	}
	if c.Context.Err() == nil {
		return failed("", "%v", runErr)
	}
	return nil
}
