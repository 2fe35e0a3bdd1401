package link

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answering is a server that reads one request head, answers with text as it stands, and keeps the
// connection open until the test ends.
func answering(t *testing.T, text func(key string) string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer func() { _ = c.Close() }()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, text(r.Header.Get("Sec-WebSocket-Key")))
				_, _ = io.Copy(io.Discard, c) // until the client goes
			})
		}
	})
	return l.Addr().String()
}

func switching(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
}

func TestDialRefused(t *testing.T) {
	head := func(status, length string, body string) string {
		return "HTTP/1.1 " + status + "\r\n" + length + "\r\n" + body
	}
	tests := []struct {
		name, answer string
		want         RefusedError
		text         string
	}{
		{"401", head("401 Unauthorized", "Content-Length: 9\r\n", "bad token"), RefusedError{401, "bad token"},
			`the server refused the WebSocket with status 401 Unauthorized: "bad token"`},
		{"403", head("403 Forbidden", "Content-Length: 0\r\n", ""), RefusedError{403, ""},
			`the server refused the WebSocket with status 403 Forbidden`},
		{"404 chunked", head("404 Not Found", "Transfer-Encoding: chunked\r\n", "3\r\nno \r\n4\r\npath\r\n0\r\n\r\n"), RefusedError{404, "no path"},
			`the server refused the WebSocket with status 404 Not Found: "no path"`},
		{"500 long", head("500 Oops", "Content-Length: 100000\r\n", strings.Repeat("x", 100000)), RefusedError{500, strings.Repeat("x", 512)}, ""},
		{"200 without length, left open", head("200 OK", "", "<html>"), RefusedError{200, "<html>"}, ""},
		{"302", head("302 Found", "Location: http://elsewhere/\r\nContent-Length: 0\r\n", ""), RefusedError{302, ""}, ""},
		{"body like a bad frame", head("400 Bad Request", "Content-Length: 10\r\n", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
			RefusedError{400, "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := answering(t, func(string) string { return test.answer })
			_, err := Dial(t.Context(), Target{URL: "ws://" + address + "/"}, Options{})
			var refused *RefusedError
			if !errors.As(err, &refused) {
				t.Fatalf("Dial: %v; want a *RefusedError", err)
			}
			if diff := cmp.Diff(test.want, *refused); diff != "" {
				t.Error(diff)
			}
			if test.text != "" && refused.Error() != test.text {
				t.Errorf("error %q; want %q", refused.Error(), test.text)
			}
		})
	}
}

func TestDialAnswersThatAreNone(t *testing.T) {
	tests := []struct {
		name   string
		answer func(key string) string
		want   string
	}{
		{"garbage", func(string) string { return "SSH-2.0-OpenSSH_9.2\r\n\r\n" }, `malformed HTTP response "SSH-2.0-OpenSSH_9.2"`},
		{"foreign accept key", func(string) string { return switching("another") }, "invalid Sec-WebSocket-Accept header"},
		{"no upgrade", func(k string) string { return strings.Replace(switching(k), "Upgrade: websocket\r\n", "", 1) }, "missing Upgrade header"},
		{"endless head", func(string) string { return "HTTP/1.1 101 Switching Protocols\r\nX: " + strings.Repeat("x", 1<<20) }, "the answer's head is longer than 32 KiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := answering(t, test.answer)
			_, err := Dial(t.Context(), Target{URL: "ws://" + address + "/?access_token=hush"}, Options{})
			if want := "dialling " + address + ": " + test.want; err == nil || err.Error() != want {
				t.Errorf("Dial: %v; want %s", err, want)
			}
		})
	}
}

func TestDialBadURL(t *testing.T) {
	tests := map[string]string{
		"":                              "dialling: the URL cannot be read; expected ws://host:port/path",
		"127.0.0.1:80":                  "dialling: the URL cannot be read; expected ws://host:port/path",
		"ws://:3001/":                   "dialling: the URL cannot be read; expected ws://host:port/path",
		"ws://h/\x7f?access_token=hush": "dialling: the URL cannot be read; expected ws://host:port/path",
		"http://h:1/?access_token=hush": `dialling h:1: scheme "http"; expected ws or wss`,
	}
	for url, want := range tests {
		_, err := Dial(t.Context(), Target{URL: url}, Options{})
		if err == nil || err.Error() != want {
			t.Errorf("Dial(%q): %v; want %s", url, err, want)
		}
	}
}

