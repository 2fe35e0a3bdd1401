package simulator

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serveHTTP plays one of NapCat's HTTP servers until the test ends and returns its address.
func serveHTTP(t *testing.T, n *NapCat, o HTTPServer) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.ServeHTTP(ctx, l, o); err != nil {
			t.Errorf("ServeHTTP: %v", err)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
	return "http://" + l.Addr().String()
}

// asked is one answer.
type asked struct {
	status int
	kind   string
	body   string
}

func ask(t *testing.T, method, url, kind, token, body string) asked {
	t.Helper()
	r, err := http.NewRequestWithContext(testContext(t), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return asked{resp.StatusCode, resp.Header.Get("Content-Type"), string(text)}
}

func TestHTTPServer(t *testing.T) {
	n := New(Options{Token: "s3cret"})
	url := serveHTTP(t, n, HTTPServer{})
	const form, anything, text = "application/x-www-form-urlencoded", "", "text/html; charset=utf-8"
	for _, tt := range []struct {
		name, method, path, kind, token, body string
		status                                int
		answer                                string // what the body holds
	}{
		{"root", "GET", "/", anything, "s3cret", "", 200, `"message":"NapCat4 Is Running"`},
		{"call", "POST", "/get_login_info", anything, "s3cret", "{}", 200, `{"status":"ok","retcode":0,"data":{"user_id":10001`},
		{"JSON5", "POST", "/get_stranger_info", anything, "s3cret", "{user_id: '20002', // Ann\n}", 200, `"user_id":20002`},
		{"form", "POST", "/get_stranger_info", form, "s3cret", "user_id=20002", 200, `"user_id":20002`},
		{"query", "GET", "/get_stranger_info?user_id=20002", anything, "s3cret", "", 200, `"user_id":20002`},
		{"query wins", "POST", "/get_stranger_info?user_id=20002", anything, "s3cret", `{"user_id":20003}`, 200, `"user_id":20002`},
		{"more path", "PUT", "/get_login_info/and/more", anything, "s3cret", "", 200, `"user_id":10001`},
		{"echo", "POST", "/get_status", anything, "s3cret", `{"echo":"e1"}`, 200, `"echo":"e1"`},
		{"unknown action", "POST", "/no_such", anything, "s3cret", "{}", 200, `{"status":"failed","retcode":200,"data":null,"message":"不支持的Api no_such"`},
		{"bad parameters", "POST", "/get_group_info", anything, "s3cret", "{}", 200, `{"status":"failed","retcode":400,"data":null,"message":"Schema compilation error: Expected required property","wording":"Schema compilation error: Expected required property","echo":null`},
		{"a failure", "POST", "/get_msg", anything, "s3cret", `{"message_id":1}`, 200, `{"status":"failed","retcode":200,`},
		{"what a WebSocket never answers", "POST", "/send_msg", anything, "s3cret", `{"user_id":20002}`, 200, `"retcode":200,"data":null,"message":"TypeError: `},
		{"bad body", "POST", "/get_status", anything, "", "{", 400, "Invalid JSON"},
		{"no token", "POST", "/get_status", anything, "", "{}", 403, `{"message":"token verify failed!"}`},
		{"wrong token", "POST", "/get_status", anything, "wrong", "{}", 403, `{"message":"token verify failed!"}`},
		{"query token wins", "POST", "/get_status?access_token=wrong", anything, "s3cret", "{}", 403, `{"message":"token verify failed!"}`},
		{"no event stream here", "GET", "/_events", anything, "s3cret", "", 200, "不支持的Api _events"},
		{"preflight", "OPTIONS", "/get_status", anything, "", "", 204, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(t, tt.method, url+tt.path, tt.kind, tt.token, tt.body)
			if got.status != tt.status || !strings.Contains(got.body, tt.answer) {
				t.Errorf("%+v, want %d %s", got, tt.status, tt.answer)
			}
			if got.status >= 400 && got.kind != text {
				t.Errorf("Content-Type %q", got.kind)
			}
		})
	}
}

// A character that lies across two chunks of a body is lost; ASCII is not.
func TestHTTPServerBreaksCharacters(t *testing.T) {
	n := New(Options{})
	url := serveHTTP(t, n, HTTPServer{})
	text := strings.Repeat("猫", 100000)
	for _, tt := range []struct {
		name, text string
		whole      bool
	}{
		{"UTF-8", text, false},
		{"ASCII", strings.Repeat(`\u732b`, 100000), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, "POST", url+"/send_private_msg", "application/json", "", `{"user_id":20002,"message":[{"type":"text","data":{"text":"`+tt.text+`"}}]}`); !strings.Contains(got.body, `"retcode":0`) {
				t.Fatalf("%+v", got)
			}
			all := n.Sent()
			if sent := all[len(all)-1]; (sent.Text == text) != tt.whole || strings.Contains(sent.Text, "\uFFFD") == tt.whole {
				t.Errorf("%d bytes arrived of %d", len(sent.Text), len(text))
			}
		})
	}
}

func TestHTTPServerStreams(t *testing.T) {
	url := serveHTTP(t, New(Options{}), HTTPServer{})
	got := ask(t, "POST", url+"/test_download_stream?echo=e", "", "", "{}")
	packets := strings.Split(strings.TrimSuffix(got.body, "\r\n\r\n"), "\r\n\r\n")
	if got.kind != "" || len(packets) != 11 {
		t.Fatalf("%+v", got)
	}
	for i, p := range packets {
		want := "stream"
		if i == 10 {
			want = "response"
		}
		var frame struct {
			Data         struct{ Type string }
			Echo, Stream string
		}
		if err := json.Unmarshal([]byte(p), &frame); err != nil || frame.Data.Type != want || frame.Echo != "e" || frame.Stream != "stream-action" {
			t.Errorf("packet %d is %s", i, p)
		}
	}
}

