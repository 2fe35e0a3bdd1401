package apps

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
)

// What is retried keeps its place, what is refused for good gives it up.
func TestStatusOfPosts(t *testing.T) {
	tests := []struct {
		status   int
		taken    bool // acknowledged at once
		final    bool // refused for good
		lastText string
	}{
		{status: 200, taken: true}, {status: 201, taken: true}, {status: 204, taken: true}, {status: 299, taken: true},
		{status: 400, final: true, lastText: `the app answered 400 Bad Request: "no \"x\""`},
		{status: 401, final: true, lastText: "the app answered 401 Unauthorized"},
		{status: 403, final: true}, {status: 404, final: true}, {status: 405, final: true}, {status: 413, final: true}, {status: 422, final: true},
		{status: 408, lastText: "the app answered 408 Request Timeout"}, {status: 429},
		{status: 500, lastText: "the app answered 500 Internal Server Error"}, {status: 501}, {status: 502}, {status: 503}, {status: 504}, {status: 507},
		{status: 301, lastText: "the app answered 301 Moved Permanently: redirects are not followed; write the final address as apps.hook.post"},
		{status: 304}, {status: 307}, {status: 308},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
			a := h.poster(k, b)
			var failures atomic.Int64
			seen := make(chan string, 1)
			failing := make(chan struct{})
			k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
				if isEvent(p) && strings.Contains(p.body, `"n":1}`) && failures.Add(1) <= 2 {
					if failures.Load() == 2 && !tt.taken && !tt.final {
						seen <- status(t, a, "default").LastError
						<-failing
					}
					w.WriteHeader(tt.status)
					if tt.status != 204 && tt.status != 304 {
						fmt.Fprint(w, `no "x"`)
					}
					return
				}
				w.WriteHeader(http.StatusNoContent)
			})
			a.Start()
			k.lifecycle(botQQ, "enable")
			one, two := h.tell(b, 0), h.tell(b, 0)
			k.event(one)
			if !tt.taken && !tt.final {
				if text := receive(t, "the second try", seen); text == "" || !strings.Contains(text, tt.lastText) {
					t.Errorf("last_error is %q, want %q in it", text, tt.lastText)
				}
				if s := status(t, a, "default"); s.Connected || s.Cursor.Backlog != 2 {
					t.Errorf("while it is retried: %+v", s)
				}
				close(failing)
				k.event(one)
				k.event(one)
			}
			k.event(two)
			until(t, "all is acknowledged", func() bool { s := status(t, a, "default"); return s.Cursor.Backlog == 0 && s.Connected })
			s := status(t, a, "default")
			if s.Cursor.Dropped != 0 || s.Cursor.Poisoned != 0 {
				t.Errorf("lost: %+v", s.Cursor)
			}
			if want := uint64(b2i(tt.final)); s.Cursor.Skipped != want {
				t.Errorf("skipped %d, want %d", s.Cursor.Skipped, want)
			}
			if tt.final && (!strings.Contains(s.LastError, "the app answered ") || !strings.Contains(s.LastError, tt.lastText)) {
				t.Errorf("last_error is %q, want %q in it", s.LastError, tt.lastText)
			}
			if !tt.final && s.LastError != "" {
				t.Errorf("last_error is %q though all went through", s.LastError)
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// An app that fails at one event again and again gets it until it is too old: three strikes are for connections that break.
func TestPostsAreRetriedUntilTheyAreTooOld(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	var tries atomic.Int64
	k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
		if strings.Contains(p.body, `"n":1}`) {
			tries.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	a.Start()
	k.lifecycle(botQQ, "enable")
	h.tell(b, 0)
	until(t, "it is tried more often than a connection may break", func() bool { return tries.Load() > maxStrikes })
	if n := status(t, a, "default").Cursor.Skipped; n != 0 {
		t.Errorf("given up after %d tries", tries.Load())
	}
	c := *a.settings()
	young := c.Queue.MaxAge.Notice
	c.Queue.MaxAge.Notice = 200 * time.Millisecond
	a.Update(c)
	until(t, "the event is given up", func() bool { return status(t, a, "default").Cursor.Skipped == 1 })
	c.Queue.MaxAge.Notice = young
	a.Update(c)
	want := h.tell(b, 0)
	for k.next().body != want {
	}
}

// hijacked takes the connection from the server.
func hijacked(t *testing.T, w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Errorf("taking the connection: %v", err)
		return nil
	}
	return conn
}

func TestPostsToServersThatBreak(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(t *testing.T, w http.ResponseWriter)
		again  bool   // the event comes again
		last   string // last_error, after all went through
	}{
		{"closes without an answer", func(t *testing.T, w http.ResponseWriter) {
			_ = hijacked(t, w).Close()
		}, true, ""},
		{"closes within the head", func(t *testing.T, w http.ResponseWriter) {
			conn := hijacked(t, w)
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-")
			_ = conn.Close()
		}, true, ""},
		{"answers no HTTP", func(t *testing.T, w http.ResponseWriter) {
			conn := hijacked(t, w)
			fmt.Fprint(conn, "hello\r\n\r\n")
			_ = conn.Close()
		}, true, ""},
		{"endless head", func(t *testing.T, w http.ResponseWriter) {
			conn := hijacked(t, w)
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n")
			for range 100 {
				if _, err := fmt.Fprintf(conn, "X-A: %s\r\n", strings.Repeat("a", 4000)); err != nil {
					break
				}
			}
			_ = conn.Close()
		}, true, ""},
		{"closes within the body", func(t *testing.T, w http.ResponseWriter) {
			conn := hijacked(t, w)
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"reply\":")
			_ = conn.Close()
		}, false, "the answer to an event was not carried out: reading the app's answer: unexpected EOF"},
		{"a body above the bound", func(_ *testing.T, w http.ResponseWriter) {
			fmt.Fprintf(w, `{"reply":"%s"}`, strings.Repeat("a", 1<<20))
		}, false, "the answer to an event was not carried out: the app's answer is larger than limits.maxFrameMb and was ignored"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
			a := h.poster(k, b)
			var once sync.Once
			k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
				if isEvent(p) {
					once.Do(func() { tt.answer(t, w) })
				}
			})
			a.Start()
			k.lifecycle(botQQ, "enable")
			one, two := h.tell(b, 0), h.tell(b, 0)
			k.event(one)
			if tt.again {
				k.event(one)
			}
			k.event(two)
			until(t, "all is acknowledged", func() bool { s := status(t, a, "default"); return s.Cursor.Backlog == 0 && s.Connected })
			s := status(t, a, "default")
			if want := uint64(b2i(tt.again)); s.Cursor.Repeated != want {
				t.Errorf("repeated %d, want %d", s.Cursor.Repeated, want)
			}
			if !strings.HasSuffix(s.LastError, tt.last) || tt.last == "" && s.LastError != "" {
				t.Errorf("last_error is %q, want %q", s.LastError, tt.last)
			}
		})
	}
}

