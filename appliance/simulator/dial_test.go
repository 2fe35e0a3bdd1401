package simulator

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHandshakeOnTheWire(t *testing.T) {
	for _, test := range []struct{ name, token, want string }{
		{"token", "s3cret", "Authorization: Bearer s3cret"},
		{"no token", "", "Authorization: Bearer "},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = New(Options{Token: test.token}).Dial(ctx, "ws://"+l.Addr().String()+"/onebot/v11/ws?x=1") })
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for r := bufio.NewScanner(c); r.Scan() && r.Text() != ""; {
				line := r.Text()
				if strings.HasPrefix(line, "Sec-WebSocket-Key: ") {
					line = line[:len("Sec-WebSocket-Key: ")]
				}
				lines = append(lines, line)
			}
			want := []string{"GET /onebot/v11/ws?x=1 HTTP/1.1", "X-Self-ID: 10001", test.want, "x-client-role: Universal",
				"User-Agent: OneBot/11", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: ", "Connection: Upgrade",
				"Upgrade: websocket", "Host: " + l.Addr().String()}
			if d := cmp.Diff(want, lines); d != "" {
				t.Error(d)
			}
			cancel()
			wg.Wait()
			c.Close()
		})
	}
}

func TestDialRefusesBadAddress(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:1", "127.0.0.1:1", "ws://", "ws://%zz"} {
		if err := New(Options{}).Dial(t.Context(), address); err == nil || !strings.Contains(err.Error(), "ws://host:port/path") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestLifecycleFirstOnEveryConnectionAndFixedReconnect(t *testing.T) {
	ctx := testContext(t)
	g := newGateway(t)
	n := g.start(Options{ReconnectInterval: time.Millisecond, HeartInterval: -1, Now: func() time.Time { return time.Unix(5, 0) }})
	want := `{"time":5,"self_id":10001,"post_type":"meta_event","meta_event_type":"lifecycle","sub_type":"connect"}`
	for i, end := range []func(*peer){
		func(p *peer) { p.conn.Close(1000, "bye") },
		func(p *peer) { p.conn.Close(1012, "restart") },
		func(*peer) { n.Drop() },
		func(*peer) {},
	} {
		p := g.next(ctx)
		if got := string(p.frame(ctx).raw); got != want {
			t.Fatalf("connection %d starts with %s", i, got)
		}
		end(p)
	}
}

func TestRefusedUpgradesNeverEndDialling(t *testing.T) {
	ctx := testContext(t)
	g := newGateway(t)
	g.refuse = http.StatusForbidden
	n := g.start(Options{ReconnectInterval: time.Millisecond})
	for range 5 {
		g.next(ctx)
	}
	if n.Connected() != 0 {
		t.Error("connected by a 403")
	}
	g.mu.Lock()
	g.refuse = 0
	g.mu.Unlock()
	if err := n.WaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestHeartbeatRunsWithoutAndAcrossConnections(t *testing.T) {
	ctx := testContext(t)
	g := newGateway(t)
	n := g.start(Options{ReconnectInterval: time.Millisecond, HeartInterval: 10 * time.Millisecond, Now: func() time.Time { return time.Unix(5, 0) }})
	beat := `{"time":5,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":true,"good":true},"interval":10}`
	for range 2 {
		p := g.next(ctx)
		p.frame(ctx) // lifecycle
		for range 2 {
			if got := string(p.frame(ctx).raw); got != beat {
				t.Fatalf("got %s", got)
			}
		}
		n.Drop()
	}
	n.SetOnline(false)
	p := g.next(ctx)
	p.frame(ctx)
	for { // a heartbeat from before SetOnline may come first
		f := p.frame(ctx)
		if f.text("meta_event_type") != "heartbeat" || string(f.raw) == beat {
			continue
		}
		if got := f.text("status"); got != `{"online":false,"good":true}` {
			t.Errorf("status %s", got)
		}
		break
	}
}

// The answer to a call of the old connection arrives on the new one.
func TestAnswerGoesToTheCurrentConnection(t *testing.T) {
	ctx := testContext(t)
	g := newGateway(t)
	n := g.start(Options{ReconnectInterval: time.Millisecond, HeartInterval: -1})
	n.OnAction("get_login_info", func(Call) Answer { return Answer{NextLink: true} })
	p := g.next(ctx)
	p.frame(ctx)
	p.send(`{"action":"get_login_info","echo":"old"}`)
	if _, err := n.WaitCall(ctx, nil); err != nil {
		t.Fatal(err)
	}
	p.conn.Close(1000, "")
	p = g.next(ctx)
	p.frame(ctx)
	want := `{"status":"ok","retcode":0,"data":{"user_id":10001,"nickname":"Bot"},"message":"","wording":"","echo":"old","stream":"normal-action"}`
	if got := string(p.frame(ctx).raw); got != want {
		t.Errorf("got %s", got)
	}
}

// A slow reader makes Emit wait; nothing is lost and the order stays.
func TestEmitWaitsForASlowGateway(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	const count = 20000
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range count {
			n.Emit([]byte(`{"n":` + jsonInt(int64(i)) + `,"pad":"` + strings.Repeat("x", 500) + `"}`))
		}
	})
	for i := range count {
		if got := p.frame(ctx).text("n"); got != jsonInt(int64(i)) {
			t.Fatalf("frame %d is %s", i, got)
		}
	}
	wg.Wait()
}

