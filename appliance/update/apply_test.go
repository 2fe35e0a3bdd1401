package update

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// machine is a service manager with a data folder: what the program in place does when it is started depends on its
// version.
type machine struct {
	*published
	data    string
	running string // version; "" = stopped
	starts  []string
	does    map[string]func() error // what starting a version does
	deaf    map[string]bool         // versions that never answer
	said    []Stage
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{published: newPublished(t), data: t.TempDir(), running: "1.0.0", does: make(map[string]func() error), deaf: make(map[string]bool)}
	m.write(filepath.Join(m.data, "state.db"), "schema 1", 0o600)
	m.write(filepath.Join(m.data, "journal.db"), "journal 1", 0o600)
	m.publish("1.1.0", map[string]string{"amd64": program("1.1.0", "linux", "amd64")})
	return m
}

func (m *machine) job() Job {
	return Job{
		Installed: "1.0.0", Data: m.data, Patience: time.Minute,
		Say: func(p Progress) { m.said = append(m.said, p.Stage) },
		Service: Service{
			Stop: func(context.Context) error { m.running = ""; return nil },
			Start: func(context.Context) error {
				version := "1.0.0"
				if strings.Contains(m.read(m.target), "1.1.0") {
					version = "1.1.0"
				}
				m.starts = append(m.starts, version)
				m.running = version
				if does := m.does[version]; does != nil {
					return does()
				}
				return nil
			},
			Ready: func(ctx context.Context, version string) error {
				if m.deaf[m.running] {
					return errors.New("it did not answer")
				}
				if m.running != version {
					return errors.New("version " + m.running + " answers")
				}
				return ctx.Err()
			},
		},
	}
}

func (m *machine) apply(ctx context.Context) error {
	m.t.Helper()
	p, err := m.prepare()
	if err != nil {
		m.t.Fatal(err)
	}
	return p.Apply(ctx, m.job())
}

func TestApply(t *testing.T) {
	m := newMachine(t)
	if err := m.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.running != "1.1.0" || m.read(m.target) != program("1.1.0", "linux", "amd64") || m.read(Old(m.target)) != program("1.0.0", "linux", "amd64") {
		t.Errorf("%s runs, old: %s", m.running, m.read(Old(m.target)))
	}
	if got := m.read(filepath.Join(m.data, stateCopy)); got != "schema 1" {
		t.Errorf("the copy of state.db is %q", got)
	}
	if diff := cmp.Diff([]Stage{Stopped, StateCopied, Swapped, Started}, m.said); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(m.target); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the new program: %v %v", info.Mode(), err)
	}
	if left := m.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// migrate is a new version that has brought the databases to its own schema before it fails.
func (m *machine) migrate(then error) func() error {
	return func() error {
		for name, old := range map[string]string{"state.db": "schema 1", "journal.db": "journal 1"} {
			m.write(filepath.Join(m.data, name+".schema-1"), old, 0o600)
			m.write(filepath.Join(m.data, name), "schema 2", 0o600)
		}
		return then
	}
}

func TestFault_S14_RollBack(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*machine)
		want    string
	}{
		{"it crashes at start", func(m *machine) {
			m.does["1.1.0"] = func() error { m.running = ""; return errors.New("exit status 2") }
		},
			"version 1.1.0 did not come up: starting the service: exit status 2"},
		{"it crashes after it has changed the databases", func(m *machine) { m.does["1.1.0"] = m.migrate(errors.New("signal: aborted")) },
			"version 1.1.0 did not come up: starting the service: signal: aborted"},
		{"it hangs", func(m *machine) { m.deaf["1.1.0"] = true; m.does["1.1.0"] = m.migrate(nil) },
			"version 1.1.0 did not come up: it did not answer"},
		{"another version answers", func(m *machine) { m.does["1.1.0"] = func() error { m.running = "1.0.5"; return nil } },
			"version 1.1.0 did not come up: version 1.0.5 answers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			tt.prepare(m)
			err := m.apply(t.Context())
			var down *NotUpError
			if !errors.As(err, &down) || down.Back != nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if m.running != "1.0.0" || m.read(m.target) != program("1.0.0", "linux", "amd64") {
				t.Errorf("%q runs", m.running)
			}
			for name, want := range map[string]string{"state.db": "schema 1", "journal.db": "journal 1"} {
				if got := m.read(filepath.Join(m.data, name)); got != want {
					t.Errorf("%s is %q", name, got)
				}
			}
			if diff := cmp.Diff([]string{"1.1.0", "1.0.0"}, m.starts); diff != "" {
				t.Error(diff)
			}
			if m.said[len(m.said)-1] != GoingBack {
				t.Errorf("said %v", m.said)
			}
		})
	}
}

// A copy that an earlier version left is not put back: it is older than what the installed version has written since.
func TestRollBackLeavesOldCopiesAlone(t *testing.T) {
	m := newMachine(t)
	m.write(filepath.Join(m.data, "state.db.schema-0"), "very old", 0o600)
	m.deaf["1.1.0"] = true
	if err := m.apply(t.Context()); err == nil {
		t.Fatal("it was taken")
	}
	if got := m.read(filepath.Join(m.data, "state.db")); got != "schema 1" {
		t.Errorf("state.db is %q", got)
	}
}

func TestRollBackThatFails(t *testing.T) {
	m := newMachine(t)
	m.deaf["1.1.0"], m.deaf["1.0.0"] = true, true
	err := m.apply(t.Context())
	want := "version 1.1.0 did not come up (it did not answer), and going back failed: it did not answer"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if m.read(m.target) != program("1.0.0", "linux", "amd64") {
		t.Error("the old program is not back")
	}
}

