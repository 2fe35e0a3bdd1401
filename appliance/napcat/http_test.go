package napcat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

const httpPath = "/onebot/v11/http"

// posted is an account with link http that calls NapCat at apiURL.
func posted(apiURL string) Options {
	o := setup()
	o.Config.Link, o.Config.APIURL, o.Config.HTTPPath = "http", apiURL, httpPath
	return o
}

// restartable is a NapCat's server whose address stays when NapCat restarts.
type restartable struct {
	t       *testing.T
	address string
	serve   func(context.Context, net.Listener) error
	stop    func()
}

func (r *restartable) start() {
	r.t.Helper()
	var l net.Listener
	until(r.t, "the address is free", func() (ok bool) {
		var err error
		l, err = net.Listen("tcp", r.address)
		return err == nil
	})
	r.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.serve(ctx, l); err != nil {
			r.t.Errorf("serving: %v", err)
		}
	})
	r.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	r.t.Cleanup(r.stop)
}

// serveAPI plays NapCat's HTTP server, or HTTP SSE server, until the test ends.
func serveAPI(t *testing.T, nap *simulator.NapCat, o simulator.HTTPServer) *restartable {
	t.Helper()
	r := &restartable{t: t, address: "127.0.0.1:0", serve: func(ctx context.Context, l net.Listener) error { return nap.ServeHTTP(ctx, l, o) }}
	r.start()
	return r
}

func (r *restartable) url() string { return "http://" + r.address }

