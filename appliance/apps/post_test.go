package apps

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/store"
)

func TestPostsCarryEventsInOrder(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	a.Start()
	first := k.lifecycle(botQQ, "enable")
	if first.method != http.MethodPost || first.path != "/onebot?x=1" || first.length != int64(len(first.body)) {
		t.Errorf("%s %s with the length %d", first.method, first.path, first.length)
	}
	for name, want := range map[string]string{
		"X-Self-Id": "10001", "Authorization": "Bearer " + token, "Content-Type": "application/json", "User-Agent": "OneBot/11 catflap",
		"X-Signature": sign(first.body), "X-Client-Role": "",
	} {
		if got := first.header.Get(name); got != want {
			t.Errorf("header %s: %q, want %q", name, got, want)
		}
	}
	for range 100 {
		want := h.tell(b, 0)
		if p := k.event(want); p.header.Get("X-Signature") != sign(want) {
			t.Fatalf("the signature of %s is %s", want, p.header.Get("X-Signature"))
		}
	}
	until(t, "all is acknowledged", func() bool { return status(t, a, "default").Cursor.Backlog == 0 })
	if s := status(t, a, "default"); !s.Connected || !s.Subscribed || s.LastError != "" || s.Cursor.Repeated != 0 {
		t.Errorf("status: %+v", s)
	}
	a.Close(1012, false)
	k.lifecycle(botQQ, "disable")
	if s := status(t, a, "default"); s.Connected {
		t.Error("connected after its end")
	}
}

func TestPostsWithoutSecretAndTokenAreBare(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	h.app(0, config.App{Name: "hook", Post: k.server.URL}, b).Start()
	p := k.lifecycle(botQQ, "enable")
	for _, name := range []string{"X-Signature", "Authorization"} {
		if got := p.header.Get(name); got != "" {
			t.Errorf("header %s: %q", name, got)
		}
	}
}

// What is on its way when catflap stops may still be answered, and is not told again.
func TestAPostUnderWayIsAwaitedAtTheEnd(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	arrived, release := make(chan struct{}), make(chan struct{})
	k.answers(func(_ http.ResponseWriter, _ *http.Request, p posted) {
		if isEvent(p) {
			close(arrived)
			<-release
		}
	})
	a.Start()
	k.lifecycle(botQQ, "enable")
	one := h.tell(b, 0)
	receive(t, "the post", arrived)
	go func() {
		<-a.feed("default").ctx.Done()
		close(release)
	}()
	a.Close(1012, false)
	k.event(one)
	k.lifecycle(botQQ, "disable")
	if n := status(t, a, "default").Cursor.Backlog; n != 0 {
		t.Errorf("%d events wait", n)
	}
}

func TestAnswersToPostsGoToTheRouter(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	quicks := make(chan took, 8)
	a.Quick = func(q Quick) { quicks <- took{q, string(q.Event), string(q.Operation)} }
	var mu sync.Mutex
	code, reply := 200, `{"reply":"hi"}`
	k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(code)
		fmt.Fprint(w, reply) // also to lifecycle, where it means nothing
	})
	a.Start()
	k.lifecycle(botQQ, "enable")
	one := h.tell(b, 0)
	k.event(one)
	q := receive(t, "the quick operation", quicks)
	if q.App != "hook" || q.Account != "default" || q.event != one || q.operation != reply {
		t.Errorf("got %+v", q)
	}
	q.Done(fmt.Errorf("send_msg failed: denied"))
	until(t, "status tells of it", func() bool {
		return strings.HasSuffix(status(t, a, "default").LastError, ": the answer to an event was not carried out: send_msg failed: denied")
	})
	if s := status(t, a, "default"); !s.Connected || s.Cursor.Skipped != 0 {
		t.Errorf("status: %+v", s)
	}
	mu.Lock()
	code, reply = 204, ""
	mu.Unlock()
	k.event(h.tell(b, 0))
	until(t, "it is acknowledged", func() bool { return status(t, a, "default").Cursor.Backlog == 0 })
	if n := len(quicks); n != 0 {
		t.Errorf("%d quick operations out of nothing", n)
	}
}

