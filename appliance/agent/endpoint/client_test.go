package endpoint

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Whatever goes wrong, and whatever the server repeats, the key and the address's query are in no error.
func TestErrorsHoldNoSecrets(t *testing.T) {
	const key, query = "sk-verysecret0123456789", "code=alsosecret"
	for name, step := range map[string]func(http.ResponseWriter, *http.Request){
		"repeated":       refusal(401, "Incorrect API key provided: "+key+"."),
		"half repeated":  refusal(401, "Incorrect API key provided: sk-very****6789."),
		"cut short":      refusal(401, "key sk-verysecret01 is wrong"),
		"in text":        answer(400, "text/plain", "bad header Authorization: Bearer "+key),
		"in a stream":    stream200(`data: {"error":{"message":"key ` + key + `"}}` + "\n\n"),
		"in a redirect":  answer(302, "text/plain", "", "Location", "http://evil/?k="+key),
		"cut":            broken(says("a")),
		"closed":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"across a line":  refusal(400, "key\r\n\x1b[31m"+key+"\n"+strings.Repeat("x", 1000)),
		"beyond the end": answer(400, "text/plain", strings.Repeat("x ", maxRefusal/2-4)+key),
	} {
		s := httptest.NewServer(&script{steps: []func(http.ResponseWriter, *http.Request){step}})
		c, err := New(Config{BaseURL: s.URL + "/v1?" + query, Key: key, Model: "m", Backend: OpenClaw})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Ask(t.Context(), hello())
		if err == nil || strings.Contains(err.Error(), "very") || strings.Contains(err.Error(), "alsosecret") || strings.ContainsAny(err.Error(), "\r\n\x1b") || len(err.Error()) > 500 {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
		s.Close()
	}
	c, err := New(Config{BaseURL: "http://127.0.0.1:1/v1?" + query, Key: key, Model: "m", Total: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ask(t.Context(), hello()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody listens: %v", err)
	}
}

// Turns one after the other share a connection: a handshake costs a small board more than the answer's bytes.
func TestConnectionsAreUsedAgain(t *testing.T) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(&script{steps: []func(http.ResponseWriter, *http.Request){good()}})
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c, err := New(Config{BaseURL: s.URL, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 5 {
		if _, err := c.Ask(t.Context(), hello()); err != nil {
			t.Fatal(err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("5 turns took %d connections", n)
	}
}

func TestAskFromManySides(t *testing.T) {
	c, s := serve(t, Config{}, good())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := c.Ask(t.Context(), hello()); err != nil || got.Text != "hi" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := len(s.requests()); n != 8 {
		t.Errorf("%d requests", n)
	}
}