func TestPostsWaitForAnAppThatIsAway(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	address := k.server.Listener.Addr().String()
	a.Start()
	k.lifecycle(botQQ, "enable")
	k.event(h.tell(b, 0))
	until(t, "it is acknowledged", func() bool { return status(t, a, "default").Cursor.Backlog == 0 })
	k.server.Close()
	var want []string
	for range 500 {
		want = append(want, h.tell(b, 0))
	}
	until(t, "the app is seen to be away", func() bool { s := status(t, a, "default"); return !s.Connected && len(s.Hints) == 1 })
	if s := status(t, a, "default"); !strings.Contains(s.LastError, "posting to "+address+": ") || strings.Contains(s.LastError, "x=1") || s.Hints[0].ZH == "" {
		t.Errorf("status: %q, hints %+v", s.LastError, s.Hints)
	}
	back := openHook(t, address)
	for _, event := range want {
		back.event(event)
	}
	until(t, "all is acknowledged", func() bool { return status(t, a, "default").Cursor.Backlog == 0 })
	if s := status(t, a, "default"); s.LastError != "" || s.Cursor.Dropped != 0 || s.Cursor.Skipped != 0 || s.Cursor.Repeated > 1 || !s.Connected {
		t.Errorf("status: %+v", s)
	}
}