func TestPostsTellOfHeartbeats(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	b.offline.Store(true)
	a := h.app(0, config.App{Name: "hook", Post: k.server.URL, Heartbeat: 5 * time.Millisecond}, b)
	a.Start()
	k.lifecycle(botQQ, "enable")
	for range 3 {
		if m := readMeta(t, k.next().body); m.Kind != "heartbeat" || m.Status.Online || !m.Status.Good || m.Interval != 5 {
			t.Fatalf("got %+v", m)
		}
	}
	c := *a.settings()
	c.Heartbeat = 0
	a.Update(c)
	want := h.tell(b, 0)
	for k.next().body != want {
	}
	k.event(h.tell(b, 0)) // nothing between
}

// An app that does not know meta events gets its events all the same.
func TestPostsToAnAppThatRefusesMetaEvents(t *testing.T) {
	for _, code := range []int{400, 500} {
		h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
		a := h.poster(k, b)
		k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
			if !isEvent(p) {
				w.WriteHeader(code)
			}
		})
		a.Start()
		k.lifecycle(botQQ, "enable")
		k.event(h.tell(b, 0))
		until(t, "it is taken", func() bool { s := status(t, a, "default"); return s.Connected && s.Cursor.Backlog == 0 })
		if s := status(t, a, "default"); s.Cursor.Skipped != 0 {
			t.Errorf("%d: status %+v", code, s)
		}
	}
}

func TestPostsPauseAndGoOn(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	a.Pause(true)
	a.Start()
	k.lifecycle(botQQ, "enable")
	one := h.tell(b, 0)
	a.AccountChanged("default") // makes the pump look
	if n := len(k.posts); n != 0 {
		t.Errorf("%d posts to a paused app", n)
	}
	a.Pause(false)
	k.event(one)
}

func TestPostsInStringForm(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	h.app(0, config.App{Name: "hook", Post: k.server.URL, Secret: hookSecret, MessageFormat: "string"}, b).Start()
	k.lifecycle(botQQ, "enable")
	h.journal.Append(store.Event{For: 1, Class: store.ClassMessage, Raw: []byte(`{"self_id":10001,"post_type":"message","message_type":"group","message":[{"type":"at","data":{"qq":"1"}}],"message_format":"array"}`)})
	p := k.event(`{"self_id":10001,"post_type":"message","message_type":"group","message":"[CQ:at,qq=1]","message_format":"string"}`)
	if p.header.Get("X-Signature") != sign(p.body) {
		t.Error("the signature is not that of what was sent")
	}
}

// Koishi checks the signature against what JSON.stringify makes of the body.
func TestSignedPostsAreAsJavaScriptWritesThem(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	h.poster(k, b).Start()
	k.lifecycle(botQQ, "enable")
	h.journal.Append(store.Event{For: 1, Class: store.ClassNotice, Raw: []byte("{ \"self_id\":10001,\"post_type\":\"notice\", \"a\":\"\\u732b<&>\\/\"}")})
	p := k.event(`{"self_id":10001,"post_type":"notice","a":"猫<&>/"}`)
	if p.header.Get("X-Signature") != sign(p.body) || p.length != int64(len(p.body)) {
		t.Errorf("signature %s, length %d", p.header.Get("X-Signature"), p.length)
	}
}

