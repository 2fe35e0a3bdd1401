package napcat

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

// streamed is an account with link sse at apiURL.
func streamed(apiURL string) Options {
	o := setup()
	o.Config.Link, o.Config.APIURL = "sse", apiURL
	return o
}

// sseLink is an account with link sse and the NapCat that it is linked to.
func sseLink(t *testing.T, change ...func(*Options)) (*fixture, *simulator.NapCat, *restartable) {
	t.Helper()
	nap := simulator.New(simulator.Options{Token: token})
	server := serveAPI(t, nap, simulator.HTTPServer{Events: true})
	o := streamed(server.url())
	for _, c := range change {
		c(&o)
	}
	f := newFixture(t, o, 0)
	f.account.Start()
	receive(t, "the list of groups", f.joined)
	if err := nap.WaitConnected(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return f, nap, server
}

func TestSSELink(t *testing.T) {
	f, nap, server := sseLink(t)
	const n = 500
	for i := range n {
		nap.Say(simulator.Private(friendQQ), simulator.Text(fmt.Sprintf("number %d.", i)))
	}
	for i := range n {
		if e := receive(t, "an event", f.events); !strings.Contains(e, fmt.Sprintf("number %d.", i)) {
			t.Fatalf("event %d is %s", i, e)
		}
	}
	if got := f.asks("send_private_msg", `{"user_id":20002,"message":[{"type":"text","data":{"text":"`+strings.Repeat("猫", 50000)+`"}}]}`); got["retcode"] != 0.0 {
		t.Errorf("answer %v", got)
	}
	sent, err := nap.WaitSent(testContext(t), func(simulator.Sent) bool { return true })
	if err != nil || sent.Text != strings.Repeat("猫", 50000) {
		t.Errorf("the text was changed on its way: %d bytes, %v", len(sent.Text), err)
	}
	if st := f.account.State(); st.Self != botQQ || !st.Linked || st.Remote != server.url() {
		t.Errorf("state %+v", st)
	}
	if nap.Connected() != 1 {
		t.Errorf("%d event streams", nap.Connected())
	}
}

func TestFault_T21_StreamsOverSSE(t *testing.T) {
	f, _, _ := sseLink(t)
	for range 3 {
		f.streams()
	}
	if st := f.account.State(); st.Late != 0 {
		t.Errorf("%d answers found nobody", st.Late)
	}
}

func TestSSERestart(t *testing.T) {
	f, nap, server := sseLink(t)
	for i := range 3 {
		f.numbered(nap, 3)
		links := f.account.State().Links
		if i == 0 {
			nap.Drop()
		} else {
			server.stop()
			until(t, "away", func() bool { return !f.account.State().Linked })
			server.start()
		}
		until(t, "the next link", func() bool { st := f.account.State(); return st.Links > links && st.Linked })
	}
	f.numbered(nap, 3)
	f.asks("get_status", "{}")
}

func TestSSEFailures(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options)
		server func(t *testing.T) string
		want   string
		hint   string
	}{
		{"wrong token", nil, func(t *testing.T) string {
			return serveAPI(t, simulator.New(simulator.Options{Token: "another"}), simulator.HTTPServer{Events: true}).url()
		}, "NapCat's HTTP server refuses the access token (status 403)", "accessToken here must be the token of NapCat's entry under network.httpSseServers"},
		{"no event stream", nil, func(t *testing.T) string {
			return serveAPI(t, simulator.New(simulator.Options{Token: token}), simulator.HTTPServer{}).url()
		}, "the server at apiUrl does not answer as NapCat does: status 200, ", "apiUrl is an HTTP server without an event stream"},
		{"a WebSocket server", nil, func(t *testing.T) string {
			_, url := serveNapCat(t, simulator.Options{})
			return "http" + strings.TrimPrefix(url, "ws")
		}, "the server at apiUrl does not answer as NapCat does: status 426", "apiUrl is a WebSocket server"},
		{"something else", nil, func(t *testing.T) string {
			return "http" + strings.TrimPrefix(site(t, http.NotFound), "ws")
		}, "the server at apiUrl does not answer as NapCat does: status 404", "apiUrl has a wrong path"},
		{"a redirection", nil, func(t *testing.T) string {
			return "http" + strings.TrimPrefix(site(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
			}), "ws")
		}, "the server at apiUrl does not answer as NapCat does: status 302", "apiUrl has a wrong path"},
		{"nothing", nil, func(*testing.T) string { return "http://127.0.0.1:1" },
			"calling NapCat's HTTP server: dial tcp 127.0.0.1:1: connect: connection refused", "nothing listens at apiUrl"},
		{"no TLS", nil, func(t *testing.T) string {
			return "https" + strings.TrimPrefix(site(t, http.NotFound), "ws")
		}, "calling NapCat's HTTP server: http: server gave HTTP response to HTTPS client", "the server does not speak TLS: write http:// instead of https:// in apiUrl"},
		{"unknown authority", nil, func(t *testing.T) string { return secureSite(t).URL },
			"calling NapCat's HTTP server: tls: failed to verify certificate: x509: certificate signed by unknown authority", "the certificate is not signed by a known authority"},
		{"a missing caFile", func(o *Options) { o.Config.CAFile = "/nonexistent/ca.pem" }, func(*testing.T) string { return "https://127.0.0.1:1" },
			"reading caFile: open /nonexistent/ca.pem: no such file or directory", ""},
	}
	for _, link := range []string{"sse", "http"} {
		for _, tt := range tests {
			if link == "http" && tt.name == "no event stream" {
				continue
			}
			t.Run(link+" "+tt.name, func(t *testing.T) {
				o := streamed(tt.server(t))
				o.Config.Link, o.Config.VerifyCertificate = link, true
				if tt.change != nil {
					tt.change(&o)
				}
				f := newFixture(t, o, botQQ)
				f.account.Start()
				until(t, "dialling goes on past maxRetries", func() bool { return f.account.State().Dials > 12 })
				st := f.account.State()
				if !strings.HasPrefix(st.LastError, tt.want) {
					t.Errorf("last error %q, want %q", st.LastError, tt.want)
				}
				hint := strings.Replace(tt.hint, "httpSseServers", map[string]string{"sse": "httpSseServers", "http": "httpServers"}[link], 1)
				if hint == "" && len(st.Hints) == 0 {
					return
				}
				if len(st.Hints) != 1 || !strings.HasPrefix(st.Hints[0].EN, hint) || st.Hints[0].ZH == "" {
					t.Errorf("hints %+v, want %q", st.Hints, hint)
				}
			})
		}
	}
}

