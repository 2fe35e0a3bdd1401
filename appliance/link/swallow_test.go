package link

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// calls notes what a link hands on, in order.
type calls struct{ got chan string }

func newCalls() calls { return calls{make(chan string, 1000)} }

func (c calls) handler() Handler {
	return Handler{
		Frame: func(data []byte) error { c.got <- "frame " + brief(data); return nil },
		Oversize: func(head, tail []byte, size uint64) {
			c.got <- fmt.Sprintf("oversize %d %s %s", size, brief(head), brief(tail))
		},
		Pong: func(payload []byte) { c.got <- "pong " + brief(payload) },
	}
}

// brief tells payloads apart without showing all of them.
func brief(p []byte) string {
	sum := uint32(1)
	for _, b := range p {
		sum = sum*31 + uint32(b)
	}
	return fmt.Sprintf("%d:%08x", len(p), sum)
}

func wantOversize(payload []byte) string {
	n := min(len(payload), 4096)
	return fmt.Sprintf("oversize %d %s %s", len(payload), brief(payload[:n]), brief(payload[len(payload)-n:]))
}

// text is n bytes that differ from each other and from their neighbours.
func text(n, seed int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte('!' + (i*7+i/91+seed)%90)
	}
	return p
}

// Any mixture of frames in any pieces gives the same calls in the same order.
func TestSwallowKeepsTheOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const limit, swallowTo = 500, 30_000
		var stream []byte
		var want []string
		for i := range rapid.IntRange(1, 12).Draw(rt, "frames") {
			kind := rapid.SampledFrom([]string{"frame", "frame", "over", "over", "pong", "fragments"}).Draw(rt, "kind")
			switch kind {
			case "frame":
				p := text(rapid.IntRange(0, limit).Draw(rt, "size"), i)
				stream, want = append(stream, maskedFrame(0x81, string(p))...), append(want, "frame "+brief(p))
			case "over":
				first := rapid.SampledFrom([]byte{0x81, 0x82}).Draw(rt, "opcode")
				p := text(rapid.OneOf(rapid.IntRange(limit+1, swallowTo), rapid.IntRange(4095, 8194)).Draw(rt, "size"), i)
				stream, want = append(stream, maskedFrame(first, string(p))...), append(want, wantOversize(p))
			case "pong":
				p := text(rapid.IntRange(0, 125).Draw(rt, "size"), i)
				stream, want = append(stream, maskedFrame(0x8A, string(p))...), append(want, "pong "+brief(p))
			case "fragments":
				p, q := text(rapid.IntRange(0, limit/2).Draw(rt, "size"), i), text(3, i)
				stream = slices.Concat(stream, maskedFrame(0x01, string(p)), maskedFrame(0x8A, "x"), maskedFrame(0x80, string(q)))
				want = append(want, "pong "+brief([]byte("x")), "frame "+brief(slices.Concat(p, q)))
			}
		}
		r, err := http.NewRequest(http.MethodGet, "/", nil)
		if err != nil {
			rt.Fatal(err)
		}
		r.Header = http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
			"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		}
		steps := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(1, 20_000)), 1, 8).Draw(rt, "steps")
		conn := &chunks{sink: sink{io.Discard}, stream: stream, steps: steps}
		o := Options{MaxFrame: limit, SwallowUpTo: swallowTo, ReadBuffer: rapid.IntRange(1, 5000).Draw(rt, "buffer")}
		c, err := Accept(hijacked{conn: conn}, r, o)
		if err != nil {
			rt.Fatal(err)
		}
		told := newCalls()
		if err := c.Serve(context.Background(), told.handler()); !errors.Is(err, io.EOF) {
			rt.Fatalf("ended with %v", err)
		}
		close(told.got)
		var got []string
		for call := range told.got {
			got = append(got, call)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// Both sides, with masking and without, in the clear and under TLS: the link lives on after frames over the limit.
func TestFault_T27_OversizeFrameIsSwallowed(t *testing.T) {
	for _, secure := range []bool{false, true} {
		o := Options{MaxFrame: 1 << 20, SwallowUpTo: 16 << 20, OutBytes: 64 << 20}
		g := newGate(o)
		config := &tls.Config{}
		if secure {
			g.StartTLS()
			config.RootCAs = x509.NewCertPool()
			config.RootCAs.AddCert(g.Certificate())
		} else {
			g.Start()
		}
		t.Cleanup(g.Close)
		dialled, err := Dial(t.Context(), Target{URL: g.url(), TLS: config}, o)
		if err != nil {
			t.Fatal(err)
		}
		fromDialled, fromAccepted := newCalls(), newCalls()
		d := serve(t, dialled, fromAccepted.handler())
		a := serve(t, receive(t, g.links, "link"), fromDialled.handler())
		for _, way := range []struct {
			from *serving
			told calls
		}{{d, fromDialled}, {a, fromAccepted}} {
			var want []string
			for i, n := range []int{5, 1<<20 + 1, 1 << 20, 10 << 20, 16 << 20, 70_000} {
				p := text(n, i)
				if n > 1<<20 {
					want = append(want, wantOversize(p))
				} else {
					want = append(want, "frame "+brief(p))
				}
				if err := way.from.Send(p); err != nil {
					t.Fatal(err)
				}
			}
			for _, w := range want {
				if got := receive(t, way.told.got, "call"); got != w {
					t.Errorf("secure %t: got %s; want %s", secure, got, w)
				}
			}
		}
	}
}

func TestWhatIsNotSwallowed(t *testing.T) {
	large := strings.Repeat("x", 70_000)
	header := func(first, second byte, n uint64) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{first, second}, n), 1, 2, 3, 4)
	}
	tests := []struct {
		name string
		off  bool
		send []byte
		code uint16
	}{
		{"switched off", true, maskedFrame(0x81, large), CloseTooBig},
		{"above the upper limit", false, maskedFrame(0x81, large+large), CloseTooBig},
		{"far above", false, header(0x81, 0xFF, 1<<63-1), CloseTooBig},
		{"5 GiB: 1 GiB on 32 bits", false, header(0x81, 0xFF, 5<<30), CloseTooBig},
		{"4 GiB and 2000: 2000 on 32 bits", false, header(0x81, 0xFF, 4<<30+2000), CloseTooBig},
		{"impossible length", false, header(0x81, 0xFF, 1<<63), CloseProtocol},
		{"first fragment", false, maskedFrame(0x01, large), CloseTooBig},
		{"later fragment", false, append(maskedFrame(0x01, "x"), maskedFrame(0x80, large)...), CloseTooBig},
		{"inside a fragmented message", false, append(maskedFrame(0x01, "x"), maskedFrame(0x81, large)...), CloseTooBig},
		{"continuation of nothing", false, maskedFrame(0x80, large), CloseTooBig},
		{"not masked", false, append(header(0x81, 0x7F, 70_000), large...), CloseTooBig},
		{"compressed", false, maskedFrame(0xC1, large), CloseTooBig},
		{"reserved opcode", false, maskedFrame(0x83, large), CloseTooBig},
		{"long ping", false, maskedFrame(0x89, large), CloseTooBig},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := Options{MaxFrame: 1000, SwallowUpTo: 100_000}
			if test.off {
				o.SwallowUpTo = 0
			}
			g := openGate(t, o)
			p := dialRaw(t, g)
			told := newCalls()
			a := serve(t, <-g.links, told.handler())
			p.send(t, test.send...)
			p.wantCloseFrame(t, test.code)
			_ = p.Close()
			e := a.ended(t)
			wantClose(t, e, test.code, "", false)
			if bad := test.code == CloseProtocol; errors.Is(e, ErrBadFrame) != bad {
				t.Errorf("the cause is %v", e)
			}
			if len(told.got) != 0 {
				t.Errorf("told of %s", <-told.got)
			}
		})
	}
}

