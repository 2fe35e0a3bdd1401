package store

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

var update = flag.Bool("update", false, "write the golden files anew")

// putRaw puts one value, for tests.
func putRaw(table, key, value []byte) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error { return tx.Bucket(table).Put(key, value) }
}

// dump writes a file's tables as text.
func dump(t *testing.T, f *file) string {
	t.Helper()
	var b strings.Builder
	err := f.view(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, table *bbolt.Bucket) error {
			fmt.Fprintf(&b, "[%s]\n", name)
			return table.ForEach(func(k, v []byte) error {
				fmt.Fprintf(&b, "%q = %q\n", k, v)
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "schema", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// The first versions of both files, as released: a change here needs a step, not a new golden file.
func TestSchemaVersion1(t *testing.T) {
	for name, s := range map[string]schema{stateName: {steps: stateSchema().steps[:1]}, journalName: {steps: journalSchema().steps[:1]}} {
		path := filepath.Join(t.TempDir(), name)
		if err := create(path, s); err != nil {
			t.Fatal(err)
		}
		f, err := openFile(path, fileOptions{schema: s})
		if err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(name, ".db")+"-1.txt", dump(t, f))
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The framework, with a second step that only this test knows.
func TestSchemaMigration(t *testing.T) {
	one := schema{steps: stateSchema().steps[:1]}
	two := schema{steps: append(one.steps[:1:1], step{does: "renames pins to selves", run: func(tx *bbolt.Tx) error {
		if err := createAll(tx, []byte("selves")); err != nil {
			return err
		}
		err := tx.Bucket(bucketPins).ForEach(func(k, v []byte) error { return tx.Bucket([]byte("selves")).Put(k, v) })
		if err != nil {
			return err
		}
		return tx.DeleteBucket(bucketPins)
	}})}
	dir := t.TempDir()
	path := filepath.Join(dir, stateName)
	if err := create(path, one); err != nil {
		t.Fatal(err)
	}
	open := func(s schema) *file {
		t.Helper()
		f, err := openFile(path, fileOptions{schema: s})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.close() })
		return f
	}
	f := open(one)
	if err := f.update(putRaw(bucketPins, []byte("bot"), []byte("\x00\x00\x00\x00\x00\x00'\x11"))); err != nil {
		t.Fatal(err)
	}
	golden(t, "step-before.txt", dump(t, f))
	if err := f.close(); err != nil {
		t.Fatal(err)
	}

	// A step that fails changes nothing, and the copy that was made before it stays.
	broken := schema{steps: append(one.steps[:1:1], step{does: "breaks", run: func(tx *bbolt.Tx) error {
		return errors.Join(tx.DeleteBucket(bucketPins), errors.New("no"))
	}})}
	_, err := openFile(path, fileOptions{schema: broken})
	if want := fmt.Sprintf("opening %s: schema step 2 (breaks): no", path); err == nil || err.Error() != want {
		t.Errorf("openFile = %v, want %s", err, want)
	}
	if _, err := openFile(path, fileOptions{schema: two, readOnly: true}); err == nil || err.Error() != fmt.Sprintf("opening %s: it has schema 1 and this version needs 2: start catflap once to bring it up to date", path) {
		t.Errorf("openFile(read only) = %v", err)
	}

	f = open(two)
	golden(t, "step-after.txt", dump(t, f))
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	old, err := openFile(path+".schema-1", fileOptions{schema: one, readOnly: true})
	if err != nil {
		t.Fatalf("the copy of the old file: %v", err)
	}
	golden(t, "step-before.txt", dump(t, old))
	if err := old.close(); err != nil {
		t.Fatal(err)
	}

	_, err = openFile(path, fileOptions{schema: one})
	want := fmt.Sprintf("opening %s: written by a newer catflap: it has schema 2 and this version knows 1: install the newer catflap again, or put back the copy that it made before (%s.schema-1)", path, filepath.Base(path))
	if !errors.Is(err, ErrNewer) || err.Error() != want {
		t.Errorf("openFile(newer) = %v, want %s", err, want)
	}
}

func TestSchemaMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), stateName)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { return createAll(tx, []byte("foreign")) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openFile(path, fileOptions{schema: stateSchema()}); !errors.Is(err, ErrDamaged) {
		t.Errorf("openFile = %v, want ErrDamaged", err)
	}
}
