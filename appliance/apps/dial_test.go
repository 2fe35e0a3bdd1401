package apps

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
)

func TestReverseHandshake(t *testing.T) {
	tests := []struct {
		name, token string
		want        http.Header
	}{
		{"with a token", token, http.Header{
			"X-Self-Id": {"10001"}, "X-Client-Role": {"Universal"}, "User-Agent": {"OneBot/11 catflap"}, "Authorization": {"Bearer " + token},
		}},
		{"without", "", http.Header{
			"X-Self-Id": {"10001"}, "X-Client-Role": {"Universal"}, "User-Agent": {"OneBot/11 catflap"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
			a := h.app(0, config.App{Name: "nonebot", Connect: f.url(), AccessToken: tt.token}, b)
			a.Start()
			p := f.next()
			p.greeting(botQQ)
			got := p.header.Clone()
			for _, k := range []string{"Connection", "Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version"} {
				got.Del(k)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if p.path != "/onebot/v11/ws" {
				t.Errorf("path %s", p.path)
			}
		})
	}
}

func TestNoDialBeforeTheSelfIDIsKnown(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, 0)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url()}, b)
	a.Start()
	until(t, "the reason is shown", func() bool {
		return status(t, a, "default").LastError == "waiting for NapCat: the account's QQ number is not known yet"
	})
	if n := f.dials.Load(); n != 0 {
		t.Errorf("%d dials", n)
	}
	b.self.Store(botQQ)
	want := h.tell(b, 0) // the app is subscribed from the start
	a.AccountChanged("default")
	p := f.next()
	p.greeting(botQQ)
	p.expect(want)
	if st := status(t, a, "default"); !st.Connected || !st.Subscribed || st.LastError != "" {
		t.Errorf("status %+v", st)
	}
}

func TestOneConnectionPerAccount(t *testing.T) {
	h, f := newHouse(t), newFramework(t)
	one, two := newBot("one", 0, 10001), newBot("two", 1, 10002)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url()}, one, two)
	a.Start()
	byself := make(map[string]*peer)
	for range 2 {
		p := f.next()
		byself[p.header.Get("X-Self-Id")] = p
	}
	if byself["10001"] == nil || byself["10002"] == nil {
		t.Fatalf("connections %v", byself)
	}
	byself["10001"].greeting(10001)
	byself["10002"].greeting(10002)
	byself["10001"].expect(h.tell(one, 0))
	byself["10002"].expect(h.tell(two, 0))
}

func TestFault_T07_NapCatGoesAndComes(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url(), Heartbeat: time.Hour}, b)
	a.Start()
	p := f.next()
	p.greeting(botQQ)
	steps := []struct {
		absent, offline bool
		online, good    bool
	}{
		{true, false, false, false},
		{false, false, true, true},
		{false, true, false, true},
		{false, false, true, true},
	}
	for i, s := range steps {
		b.absent.Store(s.absent)
		b.offline.Store(s.offline)
		a.AccountChanged("default")
		m := readMeta(t, p.next())
		if m.Kind != "heartbeat" || m.Status.Online != s.online || m.Status.Good != s.good || m.Self != "10001" || m.Interval != 3_600_000 {
			t.Errorf("step %d: %+v", i, m)
		}
	}
	if n := f.dials.Load(); n != 1 {
		t.Errorf("%d dials: the app's link did not stay", n)
	}
}

// An app that connects while NapCat is away learns that at once.
func TestFault_T07_AwayFromTheStart(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
	b.absent.Store(true)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url(), Heartbeat: time.Hour}, b)
	a.Start()
	p := f.next()
	p.greeting(botQQ)
	if m := readMeta(t, p.next()); m.Kind != "heartbeat" || m.Status.Online || m.Status.Good {
		t.Errorf("got %+v", m)
	}
}

func TestHeartbeatsAreDataFrames(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url(), Heartbeat: 5 * time.Millisecond}, b)
	a.Start()
	p := f.next()
	p.greeting(botQQ)
	for range 5 {
		if m := readMeta(t, p.next()); m.Kind != "heartbeat" || !m.Status.Online || !m.Status.Good || m.Interval != 5 {
			t.Fatalf("got %+v", m)
		}
	}
}

