package doctor

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/backup"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/store"
)

// System reads the box. Tests give one with a Root of their own.
type System struct {
	Root string // where /proc, /sys and /run are; "" = /
}

// path is a file of the system.
func (s System) path(name string) string { return filepath.Join(s.Root, "/", name) }

func (s System) text(name string) string {
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// Files looks at the configuration and at what lies in the data folder. answers tells whether somebody listens on a
// socket; socket is its name.
func Files(configPath string, c *config.Config, socket string, answers func(path string) bool) []File {
	var out []File
	if configPath != "" {
		out = append(out, look(configPath, ConfigFile))
	}
	if c == nil {
		return out
	}
	folder := look(c.DataDir, DataFolder)
	out = append(out, folder)
	if folder.Missing {
		return out
	}
	names := append(store.Files(), "state.db.bak")
	for _, name := range names {
		if f := look(filepath.Join(c.DataDir, name), DataFile); !f.Missing {
			out = append(out, f)
		}
	}
	if f := look(filepath.Join(c.DataDir, socket), Socket); !f.Missing && f.Mode.Type() == fs.ModeSocket {
		f.Stale = !answers(f.Path)
		out = append(out, f)
	}
	entries, _ := os.ReadDir(c.DataDir)
	for _, e := range entries {
		full := filepath.Join(c.DataDir, e.Name())
		switch {
		case backup.IsLeftover(e.Name()):
			out = append(out, look(full, Leftover))
		case isSetAside(e.Name()):
			out = append(out, look(full, SetAside))
		}
	}
	return out
}

func isSetAside(name string) bool {
	for _, base := range store.Files() {
		if strings.HasPrefix(name, base+".bad") {
			return true
		}
	}
	return false
}

func look(path string, kind Kind) File {
	stat := os.Lstat
	if kind == ConfigFile || kind == DataFolder {
		stat = os.Stat
	}
	info, err := stat(path)
	if err != nil { // what we may not look at is there, and is closed
		return File{Path: path, Kind: kind, Missing: errors.Is(err, fs.ErrNotExist), Owner: -1}
	}
	return File{Path: path, Kind: kind, Mode: info.Mode(), Size: info.Size(), Changed: info.ModTime(), Owner: uid(info)}
}

// Clock reads what the kernel and the files say of the time.
func (s System) Clock(files []File) *Clock {
	c := &Clock{Synced: synced()}
	for i := range files {
		if f := &files[i]; f.Kind == DataFile && f.Changed.After(c.Newest) {
			c.Newest = f.Changed
		}
	}
	return c
}

// Memory reads /proc and the cgroup of the service; nil where there is none of that.
func (s System) Memory(service string) *Memory {
	f, err := os.Open(s.path("proc/meminfo"))
	if err != nil {
		return nil
	}
	defer f.Close()
	m := &Memory{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		n, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			continue
		}
		switch words[0] {
		case "MemTotal:":
			m.Total = n << 10
		case "MemAvailable:":
			m.Available = n << 10
		}
	}
	on := false // the last word counts
	for word := range strings.FieldsSeq(s.text("proc/cmdline")) {
		switch word {
		case "cgroup_disable=memory":
			m.NoCgroup, on = true, false
		case "cgroup_enable=memory":
			on = true
		}
	}
	m.NoCgroup = m.NoCgroup && !on
	if n, err := strconv.ParseInt(s.text("sys/fs/cgroup/system.slice/"+service+".service/memory.max"), 10, 64); err == nil {
		m.ServiceMax = n
	}
	return m
}

// Containers names the first sign of a container runtime on this host, "" when there is none.
func (s System) Containers() string {
	for _, sign := range []struct{ path, name string }{
		{"run/docker.sock", "docker"}, {"var/run/docker.sock", "docker"}, {"sys/class/net/docker0", "docker"},
		{"run/podman/podman.sock", "podman"}, {"sys/class/net/podman0", "podman"},
	} {
		if _, err := os.Lstat(s.path(sign.path)); err == nil {
			return sign.name
		}
	}
	return ""
}

// card says whether a block device is an SD card, by its number and the kernel's tree of devices.
func (s System) card(major, minor uint32) (name string, card bool) {
	link, err := os.Readlink(s.path("sys/dev/block/" + strconv.FormatUint(uint64(major), 10) + ":" + strconv.FormatUint(uint64(minor), 10)))
	if err != nil {
		return "", false
	}
	name = filepath.Base(link)
	disk, _, _ := strings.Cut(name, "p")
	if !strings.HasPrefix(name, "mmcblk") {
		return name, false
	}
	return name, s.text("sys/block/"+disk+"/device/type") != "MMC" // that is soldered, and lives longer
}
