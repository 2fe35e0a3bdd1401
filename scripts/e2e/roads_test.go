package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

// adapters are the five network adapters of NapCat as an account's link: what catflap's configuration says, and what
// NapCat runs then. NapCat's HTTP client and HTTP server make one link together.
var accountLinks = []struct {
	name   string
	config func(port int) string
	play   func(t *testing.T, b *box, port int) *napcat
}{
	{"WebSocket client", func(int) string { return "link: reverse" }, func(t *testing.T, b *box, _ int) *napcat {
		return callNapCat(t, linkNapCat, b.napcatAddress("/onebot/v11/ws"))
	}},
	{"WebSocket server", func(port int) string { return fmt.Sprintf("link: forward\nurl: \"ws://127.0.0.1:%d\"", port) }, func(t *testing.T, _ *box, port int) *napcat {
		return serveNapCat(t, linkNapCat, port)
	}},
	{"HTTP client and HTTP server", func(port int) string { return fmt.Sprintf("link: http\napiUrl: \"http://127.0.0.1:%d\"", port) }, func(t *testing.T, b *box, port int) *napcat {
		n := httpNapCat(t, linkNapCat, port, simulator.HTTPServer{})
		n.posts(b)
		return n
	}},
	{"HTTP SSE server", func(port int) string { return fmt.Sprintf("link: sse\napiUrl: \"http://127.0.0.1:%d\"", port) }, func(t *testing.T, _ *box, port int) *napcat {
		return httpNapCat(t, linkNapCat, port, simulator.HTTPServer{Events: true})
	}},
}

var linkNapCat = simulator.Options{Token: napcatToken, ReportSelf: true}

// httpNapCat runs a NapCat whose HTTP server, or HTTP SSE server, is at the port.
func httpNapCat(t *testing.T, o simulator.Options, port int, server simulator.HTTPServer) *napcat {
	t.Helper()
	l := relisten(t, port)
	ctx, cancel := context.WithCancel(context.Background())
	n := &napcat{NapCat: simulator.New(o), end: cancel, ctx: ctx}
	n.done.Go(func() { _ = n.ServeHTTP(ctx, l, server) })
	t.Cleanup(n.stop)
	return n
}

// posts lets the NapCat post its events to the box as well.
func (n *napcat) posts(b *box) {
	n.done.Go(func() { _ = n.Post(n.ctx, fmt.Sprintf("http://127.0.0.1:%d/onebot/v11/http", b.napcat)) })
}

// relisten listens at a port that the test had before: what a NapCat of this process leaves behind is gone soon.
func relisten(t *testing.T, port int) net.Listener {
	t.Helper()
	var l net.Listener
	eventually(t, "the port is free again", func() (bool, string) {
		var err error
		l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil && !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
		return err == nil, fmt.Sprint(err)
	})
	return l
}

// through checks that a message gets in, and an answer out.
func through(t *testing.T, n *napcat, p *probe, word string) {
	t.Helper()
	// Events of NapCat's HTTP client are posted once; the first may meet a catflap that does not know the account yet.
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for i := 0; !p.heard("in " + word); i++ {
		n.tell(ann, fmt.Sprintf("in %s %d", word, i))
		select {
		case <-again.C:
		case <-t.Context().Done():
		}
		if i > int(limit/(500*time.Millisecond)) {
			t.Fatalf("no event with %q came", word)
		}
	}
	p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "out " + word})
	n.hears(t, 0, ann, "out "+word, 1)
}

// Each adapter carries messages in and answers out, and does so again when NapCat has been restarted; the app's own link
// stays up meanwhile.
func TestAccountLinks(t *testing.T) {
	t.Parallel()
	for _, c := range accountLinks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			accountLink(t, c.config, c.play)
		})
	}
}

func accountLink(t *testing.T, config func(int) string, play func(*testing.T, *box, int) *napcat) {
	t.Helper()
	port := freePort(t)
	b := startBox(t, "allowFrom: [20002]\nreconnect: {retryDelay: 100, maxDelay: 500}\nheartbeat: {interval: 1000, timeout: 1000}\n"+config(port)+apps)
	n := play(t, b, port)
	b.account(t, "default", true)
	p := dialProbe(t, b, "/", probeToken)
	p.first(t)
	through(t, n, p, "first")

	n.stop()
	b.account(t, "default", false)
	if answer := p.call(t, "send_private_msg", map[string]any{"user_id": ann, "message": "lost"}); answer.is("status", "ok") {
		t.Errorf("NapCat is away, and a call was answered %+v", answer)
	}
	n = play(t, b, port)
	b.account(t, "default", true)
	through(t, n, p, "second")
	if lost := n.saying(0, ann, "lost"); len(lost) > 0 {
		t.Errorf("a call that had failed was made later: %+v", lost)
	}
}

func TestSeed_adapters_httpServer_link(t *testing.T) {
	t.Parallel()
	accountLink(t, accountLinks[2].config, accountLinks[2].play)
}

// Who posts with another token, or without one, is not heard.
func TestSeed_adapters_httpClient_link(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	b := startBox(t, accountLinks[2].config(port)+"\n"+admitted+apps)
	n := accountLinks[2].play(t, b, port)
	b.account(t, "default", true)
	p := dialProbe(t, b, "/", probeToken)
	p.first(t)
	for _, token := range []string{wrongToken, ""} {
		stranger := simulator.New(simulator.Options{Token: token})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = stranger.Post(ctx, fmt.Sprintf("http://127.0.0.1:%d/onebot/v11/http", b.napcat))
		}()
		if err := stranger.WaitConnected(ctx); err != nil {
			t.Fatal(err)
		}
		stranger.Say(simulator.Private(ann), simulator.Text("forged"))
		eventually(t, "the forged event is refused", func() (bool, string) {
			posts := stranger.Posted()
			return posts.Lost > 0 && posts.Taken == 0, printed(posts)
		})
		cancel()
		<-ended
	}
	through(t, n, p, "genuine")
	silent(t, p, "forged")
}

func TestSeed_adapters_sse_link(t *testing.T) {
	t.Parallel()
	accountLink(t, accountLinks[3].config, accountLinks[3].play)
}

// answer is an HTTP answer, read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask makes an HTTP request. The body is sent as JSON if there is one; headers are pairs.
func ask(t *testing.T, method, address, token, body string, headers ...string) answer {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, in)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// api is an address at the gateway.
func (b *box) api(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", b.gateway, path) }
