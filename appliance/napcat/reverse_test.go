package napcat

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/simulator"
)

// upgrade asks for a WebSocket and returns the answer's status and body.
func upgrade(t *testing.T, l *Listener, method, path string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(testContext(t), method, "http://"+l.Address()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		"Authorization": {"Bearer " + token}, "X-Self-Id": {"10001"}, "X-Client-Role": {"Universal"},
	}
	change(r)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, ""
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, strings.TrimSpace(string(body))
}

func TestFault_S04_Handshake(t *testing.T) {
	f := newFixture(t, setup(), botQQ)
	l := listen(t, f.account)
	same := func(*http.Request) {}
	set := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	tests := []struct {
		name, method, path string
		change             func(*http.Request)
		status             int
		who, reason        string
	}{
		{"good", "GET", wsPath, same, 101, "", ""},
		{"trailing slash", "GET", wsPath + "/", same, 101, "", ""},
		{"double slash", "GET", "/" + wsPath, same, 101, "", ""},
		{"token in the query", "GET", wsPath + "?access_token=" + token, set("Authorization", "Bearer "), 101, "", ""},
		{"no self id", "GET", wsPath, func(r *http.Request) { r.Header.Del("X-Self-Id") }, 101, "", ""},
		{"other path", "GET", "/", same, 404, "", `no account has the path "/"`},
		{"no token", "GET", wsPath, func(r *http.Request) { r.Header.Del("Authorization") }, 401, "default", "access token missing"},
		{"napcat without a token", "GET", wsPath, set("Authorization", "Bearer "), 401, "default", "access token missing"},
		{"wrong token", "GET", wsPath, set("Authorization", "Bearer other"), 403, "default", "access token wrong"},
		{"a page", "GET", wsPath, set("Origin", "http://127.0.0.1:6750"), 403, "default", "request comes from a web page (Origin header)"},
		{"another account", "GET", wsPath, set("X-Self-Id", "10002"), 403, "default", "X-Self-ID 10002 is not this account's 10001 (`catflap account unpin default` forgets it)"},
		{"no number", "GET", wsPath, set("X-Self-Id", "bot"), 400, "default", "header X-Self-ID is not a QQ number"},
		{"zero", "GET", wsPath, set("X-Self-Id", "0"), 400, "default", "header X-Self-ID is not a QQ number"},
		{"no upgrade", "GET", wsPath, func(r *http.Request) { r.Header.Del("Upgrade") }, 426, "default", "not a WebSocket upgrade; NapCat needs a WebSocket client here"},
		{"old version", "GET", wsPath, set("Sec-Websocket-Version", "8"), 426, "default", "the request asks for a WebSocket version other than 13"},
		{"no key", "GET", wsPath, func(r *http.Request) { r.Header.Del("Sec-Websocket-Key") }, 400, "default", "the request is not a WebSocket upgrade"},
		{"posted", "POST", wsPath, same, 400, "default", "the request is not a WebSocket upgrade"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(l.Refused())
			resp, body := upgrade(t, l, tt.method, tt.path, tt.change)
			if resp.StatusCode != tt.status || body != tt.reason {
				t.Fatalf("answer %d %q, want %d %q", resp.StatusCode, body, tt.status, tt.reason)
			}
			if resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Error("401 without WWW-Authenticate")
			}
			refused := l.Refused()
			if tt.status == 101 {
				if len(refused) != before {
					t.Fatalf("noted as refused: %+v", refused[len(refused)-1])
				}
				return
			}
			if len(refused) != before+1 {
				t.Fatalf("%d refusals are noted, want %d", len(refused), before+1)
			}
			last := refused[before]
			if last.Status != tt.status || last.Reason != tt.reason || last.Who != tt.who || !strings.HasPrefix(last.Address, "127.0.0.1:") {
				t.Errorf("noted %+v", last)
			}
		})
	}
	// The links that the good handshakes made close with their peers.
	until(t, "all links are gone", func() bool { return !f.account.State().Linked })
}

func TestFault_S04_WrongTokensAreDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, setup(), botQQ)
		l, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		l.accounts = map[string]*Account{wsPath: f.account} // Set would serve, and the clock stands while a socket is awaited
		ask := func(remote, given string) time.Duration {
			r := httptest.NewRequest(http.MethodGet, wsPath, nil)
			r.RemoteAddr = remote
			r.Header.Set("Authorization", "Bearer "+given)
			began := time.Now()
			l.ServeHTTP(httptest.NewRecorder(), r)
			return time.Since(began)
		}
		for i, want := range []time.Duration{250, 500, 1000} {
			if got := ask("192.0.2.7:1", "guess"); got != want*time.Millisecond {
				t.Errorf("wrong token %d waited %v, want %vms", i+1, got, int(want))
			}
		}
		if got := ask("192.0.2.7:2", token); got != 0 {
			t.Errorf("the right token behind the same address waited %v", got)
		}
		if got := ask("127.0.0.1:1", "guess"); got != 0 {
			t.Errorf("loopback waited %v", got)
		}
	})
}

