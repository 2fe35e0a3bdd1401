package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

// queueSync is short, so that a kill may cost little and the ledger is strict.
const queueSync = 200 * time.Millisecond

// commitTime is allowed for one commit beside 1.25 times queueSync, and for the way from NapCat to the journal.
const commitTime = time.Second

const (
	ann    = 20002 // listed
	bob    = 20003 // not listed
	ops    = 30003 // listed
	fun    = 30004 // not listed
	secret = "soak-secret-5d1f"
)

// What each app must receive of the plain account.
const (
	all      = "all"      // everything that is admitted
	opsOnly  = "opsonly"  // only the listed group
	mentions = "mentions" // private messages and what mentions the bot
	reverse  = "reverse"  // dialled by catflap, without Ann's private chat
	lateApp  = "lateapp"  // everything of the account that catches up
)

// configuration has an app for each of them. Bounds are wide: what falls out at a bound is another test's.
const configuration = `
dataDir: DATA
language: en
wsPort: NAPCAT
gateway: {listen: 127.0.0.1:GATEWAY}
console: {listen: "127.0.0.1:0"}
store: {queueSync: SYNC, sync: 500ms}
memory: {limit: 256MiB}
heartbeat: {interval: 1s, timeout: 1s}
reconnect: {retryDelay: 200ms, maxDelay: 500ms}
allowFrom: [ANN]
groups: {"OPS": {}}
accounts:
  plain: {wsPath: /plain, accessToken: SECRET, catchUp: false}
  late: {wsPath: /late, accessToken: SECRET, selfId: 10002}
apps:
  all: {accessToken: soak-all, accounts: [plain], requireMention: false, queue: {maxEvents: 20000}}
  opsonly: {accessToken: soak-opsonly, accounts: [plain], requireMention: false, queue: {maxEvents: 20000}, only: {chats: ["group:OPS"]}}
  mentions: {accessToken: soak-mentions, accounts: [plain], queue: {maxEvents: 20000}}
  reverse: {connect: "ws://REVERSE/onebot", accounts: [plain], requireMention: false, queue: {maxEvents: 20000}, except: {chats: ["user:ANN"]}, reconnect: {retryDelay: 100ms, maxDelay: 300ms}}
  lateapp: {accessToken: soak-lateapp, accounts: [late], requireMention: false, queue: {maxEvents: 20000}}
`

// views says which lane each app is part of.
func views() map[string]lane {
	return map[string]lane{all: plain, opsOnly: plain, mentions: plain, reverse: plain, lateApp: late}
}

// world is everything that runs.
type world struct {
	t      *testing.T
	seed   uint64
	ledger *ledger
	cat    *catflap
	text   string // the configuration
	extra  bool   // one more app is in it
	disk   *disk
	naps   map[lane]*simulator.NapCat
	apps   map[string]*app
	random *rand.Rand // of the faults; one goroutine
	tasks  sync.WaitGroup
	quiet  context.CancelFunc // ends the talking
	talk   sync.WaitGroup

	mu      sync.Mutex
	friends []uint64 // approved by the command line
	full    span     // the last time that the disk was full

	flood atomic.Int64 // messages that the plain account still has to hear at once

	deck   []int // faults that come next
	counts map[string]int
	kills  int
}

// newWorld starts everything and returns when every app has met catflap.
func newWorld(t *testing.T, seed uint64, disk *disk, data string) *world {
	t.Helper()
	w := &world{
		t: t, seed: seed, ledger: newLedger(), disk: disk, naps: make(map[lane]*simulator.NapCat), apps: make(map[string]*app),
		random: rand.New(rand.NewPCG(seed, 1)), counts: make(map[string]int),
	}
	dice := rand.New(rand.NewPCG(seed, 2))
	gateway, ports := freePort(t, dice.IntN), freePort(t, dice.IntN)
	w.cat = &catflap{dir: t.TempDir(), data: data, ledger: w.ledger}
	for name := range views() {
		if name == reverse {
			w.apps[name] = dialled(t, w.ledger, name)
		} else {
			w.apps[name] = dialIn(t, w.ledger, name, "soak-"+name, fmt.Sprintf("127.0.0.1:%d", gateway))
		}
	}
	w.text = strings.NewReplacer("DATA", data, "NAPCAT", fmt.Sprint(ports), "GATEWAY", fmt.Sprint(gateway),
		"SYNC", queueSync.String(), "ANN", fmt.Sprint(ann), "OPS", fmt.Sprint(ops), "SECRET", secret,
		"REVERSE", w.apps[reverse].cable.address()).Replace(configuration)
	w.must(w.cat.write(w.text))
	w.must(w.cat.start())
	t.Cleanup(func() {
		select {
		case <-w.cat.exited:
		default:
			_ = w.cat.cmd.Process.Kill()
			<-w.cat.exited
		}
	})
	w.must(w.cat.ready())

	ctx, cancel := context.WithCancel(context.Background())
	for of, self := range map[lane]uint64{plain: 10001, late: 10002} {
		n := simulator.New(simulator.Options{
			SelfID: self, Token: secret, ReconnectInterval: 100 * time.Millisecond, HeartInterval: time.Second,
			Rand: rand.New(rand.NewPCG(seed, self)),
		})
		w.naps[of] = n
		path := map[lane]string{plain: "plain", late: "late"}[of]
		w.tasks.Go(func() { _ = n.Dial(ctx, fmt.Sprintf("ws://127.0.0.1:%d/%s", ports, path)) })
		w.tasks.Go(func() { w.watch(ctx, of, n) })
	}
	t.Cleanup(func() {
		cancel()
		w.tasks.Wait()
	})
	w.linked()
	w.meet(0)
	// A subscription is on the disk after the next commit; only then it outlives a kill.
	pause(ctx, 2*time.Second)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("seed %d: %v\n---- catflap printed:\n%s", w.seed, err, w.cat.logs.last(8000))
	}
}

