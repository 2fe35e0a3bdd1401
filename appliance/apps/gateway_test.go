package apps

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
)

// knock asks the gateway for a WebSocket and returns the answer's status and body.
func knock(t *testing.T, g *Gateway, method, path string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(testContext(t), method, "http://"+g.Address()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Authorization": {"Bearer " + token},
	}
	change(r)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, ""
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(body))
}

func TestFault_S04_GatewayHandshake(t *testing.T) {
	h := newHouse(t)
	one, two := newBot("bot1", 0, 10001), newBot("bot2", 1, 10002)
	unknown := newBot("bot3", 2, 0)
	g := open(t,
		h.app(0, config.App{Name: "koishi", AccessToken: token, CORS: []string{"http://pi.lan"}}, one, two, unknown),
		h.app(1, config.App{Name: "hook", AccessToken: "tk-http", Transports: []string{"http", "sse"}}, one),
		h.app(2, config.App{Name: "single", AccessToken: "tk-single", Transports: []string{"ws"}}, one),
		h.app(3, config.App{Name: "none", AccessToken: "tk-none"}),
		h.app(4, config.App{Name: "dialler", AccessToken: "tk-dialler", Connect: "ws://127.0.0.1:1"}, one),
	)
	const (
		list    = "bot1 (self_id 10001), bot2 (self_id 10002), bot3 (self_id 0)"
		several = "several accounts: add ?self_id= with one of " + list
		missing = "access token missing"
		wrong   = "access token wrong"
		page    = "request comes from a web page (Origin header)"
	)
	noPath := func(p string) string {
		return `no such path "` + p + `": WebSockets go to /, /event or /api, actions to /ACTION, server-sent events come from /_events; all of them also below /qq/ACCOUNT/onebot/v11`
	}
	same := func(*http.Request) {}
	set := func(key, value string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(key, value) } }
	bearer := func(token string) func(*http.Request) { return set("Authorization", "Bearer "+token) }
	tests := []struct {
		name, method, path string
		change             func(*http.Request)
		status             int
		reason             string
	}{
		{"self id in the query", "GET", "/?self_id=10002", same, 101, ""},
		{"account's name in the query", "GET", "/?self_id=bot2", same, 101, ""},
		{"token in the query", "GET", "/?self_id=10001&access_token=" + token, func(r *http.Request) { r.Header.Del("Authorization") }, 101, ""},
		{"koishi's scheme", "GET", "/?self_id=10001", set("Authorization", "Token "+token), 101, ""},
		{"the only account", "GET", "/", bearer("tk-single"), 101, ""},
		{"allowed origin", "GET", "/?self_id=10001", set("Origin", "http://pi.lan"), 101, ""},
		{"no token", "GET", "/", func(r *http.Request) { r.Header.Del("Authorization") }, 401, missing},
		{"empty token in the query", "GET", "/?access_token=", func(r *http.Request) { r.Header.Del("Authorization") }, 401, missing},
		{"wrong token", "GET", "/", bearer("guess"), 403, wrong},
		{"undefined", "GET", "/", set("Authorization", "Token undefined"), 403, wrong},
		{"token of an app that is dialled", "GET", "/", bearer("tk-dialler"), 403, wrong},
		{"other origin", "GET", "/?self_id=10001", set("Origin", "http://evil.example"), 403, page},
		{"origin without cors", "GET", "/", func(r *http.Request) { bearer("tk-single")(r); r.Header.Set("Origin", "http://pi.lan") }, 403, page},
		{"transports without ws", "GET", "/", bearer("tk-http"), 403, "apps.hook.transports does not list ws"},
		{"several accounts", "GET", "/", same, 400, several},
		{"several accounts, api: each action names one", "GET", "/api", same, 101, ""},
		{"unknown account", "GET", "/?self_id=10009", same, 404, `no account "10009" for this app; it serves ` + list},
		{"self id zero is nobody", "GET", "/?self_id=0", same, 404, `no account "0" for this app; it serves ` + list},
		{"another app's account", "GET", "/qq/bot2/onebot/v11", bearer("tk-single"), 404, `no account "bot2" for this app; it serves bot1 (self_id 10001)`},
		{"no account at all", "GET", "/", bearer("tk-none"), 404, "this app serves no account: see apps.none.accounts"},
		{"unknown path", "GET", "/nowhere", same, 404, noPath("/nowhere")},
		{"other platform", "GET", "/icqq/bot1/onebot/v11", same, 404, noPath("/icqq/bot1/onebot/v11")},
		{"other version", "GET", "/qq/bot1/onebot/v13", same, 404, noPath("/qq/bot1/onebot/v13")},
		{"no upgrade", "GET", "/?self_id=10001", func(r *http.Request) { r.Header.Del("Upgrade") }, 426, "this path takes WebSockets; call actions at /ACTION, read events from /_events"},
		{"old version", "GET", "/?self_id=10001", set("Sec-Websocket-Version", "8"), 426, "the request asks for a WebSocket version other than 13"},
		{"no key", "GET", "/?self_id=10001", func(r *http.Request) { r.Header.Del("Sec-Websocket-Key") }, 400, "the request is not a WebSocket upgrade"},
		{"posted", "POST", "/?self_id=10001", same, 400, "the request is not a WebSocket upgrade"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := g.Refused()
			status, body := knock(t, g, tt.method, tt.path, tt.change)
			if status != tt.status || body != tt.reason {
				t.Fatalf("answer %d %q, want %d %q", status, body, tt.status, tt.reason)
			}
			after := g.Refused()
			if tt.status == 101 {
				if len(after) != len(before) {
					t.Errorf("noted as refused: %+v", after[len(after)-1])
				}
				return
			}
			if last := after[len(after)-1]; last.Status != tt.status || last.Reason != tt.reason {
				t.Errorf("noted %+v", last)
			}
		})
	}
}

