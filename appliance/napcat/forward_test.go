package napcat

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/simulator"
)

func forward(url string) Options {
	o := setup()
	o.Config.Link, o.Config.URL = "forward", url
	return o
}

// serveNapCat plays NapCat's WebSocket server until the test ends.
func serveNapCat(t *testing.T, o simulator.Options) (*simulator.NapCat, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if o.Token == "" {
		o.Token = token
	}
	o.HeartInterval = -1
	nap := simulator.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := nap.Serve(ctx, l); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return nap, "ws://" + l.Addr().String()
}

// site is an HTTP server under test control at NapCat's place.
func site(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func TestForwardLink(t *testing.T) {
	nap, url := serveNapCat(t, simulator.Options{})
	f := newFixture(t, forward(url), 0)
	f.account.Start()
	receive(t, "the list of groups", f.joined)
	if err := nap.WaitConnected(testContext(t)); err != nil {
		t.Fatal(err)
	}
	nap.Say(simulator.Private(friendQQ), simulator.Text("hi"))
	if e := receive(t, "an event", f.events); !strings.Contains(e, `"hi"`) {
		t.Errorf("event %s", e)
	}
	if st := f.account.State(); st.Self != botQQ || st.Remote != url || !st.Linked {
		t.Errorf("state %+v", st)
	}
	next := nap.Links() + 1
	nap.Drop()
	if err := nap.WaitLinks(testContext(t), next); err != nil {
		t.Fatal(err)
	}
}

func TestForwardWrongToken(t *testing.T) {
	_, url := serveNapCat(t, simulator.Options{Token: "another"})
	f := newFixture(t, forward(url), botQQ)
	f.account.Start()
	const want = "NapCat refuses the access token (1403): accessToken here must be the token of NapCat's WebSocket server"
	until(t, "the reason is shown", func() bool {
		return f.saw(func(s State) bool { return !s.Linked && s.LastError == want && len(s.Hints) == 1 })
	})
	// A link that is lost at once raises the alert like one that is refused.
	until(t, "the alert", func() bool { return strings.Contains(f.log.String(), "does not stay up; trying on at maxDelay") })
	until(t, "dialling goes on", func() bool { return f.account.State().Links > 12 })
}

func TestForwardRefused(t *testing.T) {
	answers := func(status int) func(*testing.T) string {
		return func(t *testing.T) string {
			return site(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		}
	}
	const (
		tokenIs = "accessToken here must be the token of NapCat's entry under network.websocketServers"
		wrong   = "url has a wrong path, or something else than NapCat listens there; NapCat's own address has no path, as in ws://127.0.0.1:3001"
		plain   = "url is a server that speaks HTTP only: give the port of NapCat's WebSocket server, or set enableWebsocket: true on its HTTP server"
	)
	tests := []struct {
		name       string
		url        func(*testing.T) string
		want, hint string
	}{
		{"401", answers(401), "the server refused the WebSocket with status 401 Unauthorized", tokenIs},
		{"403", answers(403), "the server refused the WebSocket with status 403 Forbidden", tokenIs},
		{"404", answers(404), "the server refused the WebSocket with status 404 Not Found", wrong},
		{"NapCat's HTTP server", func(t *testing.T) string {
			return "ws" + strings.TrimPrefix(serveAPI(t, simulator.New(simulator.Options{Token: token}), simulator.HTTPServer{}).url(), "http")
		}, "the server refused the WebSocket with status 200 OK: ", plain},
		{"nothing", func(*testing.T) string { return "ws://127.0.0.1:1" }, "dial tcp 127.0.0.1:1: connect: connection refused", "nothing listens at url: "},
		{"no such host", func(*testing.T) string { return "ws://no-such-host.invalid:1" }, "dial tcp: lookup no-such-host.invalid", "the host name in url is not known here"},
		{"no TLS", func(t *testing.T) string { return "wss" + strings.TrimPrefix(answers(404)(t), "ws") },
			"TLS handshake: tls: first record does not look like a TLS handshake", "the server does not speak TLS: write ws:// instead of wss:// in url"},
		{"unknown authority", func(t *testing.T) string { return "wss" + strings.TrimPrefix(secureSite(t).URL, "https") },
			"TLS handshake: tls: failed to verify certificate: x509: certificate signed by unknown authority", "the certificate is not signed by a known authority"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := tt.url(t)
			o := forward(url)
			o.Config.VerifyCertificate = true
			f := newFixture(t, o, botQQ)
			f.account.Start()
			until(t, "dialling goes on past maxRetries", func() bool { return f.account.State().Dials > 12 })
			_, host, _ := strings.Cut(url, "://")
			st := f.account.State()
			if want := "dialling " + host + ": " + tt.want; !strings.HasPrefix(st.LastError, want) {
				t.Errorf("last error %q, want %q", st.LastError, want)
			}
			if len(st.Hints) != 1 || !strings.HasPrefix(st.Hints[0].EN, tt.hint) || st.Hints[0].ZH == "" {
				t.Errorf("hints %+v, want %q", st.Hints, tt.hint)
			}
			if n := strings.Count(f.log.String(), "trying on at maxDelay"); n != 1 {
				t.Errorf("%d alerts:\n%s", n, f.log)
			}
		})
	}
}

// NapCat's HTTP server with enableWebsocket is a WebSocket server like the other.
func TestForwardToHTTPServer(t *testing.T) {
	nap := simulator.New(simulator.Options{Token: token})
	server := serveAPI(t, nap, simulator.HTTPServer{WebSocket: true})
	f := newFixture(t, forward("ws"+strings.TrimPrefix(server.url(), "http")), 0)
	f.account.Start()
	receive(t, "the list of groups", f.joined)
	if err := nap.WaitConnected(testContext(t)); err != nil {
		t.Fatal(err)
	}
	f.numbered(nap, 3)
	f.asks("get_status", "{}")
}

func TestForwardWrongAccount(t *testing.T) {
	nap, url := serveNapCat(t, simulator.Options{})
	f := newFixture(t, forward(url), 10009)
	f.account.Start()
	until(t, "the reason is shown", func() bool {
		return f.saw(func(s State) bool { return !s.Linked && strings.Contains(s.LastError, "catflap account unpin default") })
	})
	for _, c := range nap.Calls() {
		if strings.HasPrefix(c.Name, "send_") {
			t.Errorf("%s was called", c.Name)
		}
	}
}

// What stays wrong is said once, and then once an hour, and not at every dial.
func TestForwardWrongAccountIsSaidOnce(t *testing.T) {
	for _, tt := range []struct {
		name, said string
		pinned     uint64
		o          simulator.Options
	}{
		{"another QQ number", `level=ERROR msg="NapCat is logged in as another account" account=default err="self id 10001 is not this account's 10009;`, 10009, simulator.Options{}},
		{"a wrong token", `level=WARN msg="NapCat link ended" account=default err="NapCat refuses the access token`, botQQ, simulator.Options{Token: "another"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, url := serveNapCat(t, tt.o)
			o := forward(url)
			o.Config.Reconnect.MaxRetries = 1000
			f := newFixture(t, o, tt.pinned)
			var hours atomic.Int64
			f.account.Now = func() time.Time { return time.Now().Add(time.Duration(hours.Load()) * time.Hour) }
			f.account.Start()
			ended := func(n uint64) func() bool {
				return func() bool { return f.account.State().Links > n }
			}
			until(t, "several links", ended(10))
			if got := strings.Count(f.log.String(), tt.said); got != 1 || strings.Count(f.log.String(), "\n") != 2 {
				t.Fatalf("said %d times; the log is\n%s", got, f.log)
			}
			hours.Store(1)
			links := f.account.State().Links
			until(t, "several links more", ended(links+10))
			if got := strings.Count(f.log.String(), tt.said); got != 2 || strings.Count(f.log.String(), "\n") != 3 {
				t.Fatalf("said %d times; the log is\n%s", got, f.log)
			}
			last := f.log.String()[strings.LastIndex(f.log.String(), "times="):]
			if n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(last, "times="))); err != nil || n < 5 {
				t.Errorf("the second line ends in %q", last)
			}
		})
	}
}

