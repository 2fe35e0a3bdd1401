package link

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lxzan/gws"
)

// Each benchmark moves one 600-byte frame to each of three peers per iteration. The peers only count bytes,
// so what is measured is the sending side.
const benchPeers, benchFrame = 3, 600

// discard is a client that reads and throws away until it has seen all of b's frames.
func discard(b *testing.B, address string, frames int, done *sync.WaitGroup) {
	raw, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.WriteString(raw, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	done.Go(func() {
		defer func() { _ = raw.Close() }()
		buf := make([]byte, 64<<10)
		for want := int64(frames) * (benchFrame + 4); want > 0; {
			n, err := raw.Read(buf)
			if err != nil {
				return
			}
			want -= int64(n)
		}
	})
}

// BenchmarkFill: the frames wait in one place, like the journal, and each link follows them like a cursor.
func BenchmarkFill(b *testing.B) {
	var produced atomic.Int64
	frame := make([]byte, benchFrame)
	g := newGate(Options{})
	g.Start()
	defer g.Close()
	var peers, links sync.WaitGroup
	ctx, cancel := context.WithCancel(b.Context())
	var conns []*Conn
	for range benchPeers {
		discard(b, g.Listener.Addr().String(), b.N, &peers)
		c := <-g.links
		conns = append(conns, c)
		var given int64
		links.Go(func() {
			_ = c.Serve(ctx, Handler{Fill: func(batch *Batch) {
				for given < produced.Load() {
					given++
					if !batch.Add(frame) {
						return
					}
				}
			}})
		})
	}
	b.ReportAllocs()
	b.SetBytes(benchFrame)
	b.ResetTimer()
	for range b.N {
		produced.Add(1)
		for _, c := range conns {
			c.Wake()
		}
	}
	peers.Wait()
	b.StopTimer()
	cancel()
	links.Wait()
}

// BenchmarkWriteMessage is gws alone: one write per frame, from the producer.
func BenchmarkWriteMessage(b *testing.B) {
	frame := make([]byte, benchFrame)
	links := make(chan *gws.Conn, benchPeers)
	up := gws.NewUpgrader(gws.BuiltinEventHandler{}, nil)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r)
		if err == nil {
			links <- c
		}
	}))
	defer s.Close()
	var peers sync.WaitGroup
	var conns []*gws.Conn
	for range benchPeers {
		discard(b, s.Listener.Addr().String(), b.N, &peers)
		conns = append(conns, <-links)
	}
	b.ReportAllocs()
	b.SetBytes(benchFrame)
	b.ResetTimer()
	for range b.N {
		for _, c := range conns {
			if err := c.WriteMessage(gws.OpcodeText, frame); err != nil {
				b.Fatal(err)
			}
		}
	}
	peers.Wait()
	b.StopTimer()
	for _, c := range conns {
		_ = c.NetConn().Close()
	}
}

// BenchmarkReceive is the reading side: frames that are already in the socket.
func BenchmarkReceive(b *testing.B) {
	g := newGate(Options{})
	g.Start()
	defer g.Close()
	c, err := Dial(b.Context(), Target{URL: g.url()}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	a := <-g.links
	frame := make([]byte, benchFrame)
	var links sync.WaitGroup
	got, all := 0, make(chan struct{})
	links.Go(func() {
		_ = a.Serve(context.Background(), Handler{Frame: func([]byte) error {
			if got++; got == b.N {
				close(all)
			}
			return nil
		}})
	})
	b.ReportAllocs()
	b.SetBytes(benchFrame)
	b.ResetTimer()
	given := 0
	links.Go(func() {
		_ = c.Serve(context.Background(), Handler{Fill: func(batch *Batch) {
			for given < b.N {
				given++
				if !batch.Add(frame) {
					return
				}
			}
		}})
	})
	<-all
	b.StopTimer()
	a.Close(CloseNormal, "")
	links.Wait()
}

// BenchmarkRoundTrip is the latency of one frame there and one back.
func BenchmarkRoundTrip(b *testing.B) {
	g := newGate(Options{})
	g.Start()
	defer g.Close()
	c, err := Dial(b.Context(), Target{URL: g.url()}, Options{ReadTimeout: time.Minute, PingEvery: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	a := <-g.links
	frame := make([]byte, benchFrame)
	back := make(chan struct{}, 1)
	var links sync.WaitGroup
	links.Go(func() {
		_ = a.Serve(context.Background(), Handler{Frame: func([]byte) error { return a.Send(frame) }})
	})
	links.Go(func() {
		_ = c.Serve(context.Background(), Handler{Frame: func([]byte) error { back <- struct{}{}; return nil }})
	})
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Send(frame); err != nil {
			b.Fatal(err)
		}
		<-back
	}
	c.Close(CloseNormal, "")
	links.Wait()
}