// Ctrl-C while it waits gives the old version back.
func TestApplyInterrupted(t *testing.T) {
	m := newMachine(t)
	ctx, cancel := context.WithCancel(t.Context())
	m.does["1.1.0"] = func() error { cancel(); return nil }
	err := m.apply(ctx)
	var down *NotUpError
	if !errors.As(err, &down) || down.Back != nil || m.running != "1.0.0" {
		t.Errorf("%v, %q runs", err, m.running)
	}
}

func TestApplyWithoutAService(t *testing.T) {
	m := newMachine(t)
	p, err := m.prepare()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context(), Job{Installed: "1.0.0", Patience: time.Minute, Say: func(Progress) {}}); err != nil {
		t.Fatal(err)
	}
	if m.read(m.target) != program("1.1.0", "linux", "amd64") || len(m.starts) > 0 {
		t.Errorf("starts %q", m.starts)
	}
}

// The folder belongs to the service: a link in it must not lead root to another file.
func TestFault_S13_StateThatIsALink(t *testing.T) {
	m := newMachine(t)
	secret := filepath.Join(t.TempDir(), "shadow")
	m.write(secret, "secrets", 0o600)
	for _, name := range []string{"state.db", stateCopy + ".new"} {
		_ = os.Remove(filepath.Join(m.data, name))
		if err := os.Symlink(secret, filepath.Join(m.data, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.apply(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "copying state.db: ") {
		t.Errorf("got %v", err)
	}
	if m.read(secret) != "secrets" {
		t.Error("another file was written")
	}
	if m.running != "1.0.0" {
		t.Errorf("%q runs", m.running)
	}
}

func TestStopThatFails(t *testing.T) {
	m := newMachine(t)
	p, err := m.prepare()
	if err != nil {
		t.Fatal(err)
	}
	j := m.job()
	j.Service.Stop = func(context.Context) error { return errors.New("no") }
	if err := p.Apply(t.Context(), j); err == nil || err.Error() != "stopping the service: no" {
		t.Errorf("got %v", err)
	}
	if m.read(m.target) != program("1.0.0", "linux", "amd64") || m.running != "1.0.0" || len(m.leftovers()) > 0 {
		t.Errorf("%q runs, left behind %q", m.running, m.leftovers())
	}
}

func TestPackaged(t *testing.T) {
	for _, tt := range []struct{ tool, out, want string }{
		{"dpkg", "catflap: /usr/bin/catflap\n", "dpkg"}, {"rpm", "catflap-1.0.0-1\n", "rpm"}, {"apk", "/usr/bin/catflap is owned by catflap-1.0.0\n", "apk"},
		{"opkg", "catflap - 1.0.0\n", "opkg"}, {"opkg", "\n", ""}, {"pacman", "catflap", ""},
	} {
		var ran []string
		run := func(_ context.Context, name string, args ...string) (string, error) {
			ran = append([]string{name}, args...)
			return tt.out, nil
		}
		manager, upgrade := Packaged(t.Context(), "/usr/bin/catflap", func(name string) bool { return name == tt.tool }, run)
		if manager != tt.want || (upgrade == "") != (tt.want == "") {
			t.Errorf("%s: %q %q", tt.tool, manager, upgrade)
		}
		if len(ran) > 0 && ran[len(ran)-1] != "/usr/bin/catflap" {
			t.Errorf("%s was asked %q", tt.tool, ran)
		}
	}
	refuse := func(context.Context, string, ...string) (string, error) {
		return "no path found", errors.New("exit status 1")
	}
	if manager, _ := Packaged(t.Context(), "/usr/local/bin/catflap", func(string) bool { return true }, refuse); manager != "" {
		t.Errorf("owned by %s", manager)
	}
}

// A power cut while the new version is waited for: the next command finds the note, and going back works, also when the new
// version had brought the databases to its own schema.
func TestFault_S14_CutShort(t *testing.T) {
	m := newMachine(t)
	old := m.read(m.target)
	m.does["1.1.0"] = m.migrate(nil)
	p, err := m.prepare()
	if err != nil {
		t.Fatal(err)
	}
	j := m.job()
	kept := []byte(nil)
	j.Service.Ready = func(context.Context, string) error {
		if Unfinished(m.target) != nil {
			t.Error("an update that is going on is taken for one that was cut short")
		}
		kept = []byte(m.read(note(m.target))) // what the card has when the power goes
		return nil
	}
	if err := p.Apply(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if Unfinished(m.target) != nil {
		t.Error("a good end leaves the note")
	}
	m.write(note(m.target), string(kept), 0o644)
	cut := Unfinished(m.target)
	if cut == nil || cut.From != "1.0.0" || cut.To != "1.1.0" {
		t.Fatalf("got %+v", cut)
	}
	if err := cut.Undo(t.Context(), m.job()); err != nil {
		t.Fatal(err)
	}
	if m.read(m.target) != old || m.running != "1.0.0" || m.read(filepath.Join(m.data, "state.db")) != "schema 1" {
		t.Errorf("%s runs, state.db %q", m.running, m.read(filepath.Join(m.data, "state.db")))
	}
	if Unfinished(m.target) != nil {
		t.Error("going back leaves the note")
	}
	m.write(note(m.target), "", 0o644)
	if cut := Unfinished(m.target); cut == nil || cut.Settle() != nil || Unfinished(m.target) != nil {
		t.Errorf("an empty note: %+v", cut)
	}
}
