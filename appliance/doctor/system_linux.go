package doctor

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Disk reads the file system of a folder, or of the nearest folder above it that is there.
func (s System) Disk(dir string) *Disk {
	dir = existing(dir)
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return nil
	}
	block := uint64(max(st.Frsize, 1))
	d := &Disk{
		Free: bytes(st.Bavail, block), Total: bytes(st.Blocks, block), FreeFiles: int64(min(st.Ffree, math.MaxInt64)),
		ReadOnly: st.Flags&unix.ST_RDONLY != 0,
	}
	if st.Files == 0 { // btrfs, FAT
		d.FreeFiles = -1
	}
	if info, err := os.Stat(dir); err == nil {
		if sys, ok := info.Sys().(*syscall.Stat_t); ok {
			d.Device, d.SDCard = s.card(unix.Major(uint64(sys.Dev)), unix.Minor(uint64(sys.Dev)))
		}
	}
	return d
}

// existing is the nearest folder above a path that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func bytes(blocks, size uint64) int64 {
	if blocks > math.MaxInt64/size {
		return math.MaxInt64
	}
	return int64(blocks * size)
}

// synced asks the kernel whether something disciplines the clock.
func synced() *bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return nil
	}
	ok := state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
	return &ok
}

func uid(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}
