package apps

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot12/msgpack"
	"github.com/catflap/catflap/store"
)

// twelve makes an app of OneBot 12.
func (h *house) twelve(slot uint8, c config.App, bots ...*bot) *App {
	h.t.Helper()
	c.Protocol = "onebot12"
	if c.Name == "" {
		c.Name = "v12"
	}
	return h.app(slot, c, bots...)
}

var (
	anyID   = regexp.MustCompile(`"id":"[0-9a-f-]{36}"`)
	anyTime = regexp.MustCompile(`"time":[0-9.e+]+`)
)

// still is a frame without what is never the same twice.
func still(frame string) string {
	return anyTime.ReplaceAllString(anyID.ReplaceAllString(frame, `"id":"ID"`), `"time":TIME`)
}

const (
	connect12 = `{"id":"ID","time":TIME,"type":"meta","detail_type":"connect","sub_type":"","version":{"impl":"catflap","version":"1.2.3","onebot_version":"12"}}`
	online12  = `{"id":"ID","time":TIME,"type":"meta","detail_type":"status_update","sub_type":"","status":{"good":true,"bots":[{"self":{"platform":"qq","user_id":"10001"},"online":true}]}}`
	offline12 = `{"id":"ID","time":TIME,"type":"meta","detail_type":"status_update","sub_type":"","status":{"good":true,"bots":[{"self":{"platform":"qq","user_id":"10001"},"online":false}]}}`
)

// still takes the next frame, which must be this one.
func (p *peer) still(want string) {
	p.t.Helper()
	if got := still(p.next()); got != want {
		p.t.Fatalf("got %s\nwant %s", got, want)
	}
}

// say appends a private message.
func (h *house) say(b *bot, sub, text string, slots ...uint8) {
	h.count++
	raw := fmt.Sprintf(`{"time":1767225600,"self_id":%d,"post_type":"message","message_type":"private","sub_type":%q,"message_id":%d,"user_id":20002,"group_id":30003,`+
		`"message":[{"type":"text","data":{"text":%q}}],"raw_message":"","font":0,"sender":{"user_id":20002,"nickname":"Ann"}}`, b.self.Load(), sub, h.count, text)
	h.raw(b, store.ClassMessage, raw, slots...)
}

func (h *house) raw(b *bot, class store.Class, raw string, slots ...uint8) {
	e := store.Event{Account: b.index, Class: class, Raw: []byte(raw)}
	for _, s := range slots {
		e.For |= 1 << s
	}
	h.journal.Append(e)
}

// text waits for a message with the text and returns the event.
func (p *peer) text(text string) map[string]any {
	p.t.Helper()
	for {
		var e map[string]any
		if err := json.Unmarshal([]byte(p.next()), &e); err != nil {
			p.t.Fatal(err)
		}
		if e["type"] == "message" {
			if e["alt_message"] != text {
				p.t.Fatalf("got %v, want %q", e, text)
			}
			return e
		}
	}
}

// until12 waits for a message with the text.
func (p *peer) until12(text string) {
	p.t.Helper()
	for !strings.Contains(p.next(), fmt.Sprintf(`"alt_message":%q`, text)) {
	}
}

// Connect, status_update, and only then anything else; a new connection begins the same way.
func TestTwelveGreeting(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token, Heartbeat: time.Hour}, b)
	g := open(t, a)
	for _, path := range []string{"/", "", "/onebot/v12", "/onebot/v12/", "/onebot/v12/ws", "//onebot//v12/ws/", "/qq/bot1/onebot/v12", "/qq/10001/onebot/v12/ws", "/?self_id=10001"} {
		p := come(t, g, path, token)
		p.send(`{"action":"get_version","params":{},"echo":"early"}`)
		p.still(connect12)
		p.still(online12)
		const answer = `{"status":"ok","retcode":0,"data":{"impl":"catflap","version":"1.2.3","onebot_version":"12"},"message":"","echo":"early"}`
		for p.next() != answer { // what the last connection had not acknowledged may come before it
		}
		h.say(b, "friend", path, 0)
		p.until12(path)
	}
	b.absent.Store(true)
	f := a.feed("bot1")
	f.presence.known = false // as at a start
	p := come(t, g, "/", token)
	p.still(connect12)
	p.still(offline12)
}