// A server that takes the connection and says nothing, or half, holds Dial until its context ends, and
// nothing stays behind.
func TestDialEndsWithItsContext(t *testing.T) {
	for _, test := range []struct{ name, scheme, answer string }{
		{"no answer", "ws", ""},
		{"half a head", "ws", "HTTP/1.1 101 Switching Protocols\r\nUpgr"},
		{"no TLS handshake", "wss", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			ctx, cancel := context.WithCancelCause(t.Context())
			gone := errors.New("no longer wanted")
			var work sync.WaitGroup
			work.Go(func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer func() { _ = c.Close() }()
				_, _ = c.Read(make([]byte, 1)) // the request, or the TLS hello, is under way
				_, _ = io.WriteString(c, test.answer)
				cancel(gone)
				_, _ = io.Copy(io.Discard, c)
			})
			_, err = Dial(ctx, Target{URL: test.scheme + "://" + l.Addr().String() + "/"}, Options{})
			work.Wait()
			if !errors.Is(err, gone) {
				t.Errorf("Dial: %v; want the context's cause", err)
			}
		})
	}
}

func TestDialNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	if _, err := Dial(t.Context(), Target{URL: "ws://" + address}, Options{}); err == nil || !strings.HasPrefix(err.Error(), "dialling "+address+": ") {
		t.Errorf("Dial: %v", err)
	}
}

