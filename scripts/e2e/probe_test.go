package e2e

import (
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

	"github.com/catflap/catflap/appliance/link"
)

// frame is a decoded JSON object of the wire.
type frame map[string]any

// is tells whether a key has a value, compared as text: numbers as they are written without an exponent.
func (f frame) is(key, value string) bool {
	v, ok := f[key]
	if !ok {
		return false
	}
	if n, isNumber := v.(json.Number); isNumber {
		return n.String() == value
	}
	return fmt.Sprint(v) == value
}

// probe is a bare OneBot application: a WebSocket that remembers every frame.
type probe struct {
	conn *link.Conn
	done sync.WaitGroup

	mu     sync.Mutex
	frames []frame
	news   chan struct{}
	calls  int
}

func linkOptions() link.Options {
	return link.Options{MaxFrame: 16 << 20, OutSlots: 1000, OutBytes: 32 << 20, ReadTimeout: limit, WriteTimeout: limit}
}

// dialProbe connects as an application to the gateway. Path may have a query; an empty token sends no header.
func dialProbe(t *testing.T, b *box, path, token string) *probe {
	t.Helper()
	conn, err := dialGateway(t, b, path, token)
	if err != nil {
		t.Fatalf("dialling the gateway at %s: %v", path, err)
	}
	return serveProbe(t, conn)
}

func dialGateway(t *testing.T, b *box, path, token string) (*link.Conn, error) {
	return dialAt(t, fmt.Sprintf("ws://127.0.0.1:%d%s", b.gateway, path), token, nil)
}

// dialAt opens a WebSocket with an optional token and further headers.
func dialAt(t *testing.T, address, token string, header http.Header) (*link.Conn, error) {
	t.Helper()
	if header == nil {
		header = make(http.Header)
	}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	ctx, cancel := deadline(t)
	defer cancel()
	return link.Dial(ctx, link.Target{URL: address, Header: header}, linkOptions())
}

// refusal is the HTTP status with which a dial was refused.
func refusal(t *testing.T, conn *link.Conn, err error) int {
	t.Helper()
	if err == nil {
		conn.Close(1000, "")
		t.Fatal("the connection was accepted")
	}
	var refused *link.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("the connection was not refused by HTTP: %v", err)
	}
	return refused.Status
}

func serveProbe(t *testing.T, conn *link.Conn) *probe {
	t.Helper()
	p := &probe{conn: conn, news: make(chan struct{})}
	p.done.Go(func() { p.run() })
	t.Cleanup(func() {
		conn.Close(1000, "")
		p.done.Wait()
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("---- the probe received:\n%+v", p.frames)
		}
	})
	return p
}

func (p *probe) run() {
	_ = p.conn.Serve(context.Background(), link.Handler{Frame: func(data []byte) error {
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		var f frame
		if err := d.Decode(&f); err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.frames = append(p.frames, f)
		close(p.news)
		p.news = make(chan struct{})
		return nil
	}})
}

// wait waits for a frame that match accepts, received at any time, and returns the oldest.
func (p *probe) wait(t *testing.T, what string, match func(frame) bool) frame {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		p.mu.Lock()
		for _, f := range p.frames {
			if match(f) {
				p.mu.Unlock()
				return f
			}
		}
		news := p.news
		p.mu.Unlock()
		select {
		case <-news:
		case <-p.conn.Done():
			t.Fatalf("the probe's link ended before %s came", what)
		case <-late.C:
			t.Fatalf("%s did not come within %v", what, limit)
		}
	}
}

// text waits for a message whose text segments hold the text.
func (p *probe) text(t *testing.T, text string) frame {
	t.Helper()
	return p.wait(t, fmt.Sprintf("a message with %q", text), func(f frame) bool { return f.is("post_type", "message") && strings.Contains(plain(f), text) })
}

// heard tells whether such a message has come.
func (p *probe) heard(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.frames {
		if f.is("post_type", "message") && strings.Contains(plain(f), text) {
			return true
		}
	}
	return false
}

// first is the first frame of the link.
func (p *probe) first(t *testing.T) frame {
	t.Helper()
	return p.wait(t, "a first frame", func(frame) bool { return true })
}

// segments are the segments of a message event in array form.
func segments(f frame) []frame {
	list, _ := f["message"].([]any)
	var found []frame
	for _, s := range list {
		if m, ok := s.(map[string]any); ok {
			found = append(found, m)
		}
	}
	return found
}

// data is the data of a segment.
func (f frame) data() frame {
	d, _ := f["data"].(map[string]any)
	return d
}

// plain is the text of a message event in either form.
func plain(f frame) string {
	if s, ok := f["message"].(string); ok {
		return s
	}
	var text strings.Builder
	for _, s := range segments(f) {
		if s.is("type", "text") {
			fmt.Fprint(&text, s.data()["text"])
		}
	}
	return text.String()
}

// call sends an action and returns the answer.
func (p *probe) call(t *testing.T, action string, params any) frame {
	t.Helper()
	p.mu.Lock()
	p.calls++
	echo := fmt.Sprintf("probe-%d", p.calls)
	p.mu.Unlock()
	data, err := json.Marshal(map[string]any{"action": action, "params": params, "echo": echo})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.conn.Send(data); err != nil {
		t.Fatalf("sending %s: %v", action, err)
	}
	return p.wait(t, "the answer to "+action, func(f frame) bool { return f.is("echo", echo) })
}

// must is call for an action that has to succeed.
func (p *probe) must(t *testing.T, action string, params any) frame {
	t.Helper()
	answer := p.call(t, action, params)
	if !answer.is("status", "ok") || !answer.is("retcode", "0") {
		t.Fatalf("%s failed: %+v", action, answer)
	}
	return answer
}

// listener is an application that catflap dials.
type listener struct {
	*httptest.Server
	came chan arrival
}

// arrival is one dial of catflap: its request and, if it was let in, the link.
type arrival struct {
	path   string
	header http.Header
	conn   *link.Conn
}

// listen runs an application that accepts every dial, or refuses each with a status.
func listen(t *testing.T, refuse int) *listener {
	t.Helper()
	l := &listener{came: make(chan arrival, 1000)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := arrival{path: r.URL.Path, header: r.Header.Clone()}
		if refuse != 0 {
			w.WriteHeader(refuse)
		} else {
			conn, err := link.Accept(w, r, linkOptions())
			if err != nil {
				t.Errorf("accepting catflap's dial: %v", err)
				return
			}
			a.conn = conn
		}
		select {
		case l.came <- a:
		default:
			if a.conn != nil {
				a.conn.Close(1013, "")
			}
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// address is where catflap dials.
func (l *listener) address() string { return "ws" + strings.TrimPrefix(l.URL, "http") }

// next waits for catflap's next dial.
func (l *listener) next(t *testing.T) arrival {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case a := <-l.came:
		return a
	case <-late.C:
		t.Fatalf("catflap did not dial within %v", limit)
		return arrival{}
	}
}
