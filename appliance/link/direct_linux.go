package link

import (
	"net"
	"syscall"
)

// direct writes to a socket without ever waiting for it.
type direct struct {
	raw  syscall.RawConn
	try  func(fd uintptr) bool // made once, so that a write allocates nothing
	buf  []byte
	sent int
}

// newDirect returns nil where the connection is not a plain socket.
func newDirect(c net.Conn) *direct {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	d := &direct{raw: raw}
	d.try = func(fd uintptr) bool {
		n, err := syscall.Write(int(fd), d.buf)
		if err == nil {
			d.sent = n
		}
		return true // done, whatever came of it
	}
	return d
}

// write tries once and reports whether all of the batch went out.
func (d *direct) write(b *Batch) bool {
	d.buf, d.sent = b.buf, 0
	err := d.raw.Write(d.try)
	d.buf = nil
	b.sent = d.sent
	return err == nil && b.sent == len(b.buf)
}
