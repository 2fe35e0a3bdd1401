package link

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what must happen, generously: a test that waits for it has failed.
const patience = 60 * time.Second

// gate is a server that hands each accepted link to the test.
type gate struct {
	*httptest.Server
	links chan *Conn
}

func openGate(t *testing.T, o Options) *gate {
	t.Helper()
	g := newGate(o)
	g.Start()
	t.Cleanup(g.Close)
	return g
}

func newGate(o Options) *gate {
	g := &gate{links: make(chan *Conn, 16)}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, o)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.links <- c
	}))
	return g
}

func (g *gate) url() string { return "ws" + strings.TrimPrefix(g.URL, "http") + "/path?x=1" }

// pair gives both ends of one loopback link.
func pair(t *testing.T, server, client Options) (accepted, dialled *Conn) {
	t.Helper()
	g := openGate(t, server)
	dialled, err := Dial(t.Context(), Target{URL: g.url()}, client)
	if err != nil {
		t.Fatal(err)
	}
	return <-g.links, dialled
}

// serving is a link that is being served.
type serving struct {
	*Conn
	err chan error
}

func serve(t *testing.T, c *Conn, h Handler) *serving {
	t.Helper()
	s := &serving{Conn: c, err: make(chan error, 1)}
	var wait sync.WaitGroup
	wait.Go(func() { s.err <- c.Serve(context.Background(), h) })
	t.Cleanup(func() {
		c.Close(CloseNormal, "")
		c.cutNow() // whatever the peer does
		wait.Wait()
	})
	return s
}

// ended waits for Serve and gives its error.
func (s *serving) ended(t *testing.T) *CloseError {
	t.Helper()
	select {
	case err := <-s.err:
		s.err <- err
		var c *CloseError
		if !errors.As(err, &c) {
			t.Fatalf("Serve returned %v; want a *CloseError", err)
		}
		return c
	case <-time.After(patience):
		t.Fatal("Serve did not return")
		return nil
	}
}

func wantClose(t *testing.T, got *CloseError, code uint16, reason string, remote bool) {
	t.Helper()
	if got.Code != code || got.Reason != reason || got.Remote != remote {
		t.Fatalf("ended with code %d, reason %q, remote %t (%v); want %d, %q, %t", got.Code, got.Reason, got.Remote, got, code, reason, remote)
	}
}

// receive waits for one value.
func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

// rawPeer is a client made by hand, so that it can misbehave.
type rawPeer struct {
	net.Conn
	in *bufio.Reader
}

func dialRaw(t *testing.T, g *gate, early ...byte) *rawPeer {
	t.Helper()
	raw, err := net.Dial("tcp", g.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(patience))
	request := "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	if _, err := raw.Write(append([]byte(request), early...)); err != nil {
		t.Fatal(err)
	}
	p := &rawPeer{Conn: raw, in: bufio.NewReader(raw)}
	resp, err := http.ReadResponse(p.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if accept := resp.Header.Get("Sec-WebSocket-Accept"); resp.StatusCode != 101 || accept != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("answer %d with accept key %q", resp.StatusCode, accept)
	}
	return p
}

func (p *rawPeer) send(t *testing.T, b ...byte) {
	t.Helper()
	if _, err := p.Write(b); err != nil {
		t.Fatal(err)
	}
}

// maskedFrame is a frame as a client sends it, encoded independently of the package.
func maskedFrame(first byte, payload string) []byte {
	key := [4]byte{1, 2, 3, 4}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 65536:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	default:
		b = append(b, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return b
}

type frame struct {
	first   byte
	masked  bool
	payload []byte
}

// readFrame decodes one frame as RFC 6455, section 5.2, draws it.
func readFrame(r io.Reader) (frame, error) {
	var f frame
	var h [8]byte
	if _, err := io.ReadFull(r, h[:2]); err != nil {
		return f, err
	}
	f.first, f.masked = h[0], h[1]&0x80 != 0
	n := uint64(h[1] & 0x7F)
	switch n {
	case 126:
		if _, err := io.ReadFull(r, h[:2]); err != nil {
			return f, err
		}
		if n = uint64(binary.BigEndian.Uint16(h[:2])); n < 126 {
			return f, fmt.Errorf("length %d in two bytes", n)
		}
	case 127:
		if _, err := io.ReadFull(r, h[:8]); err != nil {
			return f, err
		}
		if n = binary.BigEndian.Uint64(h[:8]); n < 65536 {
			return f, fmt.Errorf("length %d in eight bytes", n)
		}
	}
	var key [4]byte
	if f.masked {
		if _, err := io.ReadFull(r, key[:]); err != nil {
			return f, err
		}
	}
	f.payload = make([]byte, n)
	_, err := io.ReadFull(r, f.payload)
	if f.masked {
		for i := range f.payload {
			f.payload[i] ^= key[i%4]
		}
	}
	return f, err
}

// wantCloseFrame reads frames until a close frame with the code comes.
func (p *rawPeer) wantCloseFrame(t *testing.T, code uint16) {
	t.Helper()
	for {
		f, err := readFrame(p.in)
		if err != nil {
			t.Fatalf("no close frame: %v", err)
		}
		if f.first != 0x88 {
			continue
		}
		if len(f.payload) < 2 || binary.BigEndian.Uint16(f.payload) != code {
			t.Fatalf("close frame with % x; want code %d", f.payload, code)
		}
		return
	}
}
