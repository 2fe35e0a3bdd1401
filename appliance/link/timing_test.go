package link

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hijacked is a ResponseWriter whose connection is one end of a pipe.
type hijacked struct {
	http.ResponseWriter
	conn net.Conn
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// pipeLink is an accepted link over a pipe: nothing is buffered in between, and inside a synctest bubble every
// wait of both ends is on the bubble's clock.
func pipeLink(t *testing.T, o Options) (*Conn, net.Conn) {
	t.Helper()
	here, there := net.Pipe()
	answered := make(chan error, 1)
	go func() {
		_, err := http.ReadResponse(bufio.NewReader(there), nil)
		answered <- err
	}()
	r, err := http.NewRequest(http.MethodGet, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	c, err := Accept(hijacked{conn: here}, r, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	return c, there
}

func startServe(t *testing.T, c *Conn, h Handler) <-chan error {
	result := make(chan error, 1)
	ctx := t.Context()
	go func() { result <- c.Serve(ctx, h) }()
	return result
}

func cause(t *testing.T, err error) *CloseError {
	t.Helper()
	var c *CloseError
	if !errors.As(err, &c) {
		t.Fatalf("%v is no *CloseError", err)
	}
	return c
}

func TestSilentPeerIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipeLink(t, Options{ReadTimeout: 90 * time.Second})
		start := time.Now()
		result := startServe(t, c, Handler{})
		// A frame that trickles in is no sign of life until it is complete.
		var trickle sync.WaitGroup
		defer trickle.Wait()
		trickle.Go(func() {
			defer func() { _ = peer.Close() }()
			for _, b := range maskedFrame(0x81, string(make([]byte, 120))) {
				if _, err := peer.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(10 * time.Second)
			}
		})
		e := cause(t, <-result)
		wantClose(t, e, CloseAbnormal, "", false)
		if !errors.Is(e, ErrSilent) || !errors.Is(e, os.ErrDeadlineExceeded) {
			t.Errorf("the cause is %v", e)
		}
		if d := time.Since(start); d < 90*time.Second || d > 91*time.Second {
			t.Errorf("cut after %v", d)
		}
	})
}

// Any frame keeps the link, pings and pongs too; silence counts from the last one.
func TestAnyFrameBreaksSilence(t *testing.T) {
	for _, first := range []byte{0x81, 0x82, 0x89, 0x8A} {
		synctest.Test(t, func(t *testing.T) {
			c, peer := pipeLink(t, Options{ReadTimeout: 30 * time.Second})
			start := time.Now()
			result := startServe(t, c, Handler{})
			var reading sync.WaitGroup
			defer reading.Wait()
			reading.Go(func() { _, _ = io.Copy(io.Discard, peer) })
			for range 20 {
				time.Sleep(25 * time.Second)
				if _, err := peer.Write(maskedFrame(first, "sign of life")); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-result; !errors.Is(err, ErrSilent) {
				t.Errorf("ended with %v", err)
			}
			if d := time.Since(start); d < 530*time.Second || d > 531*time.Second {
				t.Errorf("frame %x: cut after %v", first, d)
			}
			_ = peer.Close()
		})
	}
}

// A large message on a slow line is no silence.
func TestSlowLargeMessageIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipeLink(t, Options{ReadTimeout: 10 * time.Second})
		got := make(chan int, 1)
		result := startServe(t, c, Handler{Frame: func(data []byte) error { got <- len(data); return nil }})
		message := maskedFrame(0x81, string(bytes.Repeat([]byte("m"), 2<<20)))
		for len(message) > 0 {
			n := min(len(message), 20<<10)
			if _, err := peer.Write(message[:n]); err != nil {
				t.Fatal(err)
			}
			message = message[n:]
			time.Sleep(2 * time.Second)
		}
		if n := <-got; n != 2<<20 {
			t.Errorf("%d bytes came", n)
		}
		_ = peer.Close()
		<-result
	})
}

func TestPingEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipeLink(t, Options{PingEvery: 30 * time.Second, ReadTimeout: 50 * time.Second})
		pongs := 0
		result := startServe(t, c, Handler{Pong: func([]byte) { pongs++ }})
		for range 10 {
			f, err := readFrame(peer)
			if err != nil || f.first != 0x89 || len(f.payload) != 0 {
				t.Fatalf("got %+v, %v; want a ping", f, err)
			}
			if _, err := peer.Write(maskedFrame(0x8A, "")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if pongs != 10 {
			t.Errorf("%d pongs; want 10", pongs)
		}
		_ = peer.Close()
		<-result
	})
}

