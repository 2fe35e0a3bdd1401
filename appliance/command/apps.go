package command

import (
	"fmt"
	"time"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/console"
)

// App looks at the apps.
func (s *Shell) App() *cli.Command {
	return &cli.Command{
		Name: "app", Usage: "see the apps, hold their events back, tell them again",
		Subcommands: []*cli.Command{
			data(&cli.Command{
				Name: "list", Usage: "list apps, whether they are connected, and what waits for them",
				UsageText: "catflap app list\n\nexample: catflap app list --json",
				Flags:     []cli.Flag{langFlag()},
				Action: func(c *cli.Context) error {
					if err := none(c); err != nil {
						return err
					}
					var list []console.AppStatus
					printed, err := s.ask(c, needLive, "apps", nil, &list)
					if err != nil || printed {
						return err
					}
					s.printApps(list, s.language(c))
					return nil
				},
			}),
			s.pauseCommand("pause", "hold an app's events back; they wait for it within its queue, its links stay", "held back"),
			s.pauseCommand("resume", "deliver an app's events again, beginning with those that waited", "delivered again"),
			data(&cli.Command{
				Name: "replay", Usage: "tell an app again what history keeps",
				UsageText: "catflap app replay NAME (--since DURATION|TIME | --last N) [--account A] [--yes]\n\n" +
					"The messages pass the present policy and come marked with \"catflap_late\":true.\n\n" +
					"examples: catflap app replay nonebot --since 2h\n          catflap app replay nonebot --last 20 --yes",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "since", Usage: "messages of the last `2h`, or since 2026-01-31T08:00:00Z"},
					&cli.IntFlag{Name: "last", Usage: "the newest `N` messages"},
					&cli.StringFlag{Name: "account", Usage: "only this account's"},
					&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
				},
				Action: s.replay,
			}),
		},
	}
}

func (s *Shell) pauseCommand(verb, usage, done string) *cli.Command {
	return data(&cli.Command{
		Name: verb, Usage: usage, UsageText: "catflap app " + verb + " NAME\n\nexample: catflap app " + verb + " nonebot",
		Action: func(c *cli.Context) error {
			if err := exactly(c, "the app"); err != nil {
				return err
			}
			var result console.AppResult
			printed, err := s.tell(c, needLive, "apps/"+verb, console.AppRequest{App: c.Args().First()}, &result)
			if err != nil || printed {
				return err
			}
			fmt.Fprintf(s.Out, "events of %s are %s\n", clean(result.App), done)
			return nil
		},
	})
}

func (s *Shell) replay(c *cli.Context) error {
	if err := exactly(c, "the app"); err != nil {
		return err
	}
	req := console.AppRequest{App: c.Args().First(), Account: c.String("account"), Last: c.Int("last")}
	if text := c.String("since"); text != "" {
		since, err := moment(text, time.Now())
		if err != nil {
			return misuse("for example --since 2h or --since 2026-01-31T08:00:00Z", "%v", err)
		}
		req.Since = &since
	}
	if req.Since == nil && req.Last <= 0 {
		return misuse("--since 2h or --last 20", "it is not said what to replay")
	}
	if !c.Bool("yes") {
		if !isTerminal(s.In) {
			return misuse("add --yes", "a replay is asked for confirmation, and there is no terminal to ask on")
		}
		if !s.confirm("Send kept messages to " + clean(req.App) + " again? It may answer them again. [y/N] ") {
			return failed("", "nothing was sent")
		}
	}
	var result console.AppResult
	printed, err := s.tell(c, needLive, "apps/replay", req, &result)
	if err != nil || printed {
		return err
	}
	fmt.Fprintf(s.Out, "%d messages are on their way to %s\n", result.Events, clean(result.App))
	return nil
}

// moment reads a time, or a duration before now.
func moment(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is neither a duration nor a time", text)
}