// postNapCat plays NapCat's HTTP client until the test ends.
func postNapCat(t *testing.T, nap *simulator.NapCat, url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := nap.Post(ctx, url); err != nil {
			t.Errorf("Post: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	if err := nap.WaitConnected(testContext(t)); err != nil {
		t.Fatal(err)
	}
}

func (l *Listener) postURL() string { return "http://" + l.Address() + httpPath }

// httpLink is an account with link http and the NapCat that it is linked to.
func httpLink(t *testing.T, change ...func(*Options)) (*fixture, *Listener, *simulator.NapCat, *restartable) {
	t.Helper()
	nap := simulator.New(simulator.Options{Token: token})
	server := serveAPI(t, nap, simulator.HTTPServer{})
	o := posted(server.url())
	for _, c := range change {
		c(&o)
	}
	f := newFixture(t, o, 0)
	l := listen(t, f.account)
	f.account.Start()
	receive(t, "the list of groups", f.joined)
	postNapCat(t, nap, l.postURL())
	return f, l, nap, server
}

// numbered says n messages and makes sure that they come in order.
func (f *fixture) numbered(nap *simulator.NapCat, n int) {
	f.t.Helper()
	for i := range n {
		nap.Say(simulator.Private(friendQQ), simulator.Text(fmt.Sprintf("number %d.", i)))
		if e := receive(f.t, "an event", f.events); !strings.Contains(e, fmt.Sprintf("number %d.", i)) {
			f.t.Fatalf("event %d is %s", i, e)
		}
	}
}

// asks makes a call and returns NapCat's answer.
func (f *fixture) asks(action, params string) map[string]any {
	f.t.Helper()
	frame, err := f.account.Do(testContext(f.t), action, []byte(params))
	if err != nil {
		f.t.Fatalf("%s: %v", action, err)
	}
	var out map[string]any
	if err := json.Unmarshal(frame, &out); err != nil {
		f.t.Fatalf("%s answered %q: %v", action, frame, err)
	}
	return out
}

func TestHTTPLink(t *testing.T) {
	f, _, nap, server := httpLink(t)
	f.numbered(nap, 50)
	if got := f.asks("send_private_msg", `{"user_id":20002,"message":[{"type":"text","data":{"text":"早上好，`+strings.Repeat("猫", 50000)+`"}}]}`); got["retcode"] != 0.0 {
		t.Errorf("answer %v", got)
	}
	sent, err := nap.WaitSent(testContext(t), func(simulator.Sent) bool { return true })
	if err != nil || sent.Text != "早上好，"+strings.Repeat("猫", 50000) {
		t.Errorf("the text was changed on its way: %d bytes, %v", len(sent.Text), err)
	}
	st := f.account.State()
	if st.Self != botQQ || st.Nickname == "" || !st.Linked || !st.Online || st.Remote != server.url() || st.Heard.IsZero() {
		t.Errorf("state %+v", st)
	}
	until(t, "the number is pinned", func() bool { return len(f.pins()) == 1 })
	if p := nap.Posted(); p.Lost != 0 || p.Taken != 50 {
		t.Errorf("posts %+v", p)
	}
}

func TestHTTPRestart(t *testing.T) {
	f, _, nap, server := httpLink(t, func(o *Options) {
		o.Config.Heartbeat.Enabled = true
		o.Config.Heartbeat.Interval, o.Config.Heartbeat.Timeout = 20*time.Millisecond, limit
	})
	f.numbered(nap, 3)
	server.stop()
	until(t, "the link is given up", func() bool { st := f.account.State(); return !st.Linked })
	if a := receive(t, "a failure", f.submit("app", "get_status")); a.Err != ErrAway {
		t.Errorf("answer %+v", a)
	}
	until(t, "why", func() bool { st := f.account.State(); return len(st.Hints) == 1 })
	if st := f.account.State(); !strings.Contains(st.LastError, "connection refused") || !strings.HasPrefix(st.Hints[0].EN, "nothing listens at apiUrl") {
		t.Errorf("state %+v", st)
	}
	server.start()
	until(t, "it is linked again", func() bool { st := f.account.State(); return st.Linked && !st.HalfDead && st.LastError == "" })
	f.numbered(nap, 3)
	f.asks("get_status", "{}")
}

// failsAway calls until a call does not get through: the first may go out on a connection that is being closed.
func (f *fixture) failsAway() {
	f.t.Helper()
	until(f.t, "a call does not get through", func() bool {
		a := receive(f.t, "a failure", f.submit("app", "get_status"))
		if a.Err == nil || !a.Final || errors.Is(a.Err, ErrAway) == errors.Is(a.Err, ErrDropped) {
			f.t.Fatalf("answer %+v", a)
		}
		return errors.Is(a.Err, ErrAway)
	})
}

// Who does not want dialling gets no probes of a NapCat that is away, but what it posts.
func TestHTTPWithoutReconnect(t *testing.T) {
	f, _, nap, server := httpLink(t, func(o *Options) { o.Config.Reconnect.Enabled = false })
	server.stop()
	f.failsAway()
	until(t, "away", func() bool {
		return !f.account.State().Linked && strings.Contains(f.log.String(), "will not dial again")
	})
	server.start()
	f.numbered(nap, 3)
	f.asks("get_status", "{}")
}

// Without probes a call that does not get through says that NapCat is away.
func TestHTTPWithoutHeartbeat(t *testing.T) {
	f, _, nap, server := httpLink(t)
	server.stop()
	f.failsAway()
	until(t, "away", func() bool { return !f.account.State().Linked })
	server.start()
	until(t, "linked again", func() bool { return f.account.State().Linked })
	f.numbered(nap, 3)
	for _, c := range nap.Calls() {
		if c.Name == "get_status" {
			t.Fatal("get_status was called although heartbeat.enabled is false")
		}
	}
}

func TestFault_T16_PostsWithoutAPI(t *testing.T) {
	f, _, nap, server := httpLink(t, func(o *Options) {
		o.Config.Heartbeat.Enabled = true
		o.Config.Heartbeat.Interval, o.Config.Heartbeat.Timeout = 20*time.Millisecond, limit
	})
	server.stop()
	until(t, "nothing is linked", func() bool { return !f.account.State().Linked })
	// What NapCat posts comes through all the same, and what is missing is shown.
	f.numbered(nap, 3)
	until(t, "half-dead", func() bool {
		return f.saw(func(s State) bool {
			return s.Linked && s.HalfDead && len(s.Hints) == 1 && strings.HasPrefix(s.Hints[0].EN, "nothing listens at apiUrl")
		})
	})
	server.start()
	until(t, "well again", func() bool { st := f.account.State(); return st.Linked && !st.HalfDead && st.Hints == nil })
	f.numbered(nap, 3)
}

func TestFault_T16_SilentAPIWhilePostsCome(t *testing.T) {
	f, _, nap, _ := httpLink(t, func(o *Options) {
		o.Config.Heartbeat.Enabled = true
		o.Config.Heartbeat.Interval, o.Config.Heartbeat.Timeout = 10*time.Millisecond, time.Second
	})
	// Something is posted with each probe that NapCat does not answer.
	nap.OnAction("get_status", func(simulator.Call) simulator.Answer {
		nap.Say(simulator.Private(friendQQ), simulator.Text("still here"))
		return simulator.Answer{Silent: true}
	})
	before := f.account.State().Links
	until(t, "six probes were in vain", func() bool {
		probes := 0
		for _, c := range nap.Calls() {
			if c.Name == "get_status" {
				probes++
			}
		}
		return probes > 6
	})
	if n := strings.Count(f.log.String(), "did not answer get_status"); n != 2 {
		t.Errorf("it was said %d times:\n%s", n, f.log)
	}
	if st := f.account.State(); st.Links != before || !st.Linked || !st.HalfDead {
		t.Errorf("state %+v, after %d links", st, before)
	}
	receive(t, "an event", f.events)
	// When nothing comes any more, NapCat is away.
	nap.OnAction("get_status", func(simulator.Call) simulator.Answer { return simulator.Answer{Silent: true} })
	until(t, "the link is given up", func() bool {
		return f.saw(func(s State) bool {
			return !s.Linked && strings.HasPrefix(s.LastError, "NapCat's HTTP server does not answer any more: ")
		})
	})
	nap.OnAction("get_status", nil)
	until(t, "well again", func() bool { st := f.account.State(); return st.Linked && !st.HalfDead })
}

func TestHTTPWrongAccount(t *testing.T) {
	nap := simulator.New(simulator.Options{Token: token})
	server := serveAPI(t, nap, simulator.HTTPServer{})
	f := newFixture(t, posted(server.url()), 10009)
	l := listen(t, f.account)
	f.account.Start()
	until(t, "the reason is shown", func() bool {
		return f.saw(func(s State) bool { return !s.Linked && strings.Contains(s.LastError, "catflap account unpin default") })
	})
	status, text := post(t, l.postURL(), `{"self_id":10001,"post_type":"message"}`, map[string]string{"X-Signature": sign(`{"self_id":10001,"post_type":"message"}`), "X-Self-ID": "10001"})
	if status != 403 || !strings.Contains(text, "X-Self-ID 10001 is not this account's 10009") {
		t.Errorf("%d %s", status, text)
	}
	if len(f.events) != 0 {
		t.Errorf("an event of another account came through: %s", <-f.events)
	}
}