// Pings go out at their time also while there is always something else to write.
func TestPingEveryWhenBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipeLink(t, Options{PingEvery: 30 * time.Second})
		result := startServe(t, c, Handler{Fill: func(b *Batch) { b.Add([]byte("event")) }})
		for pings := 0; pings < 3; {
			f, err := readFrame(peer)
			if err != nil {
				t.Fatal(err)
			}
			if f.first == 0x89 {
				pings++
			}
			time.Sleep(time.Second)
		}
		_ = peer.Close()
		<-result
	})
}

// A peer that stops reading is cut within WriteTimeout and a second, however long the link was idle before.
func TestStalledPeerIsCut(t *testing.T) {
	for _, idle := range []time.Duration{0, 900 * time.Millisecond, time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			c, peer := pipeLink(t, Options{WriteTimeout: 10 * time.Second})
			result := startServe(t, c, Handler{})
			if err := c.Send([]byte("read")); err != nil {
				t.Fatal(err)
			}
			if f, err := readFrame(peer); err != nil || string(f.payload) != "read" {
				t.Fatal(f, err)
			}
			time.Sleep(idle)
			start := time.Now()
			if err := c.Send([]byte("not read")); err != nil {
				t.Fatal(err)
			}
			e := cause(t, <-result)
			wantClose(t, e, CloseAbnormal, "", false)
			if !errors.Is(e, ErrStalled) {
				t.Errorf("the cause is %v", e)
			}
			if d := time.Since(start); d < 10*time.Second || d > 11*time.Second {
				t.Errorf("idle %v: cut after %v", idle, d)
			}
			_ = peer.Close()
		})
	}
}

// Closing takes a second at most, and Close itself no time, whatever the peer does not do.
func TestFault_T28_CloseIsBoundedInTime(t *testing.T) {
	tests := []struct {
		name string
		peer func(net.Conn)
		want time.Duration
	}{
		{"never reads", func(net.Conn) {}, time.Second},
		{"reads, never answers", func(p net.Conn) { _, _ = io.Copy(io.Discard, p) }, time.Second},
		{"reads slowly", func(p net.Conn) {
			for {
				if _, err := p.Read(make([]byte, 1)); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		}, time.Second},
		{"never stops sending", func(p net.Conn) {
			var reading sync.WaitGroup
			defer reading.Wait()
			reading.Go(func() { _, _ = io.Copy(io.Discard, p) })
			for {
				if _, err := p.Write(maskedFrame(0x81, "event")); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}, time.Second},
		{"answers after 300 ms", func(p net.Conn) {
			for {
				f, err := readFrame(p)
				if err != nil {
					return
				}
				if f.first == 0x88 {
					time.Sleep(300 * time.Millisecond)
					_, _ = p.Write(maskedFrame(0x88, string(f.payload)))
				}
			}
		}, 300 * time.Millisecond},
	}
	for _, test := range tests {
		for _, served := range []bool{true, false} {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, peer := pipeLink(t, Options{})
					var acting sync.WaitGroup
					defer acting.Wait()
					acting.Go(func() { test.peer(peer) })
					for range 50 {
						_ = c.Send(make([]byte, 1000))
					}
					var result <-chan error
					if served {
						result = startServe(t, c, Handler{})
						synctest.Wait()
					}
					start := time.Now()
					c.Close(CloseRestart, "bye")
					if d := time.Since(start); d != 0 {
						t.Errorf("Close took %v", d)
					}
					<-c.Done()
					d := time.Since(start)
					if served && d != test.want || d > test.want {
						t.Errorf("served %t: gone after %v; want %v", served, d, test.want)
					}
					if served {
						wantClose(t, cause(t, <-result), CloseRestart, "bye", false)
					}
					_ = peer.Close()
				})
			})
		}
	}
}

// A frame that breaks the protocol is answered with its code; the peer has a second to take it.
func TestDrainIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipeLink(t, Options{})
		result := startServe(t, c, Handler{})
		start := time.Now()
		if _, err := peer.Write([]byte{0x83, 0x80, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
		var flood sync.WaitGroup
		defer flood.Wait()
		flood.Go(func() {
			for {
				if _, err := peer.Write(make([]byte, 1000)); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
		if f, err := readFrame(peer); err != nil || f.first != 0x88 {
			t.Errorf("got %+v, %v", f, err)
		}
		wantClose(t, cause(t, <-result), CloseProtocol, "", false)
		if d := time.Since(start); d != closeGrace {
			t.Errorf("gone after %v", d)
		}
		_ = peer.Close()
	})
}
