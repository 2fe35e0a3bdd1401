package appliance

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/alert"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
)

// The test of the alerts goes to a real web server by way of the API, and what is shown of it holds no secret.
func TestAlertTest(t *testing.T) {
	got := make(chan string, 2)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		got <- r.URL.Path + " " + string(body)
	}))
	defer hook.Close()
	host := strings.TrimPrefix(hook.URL, "http://")
	x := openAdapter(t, newNapCat(), "language: en\nalerts: {to: [\"generic+http://"+host+"/s3cret?template=text\", \"ntfy://:tk_s3cret@127.0.0.1:1/s3cret?scheme=http\"]}\n")
	w := httptest.NewRecorder()
	x.a.api.Handler().ServeHTTP(w, httptest.NewRequestWithContext(x.ctx, http.MethodPost, "/api/v1/alerts/test", strings.NewReader("{}")))
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "s3cret") || !strings.Contains(w.Body.String(), `{"target":"generic `+host+`","sent":true,`) ||
		!strings.Contains(w.Body.String(), `{"target":"ntfy 127.0.0.1:1","sent":false,`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if text := <-got; !strings.HasPrefix(text, "/s3cret This is a test of the alerts\nIf you read it, the road works.\ncatflap @ ") {
		t.Errorf("%q", text)
	}
	entries, err := x.a.store.Audit().Last(5)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range entries {
		said = append(said, e.Action+" "+e.Target+" "+e.Outcome)
		if strings.Contains(e.Reason, "s3cret") {
			t.Errorf("audit: %s", e.Reason)
		}
	}
	if diff := cmp.Diff([]string{"alert.test ntfy 127.0.0.1:1 failed", "alert.test generic " + host + " sent"}, said); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

// What happens at the sockets reaches the facts: a link, a wrong token, an app that is away, the disk.
func TestAlarmFacts(t *testing.T) {
	x := openAdapter(t, newNapCat(), "name: Cat\nmedia: {rewrite: false}\napps: {bot: {protocol: onebot11, connect: \"ws://127.0.0.1:1/\"}}\nheartbeat: {timeout: 40s}\n")
	address := x.a.Addresses()["napcat.default"]
	req, err := http.NewRequestWithContext(x.ctx, http.MethodGet, "http"+strings.TrimPrefix(address, "ws"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer wrong")
	for range 3 {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	x.play(func(ctx context.Context) error { return x.nap.Dial(ctx, address) })
	x.until(func(st console.AccountStatus) bool { return st.Connected })
	f := x.a.facts()
	if f.DiskTotal == 0 || f.Failures != 0 || f.StoreError != "" {
		t.Errorf("%+v", f)
	}
	if len(f.Doors) != 2 || f.Doors[1].Name != "console" || !f.Doors[1].Logins || f.Doors[0].Wrong != 3 || !strings.HasSuffix(f.Doors[0].Last, ": access token wrong") || !strings.HasPrefix(f.Doors[0].Name, "NapCat 127.0.0.1:") {
		t.Errorf("%+v", f.Doors)
	}
	f.Accounts[0].LastError = ""
	want := alert.Account{Name: "default", Title: "Cat", Linked: true, Online: true, Settle: 80 * time.Second, Patience: time.Second}
	if diff := cmp.Diff([]alert.Account{want}, f.Accounts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.Apps) != 1 || f.Apps[0].Connected || !f.Apps[0].Waiting || f.Apps[0].Name != "bot" {
		t.Errorf("%+v", f.Apps)
	}
}

// NapCat sends events and answers nothing: what the link says is told to the owner, and its end.
func TestFault_T16_HalfDeadLinkIsAlerted(t *testing.T) {
	x := openAdapter(t, newNapCat(), "heartbeat: {interval: 1s, timeout: 100ms}\n")
	x.play(func(ctx context.Context) error { return x.nap.Dial(ctx, x.a.Addresses()["napcat.default"]) })
	x.until(func(st console.AccountStatus) bool { return st.Online })
	w, now := alert.NewWatch(), time.Now()
	w.Look(now, x.a.facts())
	now = now.Add(time.Hour)
	x.nap.Silence(true)
	f := x.a.facts()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; !f.Accounts[0].HalfDead; f = x.a.facts() {
		select {
		case <-tick.C:
		case <-x.ctx.Done():
			t.Fatalf("the facts stay %+v", f.Accounts)
		}
	}
	w.Look(now, f)
	told := w.Look(now.Add(30*time.Second), f)
	if len(told) != 1 || told[0].Event != alert.LinkDown || told[0].Title.EN != "NapCat is connected but does not answer: default" {
		t.Errorf("told %+v", told)
	}
}

// The same numbers say how long the tries of a link take whoever dials.
func TestPatience(t *testing.T) {
	r := config.Reconnect{Enabled: true, MaxRetries: 10, RetryDelay: 5 * time.Second, BackoffMultiplier: 2, MaxDelay: time.Minute}
	for _, tt := range []struct {
		change func(*config.Reconnect)
		want   time.Duration
	}{
		{func(*config.Reconnect) {}, 435 * time.Second},
		{func(r *config.Reconnect) { r.MaxRetries = 0 }, 0},
		{func(r *config.Reconnect) { r.Enabled = false }, time.Second},
		{func(r *config.Reconnect) { r.MaxRetries = 1_000_000; r.BackoffMultiplier = 10; r.MaxDelay = time.Hour }, 24 * time.Hour},
	} {
		c := r
		tt.change(&c)
		if got := patience(c); got != tt.want {
			t.Errorf("%+v: %v, want %v", c, got, tt.want)
		}
	}
}
