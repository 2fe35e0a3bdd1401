package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/napcat/settings"
	"github.com/catflap/catflap/appliance/service"
)

// Where NapCat may live.
const (
	whereHost      = "host"      // on this host: loopback will do
	whereContainer = "container" // in a container of this host: our loopback is not its loopback
	whereRemote    = "remote"    // on another machine
)

// framework is one kind of program that init knows how to connect.
type framework struct {
	name    string
	connect string                           // where it listens; empty = it comes to the gateway
	steps   func(t *texts) string            // what to set in it
	lines   func(url, token string) []string // the lines to write
}

func frameworks() []framework {
	return []framework{
		{"nonebot", "ws://127.0.0.1:8080/onebot/v11/ws", func(t *texts) string { return t.DotEnv },
			func(_, token string) []string {
				return []string{"DRIVER=~fastapi", "HOST=127.0.0.1", "PORT=8080", "ONEBOT_ACCESS_TOKEN=" + token}
			}},
		{"koishi", "ws://127.0.0.1:5140/onebot", func(t *texts) string { return t.KoishiSteps },
			func(_, _ string) []string { return []string{"protocol: ws-reverse", "path: /onebot"} }},
		{"astrbot", "ws://127.0.0.1:6199/ws", func(t *texts) string { return t.AstrBotSteps },
			func(_, token string) []string { return []string{"ws_reverse_token: " + token} }},
		{"zerobot", "", func(t *texts) string { return t.ZeroBotSteps }, urlAndToken},
		{"other", "", func(t *texts) string { return t.OtherSteps }, urlAndToken},
	}
}

func urlAndToken(url, token string) []string {
	return []string{"URL: " + url, "access token: " + token}
}

func frameworkNames() []string {
	var out []string
	for _, f := range frameworks() {
		out = append(out, f.name)
	}
	return out
}

// Init asks a few questions, writes the configuration, and says what to set elsewhere.
func (s *Shell) Init() *cli.Command {
	return leaf(&cli.Command{
		Name: "init", Usage: "write a configuration and say what to set in NapCat and the frameworks",
		UsageText: "catflap init [--yes] [--where host|container|remote] [--address ADDRESS] [--owner QQ] [--apps nonebot,koishi]\n\n" +
			"It asks on a terminal; --yes takes the flags and the defaults instead.\n\n" +
			"example: catflap init --yes --where container --owner 20002 --apps nonebot,koishi",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "ask nothing"},
			&cli.StringFlag{Name: "where", Usage: "where NapCat runs: host, container or remote"},
			&cli.StringFlag{Name: "address", Usage: "the address of this box, as NapCat reaches it (container, remote)"},
			&cli.StringFlag{Name: "owner", Usage: "QQ numbers that may approve people, with commas"},
			&cli.StringFlag{Name: "apps", Aliases: []string{"frameworks"}, Usage: "which frameworks: " + strings.Join(frameworkNames(), ", ") + ", with commas"},
			&cli.Uint64Flag{Name: "self", Usage: "the bot's QQ number", DefaultText: "learned from the first connection"},
			&cli.BoolFlag{Name: "force", Usage: "overwrite the file"},
			langFlag(),
		},
		Action: s.init,
	})
}

// answers are what init needs to know.
type answers struct {
	where, address string
	owners         []uint64
	apps           []framework
}

func (s *Shell) init(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	path := c.String("config")
	if path == "" {
		path, _ = s.Env("CATFLAP_CONFIG")
	}
	if path == "" {
		path = newFile()
	}
	if err := writable(path, c.Bool("force")); err != nil {
		return err // before anybody answers questions
	}
	a, err := s.answers(c)
	if err != nil {
		return err
	}
	o, tokens := sample(a, c.Uint64("self"), c.String("lang"))
	text := config.Sample(o)
	cfg, err := config.Parse(path, text, s.Env)
	if err != nil {
		return failed("", "the new configuration is wrong, nothing was written: %v", err)
	}
	kept := ""
	if old, err := os.ReadFile(path); err == nil && !blank(path) { // --force: the old tokens are in use elsewhere
		if kept, err = writeAside(path+".before-init-"+time.Now().UTC().Format("20060102-150405"), old); err != nil {
			return err
		}
	}
	if err := writeNew(path, text, c.Bool("force")); err != nil {
		return err
	}
	if err := service.NewHost().Adopt(path); err != nil { // it replaces a link too, which has no rights to keep
		return failed("", "letting the service read its configuration: %v", err)
	}
	return s.instruct(c, path, kept, cfg, a, tokens)
}

