package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/simulator"
	"github.com/catflap/catflap/policy"
)

// The people and groups of the demo, as simulator.DefaultWorld knows them.
const (
	demoBot      = 10001
	demoFriend   = 20002
	demoStranger = 20009
	demoGroup    = 30003
	demoUnlisted = 30004
)

// demoPatience bounds every single thing that the demo waits for.
const demoPatience = 15 * time.Second

// Demo shows in a minute what catflap does, without a QQ account.
func (s *Shell) Demo() *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "show what catflap does, with a simulated NapCat and an echo app",
		UsageText: "catflap demo [--once]\n\nexample: catflap demo --lang zh",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "once", Usage: "end after the tour; the exit code says whether everything happened"},
			langFlag(),
			&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Hidden: true},
		},
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "catflap-demo-")
			if err != nil {
				return failed("", "making a folder for the demo: %v", err)
			}
			defer os.RemoveAll(dir)
			d := &demo{s: s, words: s.texts(c), paint: s.paint(s.Out), dir: dir, language: s.language(c)}
			return d.run(c.Context, c.Bool("once"))
		},
	}
}

// demo is one run: an instance, its NapCat, its echo app, and a client of its API.
type demo struct {
	s     *Shell
	words *texts
	paint paint
	dir   string
	file  string
	nap   *simulator.NapCat
	api   *client
	// language of the demo and of the texts that go to QQ.
	language string
}

func (d *demo) run(ctx context.Context, once bool) (err error) {
	tokens := [2]string{rand.Text(), rand.Text()}
	d.file = filepath.Join(d.dir, "catflap.yaml")
	if err := writeNew(d.file, d.configuration(tokens), false); err != nil {
		return err
	}
	cfg, err := config.Load(d.file, d.s.Env)
	if err != nil {
		return failed("", "the demo's configuration: %v", err)
	}
	log, levels := newLog(d.s.Err, cfg)
	load := func() (*config.Config, error) {
		next, err := config.Load(d.file, d.s.Env)
		if err == nil {
			levels.set(next)
		}
		return next, err
	}
	a, err := appliance.Open(cfg, appliance.Options{Log: log, Version: d.s.Version, Reload: load})
	if err != nil {
		return failed("", "starting the demo: %v", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer func() {
		cancel(nil)
		running.Wait()
		err = errors.Join(err, a.Close())
	}()
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			cancel(err)
		}
	})
	world := simulator.DefaultWorld()
	// QQ delivers private messages between friends only: the stranger is one to the owner of the bot, not to QQ.
	world.Friends = append(world.Friends, simulator.Person{ID: demoStranger, Nickname: "Eve"})
	d.nap = simulator.New(simulator.Options{SelfID: demoBot, World: world, Token: tokens[0], ReportSelf: true, ReconnectInterval: time.Second})
	running.Go(func() { _ = d.nap.Dial(ctx, a.Addresses()["napcat."+config.DefaultAccount]) })
	app := &echoApp{url: a.Addresses()["gateway"] + "/", token: tokens[1]}
	running.Go(func() { app.run(ctx) })

	if d.api, err = dialSocket(ctx, filepath.Join(cfg.DataDir, appliance.AdminSocket)); err != nil {
		return failed("", "reaching the demo's instance: %v", err)
	}
	defer d.api.close()
	if err := d.tour(ctx); err != nil {
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
			return nil // Ctrl-C
		}
		return failed("", d.words.Fail, clean(err.Error()))
	}
	if once {
		return nil
	}
	d.invite(ctx)
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return failed("", "%v", cause)
	}
	fmt.Fprintln(d.s.Out, "\n"+d.words.Gone)
	return nil
}

func (d *demo) configuration(tokens [2]string) []byte {
	return fmt.Appendf(nil, `# written by catflap demo
wsHost: 127.0.0.1
wsPort: 0
wsPath: /onebot/v11/ws
accessToken: %s
allowFrom: [%d]
groups: {"%d": {}}
apps:
  echo: {protocol: onebot11, accessToken: %s}
gateway: {listen: "127.0.0.1:0"}
console: {listen: "127.0.0.1:0"}
log: {level: error}
dataDir: %q
language: %s
`, tokens[0], demoFriend, demoGroup, tokens[1], filepath.Join(d.dir, "data"), d.language)
}

// tour plays the scenes; each ends with what really happened, or with an error that says what did not.
func (d *demo) tour(ctx context.Context) error {
	w := d.words
	d.s.say(fmt.Sprintf(w.DemoHead, demoBot), 0, d.paint.bold)
	if err := d.patiently(ctx, d.nap.WaitConnected); err != nil {
		return fmt.Errorf("NapCat did not get through: %w", err)
	}
	d.say(d.paint.good("✓ ") + w.DemoLinked)
	if err := d.patiently(ctx, d.appConnected); err != nil {
		return fmt.Errorf("the echo app did not get through: %w", err)
	}
	d.say(d.paint.good("✓ ") + w.DemoEcho)
	for _, scene := range []func(context.Context) error{d.friend, d.stranger, d.group, d.unlisted} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	for _, sent := range d.nap.Sent() {
		if sent.Text == "pong 4" || sent.Text == "pong 6" {
			return fmt.Errorf("%q was answered although the policy forbids it", sent.Text)
		}
	}
	var list []console.Decision
	if err := d.api.get(ctx, "explain", url.Values{"last": {"100"}}, &list); err != nil {
		return err
	}
	// What the bot itself said is reported by NapCat and decided about too; here it would only be noise.
	list = slices.DeleteFunc(list, func(e console.Decision) bool { return strings.HasPrefix(e.Kind, "message_sent") })
	d.say("\n" + d.paint.bold(w.ExplainHead))
	d.s.printDecisions(list, d.words)
	return nil
}

