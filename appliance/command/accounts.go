package command

import (
	"fmt"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/console"
)

// Account looks at the accounts and forgets a pinned QQ number.
func (s *Shell) Account() *cli.Command {
	return &cli.Command{
		Name: "account", Usage: "see the accounts, forget a pinned QQ number",
		Subcommands: []*cli.Command{
			data(&cli.Command{
				Name: "list", Usage: "list the configured accounts",
				UsageText: "catflap account list\n\nexample: catflap account list",
				Action:    s.listAccounts,
			}),
			data(&cli.Command{
				Name: "unpin", Usage: "forget the pinned QQ number: the next one that connects is pinned", ArgsUsage: "NAME",
				UsageText: "catflap account unpin NAME\n\nexample: catflap account unpin default",
				Action:    s.unpinAccount,
			}),
		},
	}
}

func (s *Shell) listAccounts(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	var list []console.AccountInfo
	printed, err := s.ask(c, needRead, "accounts", nil, &list)
	if err != nil || printed {
		return err
	}
	p := s.paint(s.Out)
	var t table
	t.add(cell{"ACCOUNT", p.faint}, cell{"NAME", p.faint}, cell{"LINK", p.faint}, cell{"QQ", p.faint}, cell{"PINNED", p.faint}, cell{"STATE", p.faint})
	for _, a := range list {
		state := yes(p, a.Connected, "connected", "away")
		if !a.Enabled {
			state = cell{"disabled", p.faint}
		}
		t.add(a.Name, orDash(a.Title), a.Link, qq(a.SelfID), qq(a.Pinned), state)
	}
	t.write(s.Out)
	return nil
}

func (s *Shell) unpinAccount(c *cli.Context) error {
	if err := exactly(c, "the account's name"); err != nil {
		return err
	}
	var was console.AccountInfo
	printed, err := s.tell(c, needWrite, "accounts/unpin", console.UnpinRequest{Account: c.Args().First()}, &was)
	if err != nil || printed {
		return err
	}
	if was.Pinned == 0 {
		fmt.Fprintf(s.Out, "account %s had no pinned QQ number\n", clean(was.Name))
		return nil
	}
	fmt.Fprintf(s.Out, "account %s is no longer bound to %d; the next QQ number that connects will be\n", clean(was.Name), was.Pinned)
	return nil
}

// Reload makes the running instance read its configuration again.
func (s *Shell) Reload() *cli.Command {
	return data(&cli.Command{
		Name: "reload", Usage: "make the running instance read its configuration again",
		UsageText: "catflap reload\n\nexample: catflap config check && catflap reload",
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			var result console.ReloadResult
			printed, err := s.tell(c, needLive, "reload", nil, &result)
			if err != nil || printed {
				return err
			}
			if len(result.Changed) == 0 {
				fmt.Fprintln(s.Out, "nothing has changed")
			}
			for _, change := range result.Changed {
				fmt.Fprintln(s.Out, clean(change.Kind), clean(change.Path))
			}
			for _, warning := range result.Warnings {
				fmt.Fprintln(s.Out, s.paint(s.Out).warn("! "+clean(warning)))
			}
			return nil
		},
	})
}
