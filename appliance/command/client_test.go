package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// desk is a shell in a folder with a configuration, and an API that plays the running instance.
type desk struct {
	t   *testing.T
	dir string
	env map[string]string
	api *console.API
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), env: map[string]string{"NO_COLOR": "1"}, api: &console.API{}}
	d.env["CATFLAP_CONFIG"] = filepath.Join(d.dir, "catflap.yaml")
	d.configure("dataDir: " + filepath.Join(d.dir, "data"))
	return d
}

// configure writes the configuration: what every desk has, and a line more.
func (d *desk) configure(line string) {
	d.t.Helper()
	text := "accessToken: t0ken\n" + line + "\n"
	if !strings.HasPrefix(line, "dataDir:") {
		text += "dataDir: " + filepath.Join(d.dir, "data") + "\n"
	}
	if err := os.WriteFile(d.env["CATFLAP_CONFIG"], []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// serve opens the store and answers on the admin socket until the test ends.
func (d *desk) serve() {
	d.t.Helper()
	data := filepath.Join(d.dir, "data")
	st, err := store.Open(data, store.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.api.Store = st
	d.api.Accounts = func() []console.AccountInfo {
		return []console.AccountInfo{{Name: "default", Enabled: true, Link: "reverse", SelfID: 10001}}
	}
	l, err := console.ListenSocket(filepath.Join(data, appliance.AdminSocket), "")
	if err != nil {
		d.t.Fatal(err)
	}
	server := &http.Server{Handler: d.api.Handler()}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	d.t.Cleanup(func() {
		server.Close()
		<-served
		if err := st.Close(); err != nil {
			d.t.Error(err)
		}
	})
}

// run runs one command line.
func (d *desk) run(ctx context.Context, line ...string) (code int, out, errs string) {
	d.t.Helper()
	var o, e bytes.Buffer
	s := &Shell{In: strings.NewReader(""), Out: &o, Err: &e, Version: "test", Program: "catflap", Env: func(name string) (string, bool) {
		v, ok := d.env[name]
		return v, ok
	}}
	app := &cli.App{Name: "catflap", Commands: []*cli.Command{
		s.Status(), s.Explain(), s.Tail(), s.Reload(), s.Pairing(), s.History(), s.App(), s.Account(), s.Audit(), s.Call(),
	}}
	code = s.report(s.run(ctx, app, append([]string{"catflap"}, line...)))
	return code, o.String(), e.String()
}

func (d *desk) want(code int, out, errs string, line ...string) {
	d.t.Helper()
	gotCode, gotOut, gotErrs := d.run(d.t.Context(), line...)
	if gotCode != code {
		d.t.Errorf("%q: exit code %d, want %d", line, gotCode, code)
	}
	if diff := cmp.Diff(out, gotOut) + cmp.Diff(errs, gotErrs); diff != "" {
		d.t.Errorf("%q (-want +got):\n%s", line, diff)
	}
}

func TestStatusSaysWhatIsWrong(t *testing.T) {
	d := newDesk(t)
	d.api.Status = func() console.Status {
		return console.Status{
			Version: "1.2.3", UptimeS: 3*86400 + 4*3600, Config: "/etc/catflap/catflap.yaml",
			Listen: map[string]string{"gateway": "ws://127.0.0.1:6700"},
			Accounts: []console.AccountStatus{
				{Name: "default", Title: "猫\x1b[2J", SelfID: 10001, Link: "reverse", Connected: true, Online: true},
				{Name: "b", Link: "forward", LastError: "bad \u202etoken", Hint: []console.Text{{EN: "set accessToken\nto NapCat's", ZH: "把 accessToken\n改成 NapCat 的"}}},
			},
			Apps:   []console.AppStatus{{Name: "koishi", Account: "default", Connected: true, Subscribed: true, Ack: "ping", Backlog: 12, Dropped: 3}},
			Memory: console.MemoryStatus{RSS: 20 << 20, Go: 5 << 20}, Store: console.StoreStatus{StateBytes: 65536, JournalBytes: 1 << 30, CommitErrors: 2},
		}
	}
	since := time.Date(2026, 5, 1, 14, 3, 0, 0, time.Local)
	inner := d.api.Status
	d.api.Status = func() console.Status {
		st := inner()
		st.Alerts = console.AlertsStatus{
			Active:  []console.AlertNotice{{Time: since, Event: "link.down", Subject: "account:b", Urgent: true, Text: console.Text{EN: "NapCat is not connected: b", ZH: "NapCat 未连接：b"}}},
			Targets: []console.AlertTarget{{Target: "bark api.day.app", Sent: 3}, {Target: "ntfy ntfy.sh", LastError: "429 \x1b[2J"}},
		}
		return st
	}
	d.serve()
	d.want(0, `catflap 1.2.3, up 3d 4h, /etc/catflap/catflap.yaml
  gateway on ws://127.0.0.1:6700
! NapCat is not connected: b (since 2026-05-01 14:03)
! alerts do not reach ntfy ntfy.sh: 429 �[2J

ACCOUNT           QQ     LINK     NAPCAT     QQ LOGIN  PENDING
default (猫�[2J)  10001  reverse  connected  online    0
b                 -      forward  away       -         0
  last error: bad �token
  ! set accessToken
  ! to NapCat's

APP     ACCOUNT  STATE      ACK   WAITING  DROPPED  SKIPPED  REPEATED
koishi  default  connected  ping  12       3        0        0

memory 20.0 MiB (Go 5.0 MiB), state 64.0 KiB, journal 1.0 GiB, unflushed 0 B
! 2 writes to the store failed since start; is the disk full?
`, "", "status")
	_, out, _ := d.run(t.Context(), "status", "--lang", "zh")
	if !strings.Contains(out, "! NapCat 未连接：b（始于 2026-05-01 14:03）\n! 告警无法送达 ntfy ntfy.sh：429") {
		t.Errorf("the Chinese status does not say what alarms:\n%s", out)
	}
	if !strings.Contains(out, "  ! 把 accessToken\n  ! 改成 NapCat 的\n") || strings.Contains(out, "set accessToken") {
		t.Errorf("the Chinese status is\n%s", out)
	}
	_, out, _ = d.run(t.Context(), "status", "--json")
	if !strings.Contains(out, `"last_error": "bad \u202etoken"`) || !json.Valid([]byte(out)) {
		t.Errorf("the JSON status is\n%s", out)
	}
}

func TestExplainGivesReasons(t *testing.T) {
	d := newDesk(t)
	d.serve()
	d.want(0, "nothing has been decided yet: no event has come from NapCat\n", "", "explain")
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)
	d.api.Store.Decisions().Add(store.Decision{Time: at, Account: "default", Chat: "group:30003", User: 20002, Kind: "message.group.normal",
		Outcome: "context", Reason: "mention.required", Apps: []store.AppDecision{
			{App: "koishi", Outcome: "drop", Reason: "mention.required"}, {App: "bot", Outcome: "deliver", Reason: "delivered"}, {App: "x", Outcome: "drop", Reason: "app.except"}}})
	d.want(0, `TIME      CHAT         USER   OUTCOME  REASON            EVENT                 APPS
12:00:00  group:30003  20002  context  mention.required  message.group.normal  bot; not x (app.except)

mention.required: nobody mentioned the bot; groups.<id>.requireMention: false, or requireMention: false of an app, lifts that
app.except: the app's `+"`except`"+` matches
`, "", "explain", "--last", "1")
	d.want(2, "", "catflap: last must be a number from 1 to 500, not \"0\"\n", "explain", "--last", "0")
	d.want(2, "", "catflap: there is no account \"nobody\"\n  the accounts are default\n", "explain", "--account", "nobody")
}

func TestTailIsSafeAndEnds(t *testing.T) {
	d := newDesk(t)
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	d.api.Tail = func(reading context.Context, _ string, emit func(console.TailEvent) error) error {
		defer close(ended)
		at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)
		e := console.TailEvent{Time: at, Account: "default", Chat: "user:20002", User: 20002, Sender: "Eve\x1b[31m\u202e", Kind: "message.private.friend",
			Text: "line\nbreak\x9b", Outcome: "deliver", Reason: "delivered", Apps: map[string]console.Outcome{"bot": {Outcome: "deliver", Reason: "delivered"}}}
		if err := emit(e); err != nil {
			return err
		}
		<-reading.Done()
		return reading.Err()
	}
	d.serve()
	result := make(chan string, 1)
	var out writes
	out.first = cancel // as Ctrl-C after the first event
	s := &Shell{In: strings.NewReader(""), Out: &out, Err: &out, Version: "test", Program: "catflap", Env: func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }}
	go func() {
		code := s.report(s.run(ctx, &cli.App{Name: "catflap", Commands: []*cli.Command{s.Tail()}}, []string{"catflap", "tail"}))
		result <- out.String() + string(rune('0'+code))
	}()
	want := "12:00:00 deliver delivered user:20002 Eve�[31m� (20002) message.private.friend line break� [bot]\n0"
	if diff := cmp.Diff(want, <-result); diff != "" {
		t.Errorf("tail (-want +got):\n%s", diff)
	}
	<-ended
}