// 64 MiB go through without being kept.
func TestFault_T27_SwallowingNeedsLittleMemory(t *testing.T) {
	const size = 64 << 20
	g := openGate(t, Options{SwallowUpTo: size})
	p := dialRaw(t, g)
	told := newCalls()
	serve(t, receive(t, g.links, "link"), told.handler())
	p.send(t, maskedFrame(0x81, "before")...)
	receive(t, told.got, "frame")

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p.send(t, append(binary.BigEndian.AppendUint64([]byte{0x81, 0xFF}, size), 0, 0, 0, 0)...)
	piece := bytes.Repeat([]byte("x"), 64<<10)
	for range size / len(piece) {
		p.send(t, piece...)
	}
	p.send(t, 0x89, 0x80, 0, 0, 0, 0)
	if got, want := receive(t, told.got, "oversize"), fmt.Sprintf("oversize %d %s %s", size, brief(piece[:4096]), brief(piece[:4096])); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	if f, err := readFrame(p.in); err != nil || f.first != 0x8A {
		t.Errorf("got %+v, %v; want a pong", f, err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// A peer that stops in the middle is cut, with a ReadTimeout and without one; a slow one is not.
func TestStallInTheMiddleOfASwallowedFrame(t *testing.T) {
	tests := []struct {
		timeout, least, most time.Duration
	}{
		{10 * time.Second, 10 * time.Second, 11 * time.Second},
		{0, 30 * time.Second, 31 * time.Second},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			c, peer := pipeLink(t, Options{MaxFrame: 1000, SwallowUpTo: 1 << 20, ReadTimeout: test.timeout})
			told := newCalls()
			result := startServe(t, c, told.handler())
			payload := text(1<<20, 0)
			message := maskedFrame(0x81, string(payload))
			for rest := message; len(rest) > 0; {
				n := min(len(rest), 20<<10)
				if _, err := peer.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
				time.Sleep(2 * time.Second)
			}
			if got := <-told.got; got != wantOversize(payload) {
				t.Errorf("got %s", got)
			}
			if test.timeout == 0 {
				time.Sleep(time.Hour) // silence between frames is allowed as before
			}
			for range 2 { // at once behind each other
				if _, err := peer.Write(maskedFrame(0x82, string(payload[:2000]))); err != nil {
					t.Fatal(err)
				}
				if got := <-told.got; got != wantOversize(payload[:2000]) {
					t.Errorf("got %s", got)
				}
			}
			if _, err := peer.Write(message[:100]); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			// A byte now and then is no progress.
			var trickle sync.WaitGroup
			defer trickle.Wait()
			trickle.Go(func() {
				defer func() { _ = peer.Close() }()
				for {
					time.Sleep(3 * time.Second)
					if _, err := peer.Write([]byte{0}); err != nil {
						return
					}
				}
			})
			e := cause(t, <-result)
			wantClose(t, e, CloseAbnormal, "", false)
			if !errors.Is(e, ErrSilent) {
				t.Errorf("the cause is %v", e)
			}
			if d := time.Since(start); d < test.least || d > test.most {
				t.Errorf("timeout %v: cut after %v", test.timeout, d)
			}
		})
	}
}

func TestOversizeHandlers(t *testing.T) {
	over := maskedFrame(0x81, string(text(2000, 0)))
	o := Options{MaxFrame: 1000, SwallowUpTo: 1 << 20}
	after := maskedFrame(0x81, "after")

	t.Run("nobody asks", func(t *testing.T) {
		g := openGate(t, o)
		p := dialRaw(t, g, append(over, after...)...) // together with the handshake
		told := newCalls()
		h := told.handler()
		h.Oversize = nil
		serve(t, receive(t, g.links, "link"), h)
		if got := receive(t, told.got, "frame"); got != "frame "+brief([]byte("after")) {
			t.Errorf("got %s", got)
		}
		_ = p.Close()
	})
	t.Run("closes", func(t *testing.T) {
		g := openGate(t, o)
		p := dialRaw(t, g)
		c := receive(t, g.links, "link")
		told := newCalls()
		h := told.handler()
		h.Oversize = func([]byte, []byte, uint64) { c.Close(ClosePolicy, "no") }
		a := serve(t, c, h)
		p.send(t, slices.Concat(over, over, after)...)
		p.wantCloseFrame(t, ClosePolicy)
		_ = p.Close()
		wantClose(t, a.ended(t), ClosePolicy, "no", false)
		if len(told.got) != 0 {
			t.Errorf("told of %s after the close", <-told.got)
		}
	})
	t.Run("panics", func(t *testing.T) {
		g := openGate(t, o)
		p := dialRaw(t, g)
		h := Handler{Oversize: func([]byte, []byte, uint64) { panic("on purpose") }}
		a := serve(t, receive(t, g.links, "link"), h)
		p.send(t, over...)
		p.wantCloseFrame(t, CloseInternal)
		_ = p.Close()
		e := a.ended(t)
		wantClose(t, e, CloseInternal, "", false)
		var panicked *PanicError
		if !errors.As(e, &panicked) || panicked.Value != "on purpose" {
			t.Errorf("the cause is %v", e)
		}
	})
}
