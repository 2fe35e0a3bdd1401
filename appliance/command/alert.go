package command

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/update"
	"github.com/catflap/catflap/packaging"
)

// Alert tries the roads by which the owner is told.
func (s *Shell) Alert() *cli.Command {
	return &cli.Command{
		Name: "alert", Usage: "try the addresses that alerts go to",
		Subcommands: []*cli.Command{
			data(&cli.Command{
				Name: "test", Usage: "send a message to each address of alerts.to",
				UsageText: "catflap alert test\n\nThe running instance sends it, at once and whatever the hour. Exit code 1 if an address did not take it.\n\nexample: catflap alert test",
				Flags:     []cli.Flag{langFlag()},
				Action:    s.alertTest,
			}),
		},
	}
}

// alertTexts are the words of `alert`, in one language.
type alertTexts struct{ Sent, Failed, None, NoneFix string }

func (s *Shell) alertTexts(c *cli.Context) alertTexts {
	if s.language(c) == "zh" {
		return alertTexts{Sent: "%d. %s：已发送（%s）\n", Failed: "%d. %s：失败：%s\n", None: "配置中没有告警地址",
			NoneFix: "在配置文件的 alerts.to 中写入地址，例如 alerts: {to: [\"ntfy://ntfy.sh/TOPIC\"]}，然后运行 `catflap reload`"}
	}
	return alertTexts{Sent: "%d. %s: sent (%s)\n", Failed: "%d. %s: failed: %s\n", None: "the configuration has no address for alerts",
		NoneFix: "write one under alerts.to, such as alerts: {to: [\"ntfy://ntfy.sh/TOPIC\"]}, then run `catflap reload`"}
}

func (s *Shell) alertTest(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	cl, err := s.connect(c, needLive)
	if err != nil {
		return err
	}
	defer cl.close()
	var list []console.AlertOutcome
	if err := cl.post(c.Context, "alerts/test", struct{}{}, &list); err != nil {
		return err
	}
	bad := &failure{code: exitFailed} // the lines have said it
	if c.Bool("json") {
		if err := s.printValue(list); err != nil {
			return err
		}
	}
	t := s.alertTexts(c)
	if len(list) == 0 {
		return failed(t.NoneFix, "%s", t.None)
	}
	worst := error(nil)
	for i, o := range list {
		if !o.Sent {
			worst = bad
		}
		if c.Bool("json") {
			continue
		}
		if o.Sent {
			fmt.Fprintf(s.Out, t.Sent, i+1, clean(o.Target), time.Duration(o.Ms)*time.Millisecond)
		} else {
			fmt.Fprintf(s.Out, t.Failed, i+1, clean(o.Target), clean(o.Error))
		}
	}
	return worst
}

// printAlarm says what alarms now and since when, and which address does not take what it should be told.
func (s *Shell) printAlarm(st console.AlertsStatus, language string) {
	p := s.paint(s.Out)
	since, unsent := "%s (since %s)", "alerts do not reach %s: %s"
	if language == "zh" {
		since, unsent = "%s（始于 %s）", "告警无法送达 %s：%s"
	}
	for _, n := range st.Active {
		style := p.warn
		if n.Urgent {
			style = p.bad
		}
		for i, line := range hints([]console.Text{n.Text}, language) {
			if i == 0 {
				line = fmt.Sprintf(since, line, n.Time.Local().Format("2006-01-02 15:04"))
			}
			s.say("! "+line, 2, style)
		}
	}
	for _, t := range st.Targets {
		if t.LastError != "" {
			s.say("! "+clean(fmt.Sprintf(unsent, t.Target, t.LastError)), 2, p.warn)
		}
	}
}

// newerVersion asks where CATFLAP_UPDATE_FROM points for a version that is newer than this one. Nil where it is not set: then
// nobody is asked.
func (s *Shell) newerVersion() func(context.Context) (string, error) {
	from, _ := s.Env("CATFLAP_UPDATE_FROM")
	if from == "" {
		return nil
	}
	return func(ctx context.Context) (string, error) {
		keys, err := update.Keys(packaging.PublicKeys)
		if err != nil {
			return "", err
		}
		source, err := update.NewSource(from)
		if err != nil {
			return "", err
		}
		release, err := update.Look(ctx, source, keys, runtime.GOOS, update.Architecture(runtime.GOARCH, goarm()))
		if err != nil || update.Compare(release.Version, s.Version) <= 0 {
			return "", err
		}
		return release.Version, nil
	}
}
