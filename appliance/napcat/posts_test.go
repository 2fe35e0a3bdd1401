package napcat

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func sign(body string) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(body))
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

// post sends one post and returns the answer's status and text.
func post(t *testing.T, url, body string, header map[string]string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(testContext(t), http.MethodPost, url, io.NopCloser(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(text))
}

const friendAdd = `{"time":1,"self_id":10001,"post_type":"notice","notice_type":"friend_add","user_id":20002}`

func TestPostsAreChecked(t *testing.T) {
	f, l, _, _ := httpLink(t)
	for _, tt := range []struct {
		name   string
		header map[string]string
		status int
		want   string
	}{
		{"signed", map[string]string{"X-Signature": sign(friendAdd)}, 204, ""},
		{"signed in capitals", map[string]string{"X-Signature": "sha1=" + strings.ToUpper(sign(friendAdd)[5:])}, 204, ""},
		{"bearer", map[string]string{"Authorization": "Bearer " + token}, 204, ""},
		{"bearer and a wrong signature", map[string]string{"Authorization": "Bearer " + token, "X-Signature": "sha1=00"}, 204, ""},
		{"self id", map[string]string{"X-Signature": sign(friendAdd), "X-Self-ID": "10001"}, 204, ""},
		{"neither", nil, 401, "neither X-Signature nor an access token: NapCat's HTTP client needs the token"},
		{"wrong bearer", map[string]string{"Authorization": "Bearer other"}, 403, "access token wrong"},
		{"signature of something else", map[string]string{"X-Signature": sign(friendAdd + " ")}, 403, "X-Signature does not match accessToken"},
		{"short signature", map[string]string{"X-Signature": "sha1=00"}, 403, "X-Signature is not sha1= and 40 hexadecimal digits"},
		{"another hash", map[string]string{"X-Signature": "sha256=" + sign(friendAdd)[5:]}, 403, "X-Signature is not sha1= and 40 hexadecimal digits"},
		{"another account", map[string]string{"X-Signature": sign(friendAdd), "X-Self-ID": "10009"}, 403, "X-Self-ID 10009 is not this account's 10001 (`catflap account unpin default` forgets it)"},
		{"a web page", map[string]string{"X-Signature": sign(friendAdd), "Origin": "http://evil.example"}, 403, "request comes from a web page (Origin header)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, text := post(t, l.postURL(), friendAdd, tt.header)
			if status != tt.status || text != tt.want {
				t.Errorf("%d %q, want %d %q", status, text, tt.status, tt.want)
			}
			if n := len(f.events); (n == 1) != (tt.status == 204) {
				t.Errorf("%d events came through", n)
			}
			for len(f.events) > 0 {
				<-f.events
			}
		})
	}
}

func TestUnsignedPosts(t *testing.T) {
	o := posted("http://127.0.0.1:1")
	o.Config.AccessToken, o.Config.AllowNoToken = "", true
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	f.account.Start()
	if status, text := post(t, l.postURL(), friendAdd, nil); status != 204 {
		t.Errorf("%d %s", status, text)
	}
	receive(t, "the event", f.events)
	if status, text := post(t, l.postURL(), friendAdd, map[string]string{"X-Signature": sign(friendAdd)}); status != 403 || text != "the post is signed, but the account has no accessToken" {
		t.Errorf("%d %s", status, text)
	}
}

func TestPostsOfOtherKinds(t *testing.T) {
	f, l, _, _ := httpLink(t)
	header := map[string]string{"Authorization": "Bearer " + token}
	if status, _ := post(t, l.postURL(), "not json", header); status != 204 {
		t.Errorf("what is not OneBot: %d", status)
	}
	if st := f.account.State(); st.BadFrames != 1 {
		t.Errorf("%d bad frames", st.BadFrames)
	}
	r, _ := http.NewRequestWithContext(testContext(t), http.MethodGet, l.postURL()+"?access_token="+token, nil)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 405 || strings.TrimSpace(string(text)) != "not a POST; NapCat needs an HTTP client here (httpClients)" {
		t.Errorf("GET: %d %s", resp.StatusCode, text)
	}
	if status, _ := post(t, "http://"+l.Address()+wsPath, friendAdd, header); status != 404 {
		t.Errorf("the WebSocket's path: %d", status)
	}
}

