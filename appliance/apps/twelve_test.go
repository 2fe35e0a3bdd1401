package apps

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
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

func (o outletFunc) Wake() { o() }

func (outletFunc) Close(uint16, string) {}

func (outletFunc) RemoteAddr() string { return "" }

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

// What a refusal most likely means names the paths of the V12 adapter.
func TestTwelveHints(t *testing.T) {
	c := config.App{Name: "v12", Protocol: "onebot12", Connect: "ws://127.0.0.1:8080/onebot/v11/ws", Post: "http://127.0.0.1:8080/onebot/v11"}
	for _, test := range []struct {
		hints []Hint
		want  []string
	}{
		{hints(&link.RefusedError{Status: 403}, c), []string{"ONEBOT_ACCESS_TOKEN", "another connection", `ends in "/onebot/v11/ws"; the V12 adapter of NoneBot listens on /onebot/v12/ws`}},
		{hints(&link.RefusedError{Status: 404}, c), []string{"/onebot/v12/ws"}},
		{postHints(&refusedPost{status: 403}, c), []string{"ONEBOT_V12_ACCESS_TOKEN"}},
		{postHints(&refusedPost{status: 307}, c), []string{`ends in "/onebot/v11"; the V12 adapter of NoneBot takes posts at /onebot/v12/http`}},
		{postHints(&refusedPost{status: 500}, c), nil},
	} {
		if len(test.hints) != len(test.want) {
			t.Fatalf("hints %v, want %q", test.hints, test.want)
		}
		for i, want := range test.want {
			if h := test.hints[i]; !strings.Contains(h.EN, want) || h.ZH == "" {
				t.Errorf("hint %+v, want %q", h, want)
			}
		}
	}
}
