//go:build unix

package command

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a new file the owner of the one that it replaces: NapCat often runs as another user.
func keepOwner(path string, old fs.FileInfo) error {
	if old == nil || os.Geteuid() != 0 {
		return nil
	}
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		return os.Lchown(path, int(st.Uid), int(st.Gid))
	}
	return nil
}
