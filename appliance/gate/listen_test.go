package gate

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
)

func TestListenNamesWhoHasThePort(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Listen(l.Addr().String())
	if err == nil {
		t.Fatal("a taken port was given twice")
	}
	name, _ := os.ReadFile("/proc/self/comm")
	for _, want := range []string{l.Addr().String(), "taken by", strings.TrimSpace(string(name)), "choose another port"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestFault_S06_SocketsAreBounded(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 2*maxConns)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var held []net.Conn
	for range maxConns {
		c := dial()
		defer c.Close()
		held = append(held, <-accepted)
	}
	over := dial()
	defer over.Close()
	if n, err := over.Read(make([]byte, 1)); err == nil {
		t.Fatalf("a socket over the bound was kept and gave %d bytes", n)
	}
	_ = held[0].Close()
	_ = held[0].Close() // twice must not give two places back
	again := dial()
	defer again.Close()
	(<-accepted).Close()
	_ = l.Close()
	for c := range accepted {
		_ = c.Close()
	}
	for _, c := range held[1:] {
		_ = c.Close()
	}
}

// The end of a refusal reaches a peer that is still sending.
func TestAcceptedSocketsCloseHalf(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		t.Fatal("an accepted socket has no CloseWrite")
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("the peer reads %v, want EOF", err)
	}
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 1 {
		t.Errorf("what the peer still sent did not come: %v", err)
	}
}