// An app that stays away for longer than any event is worth keeping is asked for by lifecycle, and has events from then on.
func TestPostsEndForAnAppThatStaysAway(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	address := k.server.Listener.Addr().String()
	a.Start()
	k.lifecycle(botQQ, "enable")
	k.event(h.tell(b, 0))
	until(t, "it is acknowledged", func() bool { return status(t, a, "default").Cursor.Backlog == 0 })
	c := *a.settings()
	c.Queue.MaxAge.Request = 100 * time.Millisecond // not earlier: until lifecycle is answered the app counts as away
	a.Update(c)
	a.Pause(true) // all five wait when the app is seen to be away
	k.server.Close()
	waiting := h.tell(b, 0)
	for range 4 {
		h.tell(b, 0)
	}
	a.Pause(false)
	until(t, "nothing is kept any more", func() bool { return !status(t, a, "default").Subscribed })
	if s := status(t, a, "default"); s.Cursor.Dropped != 5 || s.Connected {
		t.Errorf("status: %+v", s)
	}
	h.tell(b, 0)
	back := openHook(t, address)
	first := back.next()
	if first.body == waiting { // a try that was under way when the time was over
		first = back.next()
	}
	if m := readMeta(t, first.body); m.Kind != "lifecycle" || m.SubType != "enable" {
		t.Errorf("got %s, want lifecycle enable", first.body)
	}
	until(t, "it subscribes again", func() bool { return status(t, a, "default").Subscribed })
	back.event(h.tell(b, 0))
}

// A dead app and one that does not answer delay nobody else, and end in time when they are closed.
func TestAPostThatHangsDelaysNobody(t *testing.T) {
	h, b, k, good := newHouse(t), newBot("default", 0, botQQ), newHook(t), newHook(t)
	release := make(chan struct{})
	k.answers(func(_ http.ResponseWriter, r *http.Request, p posted) {
		if isEvent(p) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	})
	defer close(release)
	hung := h.poster(k, b)
	other := h.app(1, config.App{Name: "good", Post: good.server.URL}, b)
	hung.Start()
	other.Start()
	k.lifecycle(botQQ, "enable")
	good.lifecycle(botQQ, "enable")
	for range 200 {
		good.event(h.tell(b, 0, 1))
	}
	if s := status(t, hung, "default"); s.Cursor.Backlog != 200 {
		t.Errorf("%d wait for the app that hangs", s.Cursor.Backlog)
	}
	hung.Close(1012, false) // the test's own limit bounds it
}

func TestAPostThatIsNotAnsweredIsRepeated(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	a.patience = 500 * time.Millisecond
	var once sync.Once
	k.answers(func(_ http.ResponseWriter, r *http.Request, p posted) {
		if isEvent(p) {
			once.Do(func() { <-r.Context().Done() })
		}
	})
	a.Start()
	k.lifecycle(botQQ, "enable")
	one, two := h.tell(b, 0), h.tell(b, 0)
	k.event(one)
	k.event(one)
	p := k.next()
	for p.body == one { // on a busy machine an answer may take too long again
		p = k.next()
	}
	if p.body != two {
		t.Errorf("got %s, want %s", p.body, two)
	}
}

func TestPostsFollowNoRedirect(t *testing.T) {
	h, b, k, elsewhere := newHouse(t), newBot("default", 0, botQQ), newHook(t), newHook(t)
	a := h.poster(k, b)
	var once sync.Once
	k.answers(func(w http.ResponseWriter, r *http.Request, p posted) {
		if isEvent(p) {
			once.Do(func() { http.Redirect(w, r, elsewhere.server.URL+"/there?token="+token, http.StatusTemporaryRedirect) })
		}
	})
	a.Start()
	k.lifecycle(botQQ, "enable")
	one := h.tell(b, 0)
	k.event(one)
	k.event(one)
	if n := len(elsewhere.posts); n != 0 {
		t.Errorf("%d posts went where the app pointed to", n)
	}
}

