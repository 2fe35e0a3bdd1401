package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/console"
)

// Status shows the running instance, what is wrong with it, and what to set.
func (s *Shell) Status() *cli.Command {
	return data(&cli.Command{
		Name: "status", Usage: "show accounts, apps and resources of the running instance",
		UsageText: "catflap status [--json]\n\nexample: catflap status",
		Flags:     []cli.Flag{langFlag()},
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			var status console.Status
			raw, err := s.ask(c, needLive, "status", nil, &status)
			if err != nil || raw {
				return err
			}
			s.printStatus(status, s.language(c))
			return nil
		},
	})
}

// ask gets from the API; with --json it prints the answer as it is and returns true.
func (s *Shell) ask(c *cli.Context, n need, path string, query url.Values, out any) (printed bool, err error) {
	cl, err := s.connect(c, n)
	if err != nil {
		return false, err
	}
	defer cl.close()
	if !c.Bool("json") {
		return false, cl.get(c.Context, path, query, out)
	}
	var answer []byte
	if err := cl.get(c.Context, path, query, &answer); err != nil {
		return false, err
	}
	return true, s.printJSON(answer)
}

// tell posts to the API; with --json it prints the answer as it is and returns true.
func (s *Shell) tell(c *cli.Context, n need, path string, body, out any) (printed bool, err error) {
	cl, err := s.connect(c, n)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, cl.close()) }()
	if !c.Bool("json") {
		return false, cl.post(c.Context, path, body, out)
	}
	var answer []byte
	if err := cl.post(c.Context, path, body, &answer); err != nil {
		return false, err
	}
	return true, s.printJSON(answer)
}

func (s *Shell) printStatus(status console.Status, language string) {
	p := s.paint(s.Out)
	head := "catflap " + status.Version + ", up " + duration(status.UptimeS)
	if status.Config != "" {
		head += ", " + status.Config
	}
	fmt.Fprintln(s.Out, p.bold(clean(head)))
	for _, name := range slices.Sorted(maps.Keys(status.Listen)) {
		fmt.Fprintln(s.Out, p.faint(clean("  "+name+" on "+status.Listen[name])))
	}
	for _, line := range hints(status.Hint, language) {
		s.say("! "+line, 2, p.warn)
	}
	s.printAlarm(status.Alerts, language)
	fmt.Fprintln(s.Out)
	var t table
	t.add(cell{"ACCOUNT", p.faint}, cell{"QQ", p.faint}, cell{"LINK", p.faint}, cell{"NAPCAT", p.faint}, cell{"QQ LOGIN", p.faint}, cell{"PENDING", p.faint})
	for _, a := range status.Accounts {
		name := a.Name
		if a.Title != "" {
			name += " (" + a.Title + ")"
		}
		login := cell{"-", nil}
		if a.Connected {
			login = yes(p, a.Online, "online", "offline")
		}
		t.add(name, qq(a.SelfID), a.Link, yes(p, a.Connected, "connected", "away"), login, strconv.Itoa(a.PendingCalls))
		notes(&t, p, a.LastError, hints(a.Hint, language))
	}
	t.write(s.Out)
	fmt.Fprintln(s.Out)
	s.printApps(status.Apps, language)
	fmt.Fprintf(s.Out, "\nmemory %s (Go %s), state %s, journal %s, unflushed %s\n",
		size(status.Memory.RSS), size(status.Memory.Go), size(status.Store.StateBytes), size(status.Store.JournalBytes),
		size(status.Store.UnflushedBytes))
	if status.Store.CommitErrors > 0 {
		fmt.Fprintln(s.Out, p.warn(fmt.Sprintf("! %d writes to the store failed since start; is the disk full?", status.Store.CommitErrors)))
	}
}

func (s *Shell) printApps(apps []console.AppStatus, language string) {
	p := s.paint(s.Out)
	if len(apps) == 0 {
		fmt.Fprintln(s.Out, "no apps are configured")
		return
	}
	var t table
	t.add(cell{"APP", p.faint}, cell{"ACCOUNT", p.faint}, cell{"STATE", p.faint}, cell{"ACK", p.faint}, cell{"WAITING", p.faint}, cell{"DROPPED", p.faint}, cell{"SKIPPED", p.faint}, cell{"REPEATED", p.faint})
	for _, a := range apps {
		state := yes(p, a.Connected, "connected", "away")
		if !a.Connected && !a.Subscribed {
			state = cell{"never seen", p.warn}
		}
		if a.Paused {
			state = cell{"paused", p.warn}
		}
		t.add(a.Name, a.Account, state, a.Ack, strconv.Itoa(a.Backlog), count(p, a.Dropped), count(p, a.Skipped), count(nil, a.Repeated))
		if a.Agent != nil {
			t.note(agentLine(*a.Agent, language), p.faint)
		}
		notes(&t, p, a.LastError, hints(a.Hint, language))
	}
	t.write(s.Out)
}

