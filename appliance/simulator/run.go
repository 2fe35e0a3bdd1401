package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"
	"time"
)

// Failure is a step that did not go as the scenario says.
type Failure struct {
	Line   int
	Step   string
	Reason string
}

// String is "line 12: expect: ...".
func (f Failure) String() string { return fmt.Sprintf("line %d: %s: %s", f.Line, f.Step, f.Reason) }

// maxFailures bounds what Run returns; later ones are only printed.
const maxFailures = 1000

// Run plays a scenario on nap, which the caller has started with the scenario's World and keeps running. One line per
// step goes to out (within repeat only for the first round). It returns the steps that failed; the error is not nil
// only if ctx ended first.
func Run(ctx context.Context, nap *NapCat, s *Scenario, out io.Writer) ([]Failure, error) {
	x := &runner{ctx: ctx, nap: nap, out: out, names: make(map[string]int64), used: make(map[int64]bool), usedCalls: make(map[int64]bool)}
	x.sentFrom, x.callFrom = nap.book.counts()
	err := x.steps(s.Steps)
	if err == nil {
		x.print("%s: %d steps, %d failed\n", s.Path, x.done, x.failed)
	}
	return x.failures, err
}

func (r *record) counts() (sent, calls int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nSent, r.nCall
}

// runner is one run of a scenario.
type runner struct {
	ctx      context.Context
	nap      *NapCat
	out      io.Writer
	step     Step
	round    int64 // of the innermost repeat, from 1
	nested   int
	done     int64
	failed   int64
	failures []Failure
	names    map[string]int64 // message ids by name
	// Each sent message and each call satisfies one expectation only, and none from before the run.
	sentFrom, callFrom int64
	used, usedCalls    map[int64]bool
}

func (x *runner) print(format string, a ...any) {
	_, _ = fmt.Fprintf(x.out, format, a...) // a closed terminal does not change what the scenario found
}

// say prints a step's line.
func (x *runner) say(format string, a ...any) {
	if x.nested == 0 || x.round <= 1 {
		x.print("line %-4d %-9s %s\n", x.step.Line, x.step.Name, fmt.Sprintf(format, a...))
	}
}

func (x *runner) steps(steps []Step) error {
	for _, s := range steps {
		if x.ctx.Err() != nil {
			return context.Cause(x.ctx)
		}
		x.step = s
		x.done++
		err := s.do(x)
		if x.ctx.Err() != nil && err != nil {
			return context.Cause(x.ctx)
		}
		if err != nil {
			x.failed++
			f := Failure{s.Line, s.Name, err.Error()}
			if len(x.failures) < maxFailures {
				x.failures = append(x.failures, f)
			}
			x.print("FAILED %s\n", f)
		}
	}
	return nil
}

func (x *runner) repeat(steps []Step, times int64, forever bool, every time.Duration) error {
	outer, self := x.round, x.step
	defer func() { x.round, x.step = outer, self; x.nested-- }()
	x.nested++
	for n := int64(1); forever || n <= times; n++ {
		x.round = n
		if err := x.steps(steps); err != nil {
			return err
		}
		if (forever || n < times) && !sleep(x.ctx, every) {
			return context.Cause(x.ctx)
		}
	}
	return nil
}

// fill puts the round's number for {n}.
func (x *runner) fill(text string) string {
	if !strings.Contains(text, "{n}") {
		return text
	}
	return strings.ReplaceAll(text, "{n}", fmt.Sprint(max(1, x.round)))
}

// message is the id of a message by its name; "last" is the newest that the scenario said, "sent" the newest that an
// expectation met.
func (x *runner) message(name string) (int64, error) {
	if id, ok := x.names[name]; ok {
		return id, nil
	}
	return 0, fmt.Errorf("no message is called %q; give it a name with `as`", name)
}

func (x *runner) wait(d time.Duration) error {
	x.say("%s", d)
	if !sleep(x.ctx, d) {
		return context.Cause(x.ctx)
	}
	return nil
}

var errLate = errors.New("too late")

func (x *runner) connected(d time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(x.ctx, d, errLate)
	defer cancel()
	if err := x.nap.WaitConnected(ctx); err != nil {
		return fmt.Errorf("nobody is connected after %s", d)
	}
	x.say("yes")
	return nil
}

