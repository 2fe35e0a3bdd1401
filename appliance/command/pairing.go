package command

import (
	"fmt"
	"net/url"
	"time"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/console"
)

// Pairing decides who may talk to the bot in private.
func (s *Shell) Pairing() *cli.Command {
	who := func(verb, usage, example string, flags ...cli.Flag) *cli.Command {
		return data(&cli.Command{
			Name: verb, Usage: usage, ArgsUsage: "CODE|QQ",
			UsageText: "catflap pairing " + verb + " CODE|QQ [--account A]\n\nThe word napcatqq may stand before the code, as in OpenClaw.\n\nexample: " + example,
			Flags:     append(flags, accountFlag()),
			Action:    func(c *cli.Context) error { return s.decidePairing(c, verb) },
		})
	}
	return &cli.Command{
		Name: "pairing", Usage: "see and decide who may talk to the bot in private",
		Subcommands: []*cli.Command{
			data(&cli.Command{
				Name: "list", Usage: "list waiting, approved and blocked people",
				UsageText: "catflap pairing list [--account A]\n\nexample: catflap pairing list",
				Flags:     []cli.Flag{accountFlag()}, Action: s.listPairing,
			}),
			who("approve", "let somebody in, by the code or the QQ number of the request", "catflap pairing approve K7WQ2MNP",
				&cli.BoolFlag{Name: "force", Usage: "approve a QQ number that has not asked"},
				&cli.BoolFlag{Name: "quiet", Usage: "do not tell the person"}),
			who("deny", "remove a request; the person may ask again", "catflap pairing deny 20002"),
			who("revoke", "take an approval back", "catflap pairing revoke 20002"),
			who("block", "refuse somebody for good, also in groups", "catflap pairing block 20002"),
			who("unblock", "take a block back", "catflap pairing unblock 20002"),
		},
	}
}

func accountFlag() cli.Flag {
	return &cli.StringFlag{Name: "account", Usage: "which account (name or QQ number)"}
}

func (s *Shell) listPairing(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	var list []console.PairingEntry
	printed, err := s.ask(c, needRead, "pairing", url.Values{"account": {c.String("account")}}, &list)
	if err != nil || printed {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(s.Out, "nobody waits, is approved or is blocked")
		return nil
	}
	p := s.paint(s.Out)
	var t table
	t.add(cell{"ACCOUNT", p.faint}, cell{"QQ", p.faint}, cell{"STATE", p.faint}, cell{"CODE", p.faint}, cell{"SINCE", p.faint}, cell{"EXPIRES", p.faint})
	waiting := false
	for _, e := range list {
		state := cell{e.State, p.good}
		switch e.State {
		case "pending":
			state.style, waiting = p.warn, true
		case "blocked":
			state.style = p.bad
		}
		expires := "-"
		if e.Expires != nil {
			expires = "in " + duration(max(0, int64(time.Until(*e.Expires)/time.Second)))
		}
		since := "in the file"
		if !e.Configured {
			since = clock(e.Created)
		}
		t.add(e.Account, qq(e.UserID), state, orDash(e.Code), since, expires)
	}
	t.write(s.Out)
	if waiting {
		fmt.Fprintln(s.Out, "\n"+p.faint("let somebody in: "+s.Program+" pairing approve CODE"))
	}
	return nil
}

func (s *Shell) decidePairing(c *cli.Context, verb string) error {
	args := c.Args().Slice()
	if len(args) == 2 && args[0] == "napcatqq" { // OpenClaw's channel word
		args = args[1:]
	}
	if len(args) != 1 {
		if err := exactly(c, "the code or the QQ number"); err != nil {
			return err
		}
	}
	req := console.PairingRequest{Account: c.String("account"), Who: args[0], Force: c.Bool("force"), Quiet: c.Bool("quiet")}
	var result console.PairingResult
	printed, err := s.tell(c, needWrite, "pairing/"+verb, req, &result)
	if err != nil || printed {
		return err
	}
	fmt.Fprintf(s.Out, "%d: %s on account %s", result.UserID, result.State, clean(result.Account))
	switch {
	case !result.Changed:
		fmt.Fprint(s.Out, " already")
	case verb == "approve" && result.Notified:
		fmt.Fprint(s.Out, "; a message to the person is on its way")
	case verb == "approve" && !req.Quiet:
		fmt.Fprint(s.Out, "; the person is not told, since catflap is not running or QQ is not online")
	}
	fmt.Fprintln(s.Out)
	return nil
}
