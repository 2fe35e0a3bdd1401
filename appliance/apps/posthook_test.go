package apps

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/catflap/catflap/appliance/config"
)

const hookSecret = "sec-77d1"

// posted is one request that a hook got.
type posted struct {
	header http.Header
	path   string
	body   string
	method string
	length int64
}

// hook is an app that events are posted to.
type hook struct {
	t      *testing.T
	server *httptest.Server
	posts  chan posted
	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request, p posted) // nil = 204
}

func newHook(t *testing.T) *hook { return openHook(t, "127.0.0.1:0") }

// openHook listens on a given address.
func openHook(t *testing.T, address string) *hook {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{t: t, posts: make(chan posted, 1<<16)}
	h.server = httptest.NewUnstartedServer(http.HandlerFunc(h.take))
	_ = h.server.Listener.Close()
	h.server.Listener = l
	h.server.Start()
	t.Cleanup(h.server.Close)
	return h
}

func (h *hook) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut off by the other side
	}
	p := posted{header: r.Header, path: r.URL.RequestURI(), body: string(body), method: r.Method, length: r.ContentLength}
	h.mu.Lock()
	answer := h.answer
	h.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
	} else {
		answer(w, r, p)
	}
	h.posts <- p
}

// answers sets what the hook does from now on.
func (h *hook) answers(answer func(w http.ResponseWriter, r *http.Request, p posted)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = answer
}

func (h *hook) next() posted { h.t.Helper(); return receive(h.t, "a post", h.posts) }

// lifecycle takes the next post, which must be that.
func (h *hook) lifecycle(self uint64, sub string) posted {
	h.t.Helper()
	p := h.next()
	if m := readMeta(h.t, p.body); m.Kind != "lifecycle" || m.SubType != sub || m.Self.String() != fmt.Sprint(self) {
		h.t.Fatalf("got %s, want lifecycle %s of %d", p.body, sub, self)
	}
	return p
}

// event takes the next post, which must be this event.
func (h *hook) event(want string) posted {
	h.t.Helper()
	p := h.next()
	if p.body != want {
		h.t.Fatalf("got %s, want %s", p.body, want)
	}
	return p
}

// poster makes an app that posts to the hook.
func (h *house) poster(k *hook, bots ...*bot) *App {
	h.t.Helper()
	return h.app(0, config.App{Name: "hook", Post: k.server.URL + "/onebot?x=1", Secret: hookSecret, AccessToken: token}, bots...)
}

// isEvent tells events from meta events.
func isEvent(p posted) bool { return strings.Contains(p.body, `"post_type":"notice"`) }

func sign(body string) string {
	mac := hmac.New(sha1.New, []byte(hookSecret))
	mac.Write([]byte(body))
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

// took hands what the router would get to a channel.
type took struct {
	Quick
	event, operation string
}
