package gate

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// open returns a door that is closed at the test's end.
func open(t *testing.T, answer func(*Knock)) *Door {
	t.Helper()
	d, err := Open("127.0.0.1:0", slog.New(slog.DiscardHandler), time.Now, answer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// ask sends one request with the headers of an upgrade, changed, and returns the answer and its body.
func ask(t *testing.T, d *Door, change func(http.Header)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.Address()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	change(r.Header)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, ""
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, strings.TrimSpace(string(body))
}

func TestDoorAnswersWhatCannotBecomeALink(t *testing.T) {
	d := open(t, func(k *Knock) {
		k.Who = "koishi"
		if conn := k.Accept(link.Options{}); conn != nil {
			conn.Close(1000, "")
			_ = conn.Serve(k.Context(), link.Handler{})
		}
	})
	d.Serve()
	d.Serve()
	tests := []struct {
		name         string
		change       func(http.Header)
		status       int
		version, why string
	}{
		{"an upgrade", func(http.Header) {}, 101, "", ""},
		{"another version", func(h http.Header) { h.Set("Sec-WebSocket-Version", "8") }, 426, "13", link.ErrVersion.Error()},
		{"no upgrade", func(h http.Header) { h.Del("Upgrade") }, 400, "", link.ErrNotUpgrade.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(d.Refused())
			resp, body := ask(t, d, tt.change)
			if resp.StatusCode != tt.status || body != tt.why || resp.Header.Get("Sec-WebSocket-Version") != tt.version {
				t.Errorf("%d %q, version %q", resp.StatusCode, body, resp.Header.Get("Sec-WebSocket-Version"))
			}
			refused := d.Refused()[before:]
			if tt.status == 101 {
				if len(refused) != 0 {
					t.Errorf("noted %+v", refused)
				}
				return
			}
			if len(refused) != 1 || refused[0].Who != "koishi" || refused[0].Status != tt.status || refused[0].Reason != tt.why {
				t.Errorf("noted %+v", refused)
			}
		})
	}
}

// Close returns when the last request has been decided, and lets nobody in after that.
func TestDoorWaitsForWhatIsBeingDecided(t *testing.T) {
	began, decide := make(chan struct{}), make(chan struct{})
	decided := false
	d := open(t, func(*Knock) {
		close(began)
		<-decide
		decided = true
	})
	d.Serve()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.Address()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if resp, err := client.Do(r); err == nil { // the door cuts it
			resp.Body.Close()
		}
	}()
	<-began
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		d.Close()
	}()
	<-gone // Close has begun
	select {
	case <-closed:
		t.Error("Close did not wait")
	default:
	}
	close(decide)
	<-closed
	if !decided {
		t.Error("the request was left undecided")
	}
	if d.enter() {
		t.Error("a request came in after Close")
	}
}

func TestDoorThatNeverServedCloses(t *testing.T) {
	d := open(t, func(*Knock) { t.Error("nobody was there to knock") })
	d.Close()
	d.Serve() // too late
	d.Close()
}