func TestHeartbeatOff(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url()}, b)
	a.Start()
	p := f.next()
	p.greeting(botQQ)
	b.offline.Store(true)
	a.AccountChanged("default")
	p.expect(h.tell(b, 0)) // and no heartbeat before it
}

func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		beats := 0
		p := pulse{beat: func() { beats++ }}
		step := func(what string, wait time.Duration, want int) {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			if beats != want {
				t.Errorf("%s: %d heartbeats, want %d", what, beats, want)
			}
			beats = 0
		}
		p.set(0)
		step("off", time.Hour, 0)
		p.set(time.Second)
		step("each second", 3500*time.Millisecond, 3)
		p.set(time.Minute)
		step("each minute", 150*time.Second, 2)
		p.set(0)
		step("off again", time.Hour, 0)
		p.set(time.Second)
		step("on again", 1500*time.Millisecond, 1)
		p.stop()
		step("after its end", time.Hour, 0)
		p.set(time.Second)
		step("set after its end", time.Hour, 0)
	})
}

// A pulse that is stopped while it beats must not start its timer again.
func TestPulseStopsWhileItBeats(t *testing.T) {
	for range 500 {
		beat := make(chan struct{})
		p := &pulse{beat: func() { beat <- struct{}{} }}
		p.set(time.Nanosecond)
		<-beat
		stopped := make(chan struct{})
		go func() { p.stop(); close(stopped) }()
		for open := true; open; {
			select {
			case <-beat:
			case <-stopped:
				open = false
			}
		}
		if p.timer.Stop() {
			t.Fatal("the timer runs after stop")
		}
	}
}

func TestUpdateKeepsTheConnection(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url()}, b)
	a.Start()
	p := f.next()
	p.greeting(botQQ)
	c := *a.settings()
	c.Heartbeat = time.Millisecond
	a.Update(c)
	if m := readMeta(t, p.next()); m.Kind != "heartbeat" || m.Interval != 1 {
		t.Errorf("got %+v", m)
	}
	if n := f.dials.Load(); n != 1 {
		t.Errorf("%d dials", n)
	}
}

// Whatever way the app goes, the next dial comes after the old connection's end, and nobody else notices.
func TestFault_T06_AppsGoAsTheyLike(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url()}, b)
	f.before = func() {
		feed := a.feeds[0]
		feed.mu.Lock()
		defer feed.mu.Unlock()
		if len(feed.links) != 0 || feed.current.Load() != nil {
			t.Error("dialled before the old connection had ended")
		}
	}
	other := newFramework(t)
	quiet := h.app(1, config.App{Name: "koishi", Connect: other.url()}, b)
	a.Start()
	quiet.Start()
	q := other.next()
	q.greeting(botQQ)
	for _, code := range []uint16{1000, 1001, 1012, 1005, 1011, 1008} {
		p := f.next()
		p.greeting(botQQ)
		want := h.tell(b, 0, 1)
		p.until(want)  // what was not acknowledged yet comes again before it
		q.expect(want) // T05: no lifecycle in between
		p.conn.Close(code, "bye")
		p.closed()
	}
	p := f.next()
	p.greeting(botQQ)
	want := h.tell(b, 0, 1)
	p.until(want)
	q.expect(want)
	if n := other.dials.Load(); n != 1 {
		t.Errorf("the other app was dialled %d times", n)
	}
}

func TestFault_T06_Reset(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h, b := newHouse(t), newBot("default", 0, botQQ)
	other := newFramework(t)
	a := h.app(0, config.App{Name: "nonebot", Connect: "ws://" + l.Addr().String()}, b)
	quiet := h.app(1, config.App{Name: "koishi", Connect: other.url()}, b)
	a.Start()
	quiet.Start()
	q := other.next()
	q.greeting(botQQ)
	for range 10 {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
		q.expect(h.tell(b, 1))
	}
	_ = l.Close()
	if n := other.dials.Load(); n != 1 {
		t.Errorf("the other app was dialled %d times", n)
	}
}

func TestWhatWasMissedComesInOrder(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
	f.status.Store(503)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url()}, b)
	a.Start()
	var want []string
	for range 300 {
		want = append(want, h.tell(b, 0))
	}
	until(t, "a refused dial", func() bool { return f.dials.Load() > 0 })
	if st := status(t, a, "default"); st.Cursor.Backlog != 300 || st.Connected {
		t.Errorf("status %+v", st)
	}
	f.status.Store(0)
	p := f.next()
	p.greeting(botQQ)
	for _, w := range want {
		p.expect(w)
	}
	until(t, "all is acknowledged", func() bool { return status(t, a, "default").Cursor.Backlog == 0 })
}

