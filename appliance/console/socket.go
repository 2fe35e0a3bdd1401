package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// maxSocketPath is what fits in a sockaddr_un with its closing zero byte on Linux; other systems take a few bytes less.
const maxSocketPath = 107

// ErrInUse means that somebody answers on the socket already.
var ErrInUse = errors.New("another instance answers on this socket")

// ListenSocket listens on a unix socket that only its owner may use (0600) or, with a group, also the group (0660).
// A stale socket is replaced; anything else at that path is left alone and is an error. The socket is made and given its
// permissions in a folder of its own and then moved into place, so that nobody can connect in between.
func ListenSocket(path, group string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the path of the admin socket is %d bytes long, the system takes at most %d: choose a shorter dataDir (%s)",
			len(path), maxSocketPath, path)
	}
	if err := checkStale(path); err != nil {
		return nil, err
	}
	// Not longer than the final name, or a path that fits could still fail here.
	private, err := makePrivate(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("preparing the admin socket: %w", err)
	}
	defer os.Remove(private)
	made := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("opening the admin socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // it is about to move
	if err := place(made, path, group); err != nil {
		l.Close()
		os.Remove(made)
		return nil, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("opening the admin socket: %w", err)
	}
	return &socket{Listener: l, path: path, info: info}, nil
}

func checkStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at the admin socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and is no socket: move it away, catflap needs that name for its admin socket", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return fmt.Errorf("opening %s: %w", path, ErrInUse)
	}
	return nil
}

func makePrivate(dir string) (string, error) {
	for range 8 {
		name := filepath.Join(dir, ".s"+rand.Text()[:5])
		err := os.Mkdir(name, 0o700)
		if !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
	return "", fmt.Errorf("no free name in %s", dir)
}

func place(made, path, group string) error {
	mode := fs.FileMode(0o600)
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return fmt.Errorf("giving the admin socket to group %s: %w", group, err)
		}
		gid, err := strconv.Atoi(g.Gid)
		if err != nil {
			return fmt.Errorf("giving the admin socket to group %s: its id %q is no number", group, g.Gid)
		}
		// The service's sandbox refuses chown; there the file has the group already, being that of the process.
		if err := os.Lchown(made, -1, gid); err != nil && gid != os.Getegid() {
			return fmt.Errorf("giving the admin socket to group %s: %w", group, err)
		}
		mode = 0o660
	}
	if err := os.Chmod(made, mode); err != nil {
		return fmt.Errorf("protecting the admin socket: %w", err)
	}
	if err := os.Rename(made, path); err != nil {
		return fmt.Errorf("placing the admin socket: %w", err)
	}
	return nil
}

// socket removes its file when it is closed, but never one that a newer instance has put there.
type socket struct {
	net.Listener
	path string
	info fs.FileInfo
	once sync.Once
}

func (s *socket) Close() error {
	s.once.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.info) {
			os.Remove(s.path)
		}
	})
	return s.Listener.Close()
}
