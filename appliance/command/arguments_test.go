package command

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/command/cli"
)

func TestArrange(t *testing.T) {
	flags := func() []cli.Flag {
		return []cli.Flag{&cli.StringFlag{Name: "config", Aliases: []string{"c"}}, &cli.BoolFlag{Name: "json"}, &cli.IntFlag{Name: "last"}}
	}
	root := []*cli.Command{
		{Name: "status", Flags: flags()},
		{Name: "call", Flags: flags()},
		{Name: "history", Subcommands: []*cli.Command{{Name: "show", Flags: flags()}}},
	}
	for _, c := range []struct{ in, want string }{
		{"catflap", "catflap"},
		{"catflap status", "catflap status"},
		{"catflap --config f status --json", "catflap status --config f --json"},
		{"catflap --config=f status", "catflap status --config=f"},
		{"catflap -c f history show group:1 --last 3 --json", "catflap history show -c f --last 3 --json -- group:1"},
		{"catflap call send_msg a=1 --json b=2", "catflap call --json -- send_msg a=1 b=2"},
		{"catflap call status", "catflap call -- status"},
		{"catflap call -- --json", "catflap call -- --json"},
		{"catflap history shwo", "catflap history -- shwo"},
		{"catflap nonsense", "catflap nonsense"},
		{"catflap nonsense --config f", "catflap nonsense --config f"},
		{"catflap --json history shwo --config f", "catflap history -- shwo --json --config f"},
		{"catflap help status --json", "catflap help status --json"},
		{"catflap status --unknown x", "catflap status --unknown -- x"},
		{"catflap help status", "catflap help status"},
		{"catflap call send_msg --help", "catflap call --help"},
		{"catflap call x=- -", "catflap call -- x=- -"},
	} {
		if diff := cmp.Diff(c.want, strings.Join(arrange(root, strings.Fields(c.in)), " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.in, diff)
		}
	}
	if got := arrange(root, nil); len(got) != 0 {
		t.Errorf("arrange of nothing = %q", got)
	}
}

// Whatever is typed, nothing is lost and nothing is added but one "--".
func FuzzArrange(f *testing.F) {
	for _, seed := range []string{"status --json", "history show group:1 --last 3", "call a=1 -- --json", "-c f -- - --", "call x --help", "history frob --last x", "--json frob"} {
		f.Add(seed)
	}
	root := []*cli.Command{
		{Name: "call", Flags: []cli.Flag{&cli.StringFlag{Name: "config", Aliases: []string{"c"}}, &cli.BoolFlag{Name: "json"}}},
		{Name: "history", Subcommands: []*cli.Command{{Name: "show", Flags: []cli.Flag{&cli.IntFlag{Name: "last"}}}}},
	}
	count := func(args []string) map[string]int {
		out := make(map[string]int)
		for _, a := range args {
			out[a]++
		}
		return out
	}
	f.Fuzz(func(t *testing.T, line string) {
		in := append([]string{"catflap"}, strings.Fields(line)...)
		out := arrange(root, in)
		if slices.Contains(out, "--help") || slices.Contains(out, "-h") {
			return
		}
		before, after := count(in), count(out)
		before["--"], after["--"] = 0, 0
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%q became %q", in, out)
		}
	})
}
