package smalldisk

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// inside is set in the process that has the disk, to its folder.
const inside = "CATFLAP_TEST_SMALL_DISK"

// On runs the calling test once more, in a process with mounts of its own, and gives it a file system of that size there
// (as tmpfs takes it: "8m"). It needs no root, and nothing is left of it. Not ok is the outer process, for which the test
// is over then.
func On(t *testing.T, size string) (dir string, ok bool) {
	t.Helper()
	if dir := os.Getenv(inside); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
			t.Fatalf("mounting a small disk: %v", err)
		}
		return dir, true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=100s")
	cmd.Env = append(os.Environ(), inside+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("on a small disk: %v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("--- PASS: "+t.Name()+" ")) {
		t.Fatalf("the test did not run on a small disk:\n%s", out)
	}
	return "", false
}