// An app that is posted to calls here, and gets its events nowhere else: two roads would read one cursor.
func TestPostedAppsCallOnly(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token, Post: "http://127.0.0.1:1/"}, b)
	answering(a, h, `{"status":"ok","retcode":0}`)
	g := open(t, a)
	const posted = "the events of this app are posted (apps.hook.post): call actions at /api or /ACTION"
	for _, path := range []string{"/", "/event", "/qq/bot1/onebot/v11/ws"} {
		if status, body := knock(t, g, "GET", path, func(*http.Request) {}); status != 403 || body != posted {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if resp, body := do(t, g, request{method: "GET", path: "/_events"}); resp.StatusCode != 403 || body != posted {
		t.Errorf("a stream: %d %s", resp.StatusCode, body)
	}
	if status, body := knock(t, g, "GET", "/api", func(*http.Request) {}); status != 101 {
		t.Errorf("calls by WebSocket: %d %s", status, body)
	}
	if resp, body := do(t, g, request{method: "POST", path: "/send_like", body: `{"user_id":1}`}); resp.StatusCode != 200 {
		t.Errorf("calls by HTTP: %d %s", resp.StatusCode, body)
	}
}

func TestOwnPortWithoutToken(t *testing.T) {
	h, b := newHouse(t), newBot("default", 0, botQQ)
	g := open(t, h.app(0, config.App{Name: "legacy", AllowNoToken: true}, b))
	for _, authorization := range []string{"", "Token undefined", "Bearer "} {
		if status, body := knock(t, g, "GET", "/", func(r *http.Request) { r.Header.Set("Authorization", authorization) }); status != 101 {
			t.Errorf("%q: %d %s", authorization, status, body)
		}
	}
	if status, _ := knock(t, g, "GET", "/", func(*http.Request) {}); status != http.StatusForbidden {
		t.Errorf("a token where none is wanted: %d", status)
	}
	for name, page := range map[string]func(*http.Request){
		"a picture in a page": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a name for this box": func(r *http.Request) { r.Host = "rebound.example" },
	} {
		status, body := knock(t, g, "GET", "/send_private_msg?user_id=1&message=x", func(r *http.Request) {
			r.Header.Del("Authorization")
			page(r)
		})
		if status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestGatewayPaths(t *testing.T) {
	tests := []struct {
		path   string
		events bool
	}{
		{"/", true}, {"//", true}, {"/event", true}, {"/event/", true}, {"/api", false}, {"/api/", false}, {"//api", false},
		{"/qq/bot1/onebot/v11", true}, {"/qq/bot1/onebot/v11/", true}, {"/qq/10001/onebot/v11", true}, {"//qq//bot1/onebot/v11//ws/", true},
		{"/qq/bot1/onebot/v11/ws", true}, {"/qq/bot1/onebot/v11/event", true}, {"/qq/bot1/onebot/v11/ws/event", true},
		{"/qq/bot1/onebot/v11/api", false}, {"/qq/bot1/onebot/v11/ws/api/", false},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			h, b := newHouse(t), newBot("bot1", 0, botQQ)
			a := h.app(0, config.App{Name: "koishi", AccessToken: token, Heartbeat: time.Hour}, b)
			p := come(t, open(t, a), tt.path, token)
			if tt.events {
				p.greeting(botQQ)
				p.expect(h.tell(b, 0))
			}
			// An action is answered on either; on /api nothing else comes, not even when health changes.
			p.send(`{"action":"get_status"}`)
			act := receive(t, "the action", h.actions)
			if act.text != `{"action":"get_status"}` || act.App != "koishi" || act.Account != "bot1" {
				t.Errorf("action %+v", act)
			}
			if !tt.events {
				h.tell(b, 0)
				a.AccountChanged("bot1")
			}
			act.Reply([]byte(`{"answer":1}`))
			p.expect(`{"answer":1}`)
			if st := status(t, a, "bot1"); st.Connected != tt.events || st.Subscribed != tt.events {
				t.Errorf("status %+v", st)
			}
		})
	}
}

func TestNothingBeforeLifecycle(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, 0)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token, Heartbeat: time.Millisecond}, b)
	p := come(t, open(t, a), "/", token)
	for range 3 {
		p.send(`{"action":"get_login_info"}`)
	}
	replies := []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}
	for _, r := range replies[:2] {
		receive(t, "the action", h.actions).Reply([]byte(r))
	}
	b.self.Store(botQQ)
	event := h.tell(b, 0)
	a.AccountChanged("bot1")
	receive(t, "the action", h.actions).Reply([]byte(replies[2]))
	p.greeting(botQQ)
	var got []string
	for len(got) < 4 {
		if f := p.next(); !strings.Contains(f, `"heartbeat"`) {
			got = append(got, f)
		}
	}
	var answers []string
	for _, f := range got {
		if f != event {
			answers = append(answers, f)
		}
	}
	if strings.Join(answers, " ") != strings.Join(replies, " ") {
		t.Errorf("got %v", got)
	}
}

