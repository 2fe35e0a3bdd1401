//go:build unix

package localfile

import (
	"fmt"
	"os"
	"syscall"
)

// Plain changes a plain file that has one name, and refuses everything else: the folder may be somebody's who puts a link
// there just now, to a file that must be left alone.
func Plain(path string, change func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !info.Mode().IsRegular() || st.Nlink != 1 {
		return fmt.Errorf("%s is no plain file with one name: it is left alone", path)
	}
	return change(f)
}
