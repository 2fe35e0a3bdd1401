package simulator

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFramesAreRead(t *testing.T) {
	long := strings.Repeat("x", 70000)
	for _, client := range []bool{false, true} {
		var wire []byte
		for _, text := range []string{"", "hello", strings.Repeat("y", 126), long} {
			wire = appendFrame(wire, opText, []byte(text), !client, 0xdeadbeef)
		}
		var pings []string
		wire = appendFrame(wire, opPing, []byte("p"), !client, 1)
		wire = appendFrame(wire, opBinary, []byte("{}"), !client, 2)
		wire = appendFrame(wire, opClose, append([]byte{3, 232}, "bye"...), !client, 3)
		f := frames{r: bufio.NewReader(bytes.NewReader(wire)), client: client, pinged: func(p []byte) { pings = append(pings, string(p)) }}
		for _, want := range []string{"", "hello", strings.Repeat("y", 126), long, "{}"} {
			if got, err := f.next(); err != nil || string(got) != want {
				t.Fatalf("got %.20q, %v, want %.20q", got, err, want)
			}
		}
		_, err := f.next()
		if err == nil || err.Error() != `closed by the peer with 1000 "bye"` {
			t.Errorf("end is %v", err)
		}
		if len(pings) != 1 || pings[0] != "p" {
			t.Errorf("pings %q", pings)
		}
	}
}

func TestFramesThatAreRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		wire []byte
		code uint16
	}{
		{"masked by a server", appendFrame(nil, opText, []byte("x"), true, 1), 1002},
		{"reserved bit", []byte{0xc1, 0}, 1002},
		{"unknown opcode", []byte{0x83, 0}, 1002},
		{"long ping", []byte{0x89, 126, 0, 200}, 1002},
		{"fragmented ping", []byte{0x09, 0}, 1002},
		{"continuation first", []byte{0x80, 0}, 1002},
		{"text within a text", []byte{0x01, 0, 0x81, 0}, 1002},
		{"not UTF-8", []byte{0x81, 1, 0xff}, 1007},
		{"50 MiB and one byte", binary.BigEndian.AppendUint64([]byte{0x81, 127}, MaxFrame+1), 1009},
		{"length with the top bit", binary.BigEndian.AppendUint64([]byte{0x81, 127}, 1<<63), 1009},
	} {
		f := frames{r: bufio.NewReader(bytes.NewReader(test.wire)), client: true}
		_, err := f.next()
		var v *violation
		if !errors.As(err, &v) || v.code != test.code {
			t.Errorf("%s: %v, want %d", test.name, err, test.code)
		}
	}
}

func TestFragmentsAreJoined(t *testing.T) {
	f := frames{r: bufio.NewReader(bytes.NewReader([]byte{0x01, 2, 'a', 'b', 0x89, 0, 0x00, 0, 0x80, 1, 'c'})), client: true, pinged: func([]byte) {}}
	if got, err := f.next(); err != nil || string(got) != "abc" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A frame over 50 MiB is answered with close 1009 and a new dial.
func TestTooLargeAFrameClosesAndRedials(t *testing.T) {
	ctx := testContext(t)
	url, conns := deaf(t)
	n := New(Options{ReconnectInterval: time.Hour, HeartInterval: -1})
	run, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.Dial(run, url) })
	c := <-conns
	if _, err := c.Write(binary.BigEndian.AppendUint64([]byte{0x81, 127}, MaxFrame+1)); err != nil {
		t.Fatal(err)
	}
	r := frames{r: bufio.NewReader(c)}
	if first, err := r.next(); err != nil || !bytes.Contains(first, []byte("lifecycle")) {
		t.Fatalf("first frame %q, %v", first, err)
	}
	var p *peerClosed
	if _, err := r.next(); !errors.As(err, &p) || binary.BigEndian.Uint16(p.payload) != 1009 {
		t.Errorf("closed with %v", err)
	}
	c.Close()
	stop()
	wg.Wait()
}

func TestPingIsAnswered(t *testing.T) {
	_, p, ctx := connect(t, Options{})
	// The pong is what the gateway's keep-alive and delivery acknowledgement rest on.
	if err := p.conn.Ping([]byte("42")); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-p.pongs:
		if got != "42" {
			t.Errorf("pong %q", got)
		}
	case <-ctx.Done():
		t.Error("no pong")
	}
}

func TestDialOverTLS(t *testing.T) {
	ctx := testContext(t)
	g := &gateway{t: t, peers: make(chan *peer, 64)}
	g.server = httptest.NewTLSServer(http.HandlerFunc(g.take))
	t.Cleanup(func() { g.server.Close(); g.wg.Wait() })
	pool := g.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	n := New(Options{Token: "s3cret", TLS: &tls.Config{RootCAs: pool}, HeartInterval: -1})
	g.dial(n)
	p := g.next(ctx)
	if p.header.Get("Authorization") != "Bearer s3cret" {
		t.Errorf("headers %v", p.header)
	}
	if f := p.frame(ctx); f.text("sub_type") != "connect" {
		t.Errorf("first frame %s", f.raw)
	}
	if f := p.call(ctx, "get_status", "{}"); f.text("status") != "ok" {
		t.Errorf("answer %s", f.raw)
	}
}

// A gateway that takes the connection and says nothing is given up after the handshake limit. The limit is a timer on
// a real socket, so this test takes two seconds.
func TestHandshakeLimit(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx := testContext(t)
	n := New(Options{ReconnectInterval: time.Hour})
	run, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.Dial(run, "ws://"+l.Addr().String()) })
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	// Only the limit ends this: the test's own deadline is far away.
	if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("the dialler did not give up: %v", err)
	}
	stop()
	wg.Wait()
	c.Close()
	l.Close()
}