// agentLine is the use of an agent.
func agentLine(a console.AgentStatus, language string) string {
	format := "model %s, busy %d, conversations %d, today %d answers, %d tokens"
	if language == "zh" {
		format = "模型 %s，回复中 %d，会话 %d，今天回复 %d 次，%d token"
	}
	return fmt.Sprintf(format, a.Model, a.Busy, a.Conversations, a.AnswersToday, a.TokensToday)
}

func notes(t *table, p paint, lastError string, hints []string) {
	if lastError != "" {
		t.note("last error: "+lastError, p.faint)
	}
	for _, line := range hints {
		t.note("! "+line, p.warn)
	}
}

// hints gives the lines of the hints in the reader's language.
func hints(all []console.Text, language string) []string {
	var out []string
	for _, hint := range all {
		text := hint.EN
		if language == "zh" && hint.ZH != "" {
			text = hint.ZH
		}
		out = append(out, lines(text)...)
	}
	return out
}

func yes(p paint, ok bool, good, bad string) cell {
	if ok {
		return cell{good, p.good}
	}
	return cell{bad, p.bad}
}

// count stands out when it is not zero.
func count(p any, n uint64) cell {
	out := cell{text: strconv.FormatUint(n, 10)}
	if colours, ok := p.(paint); ok && n > 0 {
		out.style = colours.warn
	}
	return out
}

// Explain shows what was decided about the last events, and why.
func (s *Shell) Explain() *cli.Command {
	return data(&cli.Command{
		Name: "explain", Usage: "show what was decided about the last events, and why",
		UsageText: "catflap explain [--last N] [--account A] [--chat group:1|user:2]\n\nexample: catflap explain --last 5 --chat group:30003",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "last", Aliases: []string{"n"}, Value: 20, Usage: "how many, at most 500"},
			&cli.StringFlag{Name: "account", Usage: "only of this account (name or QQ number)"},
			&cli.StringFlag{Name: "chat", Usage: "only of this chat"},
			langFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			query := url.Values{"last": {strconv.Itoa(c.Int("last"))}, "account": {c.String("account")}, "chat": {c.String("chat")}}
			var list []console.Decision
			printed, err := s.ask(c, needRead, "explain", query, &list)
			if err != nil || printed {
				return err
			}
			s.printDecisions(list, s.texts(c))
			return nil
		},
	})
}

func (s *Shell) printDecisions(list []console.Decision, words *texts) {
	p := s.paint(s.Out)
	if len(list) == 0 {
		fmt.Fprintln(s.Out, "nothing has been decided yet: no event has come from NapCat")
		return
	}
	several := slices.ContainsFunc(list, func(d console.Decision) bool { return d.Account != list[0].Account })
	var t table
	head := []any{cell{"TIME", p.faint}, cell{"CHAT", p.faint}, cell{"USER", p.faint}, cell{"OUTCOME", p.faint}, cell{"REASON", p.faint}, cell{"EVENT", p.faint}, cell{"APPS", p.faint}}
	if several {
		head = slices.Insert(head, 1, any(cell{"ACCOUNT", p.faint}))
	}
	t.add(head...)
	for _, d := range list {
		row := []any{d.Time.Local().Format("15:04:05"), orDash(d.Chat), qq(d.User), outcome(p, d.Outcome), d.Reason, d.Kind, orDash(perApp(d.Apps, d.Reason))}
		if several {
			row = slices.Insert(row, 1, any(d.Account))
		}
		t.add(row...)
	}
	t.write(s.Out)
	said := make(map[string]bool)
	for _, d := range list {
		reasons := []string{d.Reason}
		for _, name := range slices.Sorted(maps.Keys(d.Apps)) {
			if d.Apps[name].Away {
				reasons = append(reasons, "app.away")
				continue
			}
			reasons = append(reasons, d.Apps[name].Reason)
		}
		for _, reason := range reasons {
			why := words.why(reason)
			if why == "" || said[reason] {
				continue
			}
			if len(said) == 0 {
				fmt.Fprintln(s.Out)
			}
			said[reason] = true
			s.say(reason+": "+why, 2, p.faint)
		}
	}
}

func outcome(p paint, text string) cell {
	switch text {
	case "deliver", "command":
		return cell{text, p.good}
	case "drop":
		return cell{text, p.bad}
	}
	return cell{text, p.warn}
}

