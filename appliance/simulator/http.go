package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/config/json5"
	"github.com/catflap/catflap/appliance/onebot"
)

// maxBody bounds a request's body. NapCat's own bound is 5000 MB.
const maxBody = 100 << 20

// httpHeart is the heartbeat of a WebSocket on an HTTP server's port; it cannot be set (reference 2.1).
const httpHeart = 30 * time.Second

// HTTPServer says which of NapCat's HTTP servers is played.
type HTTPServer struct {
	Events    bool // the HTTP SSE server (reference 2.3), with events at /_events
	WebSocket bool // enableWebsocket: upgrades on the same port
}

// ServeHTTP plays NapCat's HTTP server or HTTP SSE server (reference 2.2, 2.3) on a listener until ctx ends, and returns
// after everything it started has ended. It closes the listener. The caller runs and awaits it.
func (n *NapCat) ServeHTTP(ctx context.Context, l net.Listener, o HTTPServer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &httpServer{HTTPServer: o, nap: n, ctx: ctx, adapter: newAdapter(n, true), streams: make(map[*outlet]struct{})}
	s.sockets = &forward{adapter: newAdapter(n, true), ctx: ctx, heart: httpHeart, others: !o.Events}
	h := &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Second} // Node's keepAliveTimeout
	var closing sync.WaitGroup
	closing.Go(func() {
		<-ctx.Done()
		s.sockets.shut()
		s.shut()
		_ = h.Close() // the listener's own error is what ServeHTTP reports
	})
	err := h.Serve(wires{l, n})
	cancel()
	closing.Wait()
	s.sockets.wait()
	s.handlers.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving as NapCat's HTTP server: %w", err)
}

// httpServer is an HTTP server adapter.
type httpServer struct {
	HTTPServer
	nap      *NapCat
	ctx      context.Context
	adapter  *adapter // for the calls' sake
	sockets  *forward
	handlers sync.WaitGroup

	mu       sync.Mutex
	shutting bool
	streams  map[*outlet]struct{} // its event streams: they get the packets of stream actions
}

func (s *httpServer) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shutting = true
}

