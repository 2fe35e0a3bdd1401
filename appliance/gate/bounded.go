package gate

import (
	"container/list"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// Bounds of the sockets that one listener holds open.
const (
	maxConns   = 256 // in all, links included
	maxPerHost = 32  // of one address that is not loopback and has not shown a right token, links not included
	maxTrusted = 64  // addresses that have
)

// boundedListener lets sockets that never become a link make room for newer ones, the oldest first: whoever opens
// sockets and says nothing cannot keep a good peer out, since a good one is upgraded at once.
type boundedListener struct {
	net.Listener

	mu      sync.Mutex
	open    int
	waiting list.List // of *boundedConn that are not kept, oldest first
	hosts   map[netip.Addr]int
	trusted map[netip.Addr]bool
}

func bounded(l net.Listener) *boundedListener {
	return &boundedListener{Listener: l, hosts: make(map[netip.Addr]int), trusted: make(map[netip.Addr]bool)}
}

// trust remembers an address whose owner has shown a right token. Of too many, any one is forgotten.
func (l *boundedListener) trust(remote string) {
	host, ok := remoteAddr(remote)
	if !ok || host.IsLoopback() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.trusted) >= maxTrusted && !l.trusted[host] {
		for other := range l.trusted {
			delete(l.trusted, other)
			break
		}
	}
	l.trusted[host] = true
}

// Accept closes the newcomer at once only if every socket is a link already, so that it does not wait in the backlog.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, out := l.admit(raw)
		if out != nil {
			_ = out.Close()
		}
		if c != nil {
			return c, nil
		}
	}
}

// admit gives the newcomer a place, and the socket that has to be closed for it, or the newcomer itself if there is none.
func (l *boundedListener) admit(raw net.Conn) (*boundedConn, net.Conn) {
	host, known := remoteAddr(raw.RemoteAddr().String())
	l.mu.Lock()
	defer l.mu.Unlock()
	var out net.Conn
	switch {
	case known && !host.IsLoopback() && !l.trusted[host] && l.hosts[host] >= maxPerHost:
		out = l.evict(func(c *boundedConn) bool { return c.host == host })
	case l.open >= maxConns:
		if out = l.evict(func(*boundedConn) bool { return true }); out == nil {
			return nil, raw
		}
	}
	c := &boundedConn{Conn: raw, listener: l, host: host}
	c.place = l.waiting.PushBack(c)
	l.open++
	l.hosts[host]++
	return c, out
}

// evict takes away the oldest matching socket that is not kept and returns what has to be closed. The caller holds the lock.
func (l *boundedListener) evict(match func(*boundedConn) bool) net.Conn {
	for e := l.waiting.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*boundedConn); match(c) {
			l.forget(c)
			return c.Conn
		}
	}
	return nil
}

// unlist takes a socket from those that may be evicted. The caller holds the lock.
func (l *boundedListener) unlist(c *boundedConn) {
	if c.place == nil {
		return
	}
	l.waiting.Remove(c.place)
	c.place = nil
	if l.hosts[c.host]--; l.hosts[c.host] == 0 {
		delete(l.hosts, c.host)
	}
}

// forget gives a socket's place back, once however often it is called. The caller holds the lock.
func (l *boundedListener) forget(c *boundedConn) {
	if c.gone {
		return
	}
	c.gone = true
	l.unlist(c)
	l.open--
}

// boundedConn is one socket of a boundedListener. The listener's lock guards place and gone.
type boundedConn struct {
	net.Conn
	listener *boundedListener
	host     netip.Addr
	place    *list.Element // among those that may be evicted; nil once kept
	gone     bool
}

// Keep says that the socket has become a link: it is not closed for a newcomer any more. Package link calls it.
func (c *boundedConn) Keep() {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	c.listener.unlist(c)
}

// Close gives the place back once, however often it is called.
func (c *boundedConn) Close() error {
	c.listener.mu.Lock()
	c.listener.forget(c)
	c.listener.mu.Unlock()
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
