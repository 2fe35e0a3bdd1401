package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// binary is the catflap under test, built once with the race detector.
var binary string

// buildPlain builds the catflap that users have, the first time that a test asks for it.
var buildPlain = sync.OnceValues(func() (string, error) {
	path := binary + "-plain"
	return path, build(path, "0")
})

// plainBinary is the path of that catflap.
func plainBinary(t *testing.T) string {
	t.Helper()
	path, err := buildPlain()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "catflap-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "catflap")
	if err := build(binary, "1", "-race"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(path, cgo string, flags ...string) error {
	args := append([]string{"build", "-tags", "nethttpomithttp2", "-ldflags", "-X main.version=e2e", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, "../..")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building catflap: %w\n%s", err, out)
	}
	return nil
}