// writes calls first after the first write.
type writes struct {
	bytes.Buffer
	first func()
}

func (w *writes) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if w.first != nil {
		w.first()
		w.first = nil
	}
	return n, err
}

func TestCallSendsTypedParameters(t *testing.T) {
	d := newDesk(t)
	answer, asked := `{"status":"ok","retcode":0,"data":null}`, ""
	d.api.Call = func(_ context.Context, account, action string, params []byte) ([]byte, error) {
		asked = account + " " + action + " " + string(params)
		return []byte(answer), nil
	}
	d.serve()
	d.want(0, "{\n  \"status\": \"ok\",\n  \"retcode\": 0,\n  \"data\": null\n}\n", "", "call", "set_group_ban", "group_id=30003", "user_id=20002", "duration=600")
	if asked != `default set_group_ban {"duration":600,"group_id":30003,"user_id":20002}` {
		t.Errorf("asked %s", asked)
	}
	if code, _, _ := d.run(t.Context(), "call", "send_private_msg_async", "--params", `{"user_id":1,"message":"a"}`, "message=<b> & 1"); code != 0 ||
		asked != `default send_private_msg_async {"message":"<b> & 1","user_id":1}` {
		t.Errorf("exit code %d, asked %s", code, asked)
	}
	answer = `{"status":"failed","retcode":1403,"wording":"no"}`
	d.want(1, "{\n  \"status\": \"failed\",\n  \"retcode\": 1403,\n  \"wording\": \"no\"\n}\n", "", "call", "get_status")
	if code, _, errs := d.run(t.Context(), "call", "get_stranger_info", "user_id=1", "no_cach=true"); code != 2 ||
		errs != "catflap: get_stranger_info has no parameter no_cach\n  did you mean no_cache?\n  --unchecked passes on whatever is given\n" {
		t.Errorf("exit code %d, errors %q", code, errs)
	}
}

