package command

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/agent"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
)

// Agent tries the built-in responder.
func (s *Shell) Agent() *cli.Command {
	return &cli.Command{
		Name: "agent", Usage: "try an app that a language model answers for",
		Subcommands: []*cli.Command{
			data(&cli.Command{
				Name: "try", Usage: "ask the model one thing, here in the terminal", ArgsUsage: "TEXT",
				UsageText: "catflap agent try TEXT [--app NAME]\n\nNothing is sent to QQ, and nothing has to run but the model. --app chooses among several agents.\n\nexample: catflap agent try \"hello, who are you?\"",
				Flags:     []cli.Flag{langFlag(), &cli.StringFlag{Name: "app", Usage: "`NAME` of the app in the configuration"}},
				Action:    s.agentTry,
			}),
		},
	}
}

func (s *Shell) agentTry(c *cli.Context) error {
	if err := exactly(c, "TEXT"); err != nil {
		return err
	}
	cfg, err := s.load(c)
	if err != nil {
		return err
	}
	app, err := agentOf(cfg, c.String("app"))
	if err != nil {
		return err
	}
	got, err := agent.Try(c.Context, cfg, app, c.Args().First(), time.Now, rand.Uint64)
	if err != nil {
		return failed("", "%v", err)
	}
	if c.Bool("json") {
		return s.printValue(got)
	}
	text, summary := got.Text, "model %s, %d + %d tokens, %v\n"
	nothing := "(the model chose to say nothing)"
	if s.language(c) == "zh" {
		summary, nothing = "模型 %s，%d + %d token，%v\n", "（模型选择不回复）"
	}
	if text == "" {
		text = nothing
	}
	for line := range strings.Lines(text) {
		fmt.Fprintln(s.Out, clean(strings.TrimSuffix(line, "\n")))
	}
	fmt.Fprintf(s.Err, summary, clean(got.Model), got.Prompt, got.Answer, got.Took.Round(time.Millisecond))
	return nil
}

// agentOf finds the agent that is meant.
func agentOf(cfg *config.Config, name string) (*config.App, error) {
	var names []string
	for _, app := range cfg.Apps {
		if app.Protocol == "agent" {
			names = append(names, app.Name)
		}
	}
	switch {
	case name == "" && len(names) == 0:
		return nil, failed("add one under apps, such as brain: {protocol: agent, baseUrl: \"http://127.0.0.1:11434/v1\", model: qwen3:1.7b}", "the configuration has no app with protocol: agent")
	case name == "" && len(names) > 1:
		return nil, misuse("", "there are several agents: say --app %s", strings.Join(names, " or "))
	case name == "":
		name = names[0]
	}
	app := cfg.App(name)
	if app == nil || app.Protocol != "agent" {
		return nil, misuse("", "there is no agent called %s", clean(name))
	}
	return app, nil
}
