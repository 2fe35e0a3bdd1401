package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/policy"
)

// filled makes a closed store with an approval, 600 messages, 200 lines of the audit log and a waiting event.
func filled(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	closed(t, s)
	s = opened(t, dir, Options{}) // so that a copy of state.db exists
	if _, err := s.Access().Approve("bot", "5", 0, true, policy.PairingLimits{}); err != nil {
		t.Fatal(err)
	}
	for i := range 600 {
		s.History().Add("bot", 100, Record{Chat: policy.Chat{Group: true, ID: uint64(i % 20)}, MessageID: int64(i), Text: strings.Repeat("x", 200)})
	}
	for i := range 200 {
		s.Audit().Add(AuditEntry{Action: fmt.Sprint("action ", i), Outcome: "refused"})
	}
	s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot"})
	s.Journal().Append(Event{For: 1, Raw: []byte(`{"post_type":"message"}`)})
	closed(t, s)
	return dir
}

// tour uses everything that reads a file.
func tour(s *Store) (err error) {
	note := func(e error) { err = errors.Join(err, e) }
	for _, c := range s.History().List("") {
		_, e := s.History().Show(c.Account, c.Chat, 0)
		note(e)
	}
	note(s.History().Recent("bot", 1000, func(Record) {}))
	_, e := s.Audit().Last(10)
	note(e)
	for i := range 300 {
		s.History().Add("bot", 100, Record{Chat: policy.Chat{ID: uint64(i % 7)}, Text: "more"})
	}
	note(s.History().Flush(context.Background()))
	return err
}

func TestFault_S12_DamagedFiles(t *testing.T) {
	source := filled(t)
	damage := map[string]func(b []byte) []byte{
		"empty":                 func([]byte) []byte { return nil },
		"garbage":               func(b []byte) []byte { rand.New(rand.NewSource(1)).Read(b); return b },
		"text":                  func([]byte) []byte { return []byte("not a database at all") },
		"cut to one page":       func(b []byte) []byte { return b[:4096] },
		"cut to two pages":      func(b []byte) []byte { return b[:8192] },
		"cut to three pages":    func(b []byte) []byte { return b[:3*4096] },
		"cut in half":           func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"cut in half, odd":      func(b []byte) []byte { return b[:len(b)/2+13] },
		"both metas zeroed":     func(b []byte) []byte { clear(b[:8192]); return b },
		"all but metas zeroed":  func(b []byte) []byte { clear(b[8192:]); return b },
		"all but metas garbage": func(b []byte) []byte { rand.New(rand.NewSource(2)).Read(b[8192:]); return b },
	}
	for _, name := range []string{stateName, journalName} {
		for what, change := range damage {
			t.Run(name+" "+what, func(t *testing.T) {
				dir := copied(t, source)
				path := filepath.Join(dir, name)
				spoil(t, path, change)
				before, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range []Options{{ReadOnly: true}, {}} {
					s, err := Open(dir, o)
					if err == nil {
						err = tour(s)
						_ = s.Close()
					}
					var d *DamagedError
					if !errors.As(err, &d) || !errors.Is(err, ErrDamaged) {
						t.Fatalf("Open = %v, want a *DamagedError", err)
					}
					if d.File != path || !strings.Contains(d.Remedy, name+".bad") {
						t.Errorf("the error does not lead on: %v", err)
					}
				}
				after, err := os.ReadFile(path)
				if err != nil || string(before) != string(after) {
					t.Errorf("the damaged file was changed (%v)", err)
				}
				// The way out of the message works, and pairings live through it.
				byHand := copied(t, dir)
				setAsideByHand(t, byHand, name)
				s := opened(t, byHand, Options{})
				if name == journalName && !s.Access().Approved("bot", 5) {
					t.Error("the approval went with the journal that was renamed")
				}
				if err := tour(s); err != nil {
					t.Errorf("after the way out: %v", err)
				}
				closed(t, s)

				// So does the one of a program.
				bad, err := SetAside(dir, name, time.Unix(1_800_000_000, 0))
				if err != nil || filepath.Base(bad) != name+".bad-20270115-080000" {
					t.Fatalf("SetAside = %q, %v", bad, err)
				}
				s = opened(t, dir, Options{})
				if name == journalName && !s.Access().Approved("bot", 5) {
					t.Error("the approval went with the journal")
				}
				if err := tour(s); err != nil {
					t.Errorf("after SetAside: %v", err)
				}
			})
		}
	}
}

// setAsideByHand does what the error of a damaged file says.
func setAsideByHand(t *testing.T, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.Rename(path, path+".bad"); err != nil {
		t.Fatal(err)
	}
	if name == stateName {
		if err := copyFile(filepath.Join(dir, stateBackupName), path); err != nil {
			t.Fatal(err)
		}
	}
}

