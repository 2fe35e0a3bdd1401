package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/napcat"
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
			&cli.Uint64Flag{Name: "self", Usage: "the bot's QQ number (default: learned from the first connection)"},
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
		path = "catflap.yaml"
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
	if err := writeNew(path, text, c.Bool("force")); err != nil {
		return err
	}
	return s.instruct(c, path, cfg, a, tokens)
}

func (s *Shell) answers(c *cli.Context) (answers, error) {
	w := s.texts(c)
	where, address, owners, apps := c.String("where"), c.String("address"), c.String("owner"), c.String("apps")
	if !c.Bool("yes") {
		if !isTerminal(s.In) {
			return answers{}, misuse("give --yes and the flags that you want: `catflap init --help`", "init has no terminal to ask on")
		}
		in := bufio.NewReader(s.In)
		var err error
		ask := func(given string, question string) string {
			if given != "" || err != nil {
				return given
			}
			fmt.Fprint(s.Out, question)
			var line string
			line, err = in.ReadString('\n')
			if errors.Is(err, io.EOF) && line != "" {
				err = nil
			}
			return strings.TrimSpace(line)
		}
		where = ask(where, w.AskWhere)
		if where = place(where); where != whereHost {
			address = ask(address, fmt.Sprintf(w.AskAddress, lanAddress()))
		}
		owners = ask(owners, w.AskOwner)
		apps = ask(apps, fmt.Sprintf(w.AskApps, strings.Join(frameworkNames(), ", ")))
		if err != nil {
			return answers{}, failed("", "nothing was written")
		}
		fmt.Fprintln(s.Out)
	}
	return parseAnswers(w, where, address, owners, apps)
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

func parseAnswers(w *texts, where, address, owners, apps string) (answers, error) {
	a := answers{where: place(where), address: address}
	if !slices.Contains([]string{whereHost, whereContainer, whereRemote}, a.where) {
		return a, misuse("", w.BadWhere, clean(where))
	}
	if a.address == "" {
		a.address = lanAddress()
	}
	if a.address == "" && a.where != whereHost {
		return a, misuse("", "%s", w.NeedAddress)
	}
	for _, text := range list(owners) {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil || id == 0 {
			return a, misuse("", w.BadNumber, clean(text))
		}
		a.owners = append(a.owners, id)
	}
	known := frameworks()
	for _, text := range list(apps) {
		i := slices.IndexFunc(known, func(f framework) bool { return f.name == strings.ToLower(text) })
		if i < 0 {
			return a, misuse("", w.BadApp, clean(text), strings.Join(frameworkNames(), ", "))
		}
		if !slices.ContainsFunc(a.apps, func(f framework) bool { return f.name == known[i].name }) {
			a.apps = append(a.apps, known[i])
		}
	}
	if len(a.apps) == 0 {
		a.apps = known[len(known)-1:]
	}
	return a, nil
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
func (s *Shell) instruct(c *cli.Context, path string, cfg *config.Config, a answers, tokens map[string]string) error {
	w, p := s.texts(c), s.paint(s.Out)
	account := cfg.Accounts[0]
	host := "127.0.0.1"
	if a.where != whereHost {
		host = a.address
	}
	block, err := napcat.Settings(account, host)
	if err != nil {
		return failed("", "%v", err)
	}
	url := "ws://" + net.JoinHostPort(host, strconv.Itoa(int(account.WSPort))) + account.WSPath
	fmt.Fprintf(s.Out, w.Wrote+"\n\n", path)
	fmt.Fprintln(s.Out, p.bold(w.NapCatHead))
	fmt.Fprintf(s.Out, "\n%s\n", block)
	fmt.Fprintf(s.Out, w.NapCatOver+"\n", net.JoinHostPort(account.WSHost, strconv.Itoa(int(account.WSPort))), url)
	fmt.Fprintln(s.Out, w.NapCatWhere)
	if a.where != whereHost {
		fmt.Fprintln(s.Out, "   "+p.warn(w.ContainerNote))
	}
	fmt.Fprintln(s.Out, "\n"+p.bold(w.AppsHead))
	for _, f := range a.apps {
		fmt.Fprintf(s.Out, "   %s: %s\n", p.bold(f.name), f.steps(w))
		for _, line := range f.lines("ws://"+net.JoinHostPort(host, "6700")+"/", tokens[f.name]) {
			fmt.Fprintln(s.Out, "      "+line)
		}
	}
	fmt.Fprintf(s.Out, "\n"+w.ThenRun+"\n\n", path, path)
	fmt.Fprintln(s.Out, p.faint(w.OpenNote))
	return nil
}

// lanAddress guesses the address of this box in its network: the first private IPv4 that is up. Empty if there is none.
func lanAddress() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsPrivate() {
			return n.IP.String()
		}
	}
	return ""
}
