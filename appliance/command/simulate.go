package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/simulator"
)

// Simulate plays NapCat, by a scenario file or by what is typed.
func (s *Shell) Simulate() *cli.Command {
	return leaf(&cli.Command{
		Name: "simulate", Usage: "play NapCat, by hand or by a scenario file",
		UsageText: "catflap simulate [--url ws://...] [--listen HOST:PORT] [--post http://...]\n" +
			"                 [--http HOST:PORT] [--sse HOST:PORT] [--token T] [--scenario FILE]\n\n" +
			"Each address adds one of NapCat's five network adapters. Without any it plays the\n" +
			"NapCat of the configuration, whatever link the account has.\n" +
			"Without --scenario it reads lines:\n" +
			"  20002: hello             a private message\n" +
			"  30003/20002: @bot hi     a group message; @bot, @all and @QQ are mentions\n" +
			"  /offline  /online        QQ itself loses or regains its login\n" +
			"  /drop                    the connection breaks\n" +
			"  /quit                    the end\n" +
			"QQ's friends of the bot are 20002, 20003 and 20009, its groups 30003 and 30004;\n" +
			"whoever else writes privately becomes a friend first.\n\n" +
			"example: catflap simulate --url ws://127.0.0.1:3001/onebot/v11/ws --token s3cret",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "url", Usage: "dial this address, as NapCat's WebSocket client does (link: reverse)"},
			&cli.StringFlag{Name: "listen", Usage: "serve at this address, as NapCat's WebSocket server does (link: forward)"},
			&cli.StringFlag{Name: "post", Usage: "post events to this address, as NapCat's HTTP client does (link: http, with --http)"},
			&cli.StringFlag{Name: "http", Usage: "serve at this address, as NapCat's HTTP server does"},
			&cli.StringFlag{Name: "sse", Usage: "serve at this address, as NapCat's HTTP SSE server does (link: sse)"},
			&cli.Uint64Flag{Name: "self", Usage: "the bot's QQ number", Value: 10001, DefaultText: "selfId of the configuration, else 10001"},
			&cli.StringFlag{Name: "token", Usage: "the access token"},
			&cli.StringFlag{Name: "account", Usage: "which account of the configuration to play"},
			&cli.StringFlag{Name: "scenario", Usage: "play this `FILE` instead of reading lines"},
			&cli.BoolFlag{Name: "report-self", Usage: "report what the bot itself says (reportSelfMessage)", Value: true},
		},
		Action: s.simulate,
	})
}

func (s *Shell) simulate(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	self := c.Uint64("self")
	if self == 0 {
		return misuse("leave --self out, or give the bot's QQ number", "--self cannot be 0")
	}
	side := napcatSide{dial: c.String("url"), listen: c.String("listen"), post: c.String("post"), http: c.String("http"), sse: c.String("sse"), token: c.String("token")}
	if !side.any() {
		var err error
		if side, err = s.napcatSide(c); err != nil {
			return err
		}
		if !c.IsSet("self") && side.self != 0 {
			self = side.self
		}
	}
	var scenario *simulator.Scenario
	if file := c.String("scenario"); file != "" {
		var err error
		if scenario, err = simulator.LoadScenario(file); err != nil {
			return misuse("", "%v", err)
		}
	}
	log := slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: withoutTime}))
	o := simulator.Options{Token: side.token, ReportSelf: c.Bool("report-self"), Log: log}
	if scenario != nil {
		o.World = scenario.World
	} else {
		o.World = simulator.DefaultWorld()
		// QQ delivers private messages between friends only: a stranger of the bot's owner is no stranger to QQ.
		o.World.Friends, o.World.Strangers = append(o.World.Friends, o.World.Strangers...), nil
	}
	if scenario == nil || c.IsSet("self") {
		o.SelfID = self
	}
	nap := simulator.New(o)
	ctx, cancel := context.WithCancelCause(c.Context)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
	adapters, err := s.adapters(ctx, nap, side)
	if err != nil {
		return err
	}
	for _, run := range adapters {
		running.Go(func() {
			if err := run(); err != nil {
				cancel(err)
			}
		})
	}
	if scenario == nil {
		running.Go(func() { s.showSent(ctx, nap) })
	}

	if scenario != nil {
		err = s.playScenario(ctx, nap, scenario)
	} else {
		err = s.playLines(ctx, &talk{nap: nap, friends: o.World.Friends})
	}
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, context.Canceled) {
			return nil // Ctrl-C
		}
		err = cause
	}
	return err
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// napcatSide is which of NapCat's adapters there are: addresses that they dial, post to or serve at.
type napcatSide struct {
	dial, listen, post, http, sse, token string
	self                                 uint64 // 0 = not configured
}