// The owner's word allows one start without a journal, not every one.
func TestFault_S07_JournalSetAsideOnce(t *testing.T) {
	dir := filled(t)
	journal := filepath.Join(dir, journalName)
	setAsideByHand(t, dir, journalName)
	if _, err := Open(dir, Options{ReadOnly: true}); err == nil || !strings.HasSuffix(err.Error(), "journal.db was set aside: start catflap once, which begins an empty one") {
		t.Errorf("Open for reading = %v", err)
	}
	s := opened(t, dir, Options{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	if !s.Access().Approved("bot", 5) || len(s.History().List("")) != 0 {
		t.Error("the approval went, or the journal is not new")
	}
	closed(t, s)
	if _, err := os.Lstat(journal + ".bad-20270115-080000"); err != nil {
		t.Errorf("what was set aside is gone: %v", err)
	}
	if err := os.Remove(journal); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "make an empty file journal.db.bad") {
		t.Errorf("a second start without a journal: %v", err)
	}
	if err := os.WriteFile(journal+".bad", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	closed(t, opened(t, dir, Options{}))
}

// A page deep in a file is found when it is read, and then nothing touches the file any more.
func TestFault_S12_DamageInside(t *testing.T) {
	source := filled(t)
	info, err := os.Stat(filepath.Join(source, journalName))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for page := int64(2); page < info.Size()/4096; page++ {
		for _, fill := range []byte{0x00, 0xff} {
			dir := copied(t, source)
			spoil(t, filepath.Join(dir, journalName), func(b []byte) []byte {
				for i := range b[page*4096 : (page+1)*4096] {
					b[page*4096+int64(i)] = fill
				}
				return b
			})
			s, err := Open(dir, Options{})
			if err == nil {
				err = tour(s)
				if !s.Access().Approved("bot", 5) {
					t.Fatalf("page %d: the approval went", page)
				}
				_ = s.Close()
			}
			if err != nil {
				found++
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("page %d: %v", page, err)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no damage was found at all")
	}
}

func TestFault_S07_MissingFile(t *testing.T) {
	for _, tc := range []struct{ missing, other string }{{stateName, journalName}, {journalName, stateName}} {
		dir := copied(t, filled(t))
		path := filepath.Join(dir, tc.missing)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, Options{})
		want := fmt.Sprintf("%s is damaged (the file is missing beside %s): ", path, tc.other)
		if !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Open = %v, want %s...", err, want)
		}
		if bad, err := SetAside(dir, tc.missing, time.Now()); err != nil || bad != "" {
			t.Errorf("SetAside = %q, %v", bad, err)
		}
		closed(t, opened(t, dir, Options{}))
	}
}

// A box whose journal was never written to, or is gone too, is no new box as long as a copy of state.db says otherwise.
func TestFault_S07_CopyAlone(t *testing.T) {
	for _, journal := range []string{"never written", "gone"} {
		dir := t.TempDir()
		closed(t, opened(t, dir, Options{}))
		closed(t, opened(t, dir, Options{})) // the copy is made
		if err := os.Remove(filepath.Join(dir, stateName)); err != nil {
			t.Fatal(err)
		}
		if journal == "gone" {
			if err := os.Remove(filepath.Join(dir, journalName)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Open(dir, Options{})
		want := fmt.Sprintf("%s is damaged (the file is missing beside %s): ", filepath.Join(dir, stateName), stateBackupName)
		if !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("journal.db %s: Open = %v, want %s...", journal, err, want)
		}
	}
}

func TestSetAsideRefuses(t *testing.T) {
	dir := filled(t)
	if _, err := SetAside(dir, journalName, time.Now()); err == nil || !strings.HasSuffix(err.Error(), "the file is sound") {
		t.Errorf("SetAside(sound) = %v", err)
	}
	if _, err := SetAside(dir, "../passwd", time.Now()); err == nil || !strings.HasSuffix(err.Error(), "it is neither state.db nor journal.db") {
		t.Errorf("SetAside(other) = %v", err)
	}
	s := opened(t, dir, Options{})
	if _, err := SetAside(dir, journalName, time.Now()); !errors.Is(err, ErrLocked) {
		t.Errorf("SetAside(in use) = %v", err)
	}
	closed(t, s)
}

func TestBackupRestore(t *testing.T) {
	dir, backup := filled(t), t.TempDir()
	s := opened(t, dir, Options{})
	if err := s.Backup(backup); err != nil {
		t.Fatal(err)
	}
	if err := Restore(dir, backup, time.Now()); !errors.Is(err, ErrLocked) {
		t.Errorf("Restore into a store in use = %v", err)
	}
	if _, err := s.Access().Revoke("bot", "5"); err != nil {
		t.Fatal(err)
	}
	epoch := s.Epoch()
	closed(t, s)
	if err := Restore(dir, backup, time.Now()); err != nil {
		t.Fatal(err)
	}
	s = opened(t, dir, Options{})
	if !s.Access().Approved("bot", 5) || len(s.History().List("bot")) != 20 {
		t.Error("the backup did not come back")
	}
	if s.Epoch() <= epoch {
		t.Errorf("start number %d after %d", s.Epoch(), epoch)
	}
	closed(t, s)
	spoil(t, filepath.Join(backup, journalName), func(b []byte) []byte { return b[:4096] })
	if err := Restore(dir, backup, time.Now()); !errors.Is(err, ErrDamaged) {
		t.Errorf("Restore of a damaged backup = %v", err)
	}
	closed(t, opened(t, dir, Options{}))
}

func copied(t testing.TB, from string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func spoil(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}
