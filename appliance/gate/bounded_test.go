package gate

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/catflap/catflap/appliance/link"
)

// door is a listener whose sockets the test makes; their other ends are pipes.
type door struct {
	net.Listener
	knocks chan net.Conn
}

func (d *door) Accept() (net.Conn, error) {
	c, ok := <-d.knocks
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// from is a socket of some address.
type from struct {
	net.Conn
	address net.TCPAddr
}

func (f from) RemoteAddr() net.Addr { return &f.address }

// hall is a bounded listener behind a door.
type hall struct {
	t *testing.T
	*boundedListener
	knocks chan net.Conn
}

func newHall(t *testing.T) *hall {
	knocks := make(chan net.Conn, 2*maxConns)
	return &hall{t, bounded(&door{knocks: knocks}), knocks}
}

// enter is a new socket of an address, and its peer's end.
func (h *hall) enter(ip string) (c, peer net.Conn) {
	h.t.Helper()
	peer = h.knock(ip)
	c, err := h.Accept()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	return c, peer
}

func (h *hall) knock(ip string) net.Conn {
	c, peer := net.Pipe()
	h.knocks <- from{c, net.TCPAddr{IP: net.ParseIP(ip), Port: 1}}
	h.t.Cleanup(func() { peer.Close() })
	return peer
}

// alive asks whether a socket still carries bytes.
func alive(c, peer net.Conn) bool {
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() { _, _ = c.Write([]byte("x")) })
	_, err := peer.Read(make([]byte, 1))
	return err == nil
}

func keep(c net.Conn) { c.(interface{ Keep() }).Keep() }

func TestFault_S06_SocketsAreBounded(t *testing.T) {
	h := newHall(t)
	var all, peers []net.Conn
	for range maxConns {
		c, peer := h.enter("127.0.0.1")
		all, peers = append(all, c), append(peers, peer)
	}
	keep(all[0])
	_ = all[1].Close()
	_ = all[1].Close() // twice must not give two places back
	h.enter("127.0.0.1")
	if !alive(all[2], peers[2]) {
		t.Error("a socket was closed although there was a place")
	}
	c, peer := h.enter("127.0.0.1")
	if !alive(c, peer) || !alive(all[0], peers[0]) {
		t.Error("the newcomer or a link was closed")
	}
	if alive(all[2], peers[2]) {
		t.Error("the oldest socket that is no link stayed")
	}
	keep(all[2])
	_ = all[2].Close() // its place was taken already
	h.enter("127.0.0.1")
	if alive(all[3], peers[3]) {
		t.Error("the next one stayed")
	}
	if h.open != maxConns {
		t.Errorf("%d sockets are open", h.open)
	}
}

func TestFault_S06_OnlyLinksAreLeft(t *testing.T) {
	h := newHall(t)
	var last net.Conn
	for range maxConns {
		last, _ = h.enter("10.0.0.1")
		keep(last)
		keep(last)
	}
	refused := h.knock("10.0.0.2")
	close(h.knocks)
	if _, err := h.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepted beside %d links, or %v", maxConns, err)
	}
	if _, err := refused.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the newcomer was not closed: %v", err)
	}
	_ = last.Close()
	if h.open != maxConns-1 || h.waiting.Len() != 0 || len(h.hosts) != 0 {
		t.Errorf("%d open, %d waiting, %d addresses", h.open, h.waiting.Len(), len(h.hosts))
	}
}

// One address cannot take the places of all others; links do not count.
func TestFault_S06_SocketsOfOneAddress(t *testing.T) {
	h := newHall(t)
	kept, keptPeer := h.enter("10.0.0.1")
	keep(kept)
	other, otherPeer := h.enter("10.0.0.2")
	first, firstPeer := h.enter("10.0.0.1")
	second, secondPeer := h.enter("::ffff:10.0.0.1")
	for range maxPerHost - 2 {
		h.enter("10.0.0.1")
	}
	if !alive(first, firstPeer) {
		t.Fatal("closed below the bound")
	}
	h.enter("10.0.0.1")
	if alive(first, firstPeer) {
		t.Error("the oldest of the address stayed")
	}
	if !alive(second, secondPeer) || !alive(other, otherPeer) || !alive(kept, keptPeer) {
		t.Error("more than the oldest of the address was closed")
	}
	for range 2 * maxPerHost { // loopback is everybody behind a proxy
		h.enter("127.0.0.1")
		h.enter("::1")
	}
	if want := 1 + 1 + maxPerHost + 4*maxPerHost; h.open != want {
		t.Errorf("%d sockets are open, want %d", h.open, want)
	}
}

// Whoever opens sockets and says nothing does not keep a good link out.
func TestFault_S06_IdleSocketsMakeRoom(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var links sync.WaitGroup
	server := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := link.Accept(w, r, link.Options{})
		if err != nil {
			t.Errorf("accepting: %v", err)
			return
		}
		links.Go(func() {
			_ = conn.Serve(context.Background(), link.Handler{Frame: func(data []byte) error { return conn.Send(append([]byte(nil), data...)) }})
		})
	}))
	links.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() { _ = server.Close(); links.Wait() }) // after the peers have left

	idle := func() {
		for range 400 {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
		}
	}
	come := func() func() {
		conn, err := link.Dial(t.Context(), link.Target{URL: "ws://" + l.Addr().String()}, link.Options{})
		if err != nil {
			t.Fatalf("a good link: %v", err)
		}
		echo := make(chan string, 1)
		links.Go(func() {
			_ = conn.Serve(context.Background(), link.Handler{Frame: func(data []byte) error { echo <- string(data); return nil }})
		})
		t.Cleanup(func() { conn.Close(1000, "") })
		return func() {
			t.Helper()
			if err := conn.Send([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-echo:
				if got != "hello" {
					t.Errorf("got %q", got)
				}
			case <-conn.Done():
				t.Error("the link is gone")
			}
		}
	}
	idle()
	first := come()
	first()
	idle()
	second := come()
	second()
	first()
}
