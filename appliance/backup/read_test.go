package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/store"
)

// packed is one member of an archive made by hand.
type packed struct {
	name, text string
	kind       byte
	link       string
}

// archive packs members behind a manifest that fits them, unless edit makes it another.
func archive(t testing.TB, members []packed, edit func(*Manifest)) []byte {
	t.Helper()
	m := Manifest{Kind: kind, Format: Format, Catflap: "9.9.9", Time: noon, Schemas: store.Versions()}
	for _, p := range members {
		sum := sha256.Sum256([]byte(p.text))
		m.Members = append(m.Members, Member{p.name, int64(len(p.text)), hex.EncodeToString(sum[:])})
	}
	if edit != nil {
		edit(&m)
	}
	text, err := json.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	return pack(t, append([]packed{{name: manifestName, text: string(text)}}, members...))
}

func pack(t testing.TB, members []packed) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, p := range members {
		h := &tar.Header{Name: p.name, Size: int64(len(p.text)), Mode: 0o600, Typeflag: tar.TypeReg}
		if p.kind != 0 {
			h.Typeflag, h.Linkname, h.Size = p.kind, p.link, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(p.text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What is no archive at all is not called cut off, and what follows the end is not either.
func TestFault_S07_NoBackupAndMore(t *testing.T) {
	good := newBox(t).made(Options{})
	for _, tt := range []struct {
		name string
		data []byte
		is   error
		want string
	}{
		{"a short text", []byte("hello"), ErrNotBackup, ErrNotBackup.Error()},
		{"a longer text", []byte("this is a text of some length, and no backup"), ErrNotBackup, ErrNotBackup.Error()},
		{"nothing", nil, ErrNotBackup, ErrNotBackup.Error()},
		{"bytes behind it", append(slices.Clone(good), "junk"...), ErrDamaged, ErrDamaged.Error() + ": something follows its end"},
		{"another one behind it", append(slices.Clone(good), good...), ErrDamaged, ErrDamaged.Error() + ": something follows its end"},
		{"without its last byte", good[:len(good)-1], ErrDamaged, ErrDamaged.Error() + ": it is cut off"},
	} {
		if _, err := Read(t.Context(), bytes.NewReader(tt.data), nil); !errors.Is(err, tt.is) || err.Error() != tt.want {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// A backup that was cut off, changed, made by hand or by a newer version is refused, and nothing at all is changed.
func TestFault_S07_BadBackups(t *testing.T) {
	b := newBox(t)
	good := b.made(Options{})
	dbs := []packed{{name: "state.db", text: "x"}, {name: "journal.db", text: "y"}}
	with := func(more ...packed) []packed { return append(slices.Clone(dbs), more...) }
	changed := slices.Clone(good)
	changed[len(changed)/2] ^= 0x40
	for _, c := range []struct {
		name string
		file []byte
		is   error
		want string // the whole message; "" = any
	}{
		{"empty", nil, ErrNotBackup, "it is no backup that catflap made"},
		{"text", []byte("accessToken: x\n"), ErrNotBackup, "it is no backup that catflap made"},
		{"another archive", pack(t, []packed{{name: "photo.jpg", text: "x"}}), ErrNotBackup, "it is no backup that catflap made: it does not begin with manifest.json"},
		{"an empty archive", pack(t, nil), ErrNotBackup, "it is no backup that catflap made"},
		{"another manifest", pack(t, []packed{{name: manifestName, text: "{}"}}), ErrNotBackup, "it is no backup that catflap made: its manifest is of another kind"},
		{"no JSON", pack(t, []packed{{name: manifestName, text: "{"}}), ErrDamaged, "the backup is damaged: its manifest cannot be read"},
		{"cut off", good[:len(good)-5], ErrDamaged, "the backup is damaged: it is cut off"},
		{"cut off early", good[:300], ErrDamaged, "the backup is damaged: it is cut off"},
		{"a bit changed", changed, ErrDamaged, ""},
		{"checksum", archive(t, dbs, func(m *Manifest) { m.Members[0].SHA256 = m.Members[1].SHA256 }), ErrDamaged, `the backup is damaged: the checksum of "state.db" is wrong`},
		{"size", archive(t, dbs, func(m *Manifest) { m.Members[0].Size = 2 }), ErrDamaged, `the backup is damaged: it holds "state.db" (1 bytes) where the manifest lists "state.db" (2 bytes)`},
		{"missing member", archive(t, dbs, func(m *Manifest) { m.Members = append(m.Members, Member{Name: ConfigName}) }), ErrDamaged, `the backup is damaged: "catflap.yaml" is missing`},
		{"no journal", archive(t, dbs[:1], nil), ErrDamaged, "the backup is damaged: it holds no journal.db"},
		{"unlisted member", archive(t, with(packed{name: "media/x", text: "z"}), func(m *Manifest) { m.Members = m.Members[:2] }), ErrDamaged, `the backup is damaged: it holds "media/x", which the manifest does not list`},
		{"twice", archive(t, with(dbs[0]), nil), ErrDamaged, `the backup is damaged: it holds "state.db" twice`},
		{"out of the folder", archive(t, with(packed{name: "../evil", text: "z"}), nil), ErrDamaged, `the backup is damaged: it holds "../evil", which is no part of a backup`},
		{"out of media", archive(t, with(packed{name: "media/../../evil", text: "z"}), nil), ErrDamaged, `the backup is damaged: it holds "media/../../evil", which is no part of a backup`},
		{"absolute", archive(t, with(packed{name: "/etc/passwd", text: "z"}), nil), ErrDamaged, `the backup is damaged: it holds "/etc/passwd", which is no part of a backup`},
		{"media/ absolute", archive(t, with(packed{name: "media//etc/passwd", text: "z"}), nil), ErrDamaged, `the backup is damaged: it holds "media//etc/passwd", which is no part of a backup`},
		{"backslashes", archive(t, with(packed{name: `media/..\evil`, text: "z"}), nil), ErrDamaged, `the backup is damaged: it holds "media/..\\evil", which is no part of a backup`},
		{"a symlink", archive(t, with(packed{name: "media/x", kind: tar.TypeSymlink, link: "/etc"}), nil), ErrDamaged, `the backup is damaged: it holds "media/x" (0 bytes) where the manifest lists "media/x" (0 bytes)`},
		{"a hard link", archive(t, []packed{dbs[0], {name: "journal.db", kind: tar.TypeLink, link: "/etc/passwd"}}, nil), ErrDamaged, ""},
		{"huge", archive(t, dbs, func(m *Manifest) { m.Members[0].Size = 1 << 40 }), ErrDamaged, `the backup is damaged: "state.db" has 1099511627776 bytes and may have at most 1140850688`},
		{"negative", archive(t, dbs, func(m *Manifest) { m.Members[0].Size = -1 }), ErrDamaged, `the backup is damaged: "state.db" has -1 bytes and may have at most 1140850688`},
		{"newer format", archive(t, dbs, func(m *Manifest) { m.Format = 2 }), ErrNewer, "the backup was made by a newer catflap: it has format 2 and this version reads 1: install catflap 9.9.9 or newer"},
		{"newer schema", archive(t, dbs, func(m *Manifest) { m.Schemas = maps.Clone(m.Schemas); m.Schemas["state.db"] = 99 }), ErrNewer,
			"the backup was made by a newer catflap: state.db has schema 99 and this version knows 1: install catflap 9.9.9 or newer"},
		{"no format", archive(t, dbs, func(m *Manifest) { m.Format = 0 }), ErrDamaged, "the backup is damaged: its manifest cannot be (format 0, 2 members)"},
		{"whole, but no databases", archive(t, dbs, nil), store.ErrDamaged, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := b.names()
			_, err := Restore(t.Context(), bytes.NewReader(c.file), b.data, filepath.Join(b.data, "media"), noon)
			if !errors.Is(err, c.is) || c.want != "" && err.Error() != c.want {
				t.Errorf("Restore = %v\nwant      %s", err, c.want)
			}
			if diff := cmp.Diff(before, b.names()); diff != "" {
				t.Errorf("the data folder changed:\n%s", diff)
			}
			if _, err := os.Lstat(filepath.Join(b.dir, "evil")); err == nil {
				t.Error("a file was written outside of the folder")
			}
		})
	}
	if got := b.approved(20002); len(got) != 1 {
		t.Error("the approval is gone")
	}
}

// A bomb is unpacked no further than what it claims to be.
func TestFault_S06_BackupBomb(t *testing.T) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	sum := sha256.Sum256(nil)
	none := hex.EncodeToString(sum[:])
	text, err := json.Marshal(Manifest{Kind: kind, Format: Format, Schemas: store.Versions(), Members: []Member{{"state.db", 0, none}, {"journal.db", 0, none}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: manifestName, Size: int64(len(text)), Mode: 0o600}), second(w.Write(text)),
		w.WriteHeader(&tar.Header{Name: "state.db", Mode: 0o600}), w.WriteHeader(&tar.Header{Name: "journal.db", Mode: 0o600}), w.Close()); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 64 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), &out, nil); err == nil || err.Error() != "the backup is damaged: something follows its end" {
		t.Errorf("Read = %v", err)
	}
}

func second(_ int, err error) error { return err }

// FuzzRead: no panic, no file but those of a backup, and nothing passes that is not what its manifest says. The archive is
// packed here, or hardly anything would get past the checksum of the packing.
func FuzzRead(f *testing.F) {
	for _, seed := range [][]byte{
		archive(f, []packed{{name: "state.db", text: "x"}, {name: "journal.db", text: "y"}, {name: ConfigName, text: "a: b"}, {name: "media/a/b", text: "z"}}, nil),
		pack(f, []packed{{name: manifestName, text: `{"kind":"catflap-backup","format":1,"members":[{"name":"state.db"}]}`}}),
	} {
		z, err := gzip.NewReader(bytes.NewReader(seed))
		if err != nil {
			f.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, plain bool) {
		if plain {
			var out bytes.Buffer
			z := gzip.NewWriter(&out)
			if _, err := z.Write(data); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			data = out.Bytes()
		}
		dir := t.TempDir()
		inside := filepath.Join(dir, "in")
		if err := os.Mkdir(inside, 0o700); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(inside)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		content, err := Read(t.Context(), bytes.NewReader(data), root)
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Fatalf("something was written outside: %v, %v", entries, err)
		}
		if err != nil {
			return
		}
		for _, m := range content.Members {
			if m.Name == ConfigName {
				continue
			}
			text, err := os.ReadFile(filepath.Join(inside, m.Name))
			sum := sha256.Sum256(text)
			if err != nil || int64(len(text)) != m.Size || hex.EncodeToString(sum[:]) != m.SHA256 {
				t.Fatalf("%s is not what the manifest says: %v", m.Name, err)
			}
		}
	})
}
