package appliance

import (
	"math"

	"golang.org/x/sys/unix"

	"github.com/catflap/catflap/appliance/console"
)

// disk reads the file system of a folder.
func disk(dir string) console.DiskStatus {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return console.DiskStatus{}
	}
	block := uint64(max(st.Frsize, 1))
	size := func(blocks uint64) int64 { return int64(min(blocks, math.MaxInt64/block) * block) }
	return console.DiskStatus{Free: size(st.Bavail), Total: size(st.Blocks)}
}
