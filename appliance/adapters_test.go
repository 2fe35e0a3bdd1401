package appliance

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/router"
	"github.com/catflap/catflap/appliance/simulator"
)

// adapterLimit bounds every wait of these tests; reaching it is a failure, never a result.
const adapterLimit = 60 * time.Second

// adapter is one account whose NapCat has one kind of link.
type adapter struct {
	t    *testing.T
	ctx  context.Context
	nap  *simulator.NapCat
	a    *Appliance
	runs sync.WaitGroup
}

const adapterToken = "t0ken-of-napcat"

// openAdapter opens an appliance with the given lines in its configuration.
func openAdapter(t *testing.T, nap *simulator.NapCat, lines string) *adapter {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), adapterLimit)
	file := filepath.Join(t.TempDir(), "catflap.yaml")
	cfg, err := config.Parse(file, []byte("accessToken: "+adapterToken+"\nwsPort: 0\ndmPolicy: open\ndataDir: data\nconsole: {listen: \"127.0.0.1:0\"}\n"+
		"reconnect: {retryDelay: 100ms, maxDelay: 100ms}\n"+lines), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Warnings) != 0 {
		t.Errorf("the configuration is warned of: %v", cfg.Warnings)
	}
	a, err := Open(cfg, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	x := &adapter{t: t, ctx: ctx, nap: nap, a: a}
	x.runs.Go(func() { _ = a.Run(ctx) }) // it ends with ctx
	t.Cleanup(func() {
		cancel()
		x.runs.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// play runs one of NapCat's adapters until the test ends.
func (x *adapter) play(run func(context.Context) error) {
	x.runs.Go(func() {
		if err := run(x.ctx); err != nil {
			x.t.Errorf("NapCat: %v", err)
		}
	})
}

// place is an address at which NapCat may serve.
func place(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (x *adapter) account() console.AccountStatus { return x.a.Status().Accounts[0] }

// until waits for a status.
func (x *adapter) until(is func(console.AccountStatus) bool) {
	x.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for st := x.account(); !is(st); st = x.account() {
		select {
		case <-tick.C:
		case <-x.ctx.Done():
			x.t.Fatalf("status stays %+v", st)
		}
	}
}

// works makes sure that events come in order, that a call is answered, and that status tells the truth.
func (x *adapter) works(link string) {
	x.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	x.until(func(st console.AccountStatus) bool {
		return st.Connected && st.Online && st.SelfID == 10001 && x.nap.Connected() > 0
	})
	const n = 30
	said := make(chan string, n)
	tailing, stop := context.WithCancel(x.ctx)
	defer stop()
	ready := make(chan struct{})
	x.runs.Go(func() {
		_ = x.a.router.Tail(tailing, func(p router.Passed) error { // it ends with the context
			if strings.HasPrefix(p.Text, "ready") {
				select {
				case <-ready:
				default:
					close(ready)
				}
			} else if p.Text != "" { // a heartbeat says nothing
				said <- p.Text
			}
			return nil
		})
	})
	for listening := false; !listening; {
		x.nap.Say(simulator.Private(20002), simulator.Text("ready?"))
		select {
		case <-ready:
			listening = true
		case <-tick.C:
		case <-x.ctx.Done():
			x.t.Fatal("no event comes")
		}
	}
	for i := range n {
		want := fmt.Sprintf("number %d", i)
		x.nap.Say(simulator.Private(20002), simulator.Text(want))
		select {
		case got := <-said:
			if got != want {
				x.t.Fatalf("event %d says %q", i, got)
			}
		case <-x.ctx.Done():
			x.t.Fatalf("event %d does not come", i)
		}
	}
	answer, err := x.a.router.Call(x.ctx, "default", "send_private_msg", []byte(`{"user_id":20002,"message":[{"type":"text","data":{"text":"喵"}}]}`))
	if err != nil || !strings.Contains(string(answer), `"message_id"`) {
		x.t.Fatalf("answer %s, %v", answer, err)
	}
	if sent, err := x.nap.WaitSent(x.ctx, func(simulator.Sent) bool { return true }); err != nil || sent.Text != "喵" {
		x.t.Errorf("sent %+v, %v", sent, err)
	}
	if st := x.account(); st.Link != link || st.LastError != "" || len(st.Hint) != 0 || st.TooLarge+st.BadFrames+st.Late != 0 {
		x.t.Errorf("status %+v", st)
	}
}

func newNapCat() *simulator.NapCat {
	return simulator.New(simulator.Options{Token: adapterToken, ReconnectInterval: time.Millisecond})
}

// NapCat's WebSocket client.
func TestAdapterWebSocketClient(t *testing.T) {
	x := openAdapter(t, newNapCat(), "link: reverse\n")
	x.play(func(ctx context.Context) error { return x.nap.Dial(ctx, x.a.Addresses()["napcat.default"]) })
	x.works("reverse")
}

// NapCat's WebSocket server.
func TestAdapterWebSocketServer(t *testing.T) {
	l := place(t)
	x := openAdapter(t, newNapCat(), "link: forward\nurl: ws://"+l.Addr().String()+"\n")
	x.play(func(ctx context.Context) error { return x.nap.Serve(ctx, l) })
	x.works("forward")
}

// NapCat's HTTP client posts events, its HTTP server takes calls.
func TestAdapterHTTP(t *testing.T) {
	l := place(t)
	x := openAdapter(t, newNapCat(), "link: http\napiUrl: http://"+l.Addr().String()+"\n")
	url := x.a.Addresses()["napcat.default"]
	if !strings.HasPrefix(url, "http://") || !strings.HasSuffix(url, "/onebot/v11/http") {
		t.Fatalf("NapCat is to post to %s", url)
	}
	x.play(func(ctx context.Context) error { return x.nap.ServeHTTP(ctx, l, simulator.HTTPServer{}) })
	x.until(func(st console.AccountStatus) bool { return st.Connected })
	if st := x.account(); len(st.Hint) != 1 || st.Hint[0].EN != "NapCat has not posted an event to "+url+" yet; `catflap napcat config` prints the HTTP client entry for it (in a container 127.0.0.1 is the container itself)" {
		t.Errorf("hint %+v", st.Hint)
	}
	x.play(func(ctx context.Context) error { return x.nap.Post(ctx, url) })
	x.works("http")
}

// What posts with a wrong token is shown although calls go through.
func TestAdapterHTTPWrongToken(t *testing.T) {
	l := place(t)
	x := openAdapter(t, newNapCat(), "link: http\napiUrl: http://"+l.Addr().String()+"\n")
	x.play(func(ctx context.Context) error { return x.nap.ServeHTTP(ctx, l, simulator.HTTPServer{}) })
	other := simulator.New(simulator.Options{Token: "another"})
	x.play(func(ctx context.Context) error { return other.Post(ctx, x.a.Addresses()["napcat.default"]) })
	if err := other.WaitConnected(x.ctx); err != nil {
		t.Fatal(err)
	}
	other.Say(simulator.Private(20002), simulator.Text("hi"))
	x.until(func(st console.AccountStatus) bool {
		return st.Connected && len(st.Hint) == 1 && strings.Contains(st.Hint[0].EN, ": X-Signature does not match accessToken; `catflap napcat config` prints the entry that NapCat needs")
	})
}

// NapCat's HTTP SSE server.
func TestAdapterSSE(t *testing.T) {
	l := place(t)
	x := openAdapter(t, newNapCat(), "link: sse\napiUrl: http://"+l.Addr().String()+"\n")
	x.play(func(ctx context.Context) error { return x.nap.ServeHTTP(ctx, l, simulator.HTTPServer{Events: true}) })
	x.works("sse")
}