// The exit code follows the API's status: wrong use and wrong configuration are 2, everything else is 1.
func TestAPIErrorsBecomeExitCodes(t *testing.T) {
	d := newDesk(t)
	status := 0
	d.api.Reload = func(context.Context) (console.ReloadResult, error) {
		return console.ReloadResult{}, &console.Problem{Status: status, Message: "it is\x1b wrong", Remedy: "do this"}
	}
	d.serve()
	for _, c := range []struct{ status, code int }{{400, 2}, {422, 2}, {404, 1}, {409, 1}, {500, 1}, {503, 1}} {
		status = c.status
		d.want(c.code, "", "catflap: it is� wrong\n  do this\n", "reload")
	}
}

func TestReloadTellsWhatChanged(t *testing.T) {
	d := newDesk(t)
	d.api.Reload = func(context.Context) (console.ReloadResult, error) {
		return console.ReloadResult{Changed: []console.Change{{Path: "apps.koishi", Kind: "added"}}, Warnings: []string{"store takes effect later"}}, nil
	}
	d.serve()
	d.want(0, "added apps.koishi\n! store takes effect later\n", "", "reload")
}

// Without an instance the store answers through the same API, and is closed before the command ends.
func TestOfflineStore(t *testing.T) {
	d := newDesk(t)
	d.want(0, "20002: approved on account default; the person is not told, since catflap is not running or QQ is not online\n", "", "pairing", "approve", "20002", "--force")
	if code, out, _ := d.run(t.Context(), "pairing", "list"); code != 0 || !strings.Contains(out, "default  20002  approved") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	held, err := store.Open(filepath.Join(d.dir, "data"), store.Options{})
	if err != nil {
		t.Fatalf("the command left the store open: %v", err)
	}
	defer held.Close()
	data := filepath.Join(d.dir, "data")
	d.want(1, "", "catflap: the store in "+data+" is open in another process\n  stop the other catflap, or ask it with the --config that it runs with\n", "pairing", "revoke", "20002")
}

