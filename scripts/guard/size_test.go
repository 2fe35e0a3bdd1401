package guard

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// maxBinary is the promised size of the stripped linux/arm64 binary: 16 MiB with everything in it.
const maxBinary = 16 << 20

func TestBinaryStaysSmall(t *testing.T) {
	out := filepath.Join(t.TempDir(), "catflap")
	// The same flags as `make build`.
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", tags, "-ldflags", "-s -w -X main.version=guard", "-o", out, ".")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if problems, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building for linux/arm64: %v\n%s", err, problems)
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("linux/arm64 binary: %.2f MiB", float64(info.Size())/(1<<20))
	if info.Size() > maxBinary {
		t.Errorf("the linux/arm64 binary has %d bytes, more than %d", info.Size(), maxBinary)
	}
}
