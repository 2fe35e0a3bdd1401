package appliance

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory bounds Go's memory. The process must bound itself: stock Raspberry Pi systems switch the memory cgroup off.
// GOMEMLIMIT in the environment wins.
func limitMemory(configured int64) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := memoryLimit(configured, groupMemory(os.DirFS("/"))); limit > 0 {
		debug.SetMemoryLimit(goMemory(limit))
	}
}

// MemoryInForce is the limit that a catflap started here keeps to, and the control group's bound of which it is made when that
// is the tighter one; 0 = none.
func MemoryInForce(configured int64) (limit, group int64) {
	group = groupMemory(os.DirFS("/"))
	if limit = memoryLimit(configured, group); limit == configured {
		group = 0
	}
	return limit, group
}

// goMemory is what of a limit on the process is for Go: five eighths, so 30 MiB by default. The rest is for the program's
// own pages and the mapped databases; and garbage of large frames does not pile up to the limit itself.
func goMemory(limit int64) int64 { return limit / 8 * 5 }

// memoryLimit is what the configuration says, or three quarters of what the control group allows where that is less: the
// rest is for the program's own pages and the mapped databases. 0 = no limit.
func memoryLimit(configured, group int64) int64 {
	if most := group / 4 * 3; group > 0 && (configured <= 0 || most < configured) {
		return most
	}
	return configured
}

// groupMemory is the least that memory.max and memory.high (cgroup v2) or memory.limit_in_bytes (v1) of this process's
// control group and those above it allow, in bytes; 0 = no limit. In a container the mounted tree begins at the container's
// own group although /proc may name it by its path outside; a path that is not there is then taken for the root.
func groupMemory(root fs.FS) int64 {
	f, err := root.Open("proc/self/cgroup")
	if err != nil {
		return 0
	}
	defer f.Close()
	least := int64(0)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// hierarchy:controllers:path
		parts := strings.SplitN(lines.Text(), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, names := "sys/fs/cgroup/memory", []string{"memory.limit_in_bytes"}
		switch {
		case parts[0] == "0" && parts[1] == "":
			mount, names = "sys/fs/cgroup", []string{"memory.max", "memory.high"}
		case !strings.Contains(","+parts[1]+",", ",memory,"):
			continue
		}
		for at := path.Clean("/" + parts[2]); ; at = path.Dir(at) {
			for _, name := range names {
				if n := readLimit(root, path.Join(mount, at, name)); n > 0 && (least == 0 || n < least) {
					least = n
				}
			}
			if at == "/" {
				break
			}
		}
	}
	return least
}

// readLimit reads one file of a control group; 0 = none. cgroup v1 says "no limit" by a number near the largest.
func readLimit(root fs.FS, name string) int64 {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	const none = 1 << 60
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil || n <= 0 || n >= none {
		return 0 // "max"
	}
	return n
}