func TestPostsPerAccount(t *testing.T) {
	h, k := newHouse(t), newHook(t)
	one, two := newBot("one", 0, botQQ), newBot("two", 1, 10002)
	a := h.poster(k, one, two)
	a.Start()
	selves := []string{k.next().header.Get("X-Self-Id"), k.next().header.Get("X-Self-Id")}
	slices.Sort(selves)
	if !slices.Equal(selves, []string{"10001", "10002"}) {
		t.Errorf("lifecycle for %q", selves)
	}
	if p := k.event(h.tell(two, 0)); p.header.Get("X-Self-Id") != "10002" {
		t.Errorf("an event of 10002 as of %s", p.header.Get("X-Self-Id"))
	}
	a.SetAccounts([]Account{one.account()})
	k.lifecycle(10002, "disable")
	if p := k.event(h.tell(one, 0)); p.header.Get("X-Self-Id") != "10001" {
		t.Errorf("an event of 10001 as of %s", p.header.Get("X-Self-Id"))
	}
}

func TestPostsWaitForTheSelfID(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, 0), newHook(t)
	a := h.poster(k, b)
	a.Start()
	until(t, "it waits", func() bool { return status(t, a, "default").LastError == errWaiting.Error() })
	b.self.Store(botQQ)
	a.AccountChanged("default")
	k.lifecycle(botQQ, "enable")
	b.self.Store(10009)
	a.AccountChanged("default")
	k.lifecycle(10009, "enable")
}

func TestPostsOverTLS(t *testing.T) {
	for _, tt := range []struct {
		name   string
		verify bool
		ca     bool
		ok     bool
	}{{"unknown authority", true, false, false}, {"its own authority", true, true, true}, {"not verified", false, false, true}} {
		t.Run(tt.name, func(t *testing.T) {
			h, b := newHouse(t), newBot("default", 0, botQQ)
			got := make(chan string, 16)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got <- string(body)
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			c := config.App{Name: "hook", Post: server.URL, VerifyCertificate: tt.verify}
			if tt.ca {
				c.CAFile = filepath.Join(t.TempDir(), "ca.pem")
				if err := os.WriteFile(c.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			a := h.app(0, c, b)
			a.Start()
			if tt.ok {
				readMeta(t, receive(t, "a post", got))
				a.Close(1012, false)
				return
			}
			until(t, "it is refused", func() bool { s := status(t, a, "default"); return s.LastError != "" && len(s.Hints) == 1 })
			if s := status(t, a, "default"); !strings.Contains(s.Hints[0].EN, "apps.hook.caFile") || s.Hints[0].ZH == "" {
				t.Errorf("status: %q, %+v", s.LastError, s.Hints)
			}
			a.Close(1012, false)
		})
	}
}

// Nothing in the environment leads events elsewhere, and one connection is used again.
func TestPostsGoStraight(t *testing.T) {
	client, err := newPostClient(&config.App{VerifyCertificate: true})
	if err != nil {
		t.Fatal(err)
	}
	if client.Transport.(*http.Transport).Proxy != nil {
		t.Error("posts may go by a proxy")
	}
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	from := make(map[string]bool)
	var mu sync.Mutex
	k.answers(func(w http.ResponseWriter, r *http.Request, _ posted) {
		mu.Lock()
		defer mu.Unlock()
		from[r.RemoteAddr] = true
		fmt.Fprint(w, `{"ok":true}`)
	})
	h.poster(k, b).Start()
	k.lifecycle(botQQ, "enable")
	for range 20 {
		k.event(h.tell(b, 0))
	}
	mu.Lock()
	defer mu.Unlock()
	if len(from) != 1 {
		t.Errorf("%d connections", len(from))
	}
}

// Two readers of one cursor would mix up the order.
func TestAnAppThatIsPostedToHasNoOtherEventConnection(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	g := open(t, a)
	a.Start()
	for _, path := range []string{"/", "/event", "/qq/default/onebot/v11/ws"} {
		_, err := link.Dial(testContext(t), link.Target{URL: "ws://" + g.Address() + path, Header: http.Header{"Authorization": {"Bearer " + token}}}, link.Options{})
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v", path, err)
		}
	}
	p := come(t, g, "/api", token)
	p.send(`{"action":"get_status","echo":1}`)
	if got := receive(t, "the call", h.actions); got.Account != "default" || got.App != "hook" {
		t.Errorf("got %+v", got)
	}
}
