package console

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

func listen(t *testing.T, path, group string) net.Listener {
	t.Helper()
	l, err := ListenSocket(path, group)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestFault_S13_SocketIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l := listen(t, path, "")
	if got := mode(t, path); got != fs.ModeSocket|0o600 {
		t.Errorf("mode is %v, want a socket with 0600", got)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("nobody answers: %v", err)
	}
	c.Close()
	l.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close the socket is still there: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 0 {
		t.Errorf("the folder is not empty afterwards: %v, %v", left, err)
	}
}

func TestSocketForAGroup(t *testing.T) {
	own, err := user.LookupGroupId(userGroup(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "admin.sock")
	listen(t, path, own.Name)
	if got := mode(t, path); got != fs.ModeSocket|0o660 {
		t.Errorf("mode is %v, want a socket with 0660", got)
	}
	if _, err := ListenSocket(filepath.Join(t.TempDir(), "a.sock"), "no-such-group"); err == nil ||
		!strings.HasPrefix(err.Error(), "giving the admin socket to group no-such-group: ") {
		t.Errorf("an unknown group gives %v", err)
	}
}

func userGroup(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Gid
}

func TestFault_S13_StaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	listen(t, path, "")
	if got := mode(t, path); got != fs.ModeSocket|0o600 {
		t.Errorf("mode is %v, want a socket with 0600", got)
	}
}

func TestFault_S13_NothingButASocketIsReplaced(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(path string) error
	}{
		{"file", func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) }},
		{"folder", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"symlink", func(path string) error { return os.Symlink(filepath.Join(filepath.Dir(path), "elsewhere"), path) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "admin.sock")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			before := mode(t, path)
			_, err := ListenSocket(path, "")
			want := path + " is there and is no socket: move it away, catflap needs that name for its admin socket"
			if err == nil || err.Error() != want {
				t.Errorf("error is %v, want %s", err, want)
			}
			if after := mode(t, path); after != before {
				t.Errorf("it was changed from %v to %v", before, after)
			}
		})
	}
}

func TestSocketInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	listen(t, path, "")
	if _, err := ListenSocket(path, ""); !errors.Is(err, ErrInUse) {
		t.Errorf("a second instance gets %v, want ErrInUse", err)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("the first one is gone: %v", err)
	} else {
		c.Close()
	}
}

// An old instance that closes late must not remove the socket of its successor.
func TestLateCloseLeavesTheSuccessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	old := listen(t, path, "")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	listen(t, path, "")
	old.Close()
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("the successor is gone: %v", err)
	} else {
		c.Close()
	}
}

func TestSocketPathIsBounded(t *testing.T) {
	dir := t.TempDir()
	fits := filepath.Join(dir, strings.Repeat("d", maxSocketPath-len(dir)-len("/")-len("/admin.sock")), "admin.sock")
	if len(fits) != maxSocketPath {
		t.Fatalf("the test's path has %d bytes", len(fits))
	}
	if err := os.Mkdir(filepath.Dir(fits), 0o700); err != nil {
		t.Fatal(err)
	}
	listen(t, fits, "")
	long := filepath.Join(dir, strings.Repeat("d", maxSocketPath), "admin.sock")
	_, err := ListenSocket(long, "")
	if err == nil || !strings.Contains(err.Error(), "the system takes at most 107: choose a shorter dataDir") {
		t.Errorf("a path of %d bytes gives %v", len(long), err)
	}
}
