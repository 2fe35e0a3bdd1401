//go:build unix

package update

import (
	"os"
	"syscall"
)

// lock takes a file as long as it is open; an error when somebody has it.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
