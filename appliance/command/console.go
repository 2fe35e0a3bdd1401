package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/console/login"
)

// Console lets people into the web console: by a password, or by a link that works once.
func (s *Shell) Console() *cli.Command {
	return &cli.Command{
		Name: "console", Usage: "the web console: its password, and links that let somebody in",
		Subcommands: []*cli.Command{
			data(&cli.Command{
				Name: "password", Usage: "set the password; everybody is logged out",
				UsageText: "catflap console password [--stdin]\n\nIt asks twice on a terminal.\n\nexample: catflap console password",
				Flags:     []cli.Flag{&cli.BoolFlag{Name: "stdin", Usage: "read the password from the first line of the standard input"}, langFlag()},
				Action:    s.consolePassword,
			}),
			data(&cli.Command{
				Name: "link", Usage: "print a link that lets somebody in once, within 15 minutes",
				UsageText: "catflap console link\n\nexample: catflap console link",
				Flags:     []cli.Flag{langFlag()}, Action: s.consoleLink,
			}),
			data(&cli.Command{
				Name: "status", Usage: "show where the console is and who may use it",
				UsageText: "catflap console status\n\nexample: catflap console status",
				Flags:     []cli.Flag{langFlag()}, Action: s.consoleStatus,
			}),
			data(&cli.Command{
				Name: "logout", Usage: "log everybody out; links that are not used yet become void",
				UsageText: "catflap console logout\n\nexample: catflap console logout",
				Flags:     []cli.Flag{langFlag()}, Action: s.consoleLogout,
			}),
			data(&cli.Command{
				Name: "token", Usage: "make the token with which a Prometheus elsewhere reads /metrics; an older one becomes void",
				UsageText: "catflap console token\n\nexample: catflap console token",
				Flags:     []cli.Flag{langFlag()}, Action: s.consoleToken,
			}),
		},
	}
}

func (s *Shell) consolePassword(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	password, err := s.newPassword(c)
	if err != nil {
		return err
	}
	var status console.ConsoleStatus
	printed, err := s.tell(c, needWrite, "console/password", console.PasswordRequest{Password: password}, &status)
	if err != nil || printed {
		return err
	}
	w := s.texts(c)
	fmt.Fprintln(s.Out, s.paint(s.Out).good(w.PasswordSet))
	s.printConsole(c, status)
	return nil
}

// newPassword reads the password, without showing it.
func (s *Shell) newPassword(c *cli.Context) (string, error) {
	w := s.texts(c)
	if c.Bool("stdin") {
		line, err := bufio.NewReader(io.LimitReader(s.In, 64<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", failed("", "reading the password: %v", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	in, ok := s.In.(*os.File)
	if !ok || !isTerminal(s.In) {
		return "", misuse("--stdin reads it from the standard input", "console password has no terminal to ask on")
	}
	ask := func(question string) (string, error) {
		fmt.Fprint(s.Out, question)
		line, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(s.Out)
		if err != nil {
			return "", failed("", "nothing was changed")
		}
		return string(line), nil
	}
	first, err := ask(fmt.Sprintf(w.AskPassword, login.MinPassword))
	if err != nil {
		return "", err
	}
	second, err := ask(w.AskAgain)
	if err != nil {
		return "", err
	}
	if first != second {
		return "", failed("", "%s", w.PasswordsDiffer)
	}
	return first, nil
}

func (s *Shell) consoleLink(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	var link console.LinkResult
	printed, err := s.tell(c, needWrite, "console/link", struct{}{}, &link)
	if err != nil || printed {
		return err
	}
	w := s.texts(c)
	fmt.Fprintln(s.Out, link.URL)
	if !s.up(c) {
		s.say(w.ConsoleLater, 0, s.paint(s.Out).warn)
	}
	s.say(fmt.Sprintf(w.LinkNote, duration(int64(time.Until(link.Expires).Round(time.Minute)/time.Second))), 0, s.paint(s.Out).faint)
	return nil
}

func (s *Shell) consoleStatus(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	var status console.ConsoleStatus
	printed, err := s.ask(c, needRead, "console", nil, &status)
	if err != nil || printed {
		return err
	}
	s.printConsole(c, status)
	return nil
}

func (s *Shell) consoleLogout(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	var status console.ConsoleStatus
	printed, err := s.tell(c, needWrite, "console/logout", struct{}{}, &status)
	if err != nil || printed {
		return err
	}
	fmt.Fprintln(s.Out, s.texts(c).LoggedOut)
	return nil
}

func (s *Shell) consoleToken(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	var token console.TokenResult
	printed, err := s.tell(c, needWrite, "console/token", struct{}{}, &token)
	if err != nil || printed {
		return err
	}
	fmt.Fprintln(s.Out, token.Token)
	return nil
}

func (s *Shell) printConsole(c *cli.Context, status console.ConsoleStatus) {
	w, p := s.texts(c), s.paint(s.Out)
	if status.URL != "" && !s.up(c) {
		s.say(w.ConsoleLater, 0, p.warn)
	}
	switch {
	case status.URL != "":
		fmt.Fprintln(s.Out, fmt.Sprintf(w.ConsoleAt, p.bold(clean(status.URL))))
		if console.Loopback(status.Listen) {
			port := strings.TrimSuffix(status.URL[strings.LastIndex(status.URL, ":")+1:], "/")
			s.say(fmt.Sprintf(w.ConsoleHere, port), 0, p.faint)
		}
	case status.Listen == config.Off:
		fmt.Fprintln(s.Out, w.ConsoleOff)
	}
	for _, line := range hints(status.Closed, s.language(c)) {
		s.say("! "+line, 2, p.warn)
	}
	if !status.Password {
		s.say(w.ConsoleBare, 0, p.warn)
	}
	if status.Sessions > 0 {
		fmt.Fprintf(s.Out, w.ConsoleSessions+"\n", status.Sessions)
	}
}

// up reports whether the instance of the configuration answers.
func (s *Shell) up(c *cli.Context) bool {
	live := s.running(c)
	if live != nil {
		_ = live.close()
	}
	return live != nil
}

// consoleWarning says that the console of a right configuration would stay closed; "" if it would not.
func (s *Shell) consoleWarning(c *cli.Context, cfg *config.Config) string {
	if cfg.Console.Listen == config.Off || console.Loopback(cfg.Console.Listen) || cfg.Console.Password != "" {
		return ""
	}
	cl, err := s.connect(c, needRead)
	if err == nil {
		defer cl.close()
		var status console.ConsoleStatus
		if err = cl.get(c.Context, "console", nil, &status); err == nil && status.Password {
			return ""
		}
	}
	return console.NoPassword(cfg.Console.Listen).EN
}