// Frames in the packet of the answer are not lost, and their lengths are checked like all others.
func TestFramesBehindTheAnswer(t *testing.T) {
	address := answering(t, func(key string) string {
		return switching(key) + "\x81\x05hello\x81\x05world\x81\x7f\x80" + strings.Repeat("\x00", 7)
	})
	c, err := Dial(t.Context(), Target{URL: "ws://" + address}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	d := serve(t, c, Handler{Frame: func(data []byte) error { got = append(got, string(data)); return nil }})
	e := d.ended(t)
	wantClose(t, e, CloseProtocol, "", false)
	if !errors.Is(e, ErrBadFrame) {
		t.Errorf("the cause is %v", e)
	}
	if diff := cmp.Diff([]string{"hello", "world"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDialRequest(t *testing.T) {
	// No proxy of the environment is used.
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	requests := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		c, err := Accept(w, r, Options{})
		if err != nil {
			t.Error(err)
			return
		}
		_ = c.Serve(context.Background(), Handler{})
	}))
	defer s.Close()
	header := http.Header{
		"Authorization": {"Bearer t"}, "x-self-id": {"10001"}, "Host": {"bot.example:99"},
		"Sec-WebSocket-Protocol": {"12.catflap"}, // OneBot 12; most servers do not answer it
	}
	c, err := Dial(t.Context(), Target{URL: "ws://user:password@" + s.Listener.Addr().String() + "/onebot/v11/ws?a=1&b=%20", Header: header}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := receive(t, requests, "request")
	got := map[string]string{"uri": r.RequestURI, "host": r.Host}
	for k, v := range r.Header {
		got[k] = strings.Join(v, "|")
	}
	if key, err := base64.StdEncoding.DecodeString(got["Sec-Websocket-Key"]); err != nil || len(key) != 16 {
		t.Errorf("key %q", got["Sec-Websocket-Key"])
	}
	delete(got, "Sec-Websocket-Key")
	want := map[string]string{
		"uri": "/onebot/v11/ws?a=1&b=%20", "host": "bot.example:99", "Authorization": "Bearer t", "X-Self-Id": "10001",
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Protocol": "12.catflap",
		"User-Agent": "Go-http-client/1.1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(s.Listener.Addr().String(), c.RemoteAddr()); diff != "" {
		t.Error(diff)
	}
	c.Close(CloseNormal, "")
	receive(t, c.Done(), "Done")
}

func TestAddress(t *testing.T) {
	tests := []struct{ url, want string }{
		{"ws://[::1]:3001/x", "[::1]:3001"},
		{"ws://[::1]/x", "[::1]:80"},
		{"wss://[fe80::1%25eth0]:1/", "[fe80::1%eth0]:1"},
		{"wss://bot.example/x", "bot.example:443"},
		{"ws://bot.example", "bot.example:80"},
	}
	for _, test := range tests {
		u, err := url.Parse(test.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := address(u); got != test.want {
			t.Errorf("address(%s) = %s; want %s", test.url, got, test.want)
		}
	}
}

func TestTLS(t *testing.T) {
	g := newGate(Options{})
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.StartTLS()
	t.Cleanup(g.Close)
	roots := x509.NewCertPool()
	roots.AddCert(g.Certificate())
	config := &tls.Config{RootCAs: roots}
	port := g.Listener.Addr().(*net.TCPAddr).Port

	if _, err := Dial(t.Context(), Target{URL: g.url()}, Options{}); err == nil || !strings.Contains(err.Error(), "TLS handshake: ") {
		t.Errorf("Dial with unknown authority: %v", err)
	}
	if _, err := Dial(t.Context(), Target{URL: fmt.Sprintf("wss://localhost:%d/", port), TLS: config}, Options{}); err == nil {
		t.Error("Dial of a name that is not in the certificate succeeded")
	}
	c, err := Dial(t.Context(), Target{URL: g.url(), TLS: config}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if config.ServerName != "" || config.NextProtos != nil {
		t.Error("the caller's TLS configuration was changed")
	}
	got := make(chan int, 10)
	count := func(data []byte) error { got <- len(data); return nil }
	d, a := serve(t, c, Handler{Frame: count}), serve(t, <-g.links, Handler{Frame: count})
	for _, s := range []*serving{a, d} {
		for _, n := range []int{0, 600, 70_000, 3 << 20} {
			if err := s.Send([]byte(strings.Repeat("x", n))); err != nil {
				t.Fatal(err)
			}
			if have := receive(t, got, "frame"); have != n {
				t.Errorf("%d bytes came; want %d", have, n)
			}
		}
	}
	a.Close(CloseRestart, "bye")
	wantClose(t, a.ended(t), CloseRestart, "bye", false)
	wantClose(t, d.ended(t), CloseRestart, "bye", true)
}

func TestClientTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	dir := t.TempDir()
	good, bad, absent := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.der"), filepath.Join(dir, "none.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for name, data := range map[string][]byte{good: block, bad: s.Certificate().Raw} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		verify bool
		caFile string
		want   string
	}{
		{true, good, ""},
		{false, "", ""},
		{true, bad, "reading caFile " + bad + ": no certificate in PEM form in it"},
		{true, absent, "reading caFile: open " + absent + ": no such file or directory"},
	}
	for _, test := range tests {
		config, err := ClientTLS(test.verify, test.caFile)
		if test.want != "" {
			if err == nil || err.Error() != test.want {
				t.Errorf("ClientTLS(%t, %s): %v; want %s", test.verify, test.caFile, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		var refused *RefusedError
		if _, err = Dial(t.Context(), Target{URL: "wss://" + s.Listener.Addr().String(), TLS: config}, Options{}); !errors.As(err, &refused) {
			t.Errorf("verify %t with %q: %v; want the server's refusal, behind TLS", test.verify, test.caFile, err)
		}
	}
}

// A server of OneBot 12 may select the subprotocol that was offered; most do not.
func TestDialSubprotocol(t *testing.T) {
	header := http.Header{"Sec-WebSocket-Protocol": {"12.catflap"}}
	for _, line := range []string{"", "Sec-WebSocket-Protocol: 12.catflap\r\n"} {
		address := answering(t, func(key string) string {
			return strings.Replace(switching(key), "\r\n\r\n", "\r\n"+line+"\r\n", 1) + "\x81\x05hello"
		})
		c, err := Dial(t.Context(), Target{URL: "ws://" + address, Header: header}, Options{})
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got := make(chan string, 1)
		serve(t, c, Handler{Frame: func(data []byte) error { got <- string(data); return nil }})
		if frame := receive(t, got, "frame"); frame != "hello" {
			t.Errorf("%q: got %q", line, frame)
		}
	}
}
