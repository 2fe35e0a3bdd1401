package apps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds every wait of these tests; reaching it is a failure, never a result.
const limit = 60 * time.Second

const (
	token = "tk-51aa"
	botQQ = 10001
)

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// until waits for something that has no channel of its own.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ctx := testContext(t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func receive[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-testContext(t).Done():
		t.Fatalf("waited in vain: %s", what)
		panic("unreachable")
	}
}

// bot is an account as apps see it.
type bot struct {
	name            string
	index           uint16
	self            atomic.Uint64
	offline, absent atomic.Bool
}

func newBot(name string, index uint16, self uint64) *bot {
	b := &bot{name: name, index: index}
	b.self.Store(self)
	return b
}

func (b *bot) account() Account {
	return Account{Name: b.name, Index: b.index, Self: b.self.Load, Health: func() Health {
		return Health{Linked: !b.absent.Load(), Online: !b.offline.Load()}
	}}
}

// house is what apps live in: a journal and what they ask for.
type house struct {
	t       *testing.T
	journal *store.Journal
	actions chan asked
	count   int
}

// asked is an action whose bytes may be kept.
type asked struct {
	Action
	text string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{RingBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return &house{t: t, journal: s.Journal(), actions: make(chan asked, 1024)}
}

// app makes an app that is closed at the test's end.
func (h *house) app(slot uint8, c config.App, bots ...*bot) *App {
	h.t.Helper()
	return h.inside(slot, c, nil, bots...)
}

// inside makes an app of this process, or another if there is none, that is closed at the test's end.
func (h *house) inside(slot uint8, c config.App, inside *Inside, bots ...*bot) *App {
	h.t.Helper()
	c.Enabled = true
	if c.Protocol == "" {
		c.Protocol = "onebot11"
	}
	c.Reconnect = config.Reconnect{Enabled: true, RetryDelay: time.Millisecond, BackoffMultiplier: 1, MaxDelay: 2 * time.Millisecond}
	c.Queue = config.Queue{MaxEvents: 100_000, MaxMB: 64, MaxAge: config.MaxAge{Message: time.Hour, Notice: time.Hour, Request: time.Hour}}
	var log logText
	o := Options{
		Config: c, Slot: slot, Journal: h.journal, MaxFrame: 1 << 20, Inside: inside,
		Action: func(a Action) {
			text := string(a.Frame)
			a.Frame = nil
			h.actions <- asked{a, text}
		},
		Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now, Rand: func() float64 { return 0.5 },
		Lookups: Lookups{Version: "1.2.3"},
	}
	for _, b := range bots {
		o.Accounts = append(o.Accounts, b.account())
	}
	a := New(o)
	h.t.Cleanup(func() {
		a.Close(1012, false)
		if strings.Contains(log.String(), token) {
			h.t.Errorf("the log holds the token:\n%s", &log)
		}
	})
	return a
}

// logText collects log lines.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// tell appends the next numbered event for apps' slots and returns its bytes.
func (h *house) tell(b *bot, slots ...uint8) string {
	h.count++
	text := fmt.Sprintf(`{"time":1,"self_id":%d,"post_type":"notice","notice_type":"n","n":%d}`, b.self.Load(), h.count)
	e := store.Event{Account: b.index, Class: store.ClassNotice, Raw: []byte(text)}
	for _, s := range slots {
		e.For |= 1 << s
	}
	h.journal.Append(e)
	return text
}

// peer is an app's end of a link.
type peer struct {
	t      *testing.T
	conn   *link.Conn
	header http.Header
	path   string
	frames chan string
	block  chan struct{} // not nil: reading stops at the first frame until it is closed
	ended  chan error
}

func newPeer(t *testing.T, conn *link.Conn) *peer {
	return &peer{t: t, conn: conn, frames: make(chan string, 1<<16), ended: make(chan error, 1)}
}

func (p *peer) serve() {
	p.ended <- p.conn.Serve(context.Background(), link.Handler{Frame: func(data []byte) error {
		p.frames <- string(data)
		if p.block != nil {
			<-p.block
		}
		return nil
	}})
}

func (p *peer) next() string { p.t.Helper(); return receive(p.t, "a frame", p.frames) }

func (p *peer) send(text string) {
	p.t.Helper()
	if err := p.conn.Send([]byte(text)); err != nil {
		p.t.Fatalf("sending: %v", err)
	}
}

// meta is a lifecycle or heartbeat event.
type meta struct {
	Self     json.Number `json:"self_id"`
	PostType string      `json:"post_type"`
	Kind     string      `json:"meta_event_type"`
	SubType  string      `json:"sub_type"`
	Interval int64       `json:"interval"`
	Status   struct {
		Online, Good bool
	} `json:"status"`
}

func readMeta(t *testing.T, frame string) meta {
	t.Helper()
	var m meta
	if err := json.Unmarshal([]byte(frame), &m); err != nil || m.PostType != "meta_event" {
		t.Fatalf("frame %s is no meta event: %v", frame, err)
	}
	return m
}

// greeting takes lifecycle off and checks it.
func (p *peer) greeting(self uint64) {
	p.t.Helper()
	frame := p.next()
	if m := readMeta(p.t, frame); m.Kind != "lifecycle" || m.SubType != "connect" || !strings.Contains(frame, fmt.Sprintf(`"self_id":%d,`, self)) {
		p.t.Fatalf("first frame is %s", frame)
	}
}

// expect takes the next frame, which must be this one.
func (p *peer) expect(want string) {
	p.t.Helper()
	if got := p.next(); got != want {
		p.t.Fatalf("got %s, want %s", got, want)
	}
}

// until reads events up to one: what was not acknowledged may come again before it.
func (p *peer) until(want string) {
	p.t.Helper()
	for p.next() != want {
	}
}

// closed waits for the end of the link and returns its close code.
func (p *peer) closed() uint16 {
	p.t.Helper()
	err := receive(p.t, "the link's end", p.ended)
	var c *link.CloseError
	if !errors.As(err, &c) {
		p.t.Fatalf("ended with %v", err)
	}
	return c.Code
}

// framework is an app that listens.
type framework struct {
	t      *testing.T
	server *httptest.Server
	peers  chan *peer
	status atomic.Int64 // refuses with this status unless 0
	dials  atomic.Int64
	before func() // runs before each upgrade is answered; may be nil
	wg     sync.WaitGroup
}

func newFramework(t *testing.T) *framework {
	f := &framework{t: t, peers: make(chan *peer, 1024)}
	f.server = httptest.NewServer(http.HandlerFunc(f.take))
	t.Cleanup(func() {
		f.server.Close()
		f.wg.Wait()
	})
	return f
}

func (f *framework) url() string {
	return "ws" + strings.TrimPrefix(f.server.URL, "http") + "/onebot/v11/ws"
}

func (f *framework) take(w http.ResponseWriter, r *http.Request) {
	f.wg.Add(1) // before the upgrade: the server's Close waits for what has not been upgraded
	defer f.wg.Done()
	f.dials.Add(1)
	if s := f.status.Load(); s != 0 {
		w.WriteHeader(int(s))
		return
	}
	if f.before != nil {
		f.before()
	}
	conn, err := link.Accept(w, r, link.Options{})
	if err != nil {
		f.t.Errorf("accepting: %v", err)
		return
	}
	p := newPeer(f.t, conn)
	p.header, p.path = r.Header, r.URL.Path
	f.peers <- p
	p.serve()
}

func (f *framework) next() *peer { f.t.Helper(); return receive(f.t, "a connection", f.peers) }

// open serves apps at a gateway.
func open(t *testing.T, apps ...*App) *Gateway {
	t.Helper()
	return openWith(t, seats(), apps...)
}

func openWith(t *testing.T, places *gate.Seats, apps ...*App) *Gateway {
	t.Helper()
	g, err := OpenGateway("127.0.0.1:0", "qq", places, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	g.Set(apps)
	t.Cleanup(g.Close)
	return g
}

// come connects to the gateway with a token.
func come(t *testing.T, g *Gateway, path, token string) *peer {
	t.Helper()
	return comeTo(t, g, path, token, nil)
}

func comeTo(t *testing.T, g *Gateway, path, token string, block chan struct{}) *peer {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + token}}
	conn, err := link.Dial(testContext(t), link.Target{URL: "ws://" + g.Address() + path, Header: header}, link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, conn)
	p.block = block
	var wg sync.WaitGroup
	wg.Go(p.serve)
	t.Cleanup(func() { conn.Close(1000, ""); wg.Wait() })
	return p
}

// status is the app's state for one account.
func status(t *testing.T, a *App, account string) Status {
	t.Helper()
	for _, s := range a.Status() {
		if s.Account == account {
			return s
		}
	}
	t.Fatalf("app %s has no account %s", a.Name(), account)
	return Status{}
}

func seats() *gate.Seats {
	s := &gate.Seats{}
	s.SetLimit(64)
	return s
}