func TestListenerTurnsNobodyAwayBeforeSet(t *testing.T) {
	f := newFixture(t, setup(), botQQ)
	l, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	nap := startNapCat(t, l.url(), simulator.Options{})
	l.Set([]*Account{f.account})
	if err := nap.WaitConnected(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if refused := l.Refused(); len(refused) != 0 {
		t.Errorf("refused %+v", refused)
	}
}

func TestListenerClosesUnset(t *testing.T) {
	l, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	l.Close()
	w := httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequest(http.MethodGet, wsPath, nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("a closed listener answers %d", w.Code)
	}
}

func TestTwoAccountsOnOnePort(t *testing.T) {
	one := newFixture(t, setup(), 0)
	o := setup()
	o.Config.Name, o.Config.WSPath = "second", "/onebot/second/ws"
	two := newFixture(t, o, 0)
	l := listen(t, one.account, two.account)
	startNapCat(t, l.url(), simulator.Options{SelfID: 10001})
	startNapCat(t, "ws://"+l.Address()+"/onebot/second/ws", simulator.Options{SelfID: 10002})
	until(t, "both are linked", func() bool { return one.account.State().Linked && two.account.State().Linked })
	if a, b := one.account.Self(), two.account.Self(); a != 10001 || b != 10002 {
		t.Errorf("self ids %d and %d", a, b)
	}
}

// The store syncs to disk before it returns, which may take seconds on a bad card; NapCat gives up after two.
func TestUpgradeDoesNotWaitForPin(t *testing.T) {
	release := make(chan struct{})
	pinned := make(chan uint64, 1)
	o := setup()
	o.Pin = func(self uint64) error {
		<-release
		pinned <- self
		return nil
	}
	f := newFixture(t, o, 0)
	l := listen(t, f.account)
	nap := startNapCat(t, l.url(), simulator.Options{})
	if err := nap.WaitConnected(testContext(t)); err != nil {
		t.Fatal(err)
	}
	nap.Say(simulator.Private(friendQQ), simulator.Text("hi"))
	if e := receive(t, "an event", f.events); !strings.Contains(e, `"hi"`) {
		t.Errorf("event %s", e)
	}
	select {
	case <-pinned:
		t.Fatal("pinned before it was released")
	default:
	}
	close(release)
	if self := receive(t, "the pin", pinned); self != botQQ {
		t.Errorf("pinned %d", self)
	}
}

func TestCloseWaitsForPin(t *testing.T) {
	release, began := make(chan struct{}), make(chan struct{})
	done := false
	o := setup()
	o.Pin = func(uint64) error {
		close(began)
		<-release
		done = true
		return nil
	}
	f := newFixture(t, o, 0)
	l := listen(t, f.account)
	dialPeer(t, l.url(), false)
	receive(t, "the pin", began)
	var wg sync.WaitGroup
	wg.Go(func() { f.account.Close() })
	close(release)
	wg.Wait()
	if !done {
		t.Error("Close returned before Pin did")
	}
}

func TestPinAndForget(t *testing.T) {
	f := newFixture(t, setup(), 0)
	l := listen(t, f.account)
	p := dialPeer(t, l.url(), false)
	until(t, "the first number is pinned", func() bool { return slices.Equal(f.pins(), []uint64{10001}) && f.account.State().Linked })

	other := func(r *http.Request) { r.Header.Set("X-Self-Id", "10002") }
	if resp, _ := upgrade(t, l, "GET", wsPath, other); resp.StatusCode != http.StatusForbidden {
		t.Fatalf("another number got %d", resp.StatusCode)
	}
	if !f.account.State().Linked {
		t.Fatal("the refused handshake disturbed the link")
	}
	f.account.Forget()
	receive(t, "the old link's end", p.ended)
	if resp, body := upgrade(t, l, "GET", wsPath, other); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("after Forget: %d %s", resp.StatusCode, body)
	}
	until(t, "the second number is pinned", func() bool { return slices.Equal(f.pins(), []uint64{10001, 10002}) })
	until(t, "the short link has ended", func() bool { return !f.account.State().Linked })
}

func TestConfiguredSelfIDSurvivesForget(t *testing.T) {
	o := setup()
	o.Config.SelfID = 10003
	f := newFixture(t, o, botQQ)
	if got := f.account.Self(); got != 10003 {
		t.Errorf("self id %d, the configuration says 10003", got)
	}
	f.account.Forget()
	if got := f.account.Self(); got != 10003 {
		t.Errorf("self id %d after Forget", got)
	}
}

// A link without X-Self-ID is known by its first event, or by get_login_info.
func TestSelfIDIsLearned(t *testing.T) {
	tests := []struct {
		name string
		tell func(*peer)
	}{
		{"event", func(p *peer) {
			p.send(`{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"lifecycle","sub_type":"connect"}`)
		}},
		{"get_login_info", func(p *peer) {
			for c := p.next(); ; c = p.next() {
				if c.Action == "get_login_info" {
					p.answer(c, asked()[c.Action])
					return
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, setup(), 0)
			l := listen(t, f.account)
			conn, err := link.Dial(testContext(t), link.Target{URL: l.url(), Header: http.Header{"Authorization": {"Bearer " + token}}}, link.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p := servePeer(t, conn, true)
			until(t, "the link", func() bool { return f.account.State().Linked })
			if self := f.account.Self(); self != 0 {
				t.Fatalf("self id %d out of nothing", self)
			}
			tt.tell(p)
			until(t, "the number is pinned", func() bool { return slices.Equal(f.pins(), []uint64{botQQ}) })
			if self := f.account.Self(); self != botQQ {
				t.Errorf("self id %d", self)
			}
		})
	}
}

// gatedLog stops whoever logs a message.
// Handle runs the gate, without any lock.
// A third link overtakes the second one in the middle of its take-over: calls must end up at the third.
// The old link's probe fails because of the take-over; the new link is not to blame.