// What a reverse connection presents. The app selects no subprotocol, as NoneBot does not; package link has one that does.
func TestTwelveDials(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	f := newFramework(t)
	a := h.twelve(0, config.App{Connect: f.url(), AccessToken: token}, b)
	a.Start()
	p := f.next()
	p.still(connect12)
	p.still(online12)
	for key, want := range map[string]string{
		"Authorization": "Bearer " + token, "User-Agent": "OneBot/12 (qq) catflap/1.2.3", "Sec-Websocket-Protocol": "12.catflap",
		"X-Self-Id": "", "X-Client-Role": "", "X-Impl": "",
	} {
		if got := p.header.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	// Again after any end, with the same beginning.
	p.conn.Close(1000, "")
	p = f.next()
	p.still(connect12)
	p.still(online12)
}

func TestTwelveToken(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	alone := open(t, a)
	shared := open(t, a, h.app(1, config.App{Name: "v11", AccessToken: "tk-v11"}, b))
	for _, c := range []struct {
		name, authorization, query string
		want                       int
	}{
		{"header", "Bearer " + token, "", 200},
		{"query", "", "?access_token=" + token, 200},
		{"both", "Bearer " + token, "?access_token=wrong", 200},
		{"none", "", "", 401},
		{"wrong header", "Bearer wrong", "", 401},
		{"wrong query", "", "?access_token=wrong", 401},
		{"wrong header, right query", "Bearer wrong", "?access_token=" + token, 401},
	} {
		header := http.Header{"Authorization": {c.authorization}}
		if c.authorization == "" {
			header = http.Header{"Authorization": nil}
		}
		for _, g := range []*Gateway{alone, shared} {
			for _, path := range []string{"/", "/onebot/v12", "/qq/bot1/onebot/v12/"} {
				resp, body := do(t, g, request{method: "POST", path: path + c.query, contentType: "application/json", body: `{"action":"get_version","params":{}}`, header: header})
				if resp.StatusCode != c.want {
					t.Errorf("%s: POST %s is answered %d %s, want %d", c.name, path, resp.StatusCode, body, c.want)
				}
			}
		}
		for _, url := range []string{"ws://" + alone.Address() + "/", "ws://" + alone.Address() + "/onebot/v12", "ws://" + shared.Address() + "/onebot/v12/ws"} {
			conn, err := link.Dial(testContext(t), link.Target{URL: url + c.query, Header: header}, link.Options{})
			if conn != nil {
				conn.Close(1000, "")
			}
			var refused *link.RefusedError
			if ok := err == nil; ok != (c.want == 200) || !ok && (!asRefused(err, &refused) || refused.Status != c.want) {
				t.Errorf("%s: %s: %v, want %d", c.name, url, err, c.want)
			}
		}
	}
}

// The codes of the standard's chapter on HTTP, and what is answered once the body is read.
func TestTwelveHTTP(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	answering(a, h, `{"status":"ok","retcode":0,"data":{"message_id":7},"message":"","wording":""}`)
	g := open(t, a, h.app(1, config.App{Name: "v11", AccessToken: "tk-v11"}, b))
	const (
		asJSON  = "application/json"
		version = `{"status":"ok","retcode":0,"data":{"impl":"catflap","version":"1.2.3","onebot_version":"12"},"message":""`
		ask     = `{"action":"get_version","params":{}}`
		send    = `{"action":"send_message","params":{"detail_type":"private","user_id":"20002","message":%s},"echo":"e"}`
		sent    = `{"status":"ok","retcode":0,"data":{"message_id":"7","time":TIME},"message":"","echo":"e"}`
	)
	hi := func(raw string) string { return fmt.Sprintf(send, raw) }
	for _, c := range []struct {
		name   string
		in     request
		status int
		want   string // of the body; "…" at its end = it begins so
		action string // that reached the router
	}{
		{"get", request{method: "GET", path: "/"}, 405, "GET is not for this path: use POST", ""},
		{"another path", request{method: "POST", path: "/onebot/v12/a/b", contentType: asJSON, body: ask}, 404, "no such path …", ""},
		{"a path of OneBot 11", request{method: "POST", path: "/qq/bot1/onebot/v11/get_status", contentType: asJSON, body: "{}"}, 404, "no such path …", ""},
		{"another account", request{method: "POST", path: "/qq/nobody/onebot/v12", contentType: asJSON, body: ask}, 404, "no account …", ""},
		{"another token's path", request{method: "POST", path: "/onebot/v12", contentType: asJSON, body: ask, header: http.Header{"Authorization": {"Bearer tk-v11"}}}, 404, "no such path …", ""},
		{"no Content-Type", request{method: "POST", path: "/", body: ask}, 415, `Content-Type "": send application/json or application/msgpack`, ""},
		{"a form", request{method: "POST", path: "/", contentType: "application/x-www-form-urlencoded", body: ask}, 415, "Content-Type …", ""},
		{"JSON", request{method: "POST", path: "/", contentType: asJSON, body: ask}, 200, version + "}", ""},
		{"charset", request{method: "POST", path: "/", contentType: "Application/JSON; charset=utf-8", body: ask}, 200, version + "}", ""},
		{"no JSON", request{method: "POST", path: "/", contentType: asJSON, body: "{"}, 200, `{"status":"failed","retcode":10001,"data":null,"message":"…`, ""},
		{"empty", request{method: "POST", path: "/", contentType: asJSON}, 200, `{"status":"failed","retcode":10001,…`, ""},
		{"no params", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"get_version","echo":"e"}`}, 200, `{"status":"failed","retcode":10001,…`, ""},
		{"unknown action", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"xx.no_such","params":{}}`}, 200, `{"status":"failed","retcode":10002,…`, ""},
		{"echo", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"get_version","params":{},"echo":"猫 \u732b"}`}, 200, version + `,"echo":"猫 \u732b"}`, ""},
		{"empty echo", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"get_version","params":{},"echo":""}`}, 200, version + "}", ""},
		{"path names the action", request{method: "POST", path: "//get_version", contentType: asJSON, body: `{}`}, 200, version + "}", ""},
		{"wrong bot", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"get_self_info","params":{},"self":{"platform":"qq","user_id":"1"}}`}, 200, `{"status":"failed","retcode":10102,…`, ""},
		{"text", request{method: "POST", path: "/", contentType: asJSON, body: hi(`"hi"`)}, 200, sent, `{"action":"send_private_msg","params":{"user_id":20002,"message":[{"type":"text","data":{"text":"hi"}}]}}`},
		{"segment", request{method: "POST", path: "/", contentType: asJSON, body: hi(`{"type":"text","data":{"text":"hi"}}`)}, 200, sent, `{"action":"send_private_msg","params":{"user_id":20002,"message":[{"type":"text","data":{"text":"hi"}}]}}`},
		{"list", request{method: "POST", path: "/", contentType: asJSON, body: hi(`[{"type":"text","data":{"text":"hi"}}]`)}, 200, sent, `{"action":"send_private_msg","params":{"user_id":20002,"message":[{"type":"text","data":{"text":"hi"}}]}}`},
		{"empty list", request{method: "POST", path: "/", contentType: asJSON, body: hi(`[]`)}, 200, `{"status":"failed","retcode":10003,…`, ""},
		{"null", request{method: "POST", path: "/", contentType: asJSON, body: hi(`null`)}, 200, `{"status":"failed","retcode":10003,…`, ""},
		{"unknown segment", request{method: "POST", path: "/", contentType: asJSON, body: hi(`[{"type":"text","data":{"text":"hi"}},{"type":"no.such","data":{}}]`)}, 200, `{"status":"failed","retcode":10005,…`, ""},
	} {
		resp, body := do(t, g, c.in)
		want, begins := strings.CutSuffix(c.want, "…")
		got := still(body)
		if resp.StatusCode != c.status || begins && !strings.HasPrefix(got, want) || !begins && got != want {
			t.Errorf("%s: %d %s\nwant %d %s", c.name, resp.StatusCode, got, c.status, c.want)
		}
		if c.status == 200 && resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: the answer is %s", c.name, resp.Header.Get("Content-Type"))
		}
		select {
		case act := <-h.actions:
			if act.text != c.action || act.Account != "bot1" || act.App != "v12" {
				t.Errorf("%s: the router got %+v, want %s", c.name, act, c.action)
			}
		default:
			if c.action != "" {
				t.Errorf("%s: the router got nothing", c.name)
			}
		}
	}
}

// On HTTP an app may serve several bots: each request says which it means.
func TestTwelveSeveralBots(t *testing.T) {
	h := newHouse(t)
	a := h.twelve(0, config.App{AccessToken: token}, newBot("bot1", 0, botQQ), newBot("bot2", 1, 10002))
	answering(a, h, `{"status":"ok","retcode":0,"data":{"user_id":10002,"nickname":"Two"}}`)
	g := open(t, a)
	for _, c := range []struct{ path, body, want, account string }{
		{"/", `{"action":"get_self_info","params":{}}`, `"retcode":10101`, ""},
		{"/", `{"action":"get_self_info","params":{},"self":{"platform":"qq","user_id":"1"}}`, `"retcode":10102`, ""},
		{"/", `{"action":"get_self_info","params":{},"self":{"platform":"qq","user_id":"10002"}}`, `"user_id":"10002"`, "bot2"},
		{"/qq/bot2/onebot/v12", `{"action":"get_self_info","params":{}}`, `"user_id":"10002"`, "bot2"},
		{"/qq/bot2/onebot/v12", `{"action":"get_self_info","params":{},"self":{"platform":"qq","user_id":"10001"}}`, `"retcode":10102`, ""},
		{"/?self_id=10002", `{"action":"get_self_info","params":{}}`, `"user_id":"10002"`, "bot2"},
		{"/", `{"action":"get_version","params":{}}`, `"onebot_version":"12"`, ""},
		{"/", `{"action":"get_status","params":{}}`, `"bots":[{"self":{"platform":"qq","user_id":"10001"},"online":true},{"self":{"platform":"qq","user_id":"10002"},"online":true}]`, ""},
		{"/", `{"action":"get_supported_actions","params":{}}`, `"get_latest_events"`, ""},
	} {
		_, body := do(t, g, request{method: "POST", path: c.path, contentType: "application/json", body: c.body})
		if !strings.Contains(body, c.want) {
			t.Errorf("%s %s is answered %s, want %s", c.path, c.body, body, c.want)
		}
		if c.account != "" {
			if act := receive(t, "the action", h.actions); act.Account != c.account {
				t.Errorf("%s is for %s, want %s", c.body, act.Account, c.account)
			}
		}
	}
	resp, body := do(t, g, request{method: "GET", path: "/", header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"}}})
	if resp.StatusCode != 400 || !strings.Contains(body, "bot1 (self_id 10001), bot2 (self_id 10002)") {
		t.Errorf("a WebSocket for nobody: %d %s", resp.StatusCode, body)
	}
}

// pack makes MessagePack of JSON.
func pack(t *testing.T, text string) []byte {
	t.Helper()
	out, err := msgpack.FromJSON(nil, []byte(text), msgpack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Binary in, binary out, on both roads; events stay text.
func TestTwelvePacked(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	answering(a, h, `{"status":"ok","retcode":0,"data":{"message_id":7}}`)
	g := open(t, a)
	packed := pack(t, `{"action":"send_message","params":{"detail_type":"group","group_id":"30003","message":"hi"},"echo":"p"}`)
	check := func(frame []byte) {
		t.Helper()
		if !isPacked(frame) {
			t.Fatalf("the answer is %q", frame)
		}
		text, err := msgpack.ToJSON(nil, frame, msgpack.Options{MaxBytes: 1 << 20})
		if want := `{"status":"ok","retcode":0,"data":{"message_id":"7","time":TIME},"message":"","echo":"p"}`; err != nil || still(string(text)) != want {
			t.Errorf("the answer is %s (%v), want %s", text, err, want)
		}
	}
	p := come(t, g, "/", token)
	p.still(connect12)
	p.still(online12)
	if err := p.conn.SendBinary(packed); err != nil {
		t.Fatal(err)
	}
	check([]byte(p.next()))
	h.say(b, "friend", "still text", 0)
	p.text("still text")
	p.send(`{"action":"send_message","params":{"detail_type":"group","group_id":"30003","message":"hi"},"echo":"t"}`)
	p.still(`{"status":"ok","retcode":0,"data":{"message_id":"7","time":TIME},"message":"","echo":"t"}`)
	if err := p.conn.SendBinary([]byte{0x81, 0xc1}); err != nil {
		t.Fatal(err)
	}
	if got := p.next(); !isPacked([]byte(got)) || !strings.Contains(got, "\xcd\x27\x11") { // 10001
		t.Errorf("what is no MessagePack is answered %q", got)
	}

	for _, kind := range []string{"application/msgpack", "application/msgpack; x=1"} {
		resp, body := do(t, g, request{method: "POST", path: "/", contentType: kind, body: string(packed)})
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/msgpack" {
			t.Errorf("%s: %d %s", kind, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		check([]byte(body))
	}
}

// asRefused is errors.As for a refused dial.
func asRefused(err error, to **link.RefusedError) bool {
	for err != nil {
		if r, ok := err.(*link.RefusedError); ok {
			*to = r
			return true
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		err = u.Unwrap()
	}
	return false
}

// NapCat's link is away for a moment: nobody is told. It is away for long: the app is told once, and once when it is back.
func TestTwelvePresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBot("bot1", 0, botQQ)
		var told atomic.Int64
		a := &App{Options: Options{Config: config.App{Protocol: "onebot12"}, Now: time.Now}}
		a.live.Store(&a.Config)
		a.speech = a.speak()
		f := newFeed(a, b.account())
		f.current.Store(&session{feed: f, out: outletFunc(func() { told.Add(1) })})
		defer f.close(1000)
		see := func(after time.Duration, online bool, times int64) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := f.presence.see(f); got != online || told.Load() != times {
				t.Errorf("online %t and told %d times, want %t and %d", got, told.Load(), online, times)
			}
		}
		change := func(absent, offline bool) {
			b.absent.Store(absent)
			b.offline.Store(offline)
			f.accountChanged()
		}
		see(0, true, 0)
		change(true, false)
		see(2*time.Second, true, 0)
		change(false, false)
		see(time.Minute, true, 0)
		change(true, true)
		change(true, true)
		see(presenceGrace-time.Millisecond, true, 0)
		see(time.Millisecond, false, 1)
		see(time.Minute, false, 1)
		change(false, true) // the link first, QQ then
		see(0, false, 1)
		change(false, false)
		see(0, true, 2)
		change(false, true) // NapCat itself says so: at once
		see(0, false, 3)
		change(true, true)
		see(time.Minute, false, 3)
	})
}

type outletFunc func()

func (o outletFunc) Wake()              { o() }
func (outletFunc) Close(uint16, string) {}
func (outletFunc) RemoteAddr() string   { return "" }

// A stranger of a group, to whom an app of OneBot 12 answers by his number alone.
func TestTwelveTemporarySession(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	g := open(t, h.twelve(0, config.App{AccessToken: token}, b))
	p := come(t, g, "/", token)
	p.still(connect12)
	h.say(b, "group", "psst", 0)
	if e := p.text("psst"); e["sub_type"] != "qq.group_temp" || e["qq.group_id"] != "30003" {
		t.Errorf("the event is %v", e)
	}
	p.send(`{"action":"send_message","params":{"detail_type":"private","user_id":"20002","message":"hi"},"echo":"t"}`)
	if act := receive(t, "the action", h.actions); !strings.Contains(act.text, `"group_id":30003`) {
		t.Errorf("the router got %s", act.text)
	}
}

// What an app of OneBot 12 gets nothing of moves its queue all the same, whatever counts as delivered.
func TestTwelvePassesOver(t *testing.T) {
	for _, ack := range []string{"ping", "written"} {
		h, b := newHouse(t), newBot("bot1", 0, botQQ)
		a := h.twelve(0, config.App{AccessToken: token, Ack: ack}, b)
		p := come(t, open(t, a), "/", token)
		p.still(connect12)
		p.still(online12)
		for range 200 {
			h.raw(b, store.ClassMessage, `{"time":1,"self_id":10001,"post_type":"message_sent","message_type":"private","sub_type":"friend","message_id":1,"user_id":10001,"target_id":20002,"message":[],"raw_message":"","font":0,"sender":{"user_id":10001}}`, 0)
		}
		until(t, "the queue is empty", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
		h.say(b, "friend", "after", 0)
		p.text("after")
	}

	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	k := newHook(t)
	a := h.twelve(0, config.App{Post: k.server.URL}, b)
	a.Start()
	k.next()
	h.raw(b, store.ClassMeta, `{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","status":{},"interval":1}`, 0)
	h.say(b, "friend", "after", 0)
	if p := k.next(); !strings.Contains(p.body, `"alt_message":"after"`) {
		t.Errorf("posted %s", p.body)
	}
}

// The same event has the same id on every road and every time.
func TestTwelveEventIDs(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	k := newHook(t)
	k.answers(func(w http.ResponseWriter, _ *http.Request, _ posted) { w.WriteHeader(http.StatusServiceUnavailable) })
	posting := h.twelve(1, config.App{Name: "post", Post: k.server.URL}, b)
	posting.Start()
	k.next()
	k.answers(func(w http.ResponseWriter, _ *http.Request, _ posted) { w.WriteHeader(http.StatusInternalServerError) })
	g := open(t, h.twelve(0, config.App{AccessToken: token}, b))
	poll(t, g, "", "")
	p := come(t, g, "/", token)
	p.still(connect12)
	h.say(b, "friend", "one", 0, 1)
	h.say(b, "friend", "two", 0, 1)
	id := p.text("one")["id"]
	for range 3 {
		if again := k.next(); !strings.Contains(again.body, fmt.Sprintf(`"id":%q`, id)) && strings.Contains(again.body, `"one"`) {
			t.Errorf("posted %s, want id %s", again.body, id)
		}
	}
	if list := poll(t, g, "", "two"); list[0]["id"] != id {
		t.Errorf("get_latest_events gives %v, want id %s", list[0]["id"], id)
	}
	if two := p.text("two")["id"]; two == id {
		t.Error("two events have one id")
	}
}

// poll calls get_latest_events until an event has the text, "" = once, and returns all events.
func poll(t *testing.T, g *Gateway, params, text string) (events []map[string]any) {
	t.Helper()
	for {
		resp, body := do(t, g, request{method: "POST", path: "/", contentType: "application/json", body: `{"action":"get_latest_events","params":{` + params + `}}`})
		var answer struct {
			Status string           `json:"status"`
			Data   []map[string]any `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != 200 || answer.Status != "ok" || answer.Data == nil {
			t.Fatalf("answered %d %s (%v)", resp.StatusCode, body, err)
		}
		events = append(events, answer.Data...)
		if text == "" || slices.ContainsFunc(answer.Data, func(e map[string]any) bool { return e["alt_message"] == text }) {
			return events
		}
	}
}

func texts(events []map[string]any) (out []string) {
	for _, e := range events {
		out = append(out, fmt.Sprint(e["alt_message"]))
	}
	return out
}

// get_latest_events has a queue of its own: from the first call on, bounded like any, emptied by reading, and no WebSocket
// takes from it.
func TestTwelveLatestEvents(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	g := open(t, a)
	h.say(b, "friend", "before", 0)
	if list := poll(t, g, "", ""); len(list) != 0 {
		t.Errorf("the first call gives %v", list)
	}
	p := come(t, g, "/", token)
	h.raw(b, store.ClassMeta, `{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","status":{},"interval":1}`, 0)
	for _, text := range []string{"a", "b", "c", "d"} {
		h.say(b, "friend", text, 0)
		p.text(text)
	}
	if diff := cmp.Diff([]string{"a", "b"}, texts(poll(t, g, `"limit":2`, ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c", "d"}, texts(poll(t, g, `"limit":0`, ""))); diff != "" {
		t.Error(diff)
	}
	if list := poll(t, g, "", ""); len(list) != 0 {
		t.Errorf("an empty queue gives %v", list)
	}

	// A long poll ends with the first event.
	waiting := make(chan []string)
	go func() { waiting <- texts(poll(t, g, `"timeout":60`, "")) }()
	until(t, "somebody waits", func() bool {
		a.polled.mu.Lock()
		defer a.polled.mu.Unlock()
		return a.polled.news != nil
	})
	h.say(b, "friend", "e", 0)
	if diff := cmp.Diff([]string{"e"}, receive(t, "the long poll", waiting)); diff != "" {
		t.Error(diff)
	}

	// The oldest fall out at the bound.
	c := *a.settings()
	c.Queue.MaxEvents = 3
	a.Update(c)
	for i := range 5 {
		h.say(b, "friend", fmt.Sprint(i), 0)
	}
	if diff := cmp.Diff([]string{"2", "3", "4"}, texts(poll(t, g, "", ""))); diff != "" {
		t.Error(diff)
	}

	// Who asks on a WebSocket is told that this is none of its actions.
	p.send(`{"action":"get_latest_events","params":{},"echo":"l"}`)
	for {
		if frame := p.next(); strings.Contains(frame, `"echo":"l"`) {
			if !strings.Contains(frame, `"retcode":10002`) {
				t.Errorf("answered %s", frame)
			}
			break
		}
	}
}

// Two who ask at once never get the same event.
func TestTwelveLatestEventsAreGivenOnce(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	g := open(t, h.twelve(0, config.App{AccessToken: token}, b))
	poll(t, g, "", "")
	const all = 300
	got := make(chan []string)
	for range 3 {
		go func() {
			var mine []string
			for len(mine) == 0 || mine[len(mine)-1] != "end" {
				mine = append(mine, texts(poll(t, g, `"limit":7,"timeout":5`, ""))...)
			}
			got <- mine
		}()
	}
	for i := range all {
		h.say(b, "friend", fmt.Sprint(i), 0)
	}
	seen := make(map[string]int)
	for i := range 3 {
		h.say(b, "friend", "end", 0)
		for _, text := range receive(t, fmt.Sprintf("reader %d", i), got) {
			seen[text]++
		}
	}
	for i := range all {
		if n := seen[fmt.Sprint(i)]; n != 1 {
			t.Errorf("event %d was given %d times", i, n)
		}
	}
}

// A webhook: its headers, and what becomes of its answers.
func TestTwelvePosts(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	k := newHook(t)
	a := h.twelve(0, config.App{Post: k.server.URL + "/onebot/v12/http", AccessToken: token}, b)
	answering(a, h, `{"status":"ok","retcode":0,"data":{"message_id":7}}`)
	a.Start()
	first := k.next()
	if got := still(first.body); got != online12 {
		t.Errorf("the first post is %s", got)
	}
	want := map[string]string{
		"Authorization": "Bearer " + token, "User-Agent": "OneBot/12 (qq) catflap/1.2.3", "Content-Type": "application/json",
		"X-Onebot-Version": "12", "X-Impl": "catflap", "X-Self-Id": "", "X-Signature": "",
	}
	for key, value := range want {
		if got := first.header.Get(key); got != value {
			t.Errorf("%s: %q, want %q", key, got, value)
		}
	}
	one := `{"action":"send_message","params":{"detail_type":"private","user_id":"20002","message":"1"}}`
	two := `{"action":"delete_message","params":{"message_id":"7"}}`
	for _, c := range []struct {
		name, kind string
		status     int
		body       string
		want       []string
		fault      string
	}{
		{name: "204", status: 204},
		{name: "200 without a body", status: 200},
		{name: "a list", kind: "application/json", status: 200, body: "[" + one + "," + two + "]", want: []string{"send_private_msg", "delete_msg"}},
		{name: "no Content-Type", status: 200, body: " [" + two + "]\n", want: []string{"delete_msg"}},
		{name: "a single request", kind: "application/json", status: 200, body: two, want: []string{"delete_msg"}},
		{name: "MessagePack", kind: "application/msgpack", status: 200, body: string(pack(t, two)), want: []string{"delete_msg"}},
		{name: "words of its own", kind: "application/json", status: 200, body: `{"status":"ok"}`},
		{name: "an empty list", kind: "application/json", status: 200, body: `[]`},
		{name: "an unknown one among others", kind: "application/json", status: 200, body: `[{"action":"no","params":{}},` + two + `,{"x":1}]`, want: []string{"delete_msg"}, fault: "10002"},
		{name: "no JSON", kind: "application/json", status: 200, body: `[`, fault: "not JSON"},
		{name: "201", status: 201},
	} {
		k.answers(func(w http.ResponseWriter, _ *http.Request, _ posted) {
			if c.kind != "" {
				w.Header().Set("Content-Type", c.kind)
			} else {
				w.Header()["Content-Type"] = nil
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		h.say(b, "friend", c.name, 0)
		if p := k.next(); !strings.Contains(p.body, fmt.Sprintf(`"alt_message":%q`, c.name)) {
			t.Errorf("%s: posted %s", c.name, p.body)
		}
		for _, action := range c.want {
			if act := receive(t, action, h.actions); !strings.HasPrefix(act.text, fmt.Sprintf(`{"action":%q`, action)) {
				t.Errorf("%s: the router got %s, want %s", c.name, act.text, action)
			}
		}
		if c.fault != "" {
			until(t, "status tells of "+c.fault, func() bool { return strings.Contains(status(t, a, "bot1").LastError, c.fault) })
		}
	}
	until(t, "all is acknowledged", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
	select {
	case act := <-h.actions:
		t.Errorf("the router got %s", act.text)
	default:
	}

	// 500 and silence are tried again.
	k.answers(func(w http.ResponseWriter, _ *http.Request, _ posted) { w.WriteHeader(500) })
	h.say(b, "friend", "again", 0)
	k.next()
	k.next()
	k.answers(nil)
	until(t, "it was taken", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
}
