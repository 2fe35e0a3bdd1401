package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Order holds within Send's frames and within Fill's, in both directions and with all kinds of sizes.
func TestOrderOfSendAndFill(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	t.Run("accepted to dialled", func(t *testing.T) { checkOrder(t, accepted, dialled) })
	accepted, dialled = pair(t, Options{}, Options{})
	t.Run("dialled to accepted", func(t *testing.T) { checkOrder(t, dialled, accepted) })
}

func checkOrder(t *testing.T, from, to *Conn) {
	const each = 50_000
	var next [2]uint32
	all := make(chan struct{})
	serve(t, to, Handler{Frame: func(data []byte) error {
		kind, n, err := readNumber(data)
		if err != nil {
			t.Error(err)
			return err
		}
		if n != next[kind] {
			t.Errorf("kind %d: frame %d came when %d was due", kind, n, next[kind])
			return errors.New("order")
		}
		next[kind]++
		if next[0] == each && next[1] == each {
			close(all)
		}
		return nil
	}})
	var offered atomic.Uint32 // how many frames Fill may give
	var given uint32
	sender := serve(t, from, Handler{Fill: func(b *Batch) {
		for given < offered.Load() {
			given++
			if !b.Add(numbered(1, given-1)) {
				return
			}
		}
	}})
	var work sync.WaitGroup
	work.Go(func() {
		for n := range uint32(each) {
			offered.Store(n + 1)
			sender.Wake()
		}
	})
	for n := uint32(0); n < each; {
		switch err := sender.Send(numbered(0, n)); {
		case err == nil:
			n++
		case !errors.Is(err, ErrFull):
			t.Fatal(err)
		default:
			runtime.Gosched() // the queue is bounded: somebody must wait
		}
	}
	work.Wait()
	receive(t, all, "complete series")
}

func frameSize(n uint32) int {
	switch {
	case n%5000 == 77:
		return 100_000 // larger than a batch
	case n%100 == 3:
		return 10 + int(n%3000)
	default:
		return 10 + int(n%200)
	}
}

// numbered is a frame that says what it is and is filled with its number's last digit.
func numbered(kind byte, n uint32) []byte {
	b := bytes.Repeat([]byte{byte('0' + n%10)}, frameSize(n))
	copy(b, fmt.Sprintf("%d/%08d", kind, n))
	return b
}

func readNumber(data []byte) (kind, n uint32, err error) {
	if _, err = fmt.Sscanf(string(data[:10]), "%d/%08d", &kind, &n); err != nil {
		return 0, 0, fmt.Errorf("frame %.20q: %w", data, err)
	}
	if !bytes.Equal(data, numbered(byte(kind), n)) {
		return 0, 0, fmt.Errorf("frame %d of kind %d is damaged", n, kind)
	}
	return kind, n, nil
}

func TestFrameKinds(t *testing.T) {
	g := openGate(t, Options{MaxFrame: 1000})
	p := dialRaw(t, g)
	got := make(chan string, 10)
	serve(t, <-g.links, Handler{Frame: func(data []byte) error {
		got <- string(data)
		return nil
	}})
	p.send(t, maskedFrame(0x81, "text")...)
	p.send(t, maskedFrame(0x82, "binary")...)
	p.send(t, maskedFrame(0x81, "")...)
	p.send(t, maskedFrame(0x01, "in ")...)
	p.send(t, maskedFrame(0x89, "ping between")...)
	p.send(t, maskedFrame(0x00, "three ")...)
	p.send(t, maskedFrame(0x80, "parts")...)
	p.send(t, maskedFrame(0x81, strings.Repeat("x", 1000))...)
	for _, want := range []string{"text", "binary", "", "in three parts", strings.Repeat("x", 1000)} {
		if data := receive(t, got, "frame"); data != want {
			t.Errorf("got %q; want %q", data, want)
		}
	}
	f, err := readFrame(p.in)
	if err != nil || f.first != 0x8A || string(f.payload) != "ping between" || f.masked {
		t.Errorf("answer to the ping: %+v, %v", f, err)
	}
}