func (d *demo) friend(ctx context.Context) error {
	w := d.words
	d.say("\n" + d.paint.bold("1. "+w.SceneFriend))
	d.nap.Say(simulator.Private(demoFriend), simulator.Text("ping 1"))
	d.line(w.FriendSays, demoFriend, "ping 1")
	if err := d.answered(ctx, 0, "pong 1"); err != nil {
		return err
	}
	if err := d.decided(ctx, user(demoFriend), "deliver", ""); err != nil {
		return err
	}
	d.why(w.FriendWhy)
	return nil
}

func (d *demo) stranger(ctx context.Context) error {
	w := d.words
	d.say("\n" + d.paint.bold("2. "+w.SceneStranger))
	d.nap.Say(simulator.Private(demoStranger), simulator.Text("ping 2"))
	d.line(w.StrangerSays, demoStranger, "ping 2")
	if err := d.decided(ctx, user(demoStranger), "pair", "dm.pairing-required"); err != nil {
		return err
	}
	d.why(w.StrangerWhy)
	entry, err := d.request(ctx)
	if err != nil {
		return err
	}
	if err := d.told(ctx, func(text string) bool { return strings.Contains(text, entry.Code) }); err != nil {
		return err
	}
	d.line(w.Approve, d.s.Program+" pairing approve "+entry.Code)
	var result console.PairingResult
	if err := d.api.post(ctx, "pairing/approve", console.PairingRequest{Who: entry.Code}, &result); err != nil {
		return err
	}
	if err := d.told(ctx, func(text string) bool { return text == policy.ApprovedNotice(policy.Lang(d.language)) }); err != nil {
		return err
	}
	d.nap.Say(simulator.Private(demoStranger), simulator.Text("ping 3"))
	d.line(w.StrangerSays, demoStranger, "ping 3")
	if err := d.answered(ctx, 0, "pong 3"); err != nil {
		return err
	}
	d.why(w.StrangerIn)
	return nil
}

func (d *demo) group(ctx context.Context) error {
	w := d.words
	d.say("\n" + d.paint.bold("3. "+w.SceneGroup))
	d.nap.Say(simulator.InGroup(demoGroup, demoFriend), simulator.Text("ping 4"))
	d.line(w.GroupSays, demoFriend, demoGroup, "ping 4")
	if err := d.decided(ctx, group(demoGroup), "context", "mention.required"); err != nil {
		return err
	}
	d.why(w.UnmentionedWhy)
	d.nap.Say(simulator.InGroup(demoGroup, demoFriend), simulator.At(demoBot), simulator.Text(" ping 5"))
	d.line(w.GroupSays, demoFriend, demoGroup, "@bot ping 5")
	if err := d.answered(ctx, demoGroup, "pong 5"); err != nil {
		return err
	}
	d.why(w.MentionWhy)
	return nil
}

func (d *demo) unlisted(ctx context.Context) error {
	w := d.words
	d.say("\n" + d.paint.bold("4. "+w.SceneUnlisted))
	d.nap.Say(simulator.InGroup(demoUnlisted, demoFriend), simulator.At(demoBot), simulator.Text(" ping 6"))
	d.line(w.GroupSays, demoFriend, demoUnlisted, "@bot ping 6")
	if err := d.decided(ctx, group(demoUnlisted), "drop", "group.not-listed"); err != nil {
		return err
	}
	d.why(w.UnlistedWhy)
	return nil
}

func (d *demo) invite(ctx context.Context) {
	w := d.words
	d.say("\n" + d.paint.bold(w.TryHead))
	d.plain("  export CATFLAP_CONFIG=" + d.file)
	for _, line := range []string{"status", "explain --last 5", "tail", "pairing list", "history show " + group(demoGroup),
		"call send_private_msg user_id=20002 message=hello", "pairing revoke 20009"} {
		d.plain("  " + d.s.Program + " " + line)
	}
	var link console.LinkResult
	if err := d.api.post(ctx, "console/link", struct{}{}, &link); err == nil {
		d.say("\n" + d.paint.bold(w.TryConsole))
		d.plain("  " + link.URL)
	}
	d.say(fmt.Sprintf(w.TryStop, d.dir))
}

func user(id uint64) string  { return fmt.Sprintf("user:%d", id) }
func group(id uint64) string { return fmt.Sprintf("group:%d", id) }

// plain prints what may be copied: it is not wrapped.
func (d *demo) plain(text string) { fmt.Fprintln(d.s.Out, text) }
func (d *demo) say(text string)   { d.s.say(text, 0, nil) }
func (d *demo) line(format string, args ...any) {
	d.s.say("   "+strings.TrimRight(clean(fmt.Sprintf(format, args...)), " "), 5, nil)
}
func (d *demo) why(text string) {
	d.s.say("   ✓ "+text, 5, func(line string) string {
		if rest, first := strings.CutPrefix(line, "✓"); first {
			return d.paint.good("✓") + rest
		}
		return line
	})
}
