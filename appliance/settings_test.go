package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/simulator"
	"github.com/catflap/catflap/store"
)

// flat is a running appliance with a real configuration file and a simulated NapCat.
type flat struct {
	*testing.T
	*Appliance
	file string
	nap  *simulator.NapCat
}

const flatToken = "t0ken-of-napcat"

func newFlat(t *testing.T, extra string) *flat {
	t.Helper()
	dir := t.TempDir()
	f := &flat{T: t, file: filepath.Join(dir, "catflap.yaml")}
	f.write("# the door\naccessToken: " + flatToken + " # of NapCat\nwsPort: 0\nwsPath: /ws\ndataDir: data\nlanguage: en\n" +
		"gateway: {listen: \"127.0.0.1:0\"}\nconsole: {listen: \"127.0.0.1:0\"}\napps: {bot: {protocol: onebot11, accessToken: t0ken-of-bot}}\n" + extra)
	load := func() (*config.Config, error) { return config.Load(f.file, os.LookupEnv) }
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if f.Appliance, err = Open(cfg, Options{Log: slog.New(slog.DiscardHandler), Reload: load}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = f.Appliance.Run(ctx) })
	f.nap = simulator.New(simulator.Options{Token: flatToken, HeartInterval: -1, ReconnectInterval: 10 * time.Millisecond})
	name := cfg.Accounts[0].Name
	tasks.Go(func() { _ = f.nap.Dial(ctx, f.Addresses()["napcat."+name]) })
	t.Cleanup(func() {
		cancel()
		tasks.Wait()
		if err := f.Appliance.Close(); err != nil {
			t.Error(err)
		}
	})
	running := f.account(name)
	await(t, "NapCat gets through", func() bool { return running.State().Linked && running.State().Self != 0 })
	return f
}