func TestFault_S06_LargePosts(t *testing.T) {
	f, l, nap, _ := httpLink(t)
	large := strings.Replace(friendAdd, "friend_add", strings.Repeat("x", 2<<20), 1)
	if status, _ := post(t, l.postURL(), large, map[string]string{"X-Signature": sign(large)}); status != 413 {
		t.Errorf("a post above the bound: %d", status)
	}
	if st := f.account.State(); st.TooLarge != 1 {
		t.Errorf("%d posts were too large", st.TooLarge)
	}
	// Only whoever knows the token is counted.
	if status, _ := post(t, l.postURL(), large, map[string]string{"X-Signature": sign("")}); status != 403 {
		t.Errorf("a large post with a wrong signature: %d", status)
	}
	if st := f.account.State(); st.TooLarge != 1 {
		t.Errorf("%d posts were too large", st.TooLarge)
	}
	fits := strings.Replace(friendAdd, "friend_add", strings.Repeat("x", 900<<10), 1)
	if status, _ := post(t, l.postURL(), fits, map[string]string{"X-Signature": sign(fits)}); status != 204 {
		t.Errorf("a large post: %d", status)
	}
	receive(t, "the large event", f.events)
	f.numbered(nap, 3)
}

// stalledPost begins a post whose body never ends.
func stalledPost(t *testing.T, l *Listener, sent int) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(limit))
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nX-Signature: %s\r\nContent-Length: 100000\r\n\r\n", httpPath, sign("x"))
	c.Write(bytes.Repeat([]byte("x"), sent))
	return c
}

// Posts whose bodies never end delay no other for long, small or large.
func TestFault_S06_SlowPosts(t *testing.T) {
	f, l, nap, _ := httpLink(t)
	for i := range 20 {
		stalledPost(t, l, 1000*i)
	}
	f.numbered(nap, 20)
}

func TestFault_S06_SlowPostsEnd(t *testing.T) {
	f := newFixture(t, posted("http://127.0.0.1:1"), botQQ)
	l, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	l.body = 30 * time.Millisecond
	l.Set([]*Account{f.account})
	t.Cleanup(l.Close)
	// The first two hold all places for large bodies, the others wait for one.
	for _, sent := range []int{20 << 10, 20 << 10, 20 << 10, 0} {
		c := stalledPost(t, l, sent)
		answer := make([]byte, len("HTTP/1.1 408"))
		if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "HTTP/1.1 408" {
			t.Errorf("a post that stalls after %d bytes: %q, %v", sent, answer, err)
		}
	}
	refused := l.Refused()
	if len(refused) != 4 || refused[3].Who != "default" || refused[3].Reason != "reading the body: it did not come whole within 30ms" {
		t.Errorf("refused %+v", refused)
	}
	if n := len(f.account.posts.queue); n != 0 {
		t.Errorf("%d places are left", n)
	}
	if n := len(l.gulps); n != 0 {
		t.Errorf("%d large bodies are left", n)
	}
}

func TestGulpsBoundLargeBodies(t *testing.T) {
	g := newGulps()
	ctx, cancel := context.WithCancel(t.Context())
	var releases []func()
	for range maxGulps {
		_, release, err := g.read(ctx, strings.NewReader(strings.Repeat("x", sip+1)), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	if body, _, err := g.read(ctx, strings.NewReader(strings.Repeat("x", sip-1)), 1<<20); err != nil || len(body) != sip-1 {
		t.Errorf("a small body waits: %d bytes, %v", len(body), err)
	}
	cancel()
	if _, _, err := g.read(ctx, strings.NewReader(strings.Repeat("x", sip+1)), 1<<20); err != context.Canceled {
		t.Errorf("one too many: %v", err)
	}
	for _, release := range releases {
		release()
	}
	for _, size := range []int{0, 1, sip, 1 << 20} {
		body, release, err := g.read(t.Context(), strings.NewReader(strings.Repeat("x", size)), size)
		release()
		if err != nil || len(body) != size {
			t.Errorf("%d bytes: %d, %v", size, len(body), err)
		}
		_, release, err = g.read(t.Context(), strings.NewReader(strings.Repeat("x", size+1)), size)
		release()
		if err != errTooLarge {
			t.Errorf("%d bytes and one more: %v", size, err)
		}
	}
}
