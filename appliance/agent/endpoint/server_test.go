package endpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// asked is one request that the scripted server got.
type asked struct {
	path   string
	header http.Header
	raw    string
	body   map[string]any
}

// script is a server that answers the nth request with the nth step, and the last one from then on.
type script struct {
	steps []func(w http.ResponseWriter, r *http.Request)

	mu  sync.Mutex
	got []asked
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(raw, &body)
	s.mu.Lock()
	n := min(len(s.got), len(s.steps)-1)
	s.got = append(s.got, asked{r.URL.RequestURI(), r.Header.Clone(), string(raw), body})
	s.mu.Unlock()
	s.steps[n](w, r)
}

func (s *script) requests() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]asked(nil), s.got...)
}

// serve starts a scripted server on loopback and a client of it.
func serve(t *testing.T, cfg Config, steps ...func(http.ResponseWriter, *http.Request)) (*Client, *script) {
	t.Helper()
	s := &script{steps: steps}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	cfg.BaseURL = server.URL + "/v1"
	if cfg.Model == "" {
		cfg.Model = "m"
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, s
}

// pipes is a listener of in-memory connections, for bubbles of synctest.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	mine, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return mine, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// bubble is serve without sockets, so that a bubble's time passes.
func bubble(t *testing.T, cfg Config, steps ...func(http.ResponseWriter, *http.Request)) (*Client, *script, func()) {
	t.Helper()
	s := &script{steps: steps}
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: s}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(p) })
	cfg.BaseURL, cfg.Dial = "http://box:1/v1", p.dial
	if cfg.Model == "" {
		cfg.Model = "m"
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, s, func() {
		c.Close()
		_ = server.Close()
		wg.Wait()
	}
}

// answer answers with a status and a body.
func answer(status int, kind, body string, header ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const sse = "text/event-stream"

// stream200 streams the pieces, each flushed.
func stream200(pieces ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", sse)
		for _, p := range pieces {
			_, _ = io.WriteString(w, p)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// broken streams the pieces and then breaks the connection.
func broken(pieces ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		stream200(pieces...)(w, r)
		panic(http.ErrAbortHandler)
	}
}

// slow streams the pieces with a pause before each, until the client goes.
func slow(pause time.Duration, pieces ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", sse)
		_ = http.NewResponseController(w).Flush()
		for _, p := range pieces {
			select {
			case <-time.After(pause):
			case <-r.Context().Done():
				return
			}
			if _, err := io.WriteString(w, p); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// says is a stream event with some text.
func says(text string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s}}]}\n\n", appendString(nil, text))
}

func stops(reason string) string {
	return `data: {"choices":[{"index":0,"delta":{},"finish_reason":"` + reason + `"}]}` + "\n\n"
}

const (
	usage = `data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}` + "\n\n"
	done  = "data: [DONE]\n\n"
)

func hello() *Request { return &Request{Messages: []Message{{Role: User, Text: "hello"}}} }

// good is the ordinary answer.
func good() func(http.ResponseWriter, *http.Request) {
	return stream200(says("hi"), stops("stop"), usage, done)
}

var seven = Usage{Prompt: 7, Completion: 3}

// message is an error's text with the server's address replaced.
func (c *Client) message(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), c.host, "HOST")
}