func (f *flat) write(text string) {
	f.Helper()
	if err := os.WriteFile(f.file, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

func (f *flat) text() string {
	f.Helper()
	data, err := os.ReadFile(f.file)
	if err != nil {
		f.Fatal(err)
	}
	return string(data)
}

// ask uses the API as the command line does.
func (f *flat) ask(method, path string, in, out any) *console.Problem {
	f.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		f.Fatal(err)
	}
	w := &recorder{header: make(http.Header)}
	r, err := http.NewRequestWithContext(f.Context(), method, "http://catflap/api/v1/"+path, strings.NewReader(string(body)))
	if err != nil {
		f.Fatal(err)
	}
	f.api.Handler().ServeHTTP(w, r)
	if w.status != 200 {
		p := &console.Problem{Status: w.status}
		if err := json.Unmarshal([]byte(w.body.String()), p); err != nil {
			f.Fatalf("%s %s: %s", method, path, w.body.String())
		}
		return p
	}
	if out != nil {
		if err := json.Unmarshal([]byte(w.body.String()), out); err != nil {
			f.Fatal(err)
		}
	}
	return nil
}

type recorder struct {
	header http.Header
	status int
	body   strings.Builder
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// last is the newest entry of the audit log.
func (f *flat) last() store.AuditEntry {
	f.Helper()
	all, err := f.store.Audit().Last(1)
	if err != nil || len(all) == 0 {
		f.Fatalf("no audit: %v", err)
	}
	e := all[0]
	e.Time = time.Time{}
	return e
}

func TestGroupSwitches(t *testing.T) {
	f := newFlat(t, "groups: {\"30003\": {}} # Ops\n")
	groups := func() map[uint64]console.GroupStatus {
		var list []console.GroupStatus
		if p := f.ask("GET", "groups", nil, &list); p != nil {
			t.Fatal(p)
		}
		out := make(map[uint64]console.GroupStatus)
		for _, g := range list {
			out[g.GroupID] = g
		}
		return out
	}
	want := map[uint64]console.GroupStatus{
		30003: {Account: "default", GroupID: 30003, Name: "Ops", Members: 4, Joined: true, Listed: true, Enabled: true, RequireMention: true},
		30004: {Account: "default", GroupID: 30004, Name: "Fun", Members: 3, Joined: true, Reason: "group.not-listed", RequireMention: true},
	}
	if diff := cmp.Diff(want, groups()); diff != "" {
		t.Errorf("at the start: %s", diff)
	}
	before := f.text()
	set := func(group uint64, enabled, mention *bool) *console.Problem {
		return f.ask("POST", "groups/set", console.GroupRequest{GroupID: group, Enabled: enabled, RequireMention: mention}, nil)
	}
	on, off := true, false
	// A mention switch must not let a group in that is not admitted.
	if p := set(30004, nil, &off); p == nil || p.Status != 409 || p.Message != "group 30004 is not admitted" || f.text() != before {
		t.Errorf("mention of a group that is not admitted: %v\n%s", p, f.text())
	}
	if e := f.last(); e.Action != "group.set" || e.Outcome != "failed" || e.Target != "group:30004" {
		t.Errorf("the audit has %+v", e)
	}
	for _, step := range []struct {
		group          uint64
		enabled, quiet *bool
		text           string
		says, mention  bool
	}{
		{30004, &on, nil, `groups: {"30004": {"enabled": true}, "30003": {}} # Ops`, true, true},
		{30004, nil, &off, `groups: {"30004": {"requireMention": false, "enabled": true}, "30003": {}} # Ops`, true, false},
		{30003, &off, nil, `groups: {"30004": {"requireMention": false, "enabled": true}, "30003": {"enabled": false}} # Ops`, false, true},
		{30003, &on, &off, `groups: {"30004": {"requireMention": false, "enabled": true}, "30003": {"requireMention": false, "enabled": true}} # Ops`, true, false},
	} {
		if p := set(step.group, step.enabled, step.quiet); p != nil {
			t.Fatal(p)
		}
		if want := strings.Replace(before, `groups: {"30003": {}} # Ops`, step.text, 1); f.text() != want {
			t.Errorf("the file is\n%s\nwant\n%s", f.text(), want)
		}
		if g := groups()[step.group]; g.Enabled != step.says || g.RequireMention != step.mention {
			t.Errorf("%+v", g)
		}
	}
	if diff := cmp.Diff(store.AuditEntry{Account: "default", Action: "group.set", Target: "group:30003", Outcome: "done", Reason: "enabled: true requireMention: false", By: "admin"}, f.last()); diff != "" {
		t.Errorf("the audit: %s", diff)
	}
	if p := set(0, &on, nil); p == nil || p.Status != 400 {
		t.Errorf("no group: %v", p)
	}
	// A file that a program cannot edit says so and stays.
	knotted := strings.Replace(before, "groups: {\"30003\": {}}", "groups: &g {\"30003\": {}}", 1)
	f.write(knotted)
	if p := set(30004, &on, nil); p == nil || p.Status != 409 || !strings.HasSuffix(p.Message, "edit it by hand") || f.text() != knotted {
		t.Errorf("a file with an anchor: %v", p)
	}
}

// An account with groups of its own is switched there; its own replace those of the top level.
func TestGroupSwitchesOfAnAccount(t *testing.T) {
	f := newFlat(t, "groups: {\"1\": {}}\naccounts:\n  bot1:\n    # mine\n    groups:\n      \"30003\": {}\n")
	on := true
	if p := f.ask("POST", "groups/set", console.GroupRequest{Account: "bot1", GroupID: 30004, Enabled: &on}, nil); p != nil {
		t.Fatal(p)
	}
	if !strings.HasSuffix(f.text(), "    # mine\n    groups:\n      \"30003\": {}\n      \"30004\":\n        enabled: true\n") {
		t.Error(f.text())
	}
}

func TestConfigurationIsReplaced(t *testing.T) {
	f := newFlat(t, "")
	var file console.ConfigFile
	if p := f.ask("GET", "config", nil, &file); p != nil || file.Text != f.text() || file.Path != f.file {
		t.Fatalf("%v %+v", p, file)
	}
	var check console.ConfigCheck
	broken := strings.Replace(file.Text, "wsPort: 0", "wsPort: many", 1)
	if p := f.ask("POST", "config/check", console.ConfigRequest{Text: broken}, &check); p != nil {
		t.Fatal(p)
	}
	if diff := cmp.Diff([]console.ConfigIssue{{Line: 3, Column: 9, Path: "wsPort", Message: `expected a whole number from 0 to 65535, found "many"`, Source: "wsPort: many"}}, check.Issues); diff != "" || check.OK {
		t.Error(diff)
	}
	write := func(text, base string) *console.Problem {
		return f.ask("POST", "config", console.ConfigRequest{Text: text, Base: base}, nil)
	}
	if p := write(broken, file.Sum); p == nil || p.Status != 422 || f.text() != file.Text {
		t.Errorf("a mistake is written: %v", p)
	}
	next := file.Text + "historyLimit: 7 # little\n"
	if p := write(next, "0000"); p == nil || p.Status != 409 || f.text() != file.Text {
		t.Errorf("a file that has changed is written over: %v", p)
	}
	if p := write(next, file.Sum); p != nil || f.text() != next || f.historyLimit("default") != 7 {
		t.Fatalf("%v\n%s", p, f.text())
	}
	if e := f.last(); e.Action != "config.write" || e.Outcome != "done" {
		t.Errorf("the audit has %+v", e)
	}
	// What cannot be loaded comes back: a port that is taken.
	busy := strings.Replace(next, `gateway: {listen: "127.0.0.1:0"}`, `gateway: {listen: "`+f.Addresses()["console"][len("http://"):len(f.Addresses()["console"])-1]+`"}`, 1)
	if p := write(busy, ""); p == nil || p.Status != 409 || f.text() != next {
		t.Errorf("a port that is taken: %v\n%s", p, f.text())
	}
	var versions []console.ConfigVersion
	if p := f.ask("GET", "config/versions", nil, &versions); p != nil || len(versions) != 2 {
		t.Fatalf("%v %+v", p, versions)
	}
	var old console.ConfigText
	if p := f.ask("GET", "config/version?id="+versions[1].ID, nil, &old); p != nil || old.Text != file.Text {
		t.Errorf("%v %+v", p, old)
	}
	for _, id := range []string{"", "../catflap", "20260101T000000.000Z", versions[0].ID + "/../x"} {
		if p := f.ask("GET", "config/version?id="+id, nil, nil); p == nil || p.Status != 404 {
			t.Errorf("version %q: %v", id, p)
		}
	}
	info, err := os.Stat(filepath.Join(f.dataDir, "config", versions[0].ID+".yaml"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a version is readable by others: %v %v", info.Mode(), err)
	}
	if info, err := os.Stat(f.file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is now %v: %v", info.Mode(), err)
	}
	for i := range 2 * maxVersions {
		if p := write(fmt.Sprintf("%s# %d\n", next, i), ""); p != nil {
			t.Fatal(p)
		}
	}
	versions = nil
	if p := f.ask("GET", "config/versions", nil, &versions); p != nil || len(versions) != maxVersions {
		t.Errorf("%v: %d versions", p, len(versions))
	}
	left, err := os.ReadDir(filepath.Dir(f.file))
	if err != nil || len(left) != 2 {
		t.Errorf("beside the file lies %v: %v", left, err)
	}
	// A file that is a link stays one, and what it leads to changes.
	real := f.file + ".real"
	if err := errors.Join(os.Rename(f.file, real), os.Symlink(real, f.file)); err != nil {
		t.Fatal(err)
	}
	if p := write(next, ""); p != nil {
		t.Fatal(p)
	}
	if info, err := os.Lstat(f.file); err != nil || info.Mode()&fs.ModeSymlink == 0 || f.text() != next {
		t.Errorf("the link is now %v: %v", info.Mode(), err)
	}
}

// Somebody else's folder of versions is not followed.
func TestFault_S13_VersionsFollowNoLink(t *testing.T) {
	f := newFlat(t, "")
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(f.dataDir, "config")); err != nil {
		t.Fatal(err)
	}
	if p := f.ask("POST", "config", console.ConfigRequest{Text: f.text() + "historyLimit: 7\n"}, nil); p == nil {
		t.Error("it is written through the link")
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
}

func TestRehearseAndSimulate(t *testing.T) {
	f := newFlat(t, "groups: {\"30003\": {}}\nallowFrom: [20002]\n")
	f.apps["bot"].Resume("default") // as if it had connected
	for _, c := range []struct {
		req             console.RehearseRequest
		outcome, reason string
	}{
		{console.RehearseRequest{UserID: 20002, Text: "hi"}, "deliver", "delivered"},
		{console.RehearseRequest{UserID: 20003, Text: "hi"}, "pair", "dm.pairing-required"},
		{console.RehearseRequest{UserID: 20002, GroupID: 30003, Text: "hi"}, "context", "mention.required"},
		{console.RehearseRequest{UserID: 20002, GroupID: 30003, AtBot: true}, "deliver", "delivered"},
		{console.RehearseRequest{UserID: 20002, GroupID: 30004, AtBot: true}, "drop", "group.not-listed"},
	} {
		var d console.Decision
		if p := f.ask("POST", "rehearse", c.req, &d); p != nil || d.Outcome != c.outcome || d.Reason != c.reason || d.Apps["bot"].Outcome == "" {
			t.Errorf("%+v: %v %+v", c.req, p, d)
		}
	}
	if all := f.store.Decisions().Last(10); len(all) != 0 && all[0].Kind == "message.private.friend" || len(f.store.History().List("")) != 0 {
		t.Errorf("a rehearsal leaves something behind: %+v", all)
	}
	var simulated []string
	if p := f.ask("GET", "simulated", nil, &simulated); p != nil || !cmp.Equal(simulated, []string{"default"}) {
		t.Errorf("%v %v", p, simulated)
	}
	if p := f.ask("POST", "simulate", console.SimulateRequest{UserID: 20002, Text: "really"}, nil); p != nil {
		t.Fatal(p)
	}
	await(t, "history has the message", func() bool { return len(f.store.History().List("default")) > 0 })
	var st console.Status
	if p := f.ask("GET", "status", nil, &st); p != nil || len(st.Messages) != 60 || st.Messages[59]+st.Messages[58] != 1 || st.Disk.Total == 0 {
		t.Errorf("%v %v %+v", p, st.Messages, st.Disk)
	}
	// A real NapCat does not know the action.
	f.nap.OnAction(simulator.SayAction, func(simulator.Call) simulator.Answer { return simulator.Answer{Retcode: 1404} })
	f.rooms.of("default").looked = time.Time{}
	if p := f.ask("POST", "simulate", console.SimulateRequest{UserID: 20002, Text: "really"}, nil); p == nil || p.Status != 409 {
		t.Errorf("at a real NapCat: %v", p)
	}
}

// A test event waits for the app that it is for, and for no other.
func TestTestEvent(t *testing.T) {
	f := newFlat(t, "")
	f.Appliance.Log.Warn("look here", "account", "default")
	var logs []console.LogRecord
	if p := f.ask("GET", "logs?level=warn&last=1", nil, &logs); p != nil || len(logs) != 1 || logs[0].Message != "look here" || logs[0].Details != "account=default" || logs[0].Level != "WARN" {
		t.Errorf("%v %+v", p, logs)
	}
	if p := f.ask("GET", "logs?level=all", nil, nil); p == nil || p.Status != 400 {
		t.Errorf("a level that does not exist: %v", p)
	}
	var done console.AppResult
	if p := f.ask("POST", "apps/test", console.AppRequest{App: "bot"}, &done); p == nil || p.Status != 409 {
		t.Errorf("an app that has never connected: %v %+v", p, done)
	}
	var st console.Status
	if p := f.ask("GET", "status", nil, &st); p != nil || st.Apps[0].Subscribed || len(st.Apps[0].Hint) != 1 || !strings.HasPrefix(st.Apps[0].Hint[0].EN, "bot has not connected for events") {
		t.Errorf("%v %+v", p, st.Apps)
	}
	f.apps["bot"].Resume("default")
	if p := f.ask("POST", "apps/test", console.AppRequest{App: "bot"}, &done); p != nil || done.Events != 1 {
		t.Errorf("%v %+v", p, done)
	}
	if e := f.last(); e.Action != "app.test" || e.App != "bot" {
		t.Errorf("the audit has %+v", e)
	}
	if p := f.ask("POST", "apps/test", console.AppRequest{App: "nobody"}, nil); p == nil || p.Status != 400 {
		t.Errorf("an app that does not exist: %v", p)
	}
}