// watch notes every end of NapCat's link.
func (w *world) watch(ctx context.Context, of lane, n *simulator.NapCat) {
	for ctx.Err() == nil {
		if n.WaitConnected(ctx) != nil {
			return
		}
		links := n.Links()
		ended, cancel := context.WithCancel(ctx)
		var both sync.WaitGroup
		both.Go(func() { defer cancel(); _ = n.WaitDisconnected(ended) })
		both.Go(func() { defer cancel(); _ = n.WaitLinks(ended, links+1) })
		both.Wait()
		w.ledger.linkEnded(of, time.Now())
	}
}

// linked waits until both NapCats are linked.
func (w *world) linked() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for of, n := range w.naps {
		if err := n.WaitConnected(ctx); err != nil {
			w.must(fmt.Errorf("NapCat of %s was not linked within %v", of, patience))
		}
	}
}

// meet waits until every app has been connected more often than before.
func (w *world) meet(before int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for name, a := range w.apps {
		for a.connections() <= before {
			if !pause(ctx, 20*time.Millisecond) {
				w.must(fmt.Errorf("app %s was not connected within %v", name, patience))
			}
		}
	}
}

// speak lets people talk until quiet is called: on the plain account many, on the other few.
func (w *world) speak(every time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	w.quiet = cancel
	w.t.Cleanup(func() { cancel(); w.talk.Wait() })
	w.talk.Go(func() {
		dice := rand.New(rand.NewPCG(w.seed, 3))
		for pause(ctx, time.Duration(float64(every)*(0.2+1.6*dice.Float64()))) {
			if w.naps[plain].Connected() == 0 && dice.IntN(10) > 0 {
				continue // what is said to nobody proves little
			}
			for range 1 + dice.IntN(4) {
				w.sayPlain(dice)
			}
			if w.flood.Load() > 0 {
				for w.flood.Add(-1); w.flood.Load()%300 != 0; w.flood.Add(-1) {
					w.sayPlain(dice)
				}
			}
			if dice.IntN(80) == 0 { // a burst
				for range 300 {
					w.sayPlain(dice)
				}
			}
		}
	})
	w.talk.Go(func() {
		dice := rand.New(rand.NewPCG(w.seed, 4))
		for pause(ctx, time.Duration(float64(500*time.Millisecond)*(0.2+1.6*dice.Float64()))) {
			w.sayLate(dice)
		}
	})
}

func (w *world) sayPlain(dice *rand.Rand) {
	switch roll := dice.IntN(100); {
	case roll < 35:
		w.say(plain, simulator.InGroup(ops, ann), "group:ops", false, all, opsOnly, reverse)
	case roll < 55:
		w.say(plain, simulator.InGroup(ops, bob), "group:ops", true, all, opsOnly, reverse, mentions)
	case roll < 75:
		w.say(plain, simulator.Private(ann), "user:ann", false, all, mentions)
	case roll < 80:
		w.say(plain, simulator.Private(bob), "user:bob", false) // a stranger
	case roll < 90:
		w.say(plain, simulator.InGroup(fun, ann), "group:fun", true) // a group that nobody listed
	default:
		w.mu.Lock()
		friends := w.friends
		w.mu.Unlock()
		if len(friends) > 0 {
			who := friends[dice.IntN(len(friends))]
			w.say(plain, simulator.Private(who), fmt.Sprintf("user:%d", who), false, all, mentions, reverse)
		}
	}
}

func (w *world) sayLate(dice *rand.Rand) {
	switch dice.IntN(5) {
	case 0, 1:
		w.say(late, simulator.InGroup(ops, ann), "group:ops", false, lateApp)
	case 2, 3:
		w.say(late, simulator.Private(ann), "user:ann", false, lateApp)
	default:
		w.say(late, simulator.InGroup(fun, ann), "group:fun", false)
	}
}

func (w *world) say(of lane, from simulator.From, chat string, mention bool, wants ...string) int {
	n := w.naps[of]
	links, linked := n.Links(), n.Connected() > 0
	number := w.ledger.next(of, chat, wants)
	parts := []simulator.Segment{simulator.Text(mark(of, number))}
	if mention {
		parts = []simulator.Segment{simulator.At(n.SelfID()), simulator.Text(" " + mark(of, number))}
	}
	n.Say(from, parts...)
	w.ledger.spoken(of, number, linked && n.Connected() > 0 && n.Links() == links)
	return number
}
