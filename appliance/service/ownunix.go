//go:build unix

package service

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// own is Host.Own of this machine. The folder may belong to the service, which must not lead root to another file by a link
// put in between: what is opened is what is changed.
func own(path, owner, group string, dry bool) (bool, error) {
	uid, gid, err := ids(owner, group)
	if err != nil {
		if dry {
			return true, nil // they are about to be made
		}
		return false, fmt.Errorf("giving %s to %s:%s: %w", path, owner, group, err)
	}
	f, err := openItself(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(st.Uid) == uid && int(st.Gid) == gid {
		return false, nil
	}
	if ok && info.Mode().IsRegular() && st.Nlink > 1 {
		return false, fmt.Errorf("%s has a second name (hard link): copy it", path)
	}
	if dry {
		return true, nil
	}
	if err := f.Chown(uid, gid); err != nil {
		return false, fmt.Errorf("giving %s to %s:%s: %w", path, owner, group, err)
	}
	return true, nil
}

// permit sets the permissions of a file or folder, following no link.
func permit(path string, mode os.FileMode) error {
	f, err := openItself(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Chmod(mode)
}

// openItself opens a file or folder and no link.
func openItself(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

func ids(owner, group string) (uid, gid int, err error) {
	u, err := user.Lookup(owner)
	if err != nil {
		return 0, 0, err
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, 0, err
	}
	uid, err = strconv.Atoi(u.Uid)
	if err != nil {
		return 0, 0, fmt.Errorf("user %s has the id %q", owner, u.Uid)
	}
	gid, err = strconv.Atoi(g.Gid)
	if err != nil {
		return 0, 0, fmt.Errorf("group %s has the id %q", group, g.Gid)
	}
	return uid, gid, nil
}

// rootOwned tells whether nobody but root can change a file or a folder.
func rootOwned(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid == 0 && info.Mode().Perm()&0o022 == 0
}

// OwnsFolder reports whether a folder belongs to the user that the service runs as, who is not root.
func OwnsFolder(path string) bool {
	u, err := user.Lookup(Name)
	if err != nil || u.Uid == "0" {
		return false
	}
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && strconv.FormatUint(uint64(st.Uid), 10) == u.Uid
}
