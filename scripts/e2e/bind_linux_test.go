package e2e

import (
	"os/exec"
	"syscall"
)

// bind ends a program with the test process, however that one ends.
func bind(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