func (n napcatSide) any() bool { return n.dial+n.listen+n.post+n.http+n.sse != "" }

// adapters makes what each adapter of a side runs until ctx ends. Addresses to serve at are bound already.
func (s *Shell) adapters(ctx context.Context, nap *simulator.NapCat, side napcatSide) ([]func() error, error) {
	var all []func() error
	var bound []net.Listener
	serve := func(address, url string, run func(net.Listener) error) error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return failed("stop what serves there, or choose another place with --listen, --http or --sse HOST:PORT", "%v", err)
		}
		bound = append(bound, l)
		fmt.Fprintf(s.Err, "serving at "+url+"\n", l.Addr())
		all = append(all, func() error { return run(l) })
		return nil
	}
	var err error
	if side.listen != "" {
		err = serve(side.listen, "ws://%s/", func(l net.Listener) error { return nap.Serve(ctx, l) })
	}
	if side.http != "" && err == nil {
		err = serve(side.http, "http://%s", func(l net.Listener) error { return nap.ServeHTTP(ctx, l, simulator.HTTPServer{}) })
	}
	if side.sse != "" && err == nil {
		err = serve(side.sse, "http://%s/_events", func(l net.Listener) error { return nap.ServeHTTP(ctx, l, simulator.HTTPServer{Events: true}) })
	}
	if err != nil {
		for _, l := range bound {
			_ = l.Close()
		}
		return nil, err
	}
	if side.dial != "" {
		all = append(all, func() error { return nap.Dial(ctx, side.dial) })
	}
	if side.post != "" {
		all = append(all, func() error { return nap.Post(ctx, side.post) })
	}
	return all, nil
}

// napcatSide is what the NapCat of an account of the configuration does.
func (s *Shell) napcatSide(c *cli.Context) (side napcatSide, err error) {
	cfg, err := s.load(c)
	if err != nil {
		return side, err
	}
	a, err := pick(cfg, c.String("account"))
	if err != nil {
		return side, err
	}
	side.token, side.self = a.AccessToken, a.SelfID
	if c.String("token") != "" {
		side.token = c.String("token")
	}
	host := a.WSHost
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	gateway := net.JoinHostPort(host, strconv.Itoa(int(a.WSPort)))
	switch a.Link {
	case "reverse":
		side.dial = "ws://" + gateway + a.WSPath
	case "forward":
		side.listen, err = placeOf(a.Name, "url", a.URL, "ws")
	case "http":
		side.post = "http://" + gateway + a.HTTPPath
		side.http, err = placeOf(a.Name, "apiUrl", a.APIURL, "http")
	case "sse":
		side.sse, err = placeOf(a.Name, "apiUrl", a.APIURL, "http")
	}
	return side, err
}

// placeOf is where a server must be for an address of the configuration to reach it.
func placeOf(account, key, address, scheme string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != scheme || u.Port() == "" {
		return "", misuse("say where with --listen, --http or --sse HOST:PORT", "the %s of account %s is no place to serve at", key, account)
	}
	return u.Host, nil
}

// playScenario plays it; a step that did not go as written is a failure.
func (s *Shell) playScenario(ctx context.Context, nap *simulator.NapCat, scenario *simulator.Scenario) error {
	failures, err := simulator.Run(ctx, nap, scenario, s.Out)
	if err == nil && len(failures) > 0 {
		return failed("", "%s failed", plural(len(failures), "step"))
	}
	return err
}

// showSent prints what the bot says, until ctx ends.
func (s *Shell) showSent(ctx context.Context, nap *simulator.NapCat) {
	for last := int64(0); ; {
		sent, err := nap.WaitSent(ctx, func(sent simulator.Sent) bool { return sent.Seq > last })
		if err != nil {
			return
		}
		last = sent.Seq
		where := qq(sent.User)
		if sent.Group != 0 {
			where = "group " + qq(sent.Group)
		}
		text := clean(sent.Text)
		for _, segment := range sent.Segments {
			if segment.Type != "text" {
				text += " [" + clean(segment.Type) + "]"
			}
		}
		fmt.Fprintln(s.Out, s.paint(s.Out).good("bot -> "+where+":"), text)
	}
}

