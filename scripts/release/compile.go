package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// tool runs a program in the tree, with more variables, and returns what it printed.
func (r *release) tool(ctx context.Context, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = r.root
	cmd.Env = append(r.env[:len(r.env):len(r.env)], env...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, bytes.TrimSpace(problems.Bytes()))
	}
	return out, nil
}

// built is where a target's program lies until it is packed.
func (r *release) built(t target) string { return filepath.Join(r.stage, t.String(), t.program()) }

// compile builds the program. GOFLAGS is emptied, so that a setting of the machine cannot change what comes out; there
// is no trace of the checkout in it (-trimpath, -buildvcs=false, an empty build id).
func (r *release) compile(ctx context.Context, t target) error {
	env := append([]string{"CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOEXPERIMENT=", "GOOS=" + t.goos}, t.env...)
	_, err := r.tool(ctx, env, "go", "build", "-trimpath", "-buildvcs=false", "-tags", r.tags,
		"-ldflags", "-s -w -buildid= -X main.version="+r.version.String(), "-o", r.built(t), ".")
	if err != nil {
		return fmt.Errorf("building for %s: %w", t, err)
	}
	info, err := os.Stat(r.built(t))
	if err != nil {
		return err
	}
	fmt.Printf("  %-14s %6.2f MiB\n", t, float64(info.Size())/(1<<20))
	return nil
}

// native builds the program for this machine, for the texts that it prints itself.
func (r *release) native(ctx context.Context) (string, error) {
	out := filepath.Join(r.stage, "native", "catflap")
	_, err := r.tool(ctx, []string{"CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH},
		"go", "build", "-trimpath", "-buildvcs=false", "-tags", r.tags, "-ldflags", "-X main.version="+r.version.String(), "-o", out, ".")
	return out, err
}