// deaf is a gateway that answers the upgrade and then reads nothing.
func deaf(t *testing.T) (url string, first <-chan net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
			accept(r.Header.Get("Sec-WebSocket-Key")) + "\r\n\r\n"))
		conns <- c
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return "ws://" + l.Addr().String(), conns
}

// Whoever waits for room gives up when the link is cut, and when NapCat is stopped.
func TestEmitGivesUpWithTheLink(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*NapCat, context.CancelFunc)
	}{
		{"drop", func(n *NapCat, _ context.CancelFunc) { n.Drop() }},
		{"stop", func(_ *NapCat, stop context.CancelFunc) { stop() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := testContext(t)
			url, conns := deaf(t)
			n := New(Options{ReconnectInterval: time.Hour, HeartInterval: -1})
			run, stop := context.WithCancel(ctx)
			var wg sync.WaitGroup
			wg.Go(func() { _ = n.Dial(run, url) })
			if err := n.WaitConnected(ctx); err != nil {
				t.Fatal(err)
			}
			c := <-conns
			big := []byte(strings.Repeat("x", 4<<20))
			full := make(chan struct{})
			wg.Go(func() {
				for i := range 100 { // far more than the kernel and the queue take
					if i == 1 {
						close(full)
					}
					n.Emit(big)
				}
			})
			<-full
			test.end(n, stop)
			stop()
			wg.Wait()
			c.Close()
		})
	}
}

// A cut is a TCP reset: the gateway reads an error, not an end.
func TestDropIsAReset(t *testing.T) {
	ctx := testContext(t)
	url, conns := deaf(t)
	n := New(Options{ReconnectInterval: time.Hour, HeartInterval: -1})
	run, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.Dial(run, url) })
	c := <-conns
	if err := n.WaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
	n.Drop()
	if n.Connected() != 0 {
		t.Error("still connected after Drop")
	}
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the gateway saw %v", err)
	}
	stop()
	wg.Wait()
	c.Close()
}

func TestStallStopsReadingOnly(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	n.Stall(true)
	// What was being read when the clamp closed may still get through: one frame at most is in flight.
	p.send(`{"action":"get_status","echo":1}`)
	p.send(`{"action":"get_status","echo":2}`)
	p.send(`{"action":"get_status","echo":3}`)
	n.Emit([]byte(`{"event":true}`))
	for {
		if f := p.frame(ctx); f.keys["event"] != nil {
			break
		}
	}
	n.Stall(false)
	if _, err := n.WaitCall(ctx, func(c Call) bool { return string(c.Echo) == "3" }); err != nil {
		t.Fatal(err)
	}
}

func TestStoppingAStalledLinkDoesNotHang(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	n.Stall(true)
	_ = p
	_ = ctx // the clean-up stops NapCat and waits for it
}
