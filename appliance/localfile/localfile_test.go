package localfile

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes a root with files, a folder beside it, and links between them.
func tree(t testing.TB) (base string, roots Roots) {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"open/sub", "openother", "secret"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"open/a b.png", "open/sub/c.png", "openother/d.png", "secret/token"} {
		if err := os.WriteFile(filepath.Join(base, file), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"open/out": base + "/secret", "open/token": "../secret/token", "open/in.png": base + "/open/sub/c.png",
		"door": base + "/open", "open/loop": "loop", "open/nowhere": base + "/secret/none",
	} {
		if err := os.Symlink(to, filepath.Join(base, link)); err != nil {
			t.Fatal(err)
		}
	}
	return base, Roots{filepath.Join(base, "missing"), filepath.Join(base, "open")}
}

func TestFault_S03_OnlyFilesBelowTheRoots(t *testing.T) {
	base, roots := tree(t)
	t.Chdir(filepath.Join(base, "open"))
	for _, c := range []struct {
		path string
		want error
	}{
		{base + "/open/a b.png", nil},
		{"file://" + base + "/open/a%20b.png", nil},
		{"FILE://" + base + "/open/sub/c.png", nil},
		{" " + base + "/open//./sub/c.png\n", nil},
		{base + "/open/sub", nil},
		{base + "/open/in.png", nil},
		{base + "/door/a b.png", nil},
		{base + "/open", ErrOutside},
		{base + "/openother/d.png", ErrOutside},
		{base + "/secret/token", ErrOutside},
		{base + "/secret/none", ErrOutside},
		{base + "/open/token", ErrOutside},
		{base + "/open/out/token", ErrOutside},
		{base + "/missing/x", ErrMissing},
		{base + "/open/none", ErrMissing},
		{base + "/open/nowhere", ErrMissing},
		{base + "/open/out/none", ErrMissing},
		{base + "/open/loop", ErrMissing},
		{"/", ErrOutside},
		{base + "/open/../open/a b.png", ErrForm},
		{"file://" + base + "/open/%2e%2e/secret/token", ErrForm},
		{"file://" + base + "/open/%zz", ErrForm},
		{"file://localhost" + base + "/open/a b.png", ErrForm},
		{"file:" + base + "/open/a b.png", ErrForm},
		{"a b.png", ErrForm},
		{"./a b.png", ErrForm},
		{"~/a b.png", ErrForm},
		{"http://../a b.png", ErrForm},
		{`C:\a.png`, ErrForm},
		{base + "/open/a\x00b", ErrForm},
		{"/" + strings.Repeat("x", maxPath), ErrForm},
		{"", ErrForm},
	} {
		if err := roots.Allows(c.path); !errors.Is(err, c.want) || err != nil && c.want == nil {
			t.Errorf("%q: got %v, want %v", c.path, err, c.want)
		}
		if err := Roots(nil).Allows(c.path); !errors.Is(err, ErrNoRoots) {
			t.Errorf("%q without roots: got %v", c.path, err)
		}
	}
}

func TestFault_S13_WhatIsNoFileIsNotRead(t *testing.T) {
	base, roots := tree(t)
	socket := filepath.Join(base, "open", "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := roots.Allows(socket); !errors.Is(err, ErrSpecial) {
		t.Errorf("a socket: %v", err)
	}
	if err := (Roots{"/dev"}).Allows("/dev/zero"); !errors.Is(err, ErrSpecial) {
		t.Errorf("a device: %v", err)
	}
}

func TestARootMayBeALink(t *testing.T) {
	base, _ := tree(t)
	roots := Roots{base + "/door"}
	for path, want := range map[string]error{base + "/door/a b.png": nil, base + "/open/a b.png": nil, base + "/door/token": ErrOutside} {
		if err := roots.Allows(path); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestErrorsTellNothingOfTheDisk(t *testing.T) {
	base, roots := tree(t)
	for _, path := range []string{base + "/open/nowhere", base + "/secret/token", base + "/open/token"} {
		if err := roots.Allows(path); err == nil || strings.Contains(err.Error(), base) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What is allowed lies below the root by every reading.
func FuzzAllows(f *testing.F) {
	base, roots := tree(f)
	for _, seed := range []string{"open/a b.png", "open/../secret/token", "open/%2e%2e/secret/token", "open/out/token", "door/sub/c.png", "secret/token"} {
		f.Add("", seed)
		f.Add("file://", seed)
	}
	f.Fuzz(func(t *testing.T, prefix, name string) {
		path := prefix + base + "/" + name
		if roots.Allows(path) != nil {
			return
		}
		plain, ok := fullPath(path)
		if !ok {
			t.Fatalf("%q is allowed but has no path", path)
		}
		actual, err := filepath.EvalSymlinks(plain)
		if err != nil || !strings.HasPrefix(actual, base+"/open/") {
			t.Fatalf("%q is allowed and means %q (%v)", path, actual, err)
		}
	})
}

func TestFault_S03_OpenGoesThroughTheRoot(t *testing.T) {
	base, roots := tree(t)
	for _, c := range []struct {
		path string
		want error
	}{
		{base + "/open/a b.png", nil},
		{"file://" + base + "/open/a%20b.png", nil},
		{base + "/door/a b.png", nil},
		{base + "/open/in.png", nil},
		{base + "/open/sub", ErrSpecial},
		{base + "/open/token", ErrOutside},
		{base + "/open/out/token", ErrOutside},
		{base + "/open/none", ErrMissing},
		{base + "/secret/token", ErrOutside},
		{"a b.png", ErrForm},
	} {
		f, err := roots.Open(c.path)
		if !errors.Is(err, c.want) || (f != nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.path, err, c.want)
		}
		if f != nil {
			if content, err := io.ReadAll(f); err != nil || string(content) != "x" {
				t.Errorf("%s holds %q, %v", c.path, content, err)
			}
			_ = f.Close()
		}
	}
	if _, err := (Roots{}).Open(base + "/open/a b.png"); !errors.Is(err, ErrNoRoots) {
		t.Errorf("without roots: %v", err)
	}
}

// A link that takes the file's place between the judgement and the opening leads nowhere.
func TestFault_S13_OpenAgainstARace(t *testing.T) {
	base, roots := tree(t)
	path := filepath.Join(base, "open", "a b.png")
	for _, swap := range []struct{ name, to string }{{"full", base + "/secret/token"}, {"relative", "../secret/token"}} {
		err := roots.find(path, func(dir *os.Root, rel string) error {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(swap.to, path); err != nil {
				t.Fatal(err)
			}
			f, err := dir.Open(rel)
			if err == nil {
				_ = f.Close()
			}
			return err
		})
		if err == nil {
			t.Errorf("%s: the link was followed", swap.name)
		}
	}
}
