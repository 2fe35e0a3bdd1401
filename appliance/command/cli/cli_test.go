package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// got is what the action of a command saw.
type got struct {
	Name     string
	Text     string
	Count    int
	ID       uint64
	Wait     time.Duration
	Yes, On  bool
	Rates    []int
	CountSet bool
	Args     []string
}

func program(seen *got, help *bytes.Buffer) *App {
	act := func(c *Context) error {
		*seen = got{c.Command.HelpName, c.String("text"), c.Int("n"), c.Uint64("id"), c.Duration("wait"), c.Bool("yes"), c.Bool("on"), c.IntSlice("rates"), c.IsSet("count"), c.Args().Slice()}
		return nil
	}
	flags := []Flag{
		&StringFlag{Name: "text", Usage: "the `FILE` of it", EnvVars: []string{"CATFLAP_CLI_TEST"}},
		&IntFlag{Name: "count", Aliases: []string{"n"}, Value: 5, Usage: "how many", Action: func(_ *Context, n int) error {
			if n > 9 {
				return errors.New("too many")
			}
			return nil
		}},
		&Uint64Flag{Name: "id", Usage: "a number", DefaultText: "unknown"},
		&DurationFlag{Name: "wait", Usage: "how long", Value: time.Second},
		&BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
		&BoolFlag{Name: "on", Usage: "as it is", Value: true},
		&IntSliceFlag{Name: "rates", Usage: "some rates"},
		&StringFlag{Name: "secret", Hidden: true},
	}
	return &App{Name: "catflap", Usage: "a door", Writer: help, Commands: []*Command{
		{Name: "one", Usage: "do one thing", UsageText: "catflap one [--text FILE]\n\nexample: catflap one", Flags: flags, Action: act},
		{Name: "group", Usage: "some things", Subcommands: []*Command{{Name: "two", ArgsUsage: "NAME", Action: act}}},
		{Name: "quiet", Hidden: true, Action: act},
	}}
}

func TestCommandLines(t *testing.T) {
	plain := got{Name: "catflap one", Count: 5, Wait: time.Second, On: true}
	with := func(change func(*got)) got {
		g := plain
		change(&g)
		return g
	}
	for _, c := range []struct {
		line string
		want got
	}{
		{"one", plain},
		{"one a -n 3", with(func(g *got) { g.Args = []string{"a", "-n", "3"} })},
		{"one -- -n", with(func(g *got) { g.Args = []string{"-n"} })},
		{"one -", with(func(g *got) { g.Args = []string{"-"} })},
		{"one -n 3", with(func(g *got) { g.Count, g.CountSet = 3, true })},
		{"one --count=0x7", with(func(g *got) { g.Count, g.CountSet = 7, true })},
		{"one -text a --text=b=c", with(func(g *got) { g.Text = "b=c" })},
		{"one -y --on=false", with(func(g *got) { g.Yes, g.On = true, false })},
		{"one --id 18446744073709551615 --wait 2m", with(func(g *got) { g.ID, g.Wait = 1<<64-1, 2*time.Minute })},
		{"one --rates 1,2 --rates 3", with(func(g *got) { g.Rates = []int{1, 2, 3} })},
		{"group two x", got{Name: "catflap group two", Args: []string{"x"}}},
		{"quiet", got{Name: "catflap quiet"}},
	} {
		var seen got
		err := program(&seen, nil).RunContext(t.Context(), append([]string{"catflap"}, strings.Fields(c.line)...))
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
		}
		if len(seen.Args) == 0 {
			seen.Args = nil
		}
		if diff := cmp.Diff(c.want, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("CATFLAP_CLI_TEST", "from outside")
	var seen got
	for line, want := range map[string]string{"one": "from outside", "one --text x": "x"} {
		if err := program(&seen, nil).RunContext(t.Context(), append([]string{"catflap"}, strings.Fields(line)...)); err != nil || seen.Text != want {
			t.Errorf("%s: %q, %v", line, seen.Text, err)
		}
	}
}

func TestWrongUse(t *testing.T) {
	for _, c := range []struct {
		line string
		kind error
		text string
	}{
		{"one --nope", ErrUnknownFlag, "--nope: there is no such flag"},
		{"one -", nil, ""},
		{"one --count", ErrNeedsValue, "--count: the flag needs a value"},
		{"one -n x", ErrBadValue, "--n: the flag cannot have this value"},
		{"one --count 99999999999999999999", ErrBadValue, "--count: the flag cannot have this value"},
		{"one --id -1", ErrBadValue, "--id: the flag cannot have this value"},
		{"one --wait 5", ErrBadValue, "--wait: the flag cannot have this value"},
		{"one --yes=perhaps", ErrBadValue, "--yes: the flag cannot have this value"},
		{"one --rates 1,x", ErrBadValue, "--rates: the flag cannot have this value"},
		{"one --=x", ErrUnknownFlag, "--: there is no such flag"},
		{"one --count 10", nil, "too many"},
		{"help nope", ErrNoTopic, `no help topic "nope"`},
		{"group help nope", ErrNoTopic, `no help topic "nope"`},
	} {
		var seen got
		err := program(&seen, new(bytes.Buffer)).RunContext(t.Context(), append([]string{"catflap"}, strings.Fields(c.line)...))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != c.text || c.kind != nil && !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %q", c.line, err, c.text)
		}
	}
	app := program(new(got), nil)
	app.OnUsageError = func(c *Context, wrong *FlagError) error { return errors.New(c.Command.HelpName + " " + wrong.Flag) }
	if err := app.RunContext(t.Context(), []string{"catflap", "one", "--nope=1"}); err == nil || err.Error() != "catflap one nope" {
		t.Errorf("the program's own words: %v", err)
	}
}

func TestHelp(t *testing.T) {
	const whole = `NAME:
   catflap - a door

USAGE:
   catflap [global options] command [command options]

COMMANDS:
   one      do one thing
   group    some things
   help, h  Shows a list of commands or help for one command

GLOBAL OPTIONS:
   --help, -h  show help
`
	const one = `NAME:
   catflap one - do one thing

USAGE:
   catflap one [--text FILE]

   example: catflap one

OPTIONS:
   --text FILE                      the FILE of it [$CATFLAP_CLI_TEST]
   --count value, -n value          how many (default: 5)
   --id value                       a number (default: unknown)
   --wait value                     how long (default: 1s)
   --yes, -y                        do not ask
   --on                             as it is (default: true)
   --rates value [ --rates value ]  some rates
   --help, -h                       show help
`
	const two = `NAME:
   catflap group two

USAGE:
   catflap group two [command options] NAME

OPTIONS:
   --help, -h  show help
`
	for line, want := range map[string]string{
		"": whole, "--help": whole, "-h": whole, "help": whole, "h": whole, "nope": whole,
		"one --help": one, "one -h x": one, "help one": one, "help one --yes": one,
		"group two --help": two, "help group two": two, "group help two": two,
	} {
		var out bytes.Buffer
		var seen got
		if err := program(&seen, &out).RunContext(context.Background(), append([]string{"catflap"}, strings.Fields(line)...)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
		if seen.Name != "" {
			t.Errorf("%q ran %s", line, seen.Name)
		}
	}
}

// Whatever is typed, it is read or refused.
func FuzzRunContext(f *testing.F) {
	for _, seed := range []string{"one --count 3", "group two x", "one --=", "help -h", "one -n -- --", "h group two", "one --rates=,"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, line string) {
		_ = program(new(got), new(bytes.Buffer)).RunContext(context.Background(), append([]string{"catflap"}, strings.Fields(line)...))
	})
}