// answers takes the flags and, without --yes, asks for the rest. What is typed wrong is asked again; a wrong flag is an
// error.
func (s *Shell) answers(c *cli.Context) (answers, error) {
	w := s.texts(c)
	var a answers
	lan := lanAddress()
	questions := []struct {
		flag, text string
		skip       func() bool
		take       func(answer string) error
	}{
		{"where", w.AskWhere, nil, func(answer string) error { return a.takeWhere(w, answer) }},
		{"address", fmt.Sprintf(w.AskAddress, bracketed(lan)), func() bool { return a.where == whereHost },
			func(answer string) error { return a.takeAddress(w, answer, lan) }},
		{"owner", w.AskOwner, nil, func(answer string) error { return a.takeOwners(w, answer) }},
		{"apps", fmt.Sprintf(w.AskApps, strings.Join(frameworkNames(), ", ")), nil, func(answer string) error { return a.takeApps(w, answer) }},
	}
	asking := !c.Bool("yes")
	if asking && !isTerminal(s.In) {
		return a, misuse("give --yes and the flags that you want: `catflap init --help`", "init has no terminal to ask on")
	}
	in := bufio.NewReader(s.In)
	for _, q := range questions {
		given := c.String(q.flag)
		if !asking || given != "" || q.skip != nil && q.skip() {
			if err := q.take(given); err != nil {
				return a, misuse("", "%v", err)
			}
			continue
		}
		for {
			fmt.Fprint(s.Out, q.text)
			line, err := in.ReadString('\n')
			if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
				fmt.Fprintln(s.Out)
				return a, failed("", "nothing was written")
			}
			err = q.take(strings.TrimSpace(line))
			if err == nil {
				break
			}
			fmt.Fprintln(s.Out, "  "+s.paint(s.Out).warn("! "+clean(err.Error())))
		}
	}
	if asking {
		fmt.Fprintln(s.Out)
	}
	return a, nil
}

func bracketed(text string) string {
	if text == "" {
		return ""
	}
	return " [" + text + "]"
}

// place turns the menu's numbers into words.
func place(answer string) string {
	switch strings.ToLower(answer) {
	case "", "1":
		return whereHost
	case "2":
		return whereContainer
	case "3":
		return whereRemote
	}
	return strings.ToLower(answer)
}

func (a *answers) takeWhere(w *texts, answer string) error {
	where := place(answer)
	if !slices.Contains([]string{whereHost, whereContainer, whereRemote}, where) {
		return fmt.Errorf(w.BadWhere, answer)
	}
	a.where = where
	return nil
}

// takeAddress wants a host as it stands in an address: no scheme, no port, no path.
func (a *answers) takeAddress(w *texts, answer, lan string) error {
	if answer == "" {
		answer = lan
	}
	if answer == "" && a.where != whereHost {
		return errors.New(w.NeedAddress)
	}
	if ip := net.ParseIP(answer); answer != "" && (ip == nil && !isName(answer) || ip.IsUnspecified()) {
		return fmt.Errorf(w.BadAddress, answer)
	}
	a.address = answer
	return nil
}

// isName reports whether text may be a host's name. Figures alone are an address that is none.
func isName(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if !strings.ContainsAny(text, letters) || len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(text, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.Trim(label, letters+"0123456789-_") != "" {
			return false
		}
	}
	return true
}

func (a *answers) takeOwners(w *texts, answer string) error {
	a.owners = nil
	for _, text := range list(answer) {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil || id == 0 {
			return fmt.Errorf(w.BadNumber, text)
		}
		a.owners = append(a.owners, id)
	}
	return nil
}

func (a *answers) takeApps(w *texts, answer string) error {
	known := frameworks()
	a.apps = nil
	for _, text := range list(answer) {
		i := slices.IndexFunc(known, func(f framework) bool { return f.name == strings.ToLower(text) })
		if i < 0 {
			return fmt.Errorf(w.BadApp, text, strings.Join(frameworkNames(), ", "))
		}
		if !slices.ContainsFunc(a.apps, func(f framework) bool { return f.name == known[i].name }) {
			a.apps = append(a.apps, known[i])
		}
	}
	if len(a.apps) == 0 {
		a.apps = known[len(known)-1:]
	}
	return nil
}

// list splits at commas and white space, Chinese ones too.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '，' || r == '、' || r == ' ' || r == '\t' })
}

