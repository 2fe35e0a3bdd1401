package apps

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/catflap/catflap/appliance/config"
)

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
		{name: "a byte order mark", kind: "application/json", status: 200, body: "\ufeff[" + two + "]", want: []string{"delete_msg"}},
		{name: "words that are no JSON", kind: "text/plain", status: 200, body: "好的"},
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

// Whatever an app answers to a post, no request comes of it that has no action.
func FuzzReplied(f *testing.F) {
	for _, body := range []string{"", "[]", "{}", `[{"action":"a"}]`, `{"action":1}`, `{"action":"a"}`, "\x91\x81\xa6action\xa1a", "\x81\xa6action\xa1a", "null", "[null]", "[[]]"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := replied(body, 1<<20)
		if err != nil && len(list) != 0 || len(list) > maxReplied {
			t.Fatalf("%d requests with %v", len(list), err)
		}
		for _, one := range list {
			var named struct{ Action string }
			if err := json.Unmarshal(one, &named); err != nil {
				t.Fatalf("%q: %v", one, err)
			}
		}
	})
}

// What an app was not there for, or stumbled at, is told again: else it would believe for hours that its bot is as before.
// Events do not wait for it, and an app that never takes it is left alone.
func TestTwelvePostsStandingAgain(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	k := newHook(t)
	a := h.twelve(0, config.App{Post: k.server.URL, AccessToken: token}, b)
	var left, metas atomic.Int64
	k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
		if strings.Contains(p.body, `"type":"meta"`) {
			if metas.Add(1); left.Add(-1) >= 0 {
				w.WriteHeader(500)
			}
		}
	})
	next := func(want string) {
		t.Helper()
		if got := still(k.next().body); got != want {
			t.Fatalf("posted %s\nwant %s", got, want)
		}
	}
	left.Store(1)
	a.Start()
	next(online12)
	next(online12)

	left.Store(2)
	b.offline.Store(true)
	a.AccountChanged("bot1")
	next(offline12)
	h.say(b, "friend", "passes by", 0)
	for met := false; !met; {
		met = strings.Contains(k.next().body, "passes by")
	}
	until(t, "it was told", func() bool { return metas.Load() == 5 })

	left.Store(1 << 30)
	b.offline.Store(false)
	a.AccountChanged("bot1")
	until(t, "it was tried a few times", func() bool { return metas.Load() == 5+postTries })
	h.say(b, "friend", "goes on", 0)
	until(t, "events go on", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
	if got := metas.Load(); got != 5+postTries {
		t.Errorf("it was tried %d times", got-5)
	}
}