// The limit of the configuration holds for the store of an instance that is not running.
func TestOfflineHistoryLimit(t *testing.T) {
	d := newDesk(t)
	st, err := store.Open(filepath.Join(d.dir, "data"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"old", "new"} {
		st.History().Add("default", 100, store.Record{Account: "default", Chat: policy.Chat{ID: 5}, Time: int64(i + 1), User: 5, MessageID: int64(i + 1),
			Raw: []byte(`[{"type":"text","data":{"text":"` + text + `"}}]`)})
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit string
		show  string // which of the messages
	}{{"100", "old new"}, {"1", "new"}, {"0", ""}} {
		d.configure("historyLimit: " + c.limit)
		_, out, _ := d.run(t.Context(), "history", "show", "user:5", "--json")
		_, exported, _ := d.run(t.Context(), "history", "export")
		_, listed, _ := d.run(t.Context(), "history", "list")
		for _, text := range []string{"old", "new"} {
			want := strings.Contains(c.show, text)
			if strings.Contains(out, text) != want || strings.Contains(exported, text) != want {
				t.Errorf("limit %s: %q should show: %t\n%s\n%s", c.limit, text, want, out, exported)
			}
		}
		if (listed == "no messages are kept\n") != (c.show == "") {
			t.Errorf("limit %s lists\n%s", c.limit, listed)
		}
	}
}

// A file that lies where the socket should be is no instance, and is not taken for one.
func TestSocketThatIsNone(t *testing.T) {
	d := newDesk(t)
	if err := os.MkdirAll(filepath.Join(d.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.dir, "data", appliance.AdminSocket)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.want(1, "", "catflap: catflap is not running (nothing answers at "+path+")\n  start it with `catflap run`; --config must name the file that it runs with\n"+
		"  if it runs: it keeps the data folder that it was started with, and a changed dataDir needs a restart\n", "status")
}

// An answer that breaks off is an error, with an instance and without.
func TestBrokenAnswer(t *testing.T) {
	transport := &inProcess{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("{}\n"))
		panic(http.ErrAbortHandler)
	})}
	c := &client{transport: transport}
	stream, err := c.stream(t.Context(), "GET", "history/export", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	err = new(Shell).copyLines(stream, func([]byte) error { lines++; return nil })
	stream.Close()
	transport.running.Wait()
	if lines != 1 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d lines, then %v; want 1, then %v", lines, err, io.ErrUnexpectedEOF)
	}
}

// A reader that leaves early does not keep the handler.
func TestReaderLeaves(t *testing.T) {
	transport := &inProcess{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write([]byte("{}\n")); err != nil {
				return
			}
		}
	})}
	c := &client{transport: transport}
	stream, err := c.stream(t.Context(), "GET", "history/export", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream.Close()
	transport.running.Wait()
}