// saying is a say step.
type saying struct {
	from  From
	name  string
	parts []func(*runner) (Segment, error)
}

func (s saying) do(x *runner) error {
	segments := make([]Segment, 0, len(s.parts))
	for _, part := range s.parts {
		seg, err := part(x)
		if err != nil {
			return err
		}
		segments = append(segments, seg)
	}
	id := x.nap.Say(s.from, segments...)
	x.names["last"] = id
	if s.name != "" && (x.names[s.name] != 0 || len(x.names) < maxSteps) {
		x.names[s.name] = id
	}
	x.say("%d%s: %s", s.from.User, where(s.from), encodeCQ(segments))
	return nil
}

func where(f From) string {
	switch {
	case f.Temp:
		return fmt.Sprintf(" through group %d", f.Group)
	case f.Group != 0:
		return fmt.Sprintf(" in group %d", f.Group)
	case f.Peer != 0:
		return fmt.Sprintf(" to %d", f.Peer)
	}
	return ""
}

// sentMatch says which sent message is meant. Absent keys match all.
type sentMatch struct {
	group, user            uint64
	contains, equals, kind string
	exact                  bool
	matches                *regexp.Regexp
}

func (m *sentMatch) ok(x *runner, s Sent) bool {
	if m.group != 0 && s.Group != m.group || m.user != 0 && s.User != m.user || m.group != 0 && m.user == 0 && s.User != 0 {
		return false
	}
	if m.kind != "" {
		found := false
		for _, seg := range s.Segments {
			found = found || seg.Type == m.kind
		}
		if !found {
			return false
		}
	}
	return strings.Contains(s.Text, x.fill(m.contains)) && (!m.exact || s.Text == x.fill(m.equals)) &&
		(m.matches == nil || m.matches.MatchString(s.Text))
}

// callMatch says which call is meant: its action without suffix, and parameters that must be there.
type callMatch struct {
	action string
	params []Field
}

func (m *callMatch) ok(c Call) bool {
	if c.Name != m.action {
		return false
	}
	for _, p := range m.params {
		have, ok := c.Params[p.Key]
		if !ok || string(encode(have)) != string(encode(p.Value)) && (toText(have) == "" || toText(have) != toText(p.Value)) {
			return false
		}
	}
	return true
}

// expectation is an expect or quiet step.
type expectation struct {
	sent   *sentMatch
	call   *callMatch
	within time.Duration
	name   string
}

// find waits for what is expected and takes it, so that the next expectation needs another one.
func (e expectation) find(x *runner) (string, error) {
	ctx, cancel := context.WithTimeoutCause(x.ctx, e.within, errLate)
	defer cancel()
	if e.call != nil {
		c, err := x.nap.WaitCall(ctx, func(c Call) bool { return c.Seq > x.callFrom && !x.usedCalls[c.Seq] && e.call.ok(c) })
		if err != nil {
			return "", err
		}
		mark(x.usedCalls, c.Seq)
		return "call " + c.Action, nil
	}
	s, err := x.nap.WaitSent(ctx, func(s Sent) bool { return s.Seq > x.sentFrom && !x.used[s.Seq] && e.sent.ok(x, s) })
	if err != nil {
		return "", err
	}
	mark(x.used, s.Seq)
	x.names["sent"] = s.MessageID
	if e.name != "" && (x.names[e.name] != 0 || len(x.names) < maxSteps) {
		x.names[e.name] = s.MessageID
	}
	return fmt.Sprintf("sent %q", s.Text), nil
}

// mark notes that a record is used and forgets marks of records that are no longer kept.
func mark(used map[int64]bool, seq int64) {
	used[seq] = true
	if len(used) > 2*maxRecords {
		maps.DeleteFunc(used, func(old int64, _ bool) bool { return old < seq-maxRecords })
	}
}

func (e expectation) expect(x *runner) error {
	found, err := e.find(x)
	if err != nil {
		return fmt.Errorf("nothing like that within %s", e.within)
	}
	x.say("%s", found)
	return nil
}

// quiet is the opposite: nothing like that may come, counted from the last thing that an expectation took.
func (e expectation) quiet(x *runner) error {
	found, err := e.find(x)
	if err == nil {
		return fmt.Errorf("unexpected: %s", found)
	}
	x.say("nothing for %s", e.within)
	return nil
}