func (s *httpServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.shutting {
		s.mu.Unlock()
		return
	}
	s.handlers.Add(1)
	s.mu.Unlock()
	defer s.handlers.Done()

	if s.WebSocket && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		s.sockets.upgrade(w, r)
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	if r.Method == http.MethodOptions {
		w.Header().Set("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	params, err := readParams(w, r)
	if err != nil { // before the token is looked at
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "Invalid JSON")
		return
	}
	if !s.nap.authorised(r) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"message":"token verify failed!"}`)
		return
	}
	if s.Events && strings.TrimSuffix(r.URL.Path, "/") == "/_events" {
		s.follow(w, r)
		return
	}
	s.call(w, r, params)
}

// readParams is the request's body and query in one; of a key in both the query's counts.
func readParams(w http.ResponseWriter, r *http.Request) (Params, error) {
	params := Params{}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := readText(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	switch {
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(body)
		if err != nil {
			return nil, err
		}
		params.take(form)
	case strings.TrimSpace(body) != "":
		value, err := json5.Parse([]byte(body))
		if err != nil {
			return nil, err
		}
		if value.Kind == json5.Array {
			for i, item := range value.Items {
				params[strconv.Itoa(i)] = decoded(item)
			}
		} else if object, ok := decoded(value).(map[string]any); ok {
			params = object
		}
	}
	params.take(r.URL.Query())
	return params, nil
}

func decoded(v *json5.Value) (out any) {
	d := json.NewDecoder(bytes.NewReader(v.AppendJSON(nil)))
	d.UseNumber()
	_ = d.Decode(&out) // it is JSON that was just written
	return out
}

// take adds a form's or a query's values; a repeated key becomes an array.
func (p Params) take(form url.Values) {
	for key, values := range form {
		if len(values) == 1 {
			p[key] = values[0]
			continue
		}
		all := make([]any, len(values))
		for i, v := range values {
			all[i] = v
		}
		p[key] = all
	}
}

// readText joins a body as NapCat does, chunk by chunk as text: a character that lies across two chunks is lost.
func readText(r io.Reader) (string, error) {
	var out strings.Builder
	chunk := make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(r, chunk)
		out.WriteString(strings.ToValidUTF8(string(chunk[:n]), "\uFFFD"))
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return out.String(), nil
		default:
			return "", err
		}
	}
}

// call does one action. Whatever comes of it, the status is 200.
func (s *httpServer) call(w http.ResponseWriter, r *http.Request, params Params) {
	n := s.nap
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if name == "" {
		writeJSON(w, envelope{status: "ok", data: json.RawMessage("{}"), message: "NapCat4 Is Running", echo: json.RawMessage(`""`)}.bytes())
		return
	}
	echo := json.RawMessage(encode(strconv.FormatInt(int64(s.nap.random()), 36)))
	if given, ok := params["echo"]; ok && given != nil {
		echo = encode(given)
	}
	base, _ := onebot.Normalise(name)
	info, listed := onebot.Lookup(base)
	if !listed || !info.InNapCat {
		writeJSON(w, envelope{status: "failed", retcode: 1404, data: null, message: "不支持的Api " + name, echo: echo, http: true}.bytes())
		return
	}
	c := &Call{At: n.opts.Now(), Link: n.Links(), Action: name, Name: base, Raw: encode(params), Echo: echo, Params: params,
		nap: n, adapter: s.adapter, ctx: r.Context()}
	n.book.called(c)
	n.log.Debug("call", "action", c.Action, "link", c.Link)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if n.silenced() {
		<-ctx.Done()
		return
	}
	fault := n.hook(*c)
	if !sleep(ctx, n.jitter()+fault.Delay) {
		return
	}
	frames := c.perform(fault)
	switch {
	case fault.Drop:
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	case fault.Silent || fault.NextLink || len(frames) == 0:
		<-ctx.Done()
	case !n.actions[base].stream:
		writeJSON(w, frames[0])
	default:
		s.stream(w, frames)
	}
}

// stream writes packets with empty lines between them; those of the SSE server go to all its listeners, but for the last.
func (s *httpServer) stream(w http.ResponseWriter, frames [][]byte) {
	w.Header()["Content-Type"] = nil
	if s.Events {
		s.mu.Lock()
		streams := make([]*outlet, 0, len(s.streams))
		for o := range s.streams {
			streams = append(streams, o)
		}
		s.mu.Unlock()
		for _, frame := range frames[:len(frames)-1] {
			for _, o := range streams {
				o.push(frame)
			}
		}
		frames = frames[len(frames)-1:]
	}
	for _, frame := range frames {
		_, _ = w.Write(append(frame[:len(frame):len(frame)], "\r\n\r\n"...)) // a caller who has left reads nothing
	}
}

func writeJSON(w http.ResponseWriter, frame []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(frame)))
	_, _ = w.Write(frame) // a caller who has left reads nothing
}

// follow is one event stream: nothing but data, from now on.
func (s *httpServer) follow(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Connection", "keep-alive")
	flush := http.NewResponseController(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	queue := make(chan []byte, queueFrames)
	o := &outlet{stream: true, push: func(frame []byte) {
		select {
		case queue <- frame:
		case <-ctx.Done():
		}
	}}
	s.mu.Lock()
	s.streams[o] = struct{}{}
	s.mu.Unlock()
	leave := s.nap.join(o)
	defer func() {
		leave()
		s.mu.Lock()
		delete(s.streams, o)
		s.mu.Unlock()
	}()
	if err := flush.Flush(); err != nil { // whoever sees the headers gets every event from now on
		return
	}
	for {
		select {
		case frame := <-queue:
			if _, err := fmt.Fprintf(w, "data: %s\n\n", frame); err != nil {
				return
			}
			if len(queue) > 0 {
				continue
			}
			if err := flush.Flush(); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// random is any number.
func (n *NapCat) random() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state.random.Uint32()
}
