package command

import (
	"bufio"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/console"
)

// History reads and clears the kept messages.
func (s *Shell) History() *cli.Command {
	return &cli.Command{
		Name: "history", Usage: "see, export and clear the kept messages",
		Subcommands: []*cli.Command{
			data(&cli.Command{
				Name: "list", Usage: "list chats with kept messages",
				UsageText: "catflap history list [--account A]\n\nexample: catflap history list",
				Flags:     []cli.Flag{accountFlag()}, Action: s.listHistory,
			}),
			data(&cli.Command{
				Name: "show", Usage: "show a chat's messages, oldest first", ArgsUsage: "CHAT",
				UsageText: "catflap history show CHAT [--last N] [--account A]\n\nexample: catflap history show group:30003 --last 20",
				Flags: []cli.Flag{accountFlag(),
					&cli.IntFlag{Name: "last", Aliases: []string{"n", "limit"}, Value: 50, Usage: "how many of the newest"}},
				Action: s.showHistory,
			}),
			leaf(&cli.Command{
				Name: "export", Usage: "print everything, one JSON object a line",
				UsageText: "catflap history export [--account A] [--chat CHAT] > history.ndjson\n\nexample: catflap history export --account default > history.ndjson",
				Flags: []cli.Flag{accountFlag(), &cli.StringFlag{Name: "chat", Usage: "only this chat"},
					&cli.BoolFlag{Name: "json", Usage: "no change: the export is always JSON"}},
				Action: s.exportHistory,
			}),
			data(&cli.Command{
				Name: "clear", Usage: "remove kept messages: of a chat, of an account, or all", ArgsUsage: "[CHAT]",
				UsageText: "catflap history clear [CHAT] [--account A] [--yes]\n\nIt asks on a terminal; without one it needs --yes.\n\nexample: catflap history clear group:30003",
				Flags:     []cli.Flag{accountFlag(), &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"}},
				Action:    s.clearHistory,
			}),
		},
	}
}

func (s *Shell) listHistory(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	var list []console.HistoryChat
	printed, err := s.ask(c, needRead, "history", url.Values{"account": {c.String("account")}}, &list)
	if err != nil || printed {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(s.Out, "no messages are kept")
		return nil
	}
	p := s.paint(s.Out)
	var t table
	t.add(cell{"CHAT", p.faint}, cell{"ACCOUNT", p.faint}, cell{"MESSAGES", p.faint}, cell{"LAST", p.faint})
	for _, chat := range list {
		t.add(chat.Chat, chat.Account, strconv.Itoa(chat.Messages), clock(chat.Last))
	}
	t.write(s.Out)
	return nil
}

func (s *Shell) showHistory(c *cli.Context) error {
	if err := exactly(c, "the chat (group:NUMBER or user:NUMBER)"); err != nil {
		return err
	}
	query := url.Values{"chat": {c.Args().First()}, "account": {c.String("account")}, "limit": {strconv.Itoa(c.Int("last"))}}
	var list []console.HistoryMessage
	printed, err := s.ask(c, needRead, "history/show", query, &list)
	if err != nil || printed {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(s.Out, "no messages of this chat are kept")
		return nil
	}
	p := s.paint(s.Out)
	for _, m := range list {
		who := clean(m.Sender)
		if who == "" {
			who = qq(m.UserID)
		}
		if m.Direction == "out" {
			who = p.good(who)
		} else {
			who = p.bold(who)
		}
		text := clean(m.Summary)
		if m.Recalled {
			text = p.faint("(recalled)")
		}
		fmt.Fprintln(s.Out, p.faint(clock(m.Time)), who, p.faint("("+qq(m.UserID)+")"), text)
	}
	return nil
}

func (s *Shell) exportHistory(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	cl, err := s.connect(c, needRead)
	if err != nil {
		return err
	}
	defer cl.close()
	stream, err := cl.stream(c.Context, "GET", "history/export", url.Values{"account": {c.String("account")}, "chat": {c.String("chat")}}, nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	out := bufio.NewWriter(s.Out)
	err = s.copyLines(stream, func(line []byte) error {
		_, err := out.Write(append(escapeJSON(line), '\n'))
		return err
	})
	if err != nil {
		return failed("", "exporting the history: %v", err)
	}
	return out.Flush()
}

func (s *Shell) clearHistory(c *cli.Context) error {
	if c.NArg() > 1 {
		return exactly(c, "the chat")
	}
	req := console.ClearRequest{Account: c.String("account"), Chat: c.Args().First()}
	what := "all kept messages"
	if req.Chat != "" {
		what += " of " + req.Chat
	}
	if req.Account != "" {
		what += " of account " + req.Account
	}
	if !c.Bool("yes") {
		if !isTerminal(s.In) {
			return misuse("--yes removes "+clean(what)+" without a question", "history clear has no terminal to ask on")
		}
		if !s.confirm("Remove " + clean(what) + "? [y/N] ") {
			return failed("", "nothing was removed")
		}
	}
	var result console.ClearResult
	printed, err := s.tell(c, needWrite, "history/clear", req, &result)
	if err != nil || printed {
		return err
	}
	fmt.Fprintf(s.Out, "removed %d messages of %d chats\n", result.Messages, result.Chats)
	return nil
}

// confirm asks on the terminal; only a clear yes is one.
func (s *Shell) confirm(question string) bool {
	fmt.Fprint(s.Err, question)
	answer, _ := bufio.NewReader(s.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "是", "好":
		return true
	}
	return false
}