func TestRefusalsNameWhatToWrite(t *testing.T) {
	c := &config.App{Name: "hook", Post: "http://127.0.0.1:1/x", Secret: hookSecret, AccessToken: token}
	for _, tt := range []struct {
		a    answer
		want string
		hint string
	}{
		{answer{status: 307, where: "http://a/b/"}, `the app answered 307 Temporary Redirect to "http://a/b/": redirects are not followed; write the final address as apps.hook.post`, "the path may be wrong: apps.hook.post ends in \"/x\""},
		{answer{status: 403, body: []byte("bad")}, `the app answered 403 Forbidden: "bad"`, "apps.hook.secret"},
		{answer{status: 400, body: []byte("you sent " + token)}, `the app answered 400 Bad Request`, ""},
		{answer{status: 400, body: []byte(" " + hookSecret)}, `the app answered 400 Bad Request`, ""},
		{answer{status: 500, body: []byte(strings.Repeat("猫", 200))}, `the app answered 500 Internal Server Error: "` + strings.Repeat("猫", 120) + `"`, ""},
	} {
		err := tt.a.refusal(c)
		if err.Error() != tt.want {
			t.Errorf("got %s, want %s", err, tt.want)
		}
		hints := postHints(err, *c)
		if tt.hint == "" != (len(hints) == 0) || tt.hint != "" && (!strings.Contains(hints[0].EN, tt.hint) || hints[0].ZH == "") {
			t.Errorf("hints for %s: %+v, want %q", err, hints, tt.hint)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "3": 3 * time.Second, "-5": 0, "soon": 0, "99999999999999": 24 * time.Hour, "9999999999999999999999": 0,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0, "Fri, 02 Jan 2099 03:04:00 GMT": 24 * time.Hour,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("Retry-After %q is %v, want %v", text, got, want)
		}
	}
}

func TestRetriesWaitWithinTheAppsBackOff(t *testing.T) {
	a := New(Options{
		Config: config.App{Post: "http://127.0.0.1:1", Reconnect: config.Reconnect{RetryDelay: time.Second, BackoffMultiplier: 2, MaxDelay: 10 * time.Second}},
		Rand:   func() float64 { return 1 },
	})
	p := &poster{feed: newFeed(&App{Options: Options{Now: time.Now, Rand: a.Rand}}, Account{})}
	p.feed.app = a
	var got []time.Duration
	for _, after := range []time.Duration{0, 0, 5 * time.Second, 0, 0, time.Hour} {
		got = append(got, p.delay(answer{after: after}))
	}
	want := []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second}
	if !slices.Equal(got, want) {
		t.Errorf("delays %v, want %v", got, want)
	}
	p.feed.stop()
}

func TestPostsHonourRetryAfter(t *testing.T) {
	for _, code := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
		a := h.poster(k, b)
		c := *a.settings()
		c.Reconnect.MaxDelay = 30 * time.Millisecond
		a.Update(c)
		var tries atomic.Int64
		k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
			if isEvent(p) && tries.Add(1) == 1 {
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(code)
			}
		})
		a.Start()
		k.lifecycle(botQQ, "enable")
		one := h.tell(b, 0)
		k.event(one)
		k.event(one) // within reconnect.maxDelay, not in an hour
	}
}

// A refusal for good is newer than what kept the app from answering before, and status shows the newer one.
func TestRefusalReplacesAnOlderFault(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	var tries atomic.Int64
	k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
		switch {
		case !isEvent(p):
			w.WriteHeader(http.StatusForbidden)
		case tries.Add(1) == 1:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	})
	a.Start()
	h.tell(b, 0)
	h.tell(b, 0)
	until(t, "both are refused", func() bool { return status(t, a, "default").Cursor.Skipped == 2 })
	if st := status(t, a, "default"); st.Connected || !strings.Contains(st.LastError, "403") {
		t.Errorf("status %+v", st)
	}
}
