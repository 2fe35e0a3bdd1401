//go:build unix

package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/catflap/catflap/store"
)

// giveToOwner makes the owner of the data folder the owner of the store's files in it: root restores for a service that
// is not root. Others can only have made files of their own.
func giveToOwner(data string) error {
	uid, gid, ok := owner(data)
	if !ok {
		return nil
	}
	for _, name := range store.Files() {
		if err := give(filepath.Join(data, name), uid, gid); err != nil {
			return err
		}
	}
	return nil
}

// giveAll is giveToOwner for a whole folder.
func giveAll(folder, data string) error {
	uid, gid, ok := owner(data)
	if !ok {
		return nil
	}
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.Lchown(path, uid, gid)
		case !d.Type().IsRegular():
			return nil
		}
		return give(path, uid, gid)
	})
}

// give changes the owner of a plain file that has one name. The folder is not root's: what lies there under a name may be
// a link to a file that must not be given away.
func give(path string, uid, gid int) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("giving %s to the owner of its folder: %w", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("giving %s to the owner of its folder: %w", path, err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.Mode().IsRegular() || st.Nlink != 1 {
		return fmt.Errorf("giving %s to the owner of its folder: it is no plain file with one name", path)
	}
	if err := f.Chown(uid, gid); err != nil {
		return fmt.Errorf("giving %s to the owner of its folder: %w", path, err)
	}
	return nil
}

// owner is who has the data folder; false when we may give nothing away.
func owner(data string) (uid, gid int, ok bool) {
	info, err := os.Stat(data)
	if err != nil || os.Geteuid() != 0 {
		return 0, 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}