// A framework that asks the moment it is connected still gets lifecycle first.
func TestLifecycleBeforeAnImmediateAnswer(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
	a.Action = func(act Action) { act.Reply([]byte(`{"at":"once"}`)) }
	g := open(t, a)
	for range 50 {
		conn, err := link.Dial(testContext(t), link.Target{URL: "ws://" + g.Address(), Header: http.Header{"Authorization": {"Bearer " + token}}}, link.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Send([]byte(`{"action":"x"}`)); err != nil {
			t.Fatal(err)
		}
		p := newPeer(t, conn)
		go p.serve()
		p.greeting(botQQ)
		p.expect(`{"at":"once"}`)
		conn.Close(1000, "")
		p.closed()
	}
}

// While the account is unknown answers wait for lifecycle, but not without a bound.
func TestHeldAnswersAreBounded(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, 0)
	p := come(t, open(t, h.app(0, config.App{Name: "koishi", AccessToken: token}, b)), "/", token)
	p.send(`{"action":"x"}`)
	act := receive(t, "the action", h.actions)
	for range 600 {
		act.Reply([]byte(`{}`))
	}
	if code := p.closed(); code != 1008 {
		t.Errorf("closed with %d", code)
	}
	if len(p.frames) != 0 {
		t.Errorf("%s came before lifecycle", <-p.frames)
	}
}

func TestFault_T01_AnswersGoToTheAskerOnly(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	g := open(t, h.app(0, config.App{Name: "one", AccessToken: "tk-1"}, b), h.app(1, config.App{Name: "two", AccessToken: "tk-2"}, b))
	peers := []*peer{come(t, g, "/", "tk-1"), come(t, g, "/api", "tk-1"), come(t, g, "/api", "tk-1"), come(t, g, "/", "tk-2")}
	peers[0].greeting(botQQ)
	peers[3].greeting(botQQ)
	var acts []asked
	for _, p := range peers {
		p.send(`{"action":"get_status","echo":1}`) // equal bytes
		acts = append(acts, receive(t, "the action", h.actions))
	}
	for i := len(acts) - 1; i >= 0; i-- {
		acts[i].Reply([]byte(`{"for":` + string(rune('0'+i)) + `}`))
	}
	for i, p := range peers {
		p.expect(`{"for":` + string(rune('0'+i)) + `}`)
	}
	// Had anything gone elsewhere it would come before these.
	for i, a := range acts {
		a.Reply([]byte(`{"end":1}`))
		peers[i].expect(`{"end":1}`)
	}
}

