package napcat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds every wait of these tests; reaching it is a failure, never a result.
const limit = 60 * time.Second

const (
	token    = "tk-3f9c"
	wsPath   = "/onebot/v11/ws"
	botQQ    = 10001
	friendQQ = 20002
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

// fixture is an account and all that it told.
type fixture struct {
	t       *testing.T
	account *Account
	events  chan string
	joined  chan []uint64
	log     *logText

	mu     sync.Mutex
	states []State
	pinned []uint64
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

// setup is a reverse account that neither probes nor waits long.
func setup() Options {
	return Options{
		Config: config.Account{
			Name: "default", Enabled: true, Link: "reverse", WSPath: wsPath, AccessToken: token,
			Reconnect: config.Reconnect{Enabled: true, MaxRetries: 10, RetryDelay: time.Millisecond, BackoffMultiplier: 1, MaxDelay: 2 * time.Millisecond},
			Heartbeat: config.Heartbeat{Interval: time.Hour, Timeout: limit},
		},
		MaxFrame: 1 << 20,
		Echo:     "catflap-7-",
	}
}

func newFixture(t *testing.T, o Options, pinned uint64) *fixture {
	t.Helper()
	f := &fixture{t: t, events: make(chan string, 4096), joined: make(chan []uint64, 256), log: &logText{}}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(f.log, nil))
	}
	o.Now = time.Now
	o.Rand = func() float64 { return 0.5 }
	event := o.Event
	o.Event = func(frame []byte, head *onebot.Head) {
		if event != nil {
			event(frame, head)
		}
		f.events <- string(frame)
	}
	o.Joined = func(groups []uint64) { f.joined <- groups }
	o.Changed = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.states = append(f.states, f.account.State())
	}
	if o.Pin == nil {
		o.Pin = func(self uint64) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.pinned = append(f.pinned, self)
			return nil
		}
	}
	f.account = New(o, pinned)
	t.Cleanup(func() {
		f.account.Close()
		if strings.Contains(f.log.String(), token) {
			t.Errorf("the log holds the token:\n%s", f.log)
		}
	})
	return f
}

// saw reports whether the account was ever in such a state when it said that something changed.
func (f *fixture) saw(is func(State) bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.states {
		if is(s) {
			return true
		}
	}
	return false
}

func (f *fixture) pins() []uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]uint64(nil), f.pinned...)
}

// listen serves accounts on a port of this test.
func listen(t *testing.T, accounts ...*Account) *Listener {
	t.Helper()
	l, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	l.Set(accounts)
	t.Cleanup(l.Close)
	return l
}

func (l *Listener) url() string { return "ws://" + l.Address() + wsPath }

// startNapCat lets a simulated NapCat dial until the test ends.
func startNapCat(t *testing.T, url string, o simulator.Options, prepare ...func(*simulator.NapCat)) *simulator.NapCat {
	t.Helper()
	o.Token = token
	if o.HeartInterval == 0 {
		o.HeartInterval = -1
	}
	o.ReconnectInterval = time.Millisecond
	nap := simulator.New(o)
	for _, p := range prepare {
		p(nap)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := nap.Dial(ctx, url); err != nil {
			t.Errorf("Dial: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return nap
}

// peer is a NapCat whose every frame the test decides.
type peer struct {
	t      *testing.T
	conn   *link.Conn
	calls  chan call
	ended  chan error
	manual bool // answers not even what the account asks by itself
}

type call struct {
	Action string          `json:"action"`
	Params json.RawMessage `json:"params"`
	Echo   string          `json:"echo"`
}

// asked are the actions that an account calls by itself, with an answer.
func asked() map[string]string {
	return map[string]string{
		"get_login_info": `{"user_id":10001,"nickname":"Bot"}`,
		"get_group_list": `[{"group_id":30004},{"group_id":30003}]`,
		"get_status":     `{"online":true,"good":true}`,
	}
}

func dialPeer(t *testing.T, url string, manual bool) *peer {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + token}, "X-Self-ID": {"10001"}}
	conn, err := link.Dial(testContext(t), link.Target{URL: url, Header: header}, link.Options{OutSlots: 4096})
	if err != nil {
		t.Fatal(err)
	}
	return servePeer(t, conn, manual)
}

func servePeer(t *testing.T, conn *link.Conn, manual bool) *peer {
	p := &peer{t: t, conn: conn, calls: make(chan call, 4096), ended: make(chan error, 1), manual: manual}
	var wg sync.WaitGroup
	wg.Go(func() { p.ended <- conn.Serve(context.Background(), link.Handler{Frame: p.frame}) })
	t.Cleanup(func() { conn.Close(1000, ""); wg.Wait() })
	return p
}

func (p *peer) frame(data []byte) error {
	var c call
	if err := json.Unmarshal(data, &c); err != nil {
		p.t.Errorf("catflap sent %q: %v", data, err)
		return nil
	}
	if answer, ok := asked()[c.Action]; ok && !p.manual {
		p.answer(c, answer)
		return nil
	}
	p.calls <- c
	return nil
}

func (p *peer) answer(c call, data string) {
	p.send(fmt.Sprintf(`{"status":"ok","retcode":0,"data":%s,"message":"","wording":"","echo":%q,"stream":"normal-action"}`, data, c.Echo))
}

func (p *peer) send(frame string) {
	if err := p.conn.Send([]byte(frame)); err != nil && !errors.Is(err, link.ErrClosed) {
		p.t.Errorf("sending: %v", err)
	}
}

func (p *peer) next() call {
	p.t.Helper()
	return receive(p.t, "a call", p.calls)
}

// linked is an account with one peer, after the account has asked what it asks by itself.
func linked(t *testing.T) (*fixture, *Listener, *peer) {
	t.Helper()
	f := newFixture(t, setup(), botQQ)
	l := listen(t, f.account)
	p := dialPeer(t, l.url(), false)
	receive(t, "the list of groups", f.joined)
	until(t, "no call is pending", func() bool { return f.account.Pending() == 0 })
	return f, l, p
}

// submit makes a call whose answers come on a channel.
func (f *fixture) submit(app, action string) <-chan Answer {
	out := make(chan Answer, 1024)
	f.account.Submit(Call{App: app, Action: action, Params: []byte(`{"a":1}`), Done: func(a Answer) {
		a.Frame = bytes.Clone(a.Frame)
		a.Head = nil
		out <- a
	}})
	return out
}

// works makes sure that a call is answered over the current link.
func (f *fixture) works(p *peer) {
	f.t.Helper()
	got := f.submit("app", "get_version_info")
	p.answer(p.next(), "{}")
	if a := receive(f.t, "an answer", got); a.Err != nil || !a.Final {
		f.t.Fatalf("answer %+v", a)
	}
}

// blackHole is a link whose peer neither reads nor answers nor closes.
func blackHole(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(limit))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %s\r\nX-Self-ID: 10001\r\n\r\n", wsPath, token)
	status := make([]byte, len("HTTP/1.1 101"))
	if _, err := c.Read(status); err != nil || string(status) != "HTTP/1.1 101" {
		t.Fatalf("upgrade: %q, %v", status, err)
	}
	return c
}
