//go:build unix

package command

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/catflap/catflap/appliance/localfile"
)

// keepOwner gives a new file the owner of the one that it replaces: NapCat often runs as another user.
func keepOwner(path string, old fs.FileInfo) error {
	if old == nil || os.Geteuid() != 0 {
		return nil
	}
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		return localfile.Plain(path, func(f *os.File) error { return f.Chown(int(st.Uid), int(st.Gid)) })
	}
	return nil
}

// permit sets the permissions of a plain file, following no link.
func permit(path string, mode fs.FileMode) error {
	return localfile.Plain(path, func(f *os.File) error { return f.Chmod(mode) })
}

// oneName refuses links of both kinds; what is not there is fine.
func oneName(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a symbolic link", path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() && st.Nlink > 1 {
		return fmt.Errorf("%s has a second name (hard link)", path)
	}
	return nil
}