func TestSSEServer(t *testing.T) {
	n := New(Options{Token: "s3cret"})
	url := serveHTTP(t, n, HTTPServer{Events: true})
	r, err := http.NewRequestWithContext(testContext(t), "GET", url+"/_events?access_token=s3cret", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || n.Connected() != 1 {
		t.Fatalf("%d %v, %d connected", resp.StatusCode, resp.Header, n.Connected())
	}
	lines := bufio.NewReader(resp.Body)
	next := func(want string) {
		t.Helper()
		line, err := lines.ReadString('\n')
		empty, err2 := lines.ReadString('\n')
		if err != nil || err2 != nil || !strings.HasPrefix(line, "data: {") || !strings.Contains(line, want) || empty != "\n" {
			t.Fatalf("got %q %q, %v, %v; want %s", line, empty, err, err2, want)
		}
	}
	n.Say(Private(20002), Text("one"))
	next(`"one"`)
	n.Say(Private(20002), Text("two"))
	next(`"two"`)
	// Packets of stream actions go to all listeners, the last one to who asked.
	if got := ask(t, "POST", url+"/test_download_stream?echo=e", "", "s3cret", "{}"); strings.Count(got.body, "\r\n\r\n") != 1 || !strings.Contains(got.body, `"type":"response"`) {
		t.Errorf("%+v", got)
	}
	for i := range 10 {
		next(fmt.Sprintf("Index-> %d", i))
	}
	n.Drop()
	if _, err := lines.ReadByte(); err == nil || n.Connected() != 0 {
		t.Errorf("the stream goes on: %v, %d connected", err, n.Connected())
	}
	if got := ask(t, "GET", url+"/_events", "", "", ""); got.status != 403 {
		t.Errorf("without a token: %+v", got)
	}
}

func TestHTTPClient(t *testing.T) {
	type request struct {
		path, kind, self, signature, agent, authorization string
		length                                            int64
		signed                                            bool
	}
	got := make(chan request, 10)
	replies := map[string]func(http.ResponseWriter){
		"/ok":    func(w http.ResponseWriter) { w.WriteHeader(204) },
		"/text":  func(w http.ResponseWriter) { io.WriteString(w, "OK") },
		"/quick": func(w http.ResponseWriter) { io.WriteString(w, "{reply: 'pong', }") },
		"/bad":   func(w http.ResponseWriter) { w.WriteHeader(500) },
		"/move":  func(w http.ResponseWriter) { w.Header().Set("Location", "/ok"); w.WriteHeader(302) },
		"/loop":  func(w http.ResponseWriter) { w.Header().Set("Location", "/loop"); w.WriteHeader(307) },
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha1.New, []byte("s3cret"))
		mac.Write(body)
		got <- request{r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("X-Self-ID"), r.Header.Get("X-Signature")[:5], r.Header.Get("User-Agent"),
			r.Header.Get("Authorization"), r.ContentLength, r.Header.Get("X-Signature") == "sha1="+hex.EncodeToString(mac.Sum(nil))}
		replies[r.URL.Path](w)
	}))
	defer s.Close()
	for _, tt := range []struct {
		path  string
		posts int
		lost  int64
		quick bool
	}{{"/ok", 1, 0, false}, {"/text", 1, 0, false}, {"/quick", 1, 0, true}, {"/bad", 1, 1, false}, {"/move", 2, 0, false}, {"/loop", 6, 1, false}} {
		t.Run(tt.path, func(t *testing.T) {
			n := New(Options{Token: "s3cret"})
			ctx, stop := context.WithCancel(testContext(t))
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := n.Post(ctx, s.URL+tt.path); err != nil {
					t.Errorf("Post: %v", err)
				}
			})
			defer func() { stop(); wg.Wait() }()
			if err := n.WaitConnected(ctx); err != nil {
				t.Fatal(err)
			}
			n.Say(Private(20002), Text("ping 猫"))
			for i := range tt.posts {
				want := request{tt.path, "application/json", "10001", "sha1=", "", "", -1, true}
				if tt.path == "/move" && i == 1 {
					want.path = "/ok"
				}
				select {
				case r := <-got:
					if r != want {
						t.Errorf("post %d: %+v, want %+v", i, r, want)
					}
				case <-ctx.Done():
					t.Fatal("no post comes")
				}
			}
			if tt.quick {
				if sent, err := n.WaitSent(ctx, func(Sent) bool { return true }); err != nil || sent.Text != "pong" {
					t.Errorf("sent %+v, %v", sent, err)
				}
			}
			for n.Posted().Taken+n.Posted().Lost == 0 {
				if ctx.Err() != nil {
					t.Fatal("the post does not end")
				}
			}
			if p := n.Posted(); p.Lost != tt.lost || p.Taken != 1-tt.lost || (p.Last != "") != (tt.lost == 1) {
				t.Errorf("posts %+v", p)
			}
		})
	}
	if diff := cmp.Diff(0, len(got)); diff != "" {
		t.Error("something was posted twice")
	}
	for _, address := range []string{"ws://127.0.0.1:1", "http://", "::"} {
		if err := New(Options{}).Post(t.Context(), address); err == nil {
			t.Errorf("%q is taken for an address", address)
		}
	}
}