// perApp names the apps that get the event, and those that do not for a reason of their own. Empty when the event as a
// whole was decided so that no app gets it.
func perApp(apps map[string]console.Outcome, whole string) string {
	var get []string
	without := make(map[string][]string)
	for _, name := range slices.Sorted(maps.Keys(apps)) {
		switch o := apps[name]; {
		case o.Away:
			without["app.away"] = append(without["app.away"], name)
		case o.Outcome == "deliver":
			get = append(get, name)
		case o.Reason != "" && o.Reason != whole:
			without[o.Reason] = append(without[o.Reason], name)
		}
	}
	var parts []string
	if len(get) > 0 {
		parts = append(parts, strings.Join(get, ", "))
	}
	for _, reason := range slices.Sorted(maps.Keys(without)) {
		parts = append(parts, "not "+strings.Join(without[reason], ", ")+" ("+reason+")")
	}
	return strings.Join(parts, "; ")
}

// Tail follows what passes.
func (s *Shell) Tail() *cli.Command {
	return data(&cli.Command{
		Name: "tail", Usage: "follow events as they pass",
		UsageText: "catflap tail [--app A]\n\nexample: catflap tail --app koishi",
		Flags:     []cli.Flag{&cli.StringFlag{Name: "app", Usage: "only what this app gets"}},
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			cl, err := s.connect(c, needLive)
			if err != nil {
				return err
			}
			defer cl.close()
			stream, err := cl.stream(c.Context, "GET", "tail", url.Values{"app": {c.String("app")}}, nil)
			if err != nil {
				return err
			}
			defer stream.Close()
			if isTerminal(s.Out) {
				fmt.Fprintln(s.Err, s.paint(s.Err).faint("events are shown as they come; Ctrl-C ends"))
			}
			err = s.copyLines(stream, func(line []byte) error {
				if c.Bool("json") {
					_, err := s.Out.Write(append(escapeJSON(line), '\n'))
					return err
				}
				return s.printTail(line)
			})
			if c.Context.Err() != nil || errors.Is(err, context.Canceled) {
				return nil // Ctrl-C is how this command ends
			}
			if err == nil {
				return failed("", "the instance has stopped")
			}
			return err
		},
	})
}

func (s *Shell) printTail(line []byte) error {
	var e console.TailEvent
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("reading an event: %w", err)
	}
	p := s.paint(s.Out)
	who := clean(e.Sender)
	if who == "" {
		who = qq(e.User)
	} else {
		who += p.faint(" (" + qq(e.User) + ")")
	}
	result := outcome(p, e.Outcome)
	parts := []string{p.faint(e.Time.Local().Format("15:04:05")), result.style(clean(e.Outcome)), p.faint(clean(e.Reason)),
		clean(orDash(e.Chat)), who, p.faint(clean(e.Kind))}
	if e.Text != "" {
		parts = append(parts, clean(e.Text))
	}
	if apps := perApp(e.Apps, e.Reason); apps != "" {
		parts = append(parts, p.faint(clean("["+apps+"]")))
	}
	_, err := fmt.Fprintln(s.Out, strings.Join(parts, " "))
	return err
}

// actor is who did what an entry of the audit log says, and to what: an app that a person did something to is the target.
func actor(e console.AuditEntry) (by, target string) {
	switch {
	case e.By == "":
		return e.App, e.Target
	case e.Target == "" && e.App != "":
		return e.By, "app " + e.App
	}
	return e.By, e.Target
}

// Audit shows what apps and owners did.
func (s *Shell) Audit() *cli.Command {
	return data(&cli.Command{
		Name: "audit", Usage: "show actions that changed something or were refused",
		UsageText: "catflap audit [--last N]\n\nexample: catflap audit --last 100",
		Flags:     []cli.Flag{&cli.IntFlag{Name: "last", Aliases: []string{"n"}, Value: 50, Usage: "how many, at most 10000"}},
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			var list []console.AuditEntry
			printed, err := s.ask(c, needRead, "audit", url.Values{"last": {strconv.Itoa(c.Int("last"))}}, &list)
			if err != nil || printed {
				return err
			}
			if len(list) == 0 {
				fmt.Fprintln(s.Out, "the audit log is empty")
				return nil
			}
			p := s.paint(s.Out)
			var t table
			t.add(cell{"TIME", p.faint}, cell{"ACCOUNT", p.faint}, cell{"BY", p.faint}, cell{"ACTION", p.faint}, cell{"TARGET", p.faint}, cell{"OUTCOME", p.faint}, cell{"REASON", p.faint})
			for _, e := range list {
				by, target := actor(e)
				t.add(clock(e.Time), orDash(e.Account), orDash(by), e.Action, orDash(target), e.Outcome, clip(e.Reason, 200))
			}
			t.write(s.Out)
			return nil
		},
	})
}