// sample says what the file holds, and gives each app's token by name. language is that of texts to QQ users; empty
// leaves the default: a board whose own language is C or English mostly serves people who read Chinese.
func sample(a answers, self uint64, language string) (config.SampleOptions, map[string]string) {
	o := config.SampleOptions{
		WSHost: "127.0.0.1", WSPort: 3001, WSPath: "/onebot/v11/ws", SelfID: self, Owners: a.owners, Language: language,
	}
	if a.where != whereHost {
		o.WSHost, o.GatewayListen = "0.0.0.0", "0.0.0.0:6700"
		o.PublicURL = "http://" + net.JoinHostPort(a.address, "6700")
	}
	everything := false // frameworks have their own rules for being addressed
	tokens := make(map[string]string)
	for _, f := range a.apps {
		tokens[f.name] = config.NewToken()
		o.Apps = append(o.Apps, config.SampleApp{Name: f.name, Connect: f.connect, AccessToken: tokens[f.name], RequireMention: &everything})
	}
	return o, tokens
}

// instruct prints what to paste where.
func (s *Shell) instruct(c *cli.Context, path, kept string, cfg *config.Config, a answers, tokens map[string]string) error {
	w, p := s.texts(c), s.paint(s.Out)
	account := cfg.Accounts[0]
	host := "127.0.0.1"
	if a.where != whereHost {
		host = a.address
	}
	block, err := settings.Block(account, settings.Reach{Host: host})
	if err != nil {
		return failed("", "%v", err)
	}
	option := "" // where the file has its usual name, the commands find it
	start := s.Program + " run"
	switch path {
	case "catflap.yaml":
	case installedConfig:
		start = s.Program + " service start"
	default:
		option = " --config " + path
		start += option
	}
	url := "ws://" + net.JoinHostPort(host, strconv.Itoa(int(account.WSPort))) + account.WSPath
	readers := w.OnlyYou
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o040 != 0 {
		readers = w.OnlyService
	}
	fmt.Fprintf(s.Out, w.Wrote+"\n", path, readers)
	if kept != "" {
		s.say(fmt.Sprintf(w.OldKept, kept), 0, p.warn)
	}
	fmt.Fprintln(s.Out)
	s.say(w.NapCatHead, 3, p.bold)
	fmt.Fprintf(s.Out, "\n%s\n", block)
	s.say(fmt.Sprintf(w.NapCatOver, net.JoinHostPort(account.WSHost, strconv.Itoa(int(account.WSPort))), url), 3, nil)
	s.say(fmt.Sprintf(w.NapCatWhere, s.Program+" napcat config --write DIR"+option), 3, nil)
	if a.where != whereHost {
		s.say("   "+w.ContainerNote, 3, p.warn)
	}
	fmt.Fprintln(s.Out, "\n"+p.bold(w.AppsHead))
	for _, f := range a.apps {
		s.say("   "+f.name+": "+f.steps(w), 6, func(text string) string {
			if rest, first := strings.CutPrefix(text, f.name+":"); first {
				return p.bold(f.name) + ":" + rest
			}
			return text
		})
		for _, line := range f.lines("ws://"+net.JoinHostPort(host, "6700")+"/", tokens[f.name]) {
			fmt.Fprintln(s.Out, "      "+line)
		}
	}
	fmt.Fprintf(s.Out, "\n"+w.ThenRun+"\n\n", p.bold(start), p.bold(s.Program+" status"+option))
	if link := s.firstLink(c, cfg, readers == w.OnlyService); link != "" {
		s.say(w.FirstLink, 3, nil)
		fmt.Fprintf(s.Out, "   %s\n", p.bold(link))
		s.say("   "+fmt.Sprintf(w.LaterLink, s.Program+" console link"+option, s.Program+" console password"+option), 3, nil)
		fmt.Fprintln(s.Out)
	} else {
		fmt.Fprintf(s.Out, w.ConsoleStep+"\n\n", p.bold(s.Program+" console link"+option))
	}
	note := w.OpenNote
	if len(a.owners) == 0 {
		note = w.OpenNoteNobody
	}
	s.say(note, 0, p.faint)
	return nil
}

// firstLink makes a link into the console for the person at the terminal, "" if there is nobody or no console. The store keeps
// a hash of it. The service's own data folder is left to the service: root's files in it would bar it.
func (s *Shell) firstLink(c *cli.Context, cfg *config.Config, ofService bool) string {
	if c.Bool("yes") || !isTerminal(s.Out) || ofService || !console.Loopback(cfg.Console.Listen) {
		return ""
	}
	cl, err := s.openStore(cfg, needWrite)
	if err != nil {
		return "" // it is running, or cannot be written: the command says why
	}
	defer cl.close()
	var link console.LinkResult
	if cl.post(c.Context, "console/link", console.LinkRequest{First: true}, &link) != nil {
		return ""
	}
	return link.URL
}

// lanAddress guesses the address of this box in its network; empty if there is none.
func lanAddress() string { return console.LANAddress() }