func TestHints(t *testing.T) {
	const (
		tokenHint = "the token may differ: set ONEBOT_ACCESS_TOKEN=... (NoneBot, file .env) or the app's own token option to the accessToken of apps.nonebot"
		duplicate = "another connection for the same QQ number may be open"
		pathHint  = `the path may be wrong: apps.nonebot.connect ends in "/onebot/v11/ws"; NoneBot listens on /onebot/v11/ws`
		selfHint  = "the app may be configured for another QQ number"
		notThere  = "the app is not running, listens on another port, or runs in a container"
	)
	closes := func(code uint16) func(*framework) {
		return func(f *framework) {
			f.wg.Go(func() {
				for range 3 {
					(<-f.peers).conn.Close(code, "")
				}
			})
		}
	}
	refuses := func(code int64) func(*framework) { return func(f *framework) { f.status.Store(code) } }
	tests := []struct {
		name  string
		spoil func(*framework)
		hints []string
	}{
		{"401", refuses(401), []string{tokenHint}},
		{"403", refuses(403), []string{tokenHint, duplicate, pathHint}},
		{"404", refuses(404), []string{pathHint}},
		{"500", refuses(500), nil},
		{"1008", closes(1008), []string{selfHint, tokenHint, duplicate}},
		{"4001", closes(4001), []string{selfHint, tokenHint, duplicate}},
		{"1005", closes(1005), []string{pathHint}},
		{"not running", func(f *framework) { f.server.Close() }, []string{notThere}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
			tt.spoil(f)
			a := h.app(0, config.App{Name: "nonebot", Connect: f.url(), AccessToken: token}, b)
			a.Start()
			until(t, "the reason is shown", func() bool { return status(t, a, "default").LastError != "" })
			st := status(t, a, "default")
			if len(st.Hints) != len(tt.hints) {
				t.Fatalf("%s: hints %+v", st.LastError, st.Hints)
			}
			for i, want := range tt.hints {
				if !strings.HasPrefix(st.Hints[i].EN, want) || st.Hints[i].ZH == "" {
					t.Errorf("hint %d is %+v, want %s", i, st.Hints[i], want)
				}
			}
			if strings.Contains(st.LastError, token) {
				t.Errorf("the error holds the token: %s", st.LastError)
			}
			if tt.name != "not running" {
				until(t, "dialling goes on", func() bool { return f.dials.Load() >= 3 })
			}
		})
	}
}

// Frameworks bind a connection to the number in its handshake.
func TestAnotherQQNumberGetsANewConnection(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url(), Heartbeat: time.Hour}, b)
	a.Start()
	p := f.next()
	p.greeting(botQQ)
	b.self.Store(0) // unpinned
	a.AccountChanged("default")
	if m := readMeta(t, p.next()); m.Self != "10001" {
		t.Errorf("heartbeat of %s", m.Self)
	}
	b.self.Store(10002)
	a.AccountChanged("default")
	if code := p.closed(); code != 1012 {
		t.Errorf("closed with %d", code)
	}
	p = f.next()
	if got := p.header.Get("X-Self-Id"); got != "10002" {
		t.Errorf("X-Self-ID %s", got)
	}
	p.greeting(10002)
}

func TestCloseSaysRestart(t *testing.T) {
	for range 20 {
		h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
		a := h.app(0, config.App{Name: "nonebot", Connect: f.url()}, b)
		a.Start()
		p := f.next()
		p.greeting(botQQ)
		a.Close(1012, false)
		if code := p.closed(); code != 1012 {
			t.Fatalf("closed with %d, want 1012", code)
		}
		if f.dials.Load() != 1 || status(t, a, "default").Connected {
			t.Fatal("the app goes on after Close")
		}
	}
}

func TestCloseForgets(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("default", 0, botQQ)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url()}, b)
	a.Start()
	f.next().greeting(botQQ)
	a.Close(1012, true)
	if st := status(t, a, "default"); st.Subscribed {
		t.Error("still subscribed")
	}
}
