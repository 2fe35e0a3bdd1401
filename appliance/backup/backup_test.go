package backup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const secretConfig = "accessToken: s3cret-of-napcat\n"

// box is a data folder with a store in it and a configuration beside it.
type box struct {
	t    *testing.T
	dir  string
	data string
}

func newBox(t *testing.T) *box {
	t.Helper()
	b := &box{t: t, dir: t.TempDir()}
	b.data = filepath.Join(b.dir, "data")
	if err := os.WriteFile(b.config(), []byte(secretConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	st := b.open(store.Options{})
	b.approve(st, "20002")
	st.History().Add("bot", 10, store.Record{Account: "bot", Chat: policy.Chat{ID: 20002}, Time: noon.Unix(), User: 20002, MessageID: 1, Raw: []byte(`"meow"`)})
	b.close(st)
	return b
}

func (b *box) config() string { return filepath.Join(b.dir, "catflap.yaml") }

func (b *box) open(o store.Options) *store.Store {
	b.t.Helper()
	st, err := store.Open(b.data, o)
	if err != nil {
		b.t.Fatal(err)
	}
	return st
}

func (b *box) close(st *store.Store) {
	b.t.Helper()
	if err := st.Close(); err != nil {
		b.t.Error(err)
	}
}

func (b *box) approve(st *store.Store, user string) {
	b.t.Helper()
	if _, err := st.Access().Approve("bot", user, 0, true, policy.PairingLimits{}); err != nil {
		b.t.Fatal(err)
	}
}

// approved lists who is approved in the data folder.
func (b *box) approved(users ...uint64) (out []uint64) {
	b.t.Helper()
	st := b.open(store.Options{})
	defer b.close(st)
	for _, user := range users {
		if st.Access().Approved("bot", user) {
			out = append(out, user)
		}
	}
	return out
}

func (b *box) source(st *store.Store) *Source {
	return &Source{Store: st, Version: "1.2.3", Now: func() time.Time { return noon }, Where: func() (string, string, string) {
		return b.config(), b.data, filepath.Join(b.data, "media")
	}}
}

// made is a backup of the box, made while the store is open.
func (b *box) made(o Options) []byte {
	b.t.Helper()
	st := b.open(store.Options{})
	defer b.close(st)
	var out bytes.Buffer
	if err := b.source(st).Write(b.t.Context(), &out, o); err != nil {
		b.t.Fatal(err)
	}
	return out.Bytes()
}

// names lists what lies in the data folder.
func (b *box) names() []string {
	b.t.Helper()
	entries, err := os.ReadDir(b.data)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestBackupAndRestore(t *testing.T) {
	b := newBox(t)
	made := b.made(Options{})
	content, err := Read(t.Context(), bytes.NewReader(made), nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(content.Text) != secretConfig {
		t.Errorf("configuration: %q", content.Text)
	}
	if diff := cmp.Diff([]any{"1.2.3", noon, b.config(), Format}, []any{content.Catflap, content.Time, content.Config, content.Format}); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	var members []string
	for _, m := range content.Members {
		members = append(members, m.Name)
	}
	if diff := cmp.Diff([]string{"catflap.yaml", "state.db", "journal.db"}, members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"journal.db", "state.db", "state.db.bak"}, b.names()); diff != "" {
		t.Errorf("something is left (-want +got):\n%s", diff)
	}

	st := b.open(store.Options{})
	b.approve(st, "30003")
	b.close(st)
	done, err := Restore(t.Context(), bytes.NewReader(made), b.data, filepath.Join(b.data, "media"), noon)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(done.Kept)
	want := &Restored{
		Files: []string{filepath.Join(b.data, "state.db"), filepath.Join(b.data, "journal.db")},
		Kept:  []string{filepath.Join(b.data, "journal.db.bad-20260301-120000"), filepath.Join(b.data, "state.db.bad-20260301-120000")},
	}
	if diff := cmp.Diff(want, done); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	if got := b.approved(20002, 30003); !slices.Equal(got, []uint64{20002}) {
		t.Errorf("approved after the restore: %v", got)
	}
	if slices.ContainsFunc(b.names(), IsLeftover) {
		t.Errorf("something is left: %v", b.names())
	}
	if text, err := os.ReadFile(b.config()); err != nil || string(text) != secretConfig {
		t.Errorf("the configuration was touched: %q, %v", text, err)
	}
}

func TestBackupWithoutConfigAndOfAStoreForReading(t *testing.T) {
	b := newBox(t)
	st := b.open(store.Options{ReadOnly: true})
	defer b.close(st)
	var out bytes.Buffer
	if err := b.source(st).Write(t.Context(), &out, Options{NoConfig: true, Media: true}); err != nil {
		t.Fatal(err)
	}
	content, err := Read(t.Context(), &out, nil)
	if err != nil || content.Text != nil || content.Config != "" || content.Has(ConfigName) {
		t.Errorf("the configuration is in it: %+v, %v", content, err)
	}
}

func TestBackupOfMedia(t *testing.T) {
	b := newBox(t)
	media := filepath.Join(b.data, "media")
	for name, text := range map[string]string{"aa/picture": "cat", "bb/cc/voice": "meow"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(media, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(media, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(b.config(), filepath.Join(media, "link")); err != nil {
		t.Fatal(err)
	}
	made := b.made(Options{Media: true})
	if err := os.RemoveAll(filepath.Join(media, "aa")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(media, "bb/cc/voice"), []byte("newer"), 0o600); err != nil {
		t.Fatal(err)
	}
	done, err := Restore(t.Context(), bytes.NewReader(made), b.data, media, noon)
	if err != nil || done.Media != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	for name, want := range map[string]string{"aa/picture": "cat", "bb/cc/voice": "newer"} {
		if got, err := os.ReadFile(filepath.Join(media, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestOneBackupAtATime(t *testing.T) {
	b := newBox(t)
	st := b.open(store.Options{})
	defer b.close(st)
	s := b.source(st)
	var inside error
	err := s.Write(t.Context(), writerFunc(func(p []byte) (int, error) {
		inside = errors.Join(s.Write(t.Context(), io.Discard, Options{}), s.Check())
		return len(p), nil
	}), Options{})
	if err != nil || !errors.Is(inside, ErrBusy) {
		t.Errorf("%v, inside %v", err, inside)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// What ends early leaves nothing behind, on neither side.
func TestCutShort(t *testing.T) {
	b := newBox(t)
	made := b.made(Options{})
	st := b.open(store.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.source(st).Write(ctx, io.Discard, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v", err)
	}
	full := errors.New("no room")
	if err := b.source(st).Write(t.Context(), writerFunc(func([]byte) (int, error) { return 0, full }), Options{}); !errors.Is(err, full) {
		t.Errorf("Write = %v", err)
	}
	b.close(st)
	if _, err := Restore(ctx, bytes.NewReader(made), b.data, "", noon); !errors.Is(err, context.Canceled) {
		t.Errorf("Restore = %v", err)
	}
	if diff := cmp.Diff([]string{"journal.db", "state.db", "state.db.bak"}, b.names()); diff != "" {
		t.Errorf("something is left (-want +got):\n%s", diff)
	}
}

func TestRestoreRefusesAFolderInUse(t *testing.T) {
	b := newBox(t)
	made := b.made(Options{})
	st := b.open(store.Options{})
	_, err := Restore(t.Context(), bytes.NewReader(made), b.data, "", noon)
	if !errors.Is(err, store.ErrLocked) {
		t.Errorf("Restore = %v", err)
	}
	if _, err := Salvage(b.data, noon); !errors.Is(err, store.ErrLocked) {
		t.Errorf("Salvage = %v", err)
	}
	b.approve(st, "30003") // it is still alive
	b.close(st)
	if diff := cmp.Diff([]string{"journal.db", "state.db", "state.db.bak"}, b.names()); diff != "" {
		t.Errorf("something is left (-want +got):\n%s", diff)
	}
}

// The owner's ways out of damage, as the errors name them.
func TestFault_S12_Salvage(t *testing.T) {
	ruin := func(name string) func(*box) {
		return func(b *box) {
			if err := os.Truncate(filepath.Join(b.data, name), 5000); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*box) {
		return func(b *box) {
			if err := os.Remove(filepath.Join(b.data, name)); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name string
		harm []func(*box)
		want []string
		err  string
	}{
		{"sound", nil, nil, ""},
		{"journal", []func(*box){ruin("journal.db")}, []string{"journal.db"}, ""},
		{"state", []func(*box){ruin("state.db")}, []string{"state.db"}, ""},
		{"both", []func(*box){ruin("state.db"), ruin("journal.db")}, []string{"state.db", "journal.db"}, ""},
		{"journal is gone", []func(*box){remove("journal.db")}, []string{"journal.db"}, ""},
		{"state is gone", []func(*box){remove("state.db")}, []string{"state.db"}, ""},
		{"state, and no copy", []func(*box){ruin("state.db"), remove("state.db.bak")}, nil, "there is no good copy of state.db: put a backup back with `catflap restore FILE`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			b.made(Options{}) // a second start: the copy has the approval
			for _, harm := range c.harm {
				harm(b)
				if _, err := store.Open(b.data, store.Options{}); err == nil || !strings.Contains(err.Error(), "`catflap restore --salvage`") {
					t.Fatalf("Open says %v", err)
				}
			}
			got, err := Salvage(b.data, noon)
			if c.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.err) {
					t.Errorf("Salvage = %v", err)
				}
				return
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("Salvage = %v, %v", got, err)
			}
			if got := b.approved(20002); len(got) != 1 {
				t.Error("the approval is gone")
			}
			if again, err := Salvage(b.data, noon); err != nil || again != nil {
				t.Errorf("a second Salvage = %v, %v", again, err)
			}
		})
	}
}

// A message of a moment ago is only in memory (store.sync): a backup has it all the same.
func TestBackupOfWhatIsInMemory(t *testing.T) {
	b := newBox(t)
	st := b.open(store.Options{Sync: time.Hour})
	st.History().Add("bot", 10, store.Record{Account: "bot", Chat: policy.Chat{ID: 20003}, Time: noon.Unix(), User: 20003, MessageID: 2, Raw: []byte(`"just now"`)})
	var out bytes.Buffer
	if err := b.source(st).Write(t.Context(), &out, Options{}); err != nil {
		t.Fatal(err)
	}
	b.close(st)
	data := filepath.Join(b.dir, "elsewhere")
	if _, err := Restore(t.Context(), &out, data, filepath.Join(data, "media"), noon); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(data, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte("just now")) {
		t.Error("the message is not in the backup")
	}
}
