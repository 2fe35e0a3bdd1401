package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestArchiveNamesNobodyAndKnowsOneTime(t *testing.T) {
	at := time.Unix(1700000000, 0).UTC()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &release{time: at}
	data, err := r.tarred([]entry{{"top/a", 0o755, file}, {"top/b", 0o644, file}})
	if err != nil {
		t.Fatal(err)
	}
	if data, err = zipped(data); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if z.Name != "" || !z.ModTime.IsZero() {
		t.Errorf("the gzip header has the name %q and the time %v", z.Name, z.ModTime)
	}
	var names []string
	in := tar.NewReader(z)
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if !h.ModTime.Equal(at) || h.Uid != 0 || h.Gid != 0 || h.Uname != "root" {
			t.Errorf("%s: %v, %d/%d %s", h.Name, h.ModTime, h.Uid, h.Gid, h.Uname)
		}
		text, err := io.ReadAll(in)
		if err != nil || string(text) != "text" {
			t.Errorf("%s: %q, %v", h.Name, text, err)
		}
	}
	if got := strings.Join(names, " "); got != "top/a top/b" {
		t.Errorf("it holds %s", got)
	}
}

func TestSameSeesEveryDifference(t *testing.T) {
	write := func(folder, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	one, other := t.TempDir(), t.TempDir()
	write(one, "a", "1")
	write(other, "a", "1")
	if err := same(one, other); err != nil {
		t.Error(err)
	}
	write(one, "b", "1")
	write(other, "b", "2")
	write(other, "c", "3")
	if err := same(one, other); err == nil || err.Error() != "two runs made different files: b, c" {
		t.Errorf("said %v", err)
	}
}
