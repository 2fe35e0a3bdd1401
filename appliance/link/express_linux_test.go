package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// spaced runs f until it says stop, each time after a link that f uses has been quiet for long enough.
func spaced(t *testing.T, f func() (stop bool)) {
	t.Helper()
	tick := time.NewTicker(2 * expressGap)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		<-tick.C
		if f() {
			return
		}
	}
	t.Fatal("it did not happen")
}

func TestWakeWritesAtOnceOnAQuietLink(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	got := make(chan []byte, 1024)
	serve(t, dialled, Handler{Frame: func(data []byte) error { got <- bytes.Clone(data); return nil }})
	var due, filled atomic.Int64
	serve(t, accepted, Handler{Fill: func(b *Batch) {
		if due.Load() > filled.Load() {
			filled.Add(1)
			b.Add([]byte("now"))
		}
	}})
	sync := false
	spaced(t, func() bool {
		due.Add(1)
		before := filled.Load()
		accepted.Wake()
		sync = filled.Load() > before
		receive(t, got, "frame")
		return sync
	})
}

// What Wake leaves to the writer must not be lost on one that has not begun: Serve lets others call Wake before it runs.
func TestWakeBeforeTheWriterRuns(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	got := make(chan []byte, 1)
	serve(t, dialled, Handler{Frame: func(data []byte) error { got <- bytes.Clone(data); return nil }})
	var filled atomic.Bool
	h := Handler{Fill: func(b *Batch) {
		if !filled.Swap(true) {
			b.Add(bytes.Repeat([]byte{'x'}, 2*largeFrame)) // more than Wake writes by itself
		}
	}}
	accepted.served, accepted.handler = true, h
	accepted.Wake()
	accepted.served = false
	serve(t, accepted, h)
	if n := len(receive(t, got, "frame")); n != 2*largeFrame {
		t.Errorf("a frame of %d bytes arrived, want %d", n, 2*largeFrame)
	}
}

// A peer that does not read must not hold up who calls Wake, and what the socket took in part must be finished by the
// writer: every frame arrives whole and in order.
func TestFault_T08_WakeNeverWaitsForThePeer(t *testing.T) {
	g := openGate(t, Options{WriteTimeout: patience})
	peer := dialRaw(t, g)
	accepted := receive(t, g.links, "link")
	const size = 20_000 // below largeFrame: such frames may be written by Wake
	var due, filled atomic.Uint32
	serve(t, accepted, Handler{Fill: func(b *Batch) {
		for filled.Load() < due.Load() {
			payload := bytes.Repeat([]byte{'x'}, size)
			binary.BigEndian.PutUint32(payload, filled.Add(1))
			for i := range payload[:4] {
				payload[i] = 'a' + payload[i]%26 // text frames carry UTF-8
			}
			if !b.Add(payload) {
				return
			}
		}
	}})
	// Far more than the socket's buffers take.
	spaced(t, func() bool {
		due.Add(8)
		accepted.Wake()
		return due.Load() >= 1200
	})
	for n := uint32(1); n <= due.Load(); n++ {
		f, err := readFrame(peer.in)
		if err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		var want [4]byte
		binary.BigEndian.PutUint32(want[:], n)
		for i := range want {
			want[i] = 'a' + want[i]%26
		}
		if len(f.payload) != size || !bytes.Equal(f.payload[:4], want[:]) {
			t.Fatalf("frame %d has %d bytes and begins with %q, want %d and %q", n, len(f.payload), f.payload[:4], size, want)
		}
	}
}

func TestPanicInAnExpressFillEndsThatLinkOnly(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	serve(t, dialled, Handler{})
	var armed atomic.Bool
	a := serve(t, accepted, Handler{Fill: func(*Batch) {
		if armed.Load() {
			panic("a bug")
		}
	}})
	spaced(t, func() bool {
		armed.Store(true)
		accepted.Wake() // it would end the test's goroutine
		return true
	})
	var p *PanicError
	if err := a.ended(t); !errors.As(err, &p) {
		t.Errorf("the link ended with %v, want the panic", err)
	}
}