// A frame that came in the same packet as the request is not lost.
func TestFrameBeforeTheAnswer(t *testing.T) {
	g := openGate(t, Options{})
	dialRaw(t, g, append(maskedFrame(0x81, "early"), maskedFrame(0x81, "bird")[:3]...)...)
	got := make(chan string, 1)
	serve(t, <-g.links, Handler{Frame: func(data []byte) error {
		got <- string(data)
		return nil
	}})
	if data := receive(t, got, "frame"); data != "early" {
		t.Errorf("got %q", data)
	}
}

// python's websockets compares the payload of a pong with that of its ping.
func TestPingIsAnsweredWithItsPayload(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	pongs := make(chan string, 10)
	a := serve(t, accepted, Handler{Pong: func(p []byte) { pongs <- string(p) }})
	d := serve(t, dialled, Handler{Pong: func(p []byte) { pongs <- string(p) }})
	for _, s := range []*serving{a, d} {
		for _, payload := range []string{"17", "", strings.Repeat("p", 125)} {
			if err := s.Ping([]byte(payload)); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, pongs, "pong"); got != payload {
				t.Errorf("pong carries %q; want %q", got, payload)
			}
		}
		if err := s.Ping(make([]byte, 126)); !errors.Is(err, ErrControlSize) {
			t.Errorf("Ping of 126 bytes: %v", err)
		}
	}
}

// A flood of pings is answered, by the newest at least, and makes no queue.
func TestPingFlood(t *testing.T) {
	g := openGate(t, Options{})
	p := dialRaw(t, g)
	serve(t, <-g.links, Handler{})
	var flood []byte
	for n := range 5000 {
		flood = append(flood, maskedFrame(0x89, fmt.Sprint(n))...)
	}
	p.send(t, flood...)
	for {
		f, err := readFrame(p.in)
		if err != nil {
			t.Fatal(err)
		}
		if string(f.payload) == "4999" {
			return
		}
	}
}

// A ping added by Fill comes after the frames before it, so its pong proves that they were read.
func TestPingFollowsItsFrames(t *testing.T) {
	g := openGate(t, Options{})
	p := dialRaw(t, g)
	written := make(chan struct{}, 1)
	once := false
	serve(t, <-g.links, Handler{
		Fill: func(b *Batch) {
			if once {
				return
			}
			once = true
			if !b.Add([]byte("one")) {
				t.Error("no room after three bytes")
			}
			if b.Add(bytes.Repeat([]byte("2"), 70_000)) {
				t.Error("room after a large frame")
			}
			b.AddPing([]byte("seq"))
			b.Add([]byte("three"))
		},
		Written: func() { written <- struct{}{} },
	})
	for _, want := range []frame{{0x81, false, []byte("one")}, {0x81, false, bytes.Repeat([]byte("2"), 70_000)}, {0x89, false, []byte("seq")}, {0x81, false, []byte("three")}} {
		f, err := readFrame(p.in)
		if err != nil || f.first != want.first || !bytes.Equal(f.payload, want.payload) {
			t.Fatalf("got %x with %d bytes, %v; want %x with %d", f.first, len(f.payload), err, want.first, len(want.payload))
		}
	}
	receive(t, written, "Written")
}

