package link

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func upgradeRequest(change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = http.Header{
		"Connection": {"keep-alive", "foo, UPGRADE"}, "Upgrade": {"WebSocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	change(r)
	return r
}

func TestAcceptRefusals(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*http.Request)
		upgrade bool // IsUpgrade
		want    error
	}{
		{"good, but the writer cannot be hijacked", func(*http.Request) {}, true, http.ErrNotSupported},
		{"plain request", func(r *http.Request) { r.Header = http.Header{} }, false, ErrNotUpgrade},
		{"POST", func(r *http.Request) { r.Method = http.MethodPost }, true, ErrNotUpgrade},
		{"no Upgrade", func(r *http.Request) { r.Header.Del("Upgrade") }, false, ErrNotUpgrade},
		{"h2c", func(r *http.Request) { r.Header.Set("Upgrade", "h2c") }, false, ErrNotUpgrade},
		{"no Connection", func(r *http.Request) { r.Header.Set("Connection", "keep-alive, upgraded") }, false, ErrNotUpgrade},
		{"no key", func(r *http.Request) { r.Header.Del("Sec-WebSocket-Key") }, true, ErrNotUpgrade},
		{"old version", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, true, ErrVersion},
		{"no version", func(r *http.Request) { r.Header.Del("Sec-WebSocket-Version") }, true, ErrVersion},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := upgradeRequest(test.change)
			if got := IsUpgrade(r); got != test.upgrade {
				t.Errorf("IsUpgrade is %t", got)
			}
			w := httptest.NewRecorder()
			if _, err := Accept(w, r, Options{}); !errors.Is(err, test.want) {
				t.Errorf("Accept: %v; want %v", err, test.want)
			}
			if w.Flushed || w.Body.Len() > 0 || len(w.Header()) > 0 {
				t.Errorf("something was answered: %v %s", w.Header(), w.Body)
			}
		})
	}
}

// The server's own deadlines of the request do not stay on the link.
func TestAcceptClearsDeadlines(t *testing.T) {
	g := newGate(Options{})
	g.Config.ReadTimeout, g.Config.WriteTimeout = patience, patience
	g.Start()
	t.Cleanup(g.Close)
	d, err := Dial(t.Context(), Target{URL: g.url()}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	serve(t, d, Handler{Frame: func(data []byte) error { got <- string(data); return nil }})
	a := serve(t, <-g.links, Handler{})
	_ = a.Send([]byte("x"))
	receive(t, got, "frame")
}
