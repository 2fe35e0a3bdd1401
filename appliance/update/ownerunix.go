//go:build unix

package update

import (
	"io/fs"
	"os"
	"syscall"
)

// sameOwner gives a copy the owner of the original: root makes it, and the service has to be able to read it.
func sameOwner(f *os.File, of fs.FileInfo) error {
	if st, ok := of.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		return f.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}