// Fill is asked again until it adds nothing, Written follows each Fill that added, and neither Send nor Fill
// starves the other.
func TestFillProtocol(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{OutBytes: 32 << 20, OutSlots: 10_000})
	const total = 1000
	var log []string
	left := total
	idle := make(chan struct{})
	nothing := idle
	for range 4000 { // 16 MB: many full batches
		if err := dialled.Send(bytes.Repeat([]byte("s"), 4000)); err != nil {
			t.Fatal(err)
		}
	}
	var fills, sends int
	var sendsAtLastFill int
	all := make(chan struct{})
	serve(t, accepted, Handler{Frame: func(data []byte) error {
		if data[0] == 'f' {
			fills++
			sendsAtLastFill = sends
		} else {
			sends++
		}
		if fills == total && sends == 4000 {
			close(all)
		}
		return nil
	}})
	d := serve(t, dialled, Handler{
		Fill: func(b *Batch) {
			if left == 0 {
				log = append(log, "nothing")
				if idle != nil {
					close(idle)
					idle = nil
				}
				return
			}
			for left > 0 {
				left--
				if !b.Add(bytes.Repeat([]byte("f"), 1000)) {
					break
				}
			}
			log = append(log, "fill")
		},
		Written: func() { log = append(log, "written") },
	})
	receive(t, nothing, "Fill that adds nothing")
	receive(t, all, "frame of each kind")
	d.Close(CloseNormal, "")
	d.ended(t)
	if sendsAtLastFill > 2000 {
		t.Errorf("Fill's last frame came after %d of 4000 sent ones", sendsAtLastFill)
	}
	for i, entry := range log {
		if entry == "fill" && (i+1 == len(log) || log[i+1] != "written") {
			t.Fatalf("after Fill came %v", log[i:])
		}
	}
}

func TestSendBeforeServe(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	if err := accepted.Send([]byte("lifecycle")); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 2)
	serve(t, dialled, Handler{Frame: func(data []byte) error { got <- string(data); return nil }})
	a := serve(t, accepted, Handler{})
	if data := receive(t, got, "frame"); data != "lifecycle" {
		t.Errorf("got %q", data)
	}
	if err := a.Serve(t.Context(), Handler{}); !errors.Is(err, ErrServed) {
		t.Errorf("second Serve: %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	a := serve(t, accepted, Handler{Frame: func([]byte) error { return nil }, Fill: func(b *Batch) {}})
	d := serve(t, dialled, Handler{Fill: func(b *Batch) {}})
	var work sync.WaitGroup
	for range 4 {
		for _, s := range []*serving{a, d} {
			work.Go(func() {
				for n := range 500 {
					_ = s.Send([]byte("x"))
					_ = s.Ping([]byte("y"))
					s.Wake()
					if n == 400 {
						s.Close(CloseRestart, "over")
					}
					_ = s.RemoteAddr()
				}
			})
		}
	}
	work.Wait()
	for _, s := range []*serving{a, d} {
		if e := s.ended(t); e.Code != CloseRestart {
			t.Errorf("ended with %v", e)
		}
		receive(t, s.Done(), "Done")
		if err := s.Send(nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after the end: %v", err)
		}
	}
}

func TestContextEndsServe(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	peer := serve(t, dialled, Handler{})
	result := make(chan error, 1)
	go func() { result <- accepted.Serve(ctx, Handler{}) }()
	reason := errors.New("shutting down")
	cancel(reason)
	err := receive(t, result, "end of Serve")
	var c *CloseError
	if !errors.As(err, &c) || c.Code != CloseGoingAway || c.Remote || !errors.Is(err, reason) {
		t.Errorf("Serve: %v", err)
	}
	wantClose(t, peer.ended(t), CloseGoingAway, "", true)
}

// Binary frames go out as such, from Send's queue and from Fill, in order with text.
func TestBinaryFrames(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	got := make(chan string, 8)
	serve(t, accepted, Handler{Frame: func(data []byte) error { got <- string(data); return nil }})
	invalid := "\xff\xfe no text" // a text frame with it would end the link
	filled := false
	d := serve(t, dialled, Handler{Fill: func(b *Batch) {
		if !filled {
			filled = true
			b.Add([]byte("text"))
			b.AddBinary([]byte(invalid + "1"))
		}
	}})
	if err := d.SendBinary([]byte(invalid + "2")); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for range 3 {
		seen[receive(t, got, "frame")] = true
	}
	if !seen["text"] || !seen[invalid+"1"] || !seen[invalid+"2"] {
		t.Errorf("got %v", seen)
	}
}
