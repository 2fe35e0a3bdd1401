package simulator

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// forwardLink is a client of NapCat's WebSocket server.
func forwardLink(t *testing.T, ctx context.Context, url string, header http.Header) *peer {
	t.Helper()
	c, err := link.Dial(ctx, link.Target{URL: url, Header: header}, link.Options{MaxFrame: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, c, nil)
	run, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { p.serve(run) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return p
}

func listen(t *testing.T, n *NapCat) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.Serve(ctx, l); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
	return "ws://" + l.Addr().String()
}

func TestForwardToken(t *testing.T) {
	ctx := testContext(t)
	n := New(Options{Token: "s3cret", HeartInterval: -1})
	url := listen(t, n)
	for _, test := range []struct {
		name, path, header string
		ok                 bool
	}{
		{"bearer", "/", "Bearer s3cret", true},
		{"bare header", "/any/path", "s3cret", true},
		{"query", "/?access_token=s3cret", "", true},
		{"query wins", "/?access_token=wrong", "Bearer s3cret", false},
		{"query wins the other way", "/?access_token=s3cret", "Bearer wrong", true},
		{"empty query is none", "/?access_token=", "Bearer s3cret", true},
		{"missing", "/", "", false},
		{"wrong", "/api", "Bearer wrong", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			if test.header != "" {
				h.Set("Authorization", test.header)
			}
			p := forwardLink(t, ctx, url+test.path, h)
			f := p.frame(ctx)
			if test.ok {
				if f.text("meta_event_type") != "lifecycle" {
					t.Errorf("first frame %s", f.raw)
				}
				return
			}
			want := `{"status":"failed","retcode":1403,"data":null,"message":"token验证失败","wording":"token验证失败","echo":null,"stream":"normal-action"}`
			if string(f.raw) != want {
				t.Errorf("got %s", f.raw)
			}
			if c := p.end(ctx); c.Code != link.CloseNoStatus || !c.Remote {
				t.Errorf("closed with %v", c)
			}
		})
	}
}

func TestForwardPaths(t *testing.T) {
	ctx := testContext(t)
	n := New(Options{HeartInterval: -1})
	url := listen(t, n)
	for _, path := range []string{"/api", "/api/"} {
		api := forwardLink(t, ctx, url+path, nil)
		if f := api.call(ctx, "nope", "{}"); f.text("message") != "不支持的API nope" {
			t.Errorf("%s: first frame %s", path, f.raw)
		}
	}
	if n.Connected() != 0 || n.Links() != 2 {
		t.Errorf("%d event connections, %d links", n.Connected(), n.Links())
	}
	events := forwardLink(t, ctx, url+"/event", nil)
	if f := events.frame(ctx); f.text("meta_event_type") != "lifecycle" {
		t.Errorf("first frame %s", f.raw)
	}
	if f := events.call(ctx, "get_status", "{}"); f.text("status") != "ok" {
		t.Errorf("/event: %s", f.raw)
	}
	resp, err := http.Get("http" + url[2:])
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("plain GET: %d", resp.StatusCode)
	}
}

// One heartbeat timer for all clients, from the first event client to the last.
func TestForwardSharedHeartbeat(t *testing.T) {
	ctx := testContext(t)
	n := New(Options{HeartInterval: 10 * time.Millisecond})
	url := listen(t, n)
	for range 2 {
		a, b := forwardLink(t, ctx, url, nil), forwardLink(t, ctx, url, nil)
		for _, p := range []*peer{a, b} {
			if f := p.frame(ctx); f.text("meta_event_type") != "lifecycle" {
				t.Fatalf("first frame %s", f.raw)
			}
			for range 2 {
				if f := p.frame(ctx); f.text("meta_event_type") != "heartbeat" {
					t.Fatalf("then %s", f.raw)
				}
			}
		}
		a.conn.Close(1000, "")
		b.conn.Close(1000, "")
		a.end(ctx)
		b.end(ctx)
		if err := n.WaitDisconnected(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// Each client gets the events and its own answers only.
func TestForwardAnswersTheSocketThatAsked(t *testing.T) {
	ctx := testContext(t)
	n := New(Options{HeartInterval: -1})
	url := listen(t, n)
	a, b := forwardLink(t, ctx, url, nil), forwardLink(t, ctx, url, nil)
	a.frame(ctx)
	b.frame(ctx)
	if f := a.call(ctx, "get_status", "{}"); f.text("echo") != "e" {
		t.Errorf("got %s", f.raw)
	}
	n.Say(Private(20002), Text("hi"))
	for _, p := range []*peer{a, b} {
		if f := p.frame(ctx); f.text("raw_message") != "hi" {
			t.Errorf("got %s", f.raw)
		}
	}
}

func TestStopSaysGoodbyeWithoutCode(t *testing.T) {
	ctx := testContext(t)
	n := New(Options{HeartInterval: -1})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	run, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.Serve(run, l) })
	p := forwardLink(t, ctx, "ws://"+l.Addr().String(), nil)
	p.frame(ctx)
	stop()
	if c := p.end(ctx); c.Code != link.CloseNoStatus || !c.Remote {
		t.Errorf("closed with %v", c)
	}
	wg.Wait()
}
