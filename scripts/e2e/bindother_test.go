//go:build !linux

package e2e

import "os/exec"

// bind does nothing where the system has no way to tie a program to its parent.
func bind(*exec.Cmd) {}
