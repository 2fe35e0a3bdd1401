package link

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// gws v1.8.9 panics on these lengths, or cuts them on 32 bits; the process and the other links live on.
func TestFault_S11_HostileLengths(t *testing.T) {
	tests := []struct {
		name   string
		header []byte
		code   uint16
		bad    bool
	}{
		{"top bit", []byte{0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}, CloseProtocol, true},
		{"all bits", []byte{0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4}, CloseProtocol, true},
		{"top bit on a ping", []byte{0x89, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}, CloseProtocol, true},
		{"negative on 32 bits", []byte{0x81, 0xFF, 0, 0, 0, 0, 0x80, 0, 0, 0, 1, 2, 3, 4}, CloseTooBig, false},
		{"4 GiB and 3: 3 on 32 bits", []byte{0x81, 0xFF, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4}, CloseTooBig, false},
		{"largest", []byte{0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4}, CloseTooBig, false},
	}
	g := openGate(t, Options{})
	good := dialRaw(t, g)
	got := make(chan string, 1)
	serve(t, <-g.links, Handler{Frame: func(data []byte) error { got <- string(data); return nil }})
	for _, test := range tests {
		for _, split := range []int{len(test.header), 1, 5, 9} {
			p := dialRaw(t, g)
			a := serve(t, <-g.links, Handler{Frame: func(data []byte) error {
				if string(data) != "good" {
					t.Errorf("%s: got %q", test.name, data)
				}
				return nil
			}})
			p.send(t, maskedFrame(0x81, "good")...)
			p.send(t, test.header[:split]...)
			p.send(t, test.header[split:]...)
			p.wantCloseFrame(t, test.code)
			_ = p.Close()
			e := a.ended(t)
			wantClose(t, e, test.code, "", false)
			if errors.Is(e, ErrBadFrame) != test.bad {
				t.Errorf("%s: the cause is %v", test.name, e)
			}
		}
	}
	good.send(t, maskedFrame(0x81, "still here")...)
	if data := receive(t, got, "frame of the good link"); data != "still here" {
		t.Errorf("got %q", data)
	}
}

// The second net: if a frame that makes gws panic gets past the check, the link alone dies.
func TestFault_S11_PanicInTheReader(t *testing.T) {
	g := openGate(t, Options{})
	p := dialRaw(t, g)
	c := <-g.links
	c.wire.mode = modePlain // no check
	a := serve(t, c, Handler{})
	p.send(t, 0x81, 0xFF, 0x80, 0, 0, 0, 0x80, 0, 0, 1, 1, 2, 3, 4) // negative in 64 bits and in 32
	p.wantCloseFrame(t, CloseProtocol)
	_ = p.Close()
	e := a.ended(t)
	wantClose(t, e, CloseProtocol, "", false)
	if !errors.Is(e, ErrBadFrame) {
		t.Errorf("the cause is %v", e)
	}
}

func TestBrokenFrames(t *testing.T) {
	large := strings.Repeat("x", 501)
	tests := []struct {
		name string
		send []byte
		code uint16
	}{
		{"too large, 16-bit length", maskedFrame(0x81, strings.Repeat("x", 1001)), CloseTooBig},
		{"too large, 64-bit length", maskedFrame(0x81, strings.Repeat("x", 70_000)), CloseTooBig},
		{"fragments too large", append(maskedFrame(0x01, large), maskedFrame(0x80, large)...), CloseTooBig},
		{"not UTF-8", maskedFrame(0x81, "\xff"), CloseNotUTF8},
		{"not masked", []byte{0x81, 1, 'x'}, CloseProtocol},
		{"reserved bit", maskedFrame(0xC1, "x"), CloseProtocol},
		{"reserved opcode", maskedFrame(0x83, "x"), CloseProtocol},
		{"fragmented ping", maskedFrame(0x09, "x"), CloseProtocol},
		{"long ping", maskedFrame(0x89, strings.Repeat("x", 126)), CloseProtocol},
		{"continuation of nothing", maskedFrame(0x80, "x"), CloseProtocol},
		{"message inside a message", append(maskedFrame(0x01, "x"), maskedFrame(0x81, "y")...), CloseProtocol},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := openGate(t, Options{MaxFrame: 1000})
			p := dialRaw(t, g)
			a := serve(t, <-g.links, Handler{Frame: func(data []byte) error {
				t.Errorf("a frame of %d bytes was handed on", len(data))
				return nil
			}})
			p.send(t, test.send...)
			// What follows must not overtake the close frame as a reset.
			p.send(t, bytes.Repeat([]byte("rest"), 10_000)...)
			p.wantCloseFrame(t, test.code)
			_ = p.Close()
			wantClose(t, a.ended(t), test.code, "", false)
		})
	}
}

// A close frame with a code that must not be sent, or none that fits, ends the link like any other.
func TestStrangeCloseFrames(t *testing.T) {
	tests := []struct {
		payload string
		code    uint16
	}{
		{"", CloseNoStatus},
		{"\x03", CloseProtocol},
		{"\x00\x01", CloseProtocol},
		{"\x03\xed", 1005},
		{"\x13\x88", 5000},
	}
	for _, test := range tests {
		g := openGate(t, Options{})
		p := dialRaw(t, g)
		a := serve(t, <-g.links, Handler{})
		p.send(t, maskedFrame(0x88, test.payload)...)
		wantClose(t, a.ended(t), test.code, "", true)
	}
}

// 20,000 frames of 10 kB to a peer that does not read: the queue refuses, memory stays, and the link goes when closed.
func TestFault_T28_StalledReaderIsBounded(t *testing.T) {
	for _, secure := range []bool{false, true} {
		o := Options{OutSlots: 1000, OutBytes: 1 << 20, WriteTimeout: time.Hour}
		g := newGate(o)
		if secure {
			g.StartTLS()
		} else {
			g.Start()
		}
		raw, err := net.Dial("tcp", g.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		client := newStalledClient(t, raw, secure)
		c := receive(t, g.links, "link")
		filling := make(chan struct{}, 1)
		event := bytes.Repeat([]byte("e"), 600)
		a := serve(t, c, Handler{Fill: func(b *Batch) {
			select {
			case filling <- struct{}{}:
			default:
			}
			for b.Add(event) {
			}
		}})
		receive(t, filling, "Fill")
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		full := 0
		for range 20_000 {
			if err := a.Send(make([]byte, 10_000)); errors.Is(err, ErrFull) {
				full++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if full < 10_000 {
			t.Errorf("only %d of 20,000 were refused", full)
		}
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		a.Close(CloseRestart, "")
		receive(t, a.Done(), "Done")
		wantClose(t, a.ended(t), CloseRestart, "", false)
		_ = client.Close()
		g.Close()
	}
}

// newStalledClient asks for the upgrade and reads nothing.
func newStalledClient(t *testing.T, raw net.Conn, secure bool) net.Conn {
	t.Helper()
	_ = raw.(*net.TCPConn).SetReadBuffer(4096)
	if secure {
		raw = tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	}
	_, err := raw.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
