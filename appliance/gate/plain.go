package gate

import (
	"context"
	"net"
	"net/http"
)

// socketKey finds the socket of a request in its context.
type socketKey struct{}

// withSocket lets Hold find the socket that a request came on.
func withSocket(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, socketKey{}, c)
}

// Plain is where a request that is not to become a link gets its answer.
func (k *Knock) Plain() http.ResponseWriter { return k.w }

// Hold keeps the request's socket from being closed for a newcomer until release is called: its peer is known, and waits
// for an answer or reads events.
func (k *Knock) Hold() (release func()) {
	c, ok := k.Context().Value(socketKey{}).(*boundedConn)
	if !ok {
		return func() {}
	}
	c.Keep()
	return c.loosen
}

// Narrow bounds what the system takes of the answer before its reader does, bytes. The system tells a writer of room only
// when half of its buffer is free, and that buffer grows to megabytes: to a bound on the time of one write, a reader who is
// slow and steady would look like one who stands still.
func (k *Knock) Narrow(bytes int) {
	if c, ok := k.Context().Value(socketKey{}).(*boundedConn); ok {
		if socket, ok := c.Conn.(interface{ SetWriteBuffer(int) error }); ok {
			_ = socket.SetWriteBuffer(bytes) // it works as well with another one, for faster readers
		}
	}
}

// loosen undoes Keep: the socket may be closed for a newcomer again, as the youngest.
func (c *boundedConn) loosen() {
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.gone || c.place != nil {
		return
	}
	c.place = l.waiting.PushBack(c)
	l.hosts[c.host]++
}
