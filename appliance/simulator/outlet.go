package simulator

import (
	"net"
	"sync"
)

// outlet is where events go that is no WebSocket: an event stream, or the HTTP client. It gets no meta events.
type outlet struct {
	push   func(frame []byte) // may wait for room
	stream bool               // a connection that can be cut
}

// join makes an outlet take part until leave is called.
func (n *NapCat) join(o *outlet) (leave func()) {
	n.linkMu.Lock()
	n.outlets[o] = struct{}{}
	n.linkMu.Unlock()
	n.links.Add(1)
	n.changed.ring()
	return func() {
		n.linkMu.Lock()
		delete(n.outlets, o)
		n.linkMu.Unlock()
		n.changed.ring()
	}
}

// wires is a listener whose connections are cables that faults reach.
type wires struct {
	net.Listener
	nap *NapCat
}

func (l wires) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	n, wire := l.nap, newCable(c)
	n.linkMu.Lock()
	n.cables[wire] = struct{}{}
	if n.faults.stall {
		wire.stall(true)
	}
	n.linkMu.Unlock()
	return &plugged{cable: wire, unplug: sync.OnceFunc(func() {
		n.linkMu.Lock()
		delete(n.cables, wire)
		n.linkMu.Unlock()
	})}, nil
}

// plugged is a cable that is forgotten when it is closed.
type plugged struct {
	*cable
	unplug func()
}

// Close closes the socket.
func (p *plugged) Close() error {
	p.unplug()
	return p.cable.Close()
}
