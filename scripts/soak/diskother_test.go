//go:build !linux

package soak

import (
	"errors"
	"os/exec"
	"testing"
)

func bind(*exec.Cmd) {}

type disk struct{ dir string }

func mountDisk(t *testing.T, _ string) *disk {
	t.Helper()
	t.Fatal("the harness needs Linux: it mounts a small disk for the fault \"disk full\"")
	return nil
}

func (d *disk) fill() error { return errors.ErrUnsupported }
func (d *disk) free() error { return errors.ErrUnsupported }
