package e2e

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// receiver is an application to which events are posted.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	posts []post
	news  chan struct{} // closed and replaced with every post
}

// post is one that was taken.
type post struct {
	path   string
	header http.Header
	event  frame
	raw    string
}

// receive runs an application that takes every post whose signature is right; without a secret, one that has none.
func receive(t *testing.T, secret string) *receiver {
	t.Helper()
	h := &receiver{news: make(chan struct{})}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		want := ""
		if secret != "" {
			mac := hmac.New(sha1.New, []byte(secret))
			mac.Write(body)
			want = "sha1=" + hex.EncodeToString(mac.Sum(nil))
		}
		if r.Header.Get("X-Signature") != want {
			t.Errorf("X-Signature is %q, want %q", r.Header.Get("X-Signature"), want)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		p := post{path: r.URL.Path, header: r.Header.Clone(), raw: string(body)}
		if err := d.Decode(&p.event); err != nil {
			t.Errorf("posted %s: %v", body, err)
		}
		h.mu.Lock()
		h.posts = append(h.posts, p)
		close(h.news)
		h.news = make(chan struct{})
		h.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(h.Close)
	return h
}

// wait waits for a post that match accepts, made at any time.
func (h *receiver) wait(t *testing.T, what string, match func(post) bool) post {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		h.mu.Lock()
		for _, p := range h.posts {
			if match(p) {
				h.mu.Unlock()
				return p
			}
		}
		news := h.news
		h.mu.Unlock()
		select {
		case <-news:
		case <-late.C:
			t.Fatalf("%s was not posted within %v", what, limit)
		}
	}
}

// text waits for a message with the text.
func (h *receiver) text(t *testing.T, text string) post {
	t.Helper()
	return h.wait(t, fmt.Sprintf("a message with %q", text), func(p post) bool {
		return p.event.is("post_type", "message") && strings.Contains(plain(p.event), text)
	})
}

// count is how many posts match.
func (h *receiver) count(match func(post) bool) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, p := range h.posts {
		if match(p) {
			n++
		}
	}
	return n
}
