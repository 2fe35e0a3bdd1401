package gate

import (
	"net"
	"net/http"
	"testing"
)

// knockOn is a request on a socket.
func knockOn(t *testing.T, c net.Conn) *Knock {
	r, err := http.NewRequestWithContext(withSocket(t.Context(), c), http.MethodGet, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Knock{Request: r}
}

// A socket on which a known peer waits for an answer is not closed for a newcomer; afterwards it is one of many again.
func TestFault_S06_HeldSocketsStay(t *testing.T) {
	h := newHall(t)
	var all, peers []net.Conn
	for range maxPerHost {
		c, peer := h.enter("10.0.0.1")
		all, peers = append(all, c), append(peers, peer)
	}
	release := knockOn(t, all[0]).Hold()
	h.enter("10.0.0.1") // there is a place: held ones do not count
	h.enter("10.0.0.1")
	if !alive(all[0], peers[0]) || alive(all[1], peers[1]) {
		t.Fatal("the held one was closed, or the oldest of the others stayed")
	}
	release()
	release()
	if n := h.hosts[all[0].(*boundedConn).host]; n != maxPerHost+1 {
		t.Fatalf("%d sockets of the address are counted", n)
	}
	for range maxPerHost { // it has become the youngest
		h.enter("10.0.0.1")
	}
	if !alive(all[0], peers[0]) {
		t.Error("it was closed before its turn")
	}
	h.enter("10.0.0.1")
	if alive(all[0], peers[0]) {
		t.Error("it stayed for ever")
	}
	release()
	if h.open != maxPerHost+1 {
		t.Errorf("%d sockets are open", h.open)
	}
}

func TestHoldAfterTheEnd(t *testing.T) {
	h := newHall(t)
	c, _ := h.enter("10.0.0.1")
	release := knockOn(t, c).Hold()
	_ = c.Close()
	release()
	if h.open != 0 || h.waiting.Len() != 0 || len(h.hosts) != 0 {
		t.Errorf("%d open, %d waiting, hosts %v", h.open, h.waiting.Len(), h.hosts)
	}
	(&Knock{Request: &http.Request{}}).Hold()() // no socket of ours
}
