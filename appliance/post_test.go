package appliance

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/simulator"
)

const postPatience = 60 * time.Second

// From a message at NapCat by way of a signed post to the app, and from the app's answer back to actions at NapCat; and
// lifecycle tells the app when it begins and ends.
func TestPostsAndQuickOperationsEndToEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), postPatience)
	defer cancel()
	lifecycle, wrong := make(chan string, 8), make(chan string, 8)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mac := hmac.New(sha1.New, []byte("s3cret"))
		mac.Write(body)
		if got := r.Header.Get("X-Signature"); got != "sha1="+hex.EncodeToString(mac.Sum(nil)) || r.Header.Get("X-Self-ID") != "10001" {
			wrong <- fmt.Sprintf("signature %s, self %s", got, r.Header.Get("X-Self-ID"))
		}
		switch text := string(body); {
		case strings.Contains(text, `"lifecycle","sub_type":"`):
			_, sub, _ := strings.Cut(text, `"sub_type":"`)
			lifecycle <- sub[:strings.Index(sub, `"`)]
			w.WriteHeader(http.StatusNoContent)
		case strings.Contains(text, "<ping & 猫>"):
			fmt.Fprint(w, `{"reply":"pong","at_sender":false,"ban":true,"ban_duration":60}`)
		}
	}))
	defer app.Close()
	file := filepath.Join(t.TempDir(), "catflap.yaml")
	parse := func(enabled bool) (*config.Config, error) {
		return config.Parse(file, fmt.Appendf(nil, `accessToken: t0ken-of-napcat
wsPort: 0
dataDir: data
catchUp: false
groups: {"30003": {requireMention: false}}
console: {listen: "127.0.0.1:0"}
media: {rewrite: false}
apps: {hook: {protocol: onebot11, post: %q, secret: s3cret, enabled: %t, heartbeat: 0}}
`, app.URL, enabled), nil)
	}
	cfg, err := parse(true)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(cfg, Options{Log: slog.New(slog.DiscardHandler), Reload: func() (*config.Config, error) { return parse(false) }})
	if err != nil {
		t.Fatal(err)
	}
	var tasks sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	tasks.Go(func() { _ = a.Run(running) })
	nap := simulator.New(simulator.Options{Token: "t0ken-of-napcat"})
	tasks.Go(func() { _ = nap.Dial(running, a.Addresses()["napcat.default"]) })
	defer func() {
		stop()
		tasks.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	told := func(want string) {
		t.Helper()
		select {
		case got := <-lifecycle:
			if got != want {
				t.Fatalf("lifecycle %s, want %s", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("no lifecycle %s", want)
		}
	}
	told("enable")
	if got := a.Addresses()["gateway"]; got != "" {
		t.Errorf("a gateway at %s that nobody needs", got)
	}
	// catflap may know the link before NapCat has read the answer to its dial; what NapCat says before that is lost.
	if err := nap.WaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
	nap.Say(simulator.From{Group: 30003, User: 20002}, simulator.Text("<ping & 猫>"))
	sent, err := nap.WaitSent(ctx, func(s simulator.Sent) bool { return s.Group == 30003 })
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(fmt.Sprint(sent), "pong") {
		t.Errorf("sent %v", sent)
	}
	ban, err := nap.WaitCall(ctx, func(c simulator.Call) bool { return c.Name == "set_group_ban" })
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"group_id":30003,"user_id":20002,"duration":60}`; string(ban.Raw) != want {
		t.Errorf("banned with %s, want %s", ban.Raw, want)
	}
	for _, c := range nap.Calls() {
		if strings.HasPrefix(c.Action, ".handle_quick_operation") {
			t.Errorf("NapCat was asked for %s", c.Action)
		}
	}
	st := a.Status().Apps
	if len(st) != 1 || !st[0].Connected || !st[0].Subscribed || st[0].LastError != "" {
		t.Errorf("status: %+v", st)
	}
	if _, err := a.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	told("disable")
	select {
	case what := <-wrong:
		t.Error(what)
	default:
	}
}
