package simulator

import (
	"net"
	"sync"
)

// cable is the socket under a connection, with hands on it: it can be cut or clamped.
type cable struct {
	net.Conn
	mu      sync.Mutex
	clamp   chan struct{} // not nil while stalled; closed when released
	gone    chan struct{}
	endOnce sync.Once
}

func newCable(c net.Conn) *cable { return &cable{Conn: c, gone: make(chan struct{})} }

// Read waits while the cable is clamped, so that the peer's bytes pile up in the kernel. Bytes already on their way to
// the reader at the moment of clamping still arrive.
func (c *cable) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		clamp := c.clamp
		c.mu.Unlock()
		if clamp == nil {
			return c.Conn.Read(p)
		}
		select {
		case <-clamp:
		case <-c.gone:
			return 0, net.ErrClosed
		}
	}
}

// Close also releases a reader that waits in a clamp.
func (c *cable) Close() error {
	c.endOnce.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

// cut ends the connection with a TCP reset: no close frame, no FIN.
func (c *cable) cut() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the reset is a courtesy to tests: a plain close still cuts
	}
	_ = c.Close()
}

func (c *cable) stall(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case on && c.clamp == nil:
		c.clamp = make(chan struct{})
	case !on && c.clamp != nil:
		close(c.clamp)
		c.clamp = nil
	}
}

// cables is a listener whose connections are cables.
type cables struct{ net.Listener }

func (l cables) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newCable(c), nil
}
