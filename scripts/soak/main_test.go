package soak

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	soakTime  = flag.Duration("soak.time", 30*time.Second, "how long TestSoak makes faults")
	soakSeed  = flag.Uint64("soak.seed", 0, "seed of the faults; 0 = a new one")
	soakKills = flag.Int("soak.kills", 5, "how often TestKillMinusNine kills")
)

// binary is the catflap under test, built once with the race detector.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "catflap-soak")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "catflap")
	build := exec.Command("go", "build", "-race", "-tags", "nethttpomithttp2", "-ldflags", "-X main.version=soak", "-o", binary, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building catflap: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// seed is the flag's value, or a new one; it is printed so that a failure can be had again.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := *soakSeed
	if s == 0 {
		s = uint64(time.Now().UnixNano()) % 1_000_000
	}
	t.Logf("seed %d", s)
	return s
}
