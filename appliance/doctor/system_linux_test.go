package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root makes a system of files; a text that begins with -> is a symlink.
func root(t *testing.T, files map[string]string) System {
	t.Helper()
	s := System{Root: t.TempDir()}
	for name, text := range files {
		path := s.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if len(text) > 2 && text[:2] == "->" {
			err = os.Symlink(text[2:], path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestMemoryOfTheSystem(t *testing.T) {
	const info = "MemTotal:         496000 kB\nMemFree: 1 kB\nMemAvailable:     100000 kB\nodd\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  *Memory
	}{
		{"none", nil, nil},
		{"board", map[string]string{"proc/meminfo": info, "proc/cmdline": "coherent_pool=1M cgroup_disable=memory root=x\n", "sys/fs/cgroup/system.slice/catflap.service/memory.max": "100663296\n"},
			&Memory{Total: 496000 << 10, Available: 100000 << 10, NoCgroup: true, ServiceMax: 96 << 20}},
		{"switched on again", map[string]string{"proc/meminfo": info, "proc/cmdline": "cgroup_disable=memory cgroup_enable=memory", "sys/fs/cgroup/system.slice/catflap.service/memory.max": "max"},
			&Memory{Total: 496000 << 10, Available: 100000 << 10}},
	} {
		if diff := cmp.Diff(c.want, root(t, c.files).Memory("catflap")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestCards(t *testing.T) {
	s := root(t, map[string]string{
		"sys/dev/block/179:2":           "->../../devices/platform/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p2",
		"sys/block/mmcblk0/device/type": "SD\n",
		"sys/dev/block/179:10":          "->../../devices/platform/mmc_host/mmc1/mmc1:0001/block/mmcblk1/mmcblk1p1",
		"sys/block/mmcblk1/device/type": "MMC\n",
		"sys/dev/block/8:1":             "->../../devices/pci/ata1/block/sda/sda1",
	})
	for _, c := range []struct {
		major, minor uint32
		name         string
		card         bool
	}{{179, 2, "mmcblk0p2", true}, {179, 10, "mmcblk1p1", false}, {8, 1, "sda1", false}, {9, 9, "", false}} {
		if name, card := s.card(c.major, c.minor); name != c.name || card != c.card {
			t.Errorf("%d:%d is %q, %t", c.major, c.minor, name, card)
		}
	}
}

func TestContainers(t *testing.T) {
	if got := root(t, nil).Containers(); got != "" {
		t.Errorf("nothing is %q", got)
	}
	if got := root(t, map[string]string{"run/podman/podman.sock": ""}).Containers(); got != "podman" {
		t.Errorf("podman is %q", got)
	}
	if got := root(t, map[string]string{"sys/class/net/docker0/mtu": ""}).Containers(); got != "docker" {
		t.Errorf("docker is %q", got)
	}
}

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	d := System{}.Disk(filepath.Join(dir, "not", "yet"))
	if d == nil || d.Total <= 0 || d.Free < 0 || d.Free > d.Total || d.ReadOnly {
		t.Errorf("disk: %+v", d)
	}
	if got := bytes(1<<60, 1<<20); got != 1<<63-1 {
		t.Errorf("a large disk has %d bytes", got)
	}
}