// Once NapCat is the right one, that is said, and a later refusal is said at once.
func TestComplaintEnds(t *testing.T) {
	f, _, _ := linked(t)
	say := f.account.complain
	for _, c := range []struct {
		why   string
		times int
		due   bool
	}{{"a", 1, true}, {"a", 0, false}, {"b", 1, true}, {"a", 1, true}} {
		if times, due := say(c.why); times != c.times || due != c.due {
			t.Errorf("%s: %d, %t", c.why, times, due)
		}
	}
	f.account.contented()
	f.account.contented()
	if n := strings.Count(f.log.String(), "what was wrong is right now"); n != 1 {
		t.Errorf("said %d times:\n%s", n, f.log)
	}
	if times, due := say("a"); times != 1 || !due {
		t.Errorf("afterwards: %d, %t", times, due)
	}
}

func TestForwardWithoutReconnect(t *testing.T) {
	var dials atomic.Int64
	url := site(t, func(w http.ResponseWriter, _ *http.Request) {
		dials.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	})
	o := forward(url)
	o.Config.Reconnect.Enabled = false
	f := newFixture(t, o, botQQ)
	f.account.Start()
	f.account.tasks.Wait() // it gives up by itself
	if n := dials.Load(); n != 1 {
		t.Errorf("%d dials", n)
	}
	if !strings.Contains(f.log.String(), "reconnect.enabled is false") {
		t.Errorf("log:\n%s", f.log)
	}
}