func TestUnreadAnswersCloseThatAppOnly(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	deaf, good := h.app(0, config.App{Name: "deaf", AccessToken: "tk-1"}, b), h.app(1, config.App{Name: "good", AccessToken: "tk-2"}, b)
	g := open(t, deaf, good)
	block := make(chan struct{})
	p := comeTo(t, g, "/", "tk-1", block)
	t.Cleanup(func() { close(block) })
	q := come(t, g, "/", "tk-2")
	q.greeting(botQQ)
	p.greeting(botQQ) // it reads no more
	p.send(`{"action":"x"}`)
	act := receive(t, "the action", h.actions)
	s := deaf.feeds[0].current.Load()
	answers := 0
	for ; s.conn.Send(nil) != link.ErrClosed && answers < 64; answers++ {
		act.Reply(make([]byte, 1<<20))
	}
	if answers == 64 {
		t.Fatal("64 MiB of answers were kept for an app that does not read")
	}
	q.expect(h.tell(b, 0, 1))
	until(t, "the deaf one is gone", func() bool { return !status(t, deaf, "bot1").Connected })
	if st := status(t, deaf, "bot1"); !strings.Contains(st.LastError, "answers are not read") {
		t.Errorf("last error %q", st.LastError)
	}
	if !status(t, good, "bot1").Connected {
		t.Error("the other app is gone, too")
	}
}

// What was half-way to a connection that does not read comes again over the next one.
func TestFault_T30_SetAccountsLeavesOthersAlone(t *testing.T) {
	h := newHouse(t)
	one, two, three := newBot("bot1", 0, 10001), newBot("bot2", 1, 10002), newBot("bot3", 2, 10003)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, one, two)
	g := open(t, a)
	a.Start()
	stays, goes := come(t, g, "/?self_id=10001", token), come(t, g, "/?self_id=10002", token)
	calls := come(t, g, "/api?self_id=10002", token)
	stays.greeting(10001)
	goes.greeting(10002)
	calls.send(`{}`)
	receive(t, "the action", h.actions)
	gone := a.feed("bot2")

	a.SetAccounts([]Account{one.account(), three.account()})
	if code := goes.closed(); code != 1000 {
		t.Errorf("closed with %d", code)
	}
	if code := calls.closed(); code != 1000 {
		t.Errorf("the calling connection was closed with %d", code)
	}
	stays.expect(h.tell(one, 0))
	if gone.cursor != nil || len(gone.links) != 0 {
		t.Error("the account that went left something behind")
	}
	if gone.spawn(func() {}) {
		t.Error("the account that went takes connections")
	}
	come(t, g, "/qq/bot3/onebot/v11", token).greeting(10003)

	// Neither does a change of the gateway's apps, or NapCat's going away.
	g.Set([]*App{a, h.app(1, config.App{Name: "new", AccessToken: "tk-2"}, one)})
	one.absent.Store(true)
	a.AccountChanged("bot1")
	stays.expect(h.tell(one, 0))
	g.Set(nil)
	stays.expect(h.tell(one, 0))
	g.Close()
	stays.expect(h.tell(one, 0))
}

func TestFault_T05_OneReconnectIsNotSeenByOthers(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	g := open(t, h.app(0, config.App{Name: "one", AccessToken: "tk-1", Heartbeat: time.Hour}, b), h.app(1, config.App{Name: "two", AccessToken: "tk-2", Heartbeat: time.Hour}, b))
	q := come(t, g, "/", "tk-2")
	q.greeting(botQQ)
	for range 10 {
		p := come(t, g, "/", "tk-1")
		p.greeting(botQQ)
		want := h.tell(b, 0, 1)
		p.until(want) // what was not acknowledged comes again before it
		q.expect(want)
		p.conn.Close(1000, "")
		p.closed()
	}
}

func TestGatewayCloseCodes(t *testing.T) {
	for range 20 {
		h, b := newHouse(t), newBot("bot1", 0, botQQ)
		a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
		g := open(t, a)
		events, calls := come(t, g, "/", token), come(t, g, "/api", token)
		events.greeting(botQQ)
		calls.send("{}")
		receive(t, "the action", h.actions)
		a.Close(1012, false)
		if x, y := events.closed(), calls.closed(); x != 1012 || y != 1012 {
			t.Fatalf("closed with %d and %d, want 1012", x, y)
		}
		late := come(t, g, "/", token) // the gateway closes after its apps or before, as it comes
		if code := late.closed(); code != 1012 {
			t.Fatalf("a late connection was closed with %d", code)
		}
	}
}

func TestGatewayClosesUnset(t *testing.T) {
	g, err := OpenGateway("127.0.0.1:0", "qq", seats(), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
	g.Close()
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("a closed gateway answers %d", w.Code)
	}
}
