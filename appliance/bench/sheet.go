package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Sheet is a report for people.
type Sheet struct {
	Title, Machine, Method string
	Head                   []string
	Rows                   [][]string
}

// Text writes the sheet as a table for a terminal.
func (s Sheet) Text(w io.Writer) error {
	fmt.Fprintf(w, "%s\n%s\n\n%s\n\n", s.Title, s.Machine, s.Method)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{s.Head}, s.Rows...) {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return t.Flush()
}

// Markdown writes the sheet as a section of docs/benchmarks.md.
func (s Sheet) Markdown(w io.Writer, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n%s, %s.\n\n", s.Title, s.Method, s.Machine, now.Format(time.DateOnly))
	rule := make([]string, len(s.Head))
	for i := range rule {
		rule[i] = "---"
	}
	for _, row := range append([][]string{s.Head, rule}, s.Rows...) {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// number writes a figure without a fraction.
func number(v float64) string { return fmt.Sprintf("%.0f", v) }

// mib writes bytes as MiB.
func mib(v int64) string { return fmt.Sprintf("%.1f", float64(v)/(1<<20)) }

// Sheet is the report as a table.
func (r Report) Sheet() Sheet {
	at := fmt.Sprintf("at %d events/s", r.Rate)
	row := func(name string, base, cat, ratio float64, goal string) []string {
		return []string{name, fmt.Sprintf("%.1f", base), fmt.Sprintf("%.1f", cat), fmt.Sprintf("%.2f", ratio), goal}
	}
	return Sheet{
		Title: "Against a bare relay", Machine: r.Machine,
		Method: fmt.Sprintf("%d apps that take everything, one account, policy and history on. %d interleaved pairs of a bare relay and catflap, "+
			"each with %d events flat out and a paced run; medians.", r.Apps, r.Rounds, r.Events),
		Head: []string{"", "bare relay", "catflap", "ratio", "note"},
		Rows: [][]string{
			row("events per second", r.Baseline.EventsPerS, r.Catflap.EventsPerS, r.Ratio.EventsPerS, "flat out"),
			row("latency p50, us", r.Baseline.P50, r.Catflap.P50, r.Ratio.P50, at),
			row("latency p99, us", r.Baseline.P99, r.Catflap.P99, r.Ratio.P99, at),
			row("CPU per event, us", r.Baseline.CPU, r.Catflap.CPU, r.Ratio.CPU, "flat out"),
			{"RssAnon peak, MiB", "", mib(r.Catflap.RSSAnonPeakPaced), "", at},
			{"RssAnon peak, MiB", "", mib(r.Catflap.RSSAnonPeak), "", "flat out; VmHWM " + mib(r.Catflap.VMHWM)},
			{"RSS idle, MiB", "", mib(r.Catflap.IdleRSS), "", "mapped store included"},
			{"lost, repeated, out of order", "", fmt.Sprintf("%d, %d, %d", r.Catflap.Lost, r.Catflap.Repeated, r.Catflap.OutOfOrder), "", ""},
		},
	}
}
