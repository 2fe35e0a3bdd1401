package appliance

import (
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestGroupMemory(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no groups", nil, 0},
		{"version 2, the group's own limits", map[string]string{
			"proc/self/cgroup": "0::/system.slice/catflap.service\n",
			"sys/fs/cgroup/system.slice/catflap.service/memory.max":  "100663296\n",
			"sys/fs/cgroup/system.slice/catflap.service/memory.high": "75497472\n",
			"sys/fs/cgroup/system.slice/memory.max":                  "max\n",
		}, 72 << 20},
		{"version 2, a limit further up", map[string]string{
			"proc/self/cgroup":             "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "33554432\n",
		}, 32 << 20},
		{"version 2 in a container", map[string]string{
			"proc/self/cgroup": "0::/docker/0123/\n", "sys/fs/cgroup/memory.max": "67108864\n", "sys/fs/cgroup/memory.high": "max\n",
		}, 64 << 20},
		{"version 1", map[string]string{
			"proc/self/cgroup":                                       "12:cpu,cpuacct:/x\n5:memory:/docker/0123\n1:name=systemd:/docker/0123\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":             "9223372036854771712\n",
			"sys/fs/cgroup/memory/docker/0123/memory.limit_in_bytes": "50331648\n",
		}, 48 << 20},
		{"version 1 without a limit", map[string]string{
			"proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		{"the memory group is switched off", map[string]string{"proc/self/cgroup": "0::/system.slice/catflap.service\n"}, 0},
		{"what leads nowhere", map[string]string{"proc/self/cgroup": "0::/../../x\nnonsense\n", "sys/fs/cgroup/x/memory.max": "-1\n"}, 0},
	} {
		root := make(fstest.MapFS)
		for name, content := range tt.files {
			root[name] = &fstest.MapFile{Data: []byte(content)}
		}
		if got := groupMemory(root); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("GOMEMLIMIT", "")
	const asked = 8 << 20 // less than any machine's group
	if limitMemory(asked); debug.SetMemoryLimit(-1) != goMemory(asked) {
		t.Errorf("asked for %d, %d is in force", asked, debug.SetMemoryLimit(-1))
	}
	t.Setenv("GOMEMLIMIT", "1GiB")
	if limitMemory(asked * 2); debug.SetMemoryLimit(-1) != goMemory(asked) {
		t.Error("GOMEMLIMIT did not win")
	}
}

func TestMemoryLimit(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct{ configured, group, want int64 }{
		{48 * mib, 0, 48 * mib}, {48 * mib, 72 * mib, 48 * mib}, {48 * mib, 32 * mib, 24 * mib}, {48 * mib, 8 << 30, 48 * mib},
		{0, 64 * mib, 48 * mib}, {0, 0, 0},
	} {
		if got := memoryLimit(tt.configured, tt.group); got != tt.want {
			t.Errorf("configured %d, group %d: %d, want %d", tt.configured, tt.group, got, tt.want)
		}
	}
}
