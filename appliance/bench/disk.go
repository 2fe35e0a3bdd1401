package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// diskBytes is the size of the throw-away file system; journal.db is far smaller in a short run.
const diskBytes = 512 << 20

// disk is a file with ext4 on a loop device: its counters tell what reaches a card, file system journal included.
type disk struct {
	path   string // where it is mounted
	device string // loopN
}

// newDisk makes and mounts a disk in a folder. Root is needed.
func newDisk(ctx context.Context, dir string) (d *disk, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("the flash scenario mounts a loop device: run it as root")
	}
	image := filepath.Join(dir, "disk.img")
	d = &disk{path: filepath.Join(dir, "disk")}
	f, err := os.Create(image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(diskBytes), f.Close(), os.Mkdir(d.path, 0o700)); err != nil {
		return nil, err
	}
	// Nothing is left to be written in the background.
	if _, err := tool(ctx, "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image); err != nil {
		return nil, err
	}
	if _, err := tool(ctx, "mount", "-o", "loop,noatime", image, d.path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	device, err := tool(ctx, "losetup", "--noheadings", "--output", "NAME", "--associated", image)
	if err != nil {
		return d, err
	}
	d.device = filepath.Base(strings.TrimSpace(device))
	_, err = d.written(ctx)
	return d, err
}

// close unmounts the disk; the kernel then gives the loop device back.
func (d *disk) close() error {
	_, err := tool(context.Background(), "umount", d.path)
	return err
}

// written returns the bytes that the device was told to write, after everything was.
func (d *disk) written(ctx context.Context) (int64, error) {
	if _, err := tool(ctx, "sync", "--file-system", d.path); err != nil {
		return 0, err
	}
	data, err := os.ReadFile(filepath.Join("/sys/block", d.device, "stat"))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(data))
	const sectorsWritten, sector = 6, 512
	if len(f) <= sectorsWritten {
		return 0, fmt.Errorf("the counters of %s read %q", d.device, data)
	}
	n, err := strconv.ParseInt(f[sectorsWritten], 10, 64)
	return n * sector, err
}

// tool runs a program of the system.
func tool(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
