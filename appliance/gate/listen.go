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
	"sync"
	"syscall"
	"time"
)

// maxConns bounds the sockets that one listener holds open, authenticated or not.
const maxConns = 256

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
	return &boundedListener{Listener: l, free: make(chan struct{}, maxConns)}, nil
}

type boundedListener struct {
	net.Listener
	free chan struct{}
}

// Accept refuses (closes at once) what is over the bound, so that a flood of sockets cannot make the good
// ones wait in the backlog.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.free <- struct{}{}:
			return &boundedConn{Conn: c, release: sync.OnceFunc(func() { <-l.free })}, nil
		default:
			_ = c.Close()
		}
	}
}

type boundedConn struct {
	net.Conn
	release func()
}

// Close gives the place back once, however often it is called.
func (c *boundedConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// SyscallConn gives access to the socket, as net.TCPConn does.
func (c *boundedConn) SyscallConn() (syscall.RawConn, error) {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return s.SyscallConn()
}

// CloseWrite says that nothing more follows, as net.TCPConn does: a socket closed with unread bytes would be reset, and
// the reset may overtake the answer.
func (c *boundedConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
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
