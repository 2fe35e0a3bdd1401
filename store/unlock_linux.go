package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// unlock frees the lock of a file that bbolt still has mapped: the mapping would keep it past the close.
func unlock(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }
