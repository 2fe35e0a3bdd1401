package gate

import (
	"net"
	"net/http"
	"syscall"
	"testing"
)

// The system buffers little of a narrow answer, and a request without a socket of ours is let alone.
func TestNarrow(t *testing.T) {
	size := make(chan int, 1)
	d := open(t, func(k *Knock) {
		k.Narrow(64 << 10)
		raw, err := k.Context().Value(socketKey{}).(*boundedConn).Conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Error(err)
		}
		n := 0
		_ = raw.Control(func(fd uintptr) { n, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF) })
		if err != nil {
			t.Error(err)
		}
		size <- n
	})
	d.Serve()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + d.Address() + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if n := <-size; n != 2*64<<10 { // Linux doubles it for its own use
		t.Errorf("the socket buffers %d bytes", n)
	}
	(&Knock{Request: &http.Request{}}).Narrow(1)
}