func secureSite(t *testing.T) *httptest.Server {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it expects better of its clients
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// The TLS options are for apiUrl as they are for url; the environment's proxy is for neither.
func TestAPIOverTLS(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	certificate := secureSite(t).TLS.Certificates[0]
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		verify bool
		file   string
	}{{"caFile", true, file}, {"not verified", false, ""}} {
		t.Run(tt.name, func(t *testing.T) {
			nap := simulator.New(simulator.Options{Token: token})
			r := &restartable{t: t, address: "127.0.0.1:0"}
			r.serve = func(ctx context.Context, l net.Listener) error {
				return nap.ServeHTTP(ctx, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}}), simulator.HTTPServer{Events: true})
			}
			r.start()
			o := streamed("https://" + r.address)
			o.Config.VerifyCertificate, o.Config.CAFile = tt.verify, tt.file
			f := newFixture(t, o, 0)
			f.account.Start()
			receive(t, "the list of groups", f.joined)
			f.numbered(nap, 3)
			f.asks("get_status", "{}")
		})
	}
}

func TestFault_T16_SilentAPIEndsTheStream(t *testing.T) {
	f, nap, _ := sseLink(t, func(o *Options) {
		o.Config.Heartbeat.Enabled = true
		o.Config.Heartbeat.Interval, o.Config.Heartbeat.Timeout = 20*time.Millisecond, time.Second
	})
	nap.Silence(true)
	until(t, "it is shown", func() bool {
		return f.saw(func(s State) bool { return s.Linked && s.HalfDead }) &&
			f.saw(func(s State) bool {
				return !s.Linked && s.LastError == "NapCat's HTTP server does not answer any more: "+ErrTimeout.Error()
			})
	})
	nap.Silence(false)
	until(t, "it is well again", func() bool { st := f.account.State(); return st.Linked && !st.HalfDead && st.LastError == "" })
	f.numbered(nap, 3)
}