// playLines reads lines until /quit, the end of ctx, or the end of a terminal's input. When the input is no terminal,
// its end does not end NapCat: scripts pipe a few lines in and watch what comes of them.
func (s *Shell) playLines(ctx context.Context, t *talk) error {
	typed := make(chan string)
	ended := make(chan error, 1)
	// Reading a terminal cannot be interrupted: this goroutine may outlive the command, which ends the process.
	go func() {
		in := bufio.NewScanner(s.In)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			select {
			case typed <- in.Text():
			case <-ctx.Done():
				return
			}
		}
		ended <- in.Err()
	}()
	if isTerminal(s.In) {
		fmt.Fprintln(s.Err, `type "20002: hello" or "30003/20002: @bot hi"; /quit ends`)
	}
	if err := t.nap.WaitConnected(ctx); err != nil {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			if err != nil || isTerminal(s.In) {
				return err
			}
			<-ctx.Done()
			return nil
		case line := <-typed:
			quit, err := t.play(line)
			if err != nil {
				fmt.Fprintln(s.Err, s.paint(s.Err).bad(clean(err.Error())))
			}
			if quit {
				return nil
			}
		}
	}
}

// talk is a NapCat in which people speak line by line.
type talk struct {
	nap     *simulator.NapCat
	friends []simulator.Person
}

// befriend makes a friend of whoever is none yet, with the notice that NapCat sends.
func (t *talk) befriend(user uint64) {
	if user == t.nap.SelfID() || slices.ContainsFunc(t.friends, func(p simulator.Person) bool { return p.ID == user }) {
		return
	}
	t.friends = append(t.friends, simulator.Person{ID: user})
	t.nap.Notice(simulator.FriendAdd(user)...)
}

// play does what one line says.
func (t *talk) play(line string) (quit bool, err error) {
	nap := t.nap
	switch line = strings.TrimSpace(line); line {
	case "":
		return false, nil
	case "/quit":
		return true, nil
	case "/offline":
		nap.SetOnline(false)
		return false, nil
	case "/online":
		nap.SetOnline(true)
		return false, nil
	case "/drop":
		nap.Drop()
		return false, nil
	}
	from, segments, err := spoken(line, nap.SelfID())
	if err != nil {
		return false, err
	}
	if from.Group == 0 {
		t.befriend(from.User)
	}
	nap.Say(from, segments...)
	return false, nil
}

// spoken reads "USER: text" or "GROUP/USER: text".
func spoken(line string, self uint64) (simulator.From, []simulator.Segment, error) {
	who, text, ok := strings.Cut(line, ":")
	text = strings.TrimSpace(text)
	if !ok || text == "" {
		return simulator.From{}, nil, errors.New(`write "20002: hello" or "30003/20002: @bot hi"`)
	}
	var from simulator.From
	groupText, userText, inGroup := strings.Cut(who, "/")
	if !inGroup {
		userText = groupText
	}
	user, err := strconv.ParseUint(strings.TrimSpace(userText), 10, 64)
	if err != nil || user == 0 {
		return from, nil, fmt.Errorf("%q is not a QQ number", strings.TrimSpace(userText))
	}
	from = simulator.Private(user)
	if inGroup {
		group, err := strconv.ParseUint(strings.TrimSpace(groupText), 10, 64)
		if err != nil || group == 0 {
			return from, nil, fmt.Errorf("%q is not a group number", strings.TrimSpace(groupText))
		}
		from = simulator.InGroup(group, user)
	}
	return from, mentions(text, self), nil
}

// mentions makes segments: @bot, @all and @NUMBER at the start of a word become at segments.
func mentions(text string, self uint64) []simulator.Segment {
	var out []simulator.Segment
	plain := ""
	for _, word := range strings.SplitAfter(text, " ") {
		name, isMention := strings.CutPrefix(strings.TrimRight(word, " "), "@")
		var at simulator.Segment
		id, err := strconv.ParseUint(name, 10, 64)
		switch {
		case !isMention:
			plain += word
			continue
		case name == "bot":
			at = simulator.At(self)
		case name == "all":
			at = simulator.AtAll()
		case err == nil && id != 0:
			at = simulator.At(id)
		default:
			plain += word
			continue
		}
		if plain != "" {
			out = append(out, simulator.Text(plain))
		}
		out, plain = append(out, at), word[len("@")+len(name):]
	}
	if plain != "" {
		out = append(out, simulator.Text(plain))
	}
	return out
}
