package gate

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// NewServer returns an HTTP server whose limits fit a small board: slow or endless headers end, and so do
// idle connections. Upgraded links leave it and have deadlines of their own.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
}

// Listen opens a TCP listener that holds a bounded number of sockets. When the address is taken, the error
// names the program that has it where the system tells (Linux, own processes or root).
func Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listening on %s: the port is taken by %s; stop it or choose another port", address, holder(address))
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	return bounded(l), nil
}

// holder names the process that listens on the port of address, from /proc; "another program" if it cannot.
func holder(address string) string {
	const unknown = "another program"
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return unknown
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return unknown
	}
	inode := listenerInode(fmt.Sprintf(":%04X", n))
	if inode == "" {
		return unknown
	}
	pids, _ := filepath.Glob("/proc/[0-9]*")
	for _, pid := range pids {
		fds, _ := os.ReadDir(pid + "/fd")
		for _, fd := range fds {
			if to, err := os.Readlink(pid + "/fd/" + fd.Name()); err == nil && to == "socket:["+inode+"]" {
				name, _ := os.ReadFile(pid + "/comm")
				return fmt.Sprintf("%q (process %s)", strings.TrimSpace(string(name)), filepath.Base(pid))
			}
		}
	}
	return unknown
}

// listenerInode finds the socket inode of the listener on a port given as ":HEX".
func listenerInode(port string) string {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			const listening = "0A"
			if len(f) > 9 && f[3] == listening && strings.HasSuffix(f[1], port) {
				return f[9]
			}
		}
	}
	return ""
}