// A link that breaks ends by an error and a close alike; both must not dial.
func TestFault_T17_NeverTwoDials(t *testing.T) {
	var open, most, dials atomic.Int64
	url := site(t, func(w http.ResponseWriter, r *http.Request) {
		dials.Add(1)
		now := open.Add(1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		conn, ahead, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		// An upgrade that turns out to be none, a close frame, and a reset, in turn.
		switch dials.Load() % 3 {
		case 0:
			_, _ = ahead.WriteString("HTTP/1.1 500 no\r\n\r\n")
		case 1:
			_, _ = ahead.WriteString("nonsense\r\n\r\n")
		default:
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = ahead.Flush()
		open.Add(-1) // before the client can know
		_ = conn.Close()
	})
	f := newFixture(t, forward(url), botQQ)
	f.account.Start()
	until(t, "30 dials", func() bool { return dials.Load() >= 30 })
	if most.Load() != 1 {
		t.Errorf("%d dials at once", most.Load())
	}
}

func TestFault_T17_NeverTwoLinks(t *testing.T) {
	nap, url := serveNapCat(t, simulator.Options{})
	f := newFixture(t, forward(url), botQQ)
	f.account.Start()
	ctx := testContext(t)
	for range 30 {
		if err := nap.WaitConnected(ctx); err != nil {
			t.Fatal(err)
		}
		if n := nap.Connected(); n > 1 {
			t.Fatalf("%d links", n)
		}
		next := nap.Links() + 1
		nap.Drop()
		if err := nap.WaitLinks(ctx, next); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForwardCloseWhileDialling(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f := newFixture(t, forward("ws://"+l.Addr().String()), botQQ)
	f.account.Start()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f.account.Close()
	if got := f.account.State(); got.Dials != 0 || got.LastError != "" {
		t.Errorf("going away is shown as a failure: %+v", got)
	}
}

// A box in a cupboard: NapCat is down for a day, then it is back.
func TestFault_T12_24HoursDownThenUp(t *testing.T) {
	var up atomic.Bool
	var dials atomic.Int64
	url := site(t, func(w http.ResponseWriter, r *http.Request) {
		dials.Add(1)
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		conn, err := link.Accept(w, r, link.Options{})
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Send([]byte(`{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"lifecycle","sub_type":"connect"}`))
		_ = conn.Serve(context.Background(), link.Handler{})
	})
	synctest.Test(t, func(t *testing.T) {
		o := forward(url)
		o.Config.Reconnect.RetryDelay, o.Config.Reconnect.MaxDelay = 5*time.Second, time.Minute
		o.Config.Reconnect.MaxRetries = 3 // after which it goes on at maxDelay, although the delays do not grow
		linked := make(chan struct{})
		o.Pin = func(uint64) error {
			close(linked)
			return nil
		}
		f := newFixture(t, o, 0)
		f.account.Start()
		time.Sleep(24 * time.Hour)
		n := dials.Load()
		// Rand is 0.5 here: between 2.5 s and 60 s that is a dial every 31.25 s.
		if n < 2700 || n > 2800 {
			t.Errorf("%d dials in 24 h", n)
		}
		if got := f.account.State().Dials; int64(got) < n-1 || int64(got) > n {
			t.Errorf("%d failed dials are shown of %d", got, n)
		}
		up.Store(true)
		<-linked // a channel of the bubble: time goes on until the next dial
		f.account.Close()
		if st := f.account.State(); st.Links != 1 || st.Dials != 0 {
			t.Errorf("state %+v", st)
		}
	})
}
