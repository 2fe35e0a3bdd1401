package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/policy"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a machine's clocks under a test's control.
type clock struct {
	steady atomic.Int64
	wall   atomic.Int64
	boot   atomic.Pointer[string]
}

func newClock() *clock {
	c := &clock{}
	c.steady.Store(int64(10 * time.Minute))
	c.wall.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	c.reboot("boot-1", 10*time.Minute)
	return c
}

func (c *clock) reboot(id string, steady time.Duration) {
	c.boot.Store(&id)
	c.steady.Store(int64(steady))
}

func (c *clock) pass(d time.Duration) {
	c.steady.Add(int64(d))
	c.wall.Add(int64(d))
}

func (c *clock) options() Options {
	return Options{
		Now:    func() time.Time { return time.Unix(0, c.wall.Load()) },
		Steady: func() time.Duration { return time.Duration(c.steady.Load()) },
		BootID: func() string { return *c.boot.Load() },
	}
}

// noSpace is what a full disk says.
var noSpace = func() error { return errors.New("no space left on device") }

// opened opens a store that is closed when the test ends, if it was not before.
func opened(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func closed(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// killed copies the files of a running store, as a cut of the power would leave them.
func killed(t testing.TB, s *Store) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{stateName, journalName} {
		b, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := opened(t, dir, Options{})
	for path, want := range map[string]fs.FileMode{
		dir: 0o700 | fs.ModeDir, filepath.Join(dir, stateName): 0o600, filepath.Join(dir, journalName): 0o600, filepath.Join(dir, stateBackupName): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
	st := s.Stats()
	if st.StateBytes <= 0 || st.JournalBytes <= 0 || st.Commits == 0 || st.WrittenBytes == 0 || st.CommitErrors != 0 {
		t.Errorf("Stats = %+v", st)
	}
	if got := s.state.db.Info().PageSize; got != 4096 {
		t.Errorf("page size %d", got)
	}
	first := s.Epoch()
	closed(t, s)
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if s = opened(t, dir, Options{}); s.Epoch() <= first {
		t.Errorf("epoch %d after %d", s.Epoch(), first)
	}
}

func TestOpenRefusals(t *testing.T) {
	t.Run("in use", func(t *testing.T) {
		dir := t.TempDir()
		opened(t, dir, Options{})
		for _, o := range []Options{{}, {ReadOnly: true}} {
			if _, err := Open(dir, o); !errors.Is(err, ErrLocked) {
				t.Errorf("Open(ReadOnly %v) = %v, want ErrLocked", o.ReadOnly, err)
			}
		}
	})
	t.Run("reading before the first start", func(t *testing.T) {
		dir := t.TempDir()
		if _, err := Open(dir, Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open = %v, want fs.ErrNotExist", err)
		}
		if list, _ := os.ReadDir(dir); len(list) != 0 {
			t.Errorf("it left %v", list)
		}
	})
	t.Run("a link instead of a file", func(t *testing.T) {
		dir := t.TempDir()
		closed(t, opened(t, dir, Options{}))
		path := filepath.Join(dir, stateName)
		if err := os.Rename(path, path+"2"); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path+"2", path); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("opening %s: %s is not a regular file: remove it or choose another data folder", path, path)
		if _, err := Open(dir, Options{}); err == nil || err.Error() != want {
			t.Errorf("Open = %v, want %s", err, want)
		}
	})
	t.Run("a first start that was cut short", func(t *testing.T) {
		dir := t.TempDir()
		if err := create(filepath.Join(dir, journalName), journalSchema()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, stateName+".new"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		closed(t, opened(t, dir, Options{}))
	})
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	chat := policy.Chat{Group: true, ID: 7}
	s.History().Add("bot", 10, Record{Chat: chat, Text: "hello", MessageID: 1})
	if _, err := s.Access().Approve("bot", "5", 0, true, policy.PairingLimits{}); err != nil {
		t.Fatal(err)
	}
	s.Audit().Add(AuditEntry{Action: "send_msg", Outcome: "refused"})
	closed(t, s)
	before, err := os.ReadFile(filepath.Join(dir, stateName))
	if err != nil {
		t.Fatal(err)
	}

	s = opened(t, dir, Options{ReadOnly: true})
	if list, err := s.History().Show("bot", chat, 0); err != nil || len(list) != 1 || list[0].Text != "hello" {
		t.Errorf("Show = %v, %v", list, err)
	}
	if !s.Access().Approved("bot", 5) || len(s.Access().List("")) != 1 {
		t.Error("the approval is missing")
	}
	if list, err := s.Audit().Last(5); err != nil || len(list) != 1 {
		t.Errorf("Audit.Last = %v, %v", list, err)
	}
	if _, err := s.Access().Approve("bot", "6", 0, true, policy.PairingLimits{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Approve = %v, want ErrReadOnly", err)
	}
	if err := s.History().Clear("", policy.Chat{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Clear = %v, want ErrReadOnly", err)
	}
	closed(t, s)
	after, err := os.ReadFile(filepath.Join(dir, stateName))
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("a read-only store wrote state.db")
	}
}

func TestAfterClose(t *testing.T) {
	s := opened(t, t.TempDir(), Options{})
	closed(t, s)
	s.History().Add("bot", 10, Record{Chat: policy.Chat{ID: 1}})
	s.Journal().Append(Event{For: 1})
	if err := s.Accounts().Pin("bot", 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Pin = %v, want ErrClosed", err)
	}
	if err := s.History().Flush(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Flush = %v, want ErrClosed", err)
	}
	if _, err := s.Audit().Last(1); !errors.Is(err, ErrClosed) {
		t.Errorf("Last = %v, want ErrClosed", err)
	}
}

func TestAccounts(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	a := s.Accounts()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(a.Pin("bot", 10001))
	check(a.Pin("other", 10002))
	check(a.SetGroups("bot", []uint64{3, 1, 2, 3}))
	commits := s.Stats().Commits
	check(a.Pin("bot", 10001))
	check(a.SetGroups("bot", []uint64{2, 3, 1}))
	if got := s.Stats().Commits; got != commits {
		t.Errorf("unchanged values made %d commits", got-commits)
	}
	check(a.Unpin("other"))
	s = opened(t, killed(t, s), Options{})
	if got := s.Accounts().Pinned("bot"); got != 10001 {
		t.Errorf("Pinned(bot) = %d", got)
	}
	if got := s.Accounts().Pinned("other"); got != 0 {
		t.Errorf("Pinned(other) = %d", got)
	}
	if got := fmt.Sprint(s.Accounts().Groups("bot"), s.Accounts().Groups("other")); got != "[1 2 3] []" {
		t.Errorf("Groups = %s", got)
	}
}

func TestAudit(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{Sync: time.Hour})
	const n = maxAudit + 3*auditSlack
	for i := range n {
		s.Audit().Add(AuditEntry{Action: fmt.Sprint(i), Outcome: "refused"})
		if i%500 == 499 {
			if err := s.Audit().flush(); err != nil { // nobody else writes: Sync is an hour
				t.Fatal(err)
			}
		}
	}
	s.Audit().Add(AuditEntry{Action: "unwritten"})
	check := func(s *Store, first string) {
		t.Helper()
		list, err := s.Audit().Last(1 << 30)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != maxAudit || list[0].Action != first || list[0].Time.IsZero() {
			t.Errorf("%d entries from %q on", len(list), list[0].Action)
		}
	}
	check(s, "unwritten")
	closed(t, s)
	s = opened(t, dir, Options{Sync: time.Hour})
	check(s, "unwritten")
	list, err := s.Audit().Last(3)
	if err != nil || list[0].Action != "unwritten" || list[1].Action != fmt.Sprint(n-1) {
		t.Errorf("Last(3) = %v, %v", list, err)
	}
	// An unwritable disk bounds what waits.
	s.state.fault.Store(&noSpace)
	for i := range 2 * maxAuditWaiting {
		s.Audit().Add(AuditEntry{Action: fmt.Sprint("late ", i)})
	}
	if st := s.Stats(); st.DroppedUnflushed != maxAuditWaiting {
		t.Errorf("dropped %d, want %d", st.DroppedUnflushed, maxAuditWaiting)
	}
	err = s.Close()
	if err == nil || !strings.Contains(err.Error(), "writing the audit log: no space left on device") {
		t.Errorf("Close = %v", err)
	}
}

func TestDecisions(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	for i := range maxDecisions + 7 {
		s.Decisions().Add(Decision{User: uint64(i), Reason: "blocked", Apps: []AppDecision{{App: "koishi", Outcome: "drop"}}})
	}
	if got := s.Decisions().Last(2); len(got) != 2 || got[0].User != maxDecisions+6 || got[1].User != maxDecisions+5 {
		t.Errorf("Last(2) = %v", got)
	}
	closed(t, s)
	s = opened(t, dir, Options{})
	s.Decisions().Add(Decision{User: 9999})
	got := s.Decisions().Last(1 << 20)
	if len(got) != maxDecisions || got[0].User != 9999 || got[1].User != maxDecisions+6 || got[maxDecisions-1].User != 8 || got[1].Apps[0].App != "koishi" {
		t.Errorf("%d decisions: %v ... %v", len(got), got[:2], got[len(got)-1])
	}
	if got := s.Decisions().Last(-1); len(got) != 0 {
		t.Errorf("Last(-1) = %v", got)
	}
	allocs := testing.AllocsPerRun(100, func() { s.Decisions().Add(Decision{}) })
	if allocs != 0 {
		t.Errorf("Add allocates %v times", allocs)
	}
}

func TestSettings(t *testing.T) {
	s := opened(t, t.TempDir(), Options{})
	for _, kv := range [][2]string{{"console.password", "hash"}, {"other", "x"}, {"other", ""}} {
		if err := s.Settings().Set(kv[0], kv[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Settings().Set("big", strings.Repeat("x", maxSetting+1)); err == nil || s.Settings().Get("big") != "" {
		t.Errorf("Set(big) = %v", err)
	}
	s = opened(t, killed(t, s), Options{})
	if got := fmt.Sprint(s.Settings().values); got != "map[console.password:hash]" {
		t.Errorf("settings %s", got)
	}
}

// While state.db refuses the number of a start, journal.db carries it: so it is not given again, even when nothing that was
// made with it is left.
func TestNumberInJournal(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{Sync: time.Hour})
	const number = 900
	s.state.fault.Store(&noSpace)
	if err := s.committer.inside(t.Context(), func() error {
		s.epoch, s.unnumbered = number, true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.History().Add("bot", 10, Record{Chat: policy.Chat{ID: 1}})
	flushed(t, s)
	s = opened(t, killed(t, s), Options{})
	if s.Epoch() != number+1 {
		t.Errorf("start number %d after %d", s.Epoch(), number)
	}
}
