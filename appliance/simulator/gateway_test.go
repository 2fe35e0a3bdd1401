package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/catflap/catflap/appliance/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds every wait of these tests; reaching it is a failure, never a result.
const limit = 60 * time.Second

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// gateway is the other side of NapCat's WebSocket client: it takes connections and shows their frames.
type gateway struct {
	t      *testing.T
	server *httptest.Server
	peers  chan *peer
	mu     sync.Mutex
	refuse int // status for the next upgrades, 0 = take them
	wg     sync.WaitGroup
}

// peer is one end of a link under test.
type peer struct {
	t      *testing.T
	conn   *link.Conn
	header http.Header
	frames chan []byte
	pongs  chan string
	ended  chan struct{}
	cause  error
}

func newGateway(t *testing.T) *gateway {
	g := &gateway{t: t, peers: make(chan *peer, 65536)} // more than a NapCat dials while a test does not look
	g.server = httptest.NewServer(http.HandlerFunc(g.take))
	t.Cleanup(func() {
		g.server.CloseClientConnections()
		g.server.Close()
		g.wg.Wait()
	})
	return g
}

func (g *gateway) url() string {
	return "ws" + strings.TrimPrefix(g.server.URL, "http") + "/onebot/v11/ws"
}

func (g *gateway) take(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	refuse := g.refuse
	g.mu.Unlock()
	if refuse != 0 {
		http.Error(w, "not you", refuse)
		g.peers <- &peer{t: g.t, header: r.Header}
		return
	}
	c, err := link.Accept(w, r, link.Options{MaxFrame: 64 << 20})
	if err != nil {
		g.t.Errorf("accepting: %v", err)
		return
	}
	p := newPeer(g.t, c, r.Header)
	g.wg.Add(1)
	defer g.wg.Done()
	g.peers <- p
	p.serve(context.Background())
}

func newPeer(t *testing.T, c *link.Conn, h http.Header) *peer {
	return &peer{t: t, conn: c, header: h, frames: make(chan []byte, 65536), pongs: make(chan string, 16), ended: make(chan struct{})}
}

func (p *peer) serve(ctx context.Context) {
	p.cause = p.conn.Serve(ctx, link.Handler{Frame: func(data []byte) error {
		p.frames <- bytes.Clone(data)
		return nil
	}, Pong: func(payload []byte) { p.pongs <- string(payload) }})
	close(p.ended)
}

// start makes a NapCat that dials the gateway until the test ends.
func (g *gateway) start(o Options) *NapCat {
	g.t.Helper()
	n := New(o)
	g.dial(n)
	return n
}

func (g *gateway) dial(n *NapCat) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.Dial(ctx, g.url()); err != nil {
			g.t.Errorf("Dial: %v", err)
		}
	})
	g.t.Cleanup(func() { cancel(); wg.Wait() })
}

func (g *gateway) next(ctx context.Context) *peer {
	g.t.Helper()
	select {
	case p := <-g.peers:
		return p
	case <-ctx.Done():
		g.t.Fatal("no connection")
		return nil
	}
}

// connect is a NapCat and its first connection with the lifecycle frame taken off.
func connect(t *testing.T, o Options) (*NapCat, *peer, context.Context) {
	t.Helper()
	if o.HeartInterval == 0 {
		o.HeartInterval = -1
	}
	ctx := testContext(t)
	g := newGateway(t)
	n := g.start(o)
	p := g.next(ctx)
	if f := p.frame(ctx); f.text("meta_event_type") != "lifecycle" {
		t.Fatalf("first frame is %s", f.raw)
	}
	return n, p, ctx
}

// frame is a decoded frame that keeps its bytes.
type frame struct {
	raw  []byte
	keys map[string]json.RawMessage
}

func (f frame) text(key string) string {
	var s string
	if json.Unmarshal(f.keys[key], &s) != nil {
		return string(f.keys[key])
	}
	return s
}

func parseFrame(t *testing.T, raw []byte) frame {
	t.Helper()
	f := frame{raw: raw}
	if err := json.Unmarshal(raw, &f.keys); err != nil {
		t.Fatalf("frame %q: %v", raw, err)
	}
	return f
}

func (p *peer) frame(ctx context.Context) frame {
	p.t.Helper()
	select {
	case raw := <-p.frames:
		return parseFrame(p.t, raw)
	case <-ctx.Done():
		p.t.Fatal("no frame came")
		return frame{}
	}
}

// end waits for the end of the link and says why it ended.
func (p *peer) end(ctx context.Context) *link.CloseError {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.t.Fatal("the link did not end")
	}
	var c *link.CloseError
	if !errors.As(p.cause, &c) {
		p.t.Fatalf("ended with %v", p.cause)
	}
	return c
}

func (p *peer) send(text string) {
	p.t.Helper()
	if err := p.conn.Send([]byte(text)); err != nil {
		p.t.Fatalf("sending: %v", err)
	}
}

// call sends an action and returns the answer; nothing else may come in between.
func (p *peer) call(ctx context.Context, name, params string) frame {
	p.t.Helper()
	p.send(fmt.Sprintf(`{"action":%q,"params":%s,"echo":"e"}`, name, params))
	return p.frame(ctx)
}

// data is the answer's data when it is ok.
func (p *peer) data(ctx context.Context, name, params string) string {
	p.t.Helper()
	f := p.call(ctx, name, params)
	if f.text("status") != "ok" {
		p.t.Fatalf("%s: %s", name, f.raw)
	}
	return string(f.keys["data"])
}
