package link

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sink is a net.Conn that collects what is written.
type sink struct{ w io.Writer }

func (s sink) Write(p []byte) (int, error)      { return s.w.Write(p) }
func (s sink) Read([]byte) (int, error)         { return 0, io.EOF }
func (s sink) Close() error                     { return nil }
func (s sink) LocalAddr() net.Addr              { return nil }
func (s sink) RemoteAddr() net.Addr             { return nil }
func (s sink) SetDeadline(time.Time) error      { return nil }
func (s sink) SetReadDeadline(time.Time) error  { return nil }
func (s sink) SetWriteDeadline(time.Time) error { return nil }

// chunks is a net.Conn that gives a stream in pieces of a few bytes each, the last one together with the end.
type chunks struct {
	sink
	stream []byte
	steps  []int // in turn
	turn   int
}

func (c *chunks) Read(p []byte) (int, error) {
	n := copy(p, c.stream[:min(len(c.stream), c.steps[c.turn%len(c.steps)])])
	c.turn++
	c.stream = c.stream[n:]
	if len(c.stream) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// passed is what a wire let through and told.
type passed struct {
	Bytes   string
	Swallow []oversize
	Err     error
}

// oversize is one call of Oversize, and how many bytes had passed before it.
type oversize struct {
	After, Size int
	Head, Tail  string
}

func drain(w *wire, buffer int) (out passed) {
	w.swallowed = func(head, tail []byte, size uint64) {
		out.Swallow = append(out.Swallow, oversize{len(out.Bytes), int(size), string(head), string(tail)})
	}
	p := make([]byte, buffer)
	for {
		n, err := w.Read(p)
		out.Bytes += string(p[:n])
		if err != nil {
			out.Err = err
			return out
		}
	}
}

// However a stream is cut into reads, gws sees the same bytes: whole headers with lengths that it reads as they are
// meant, and nothing of a swallowed frame, which is told of in its place with its ends unmasked.
func FuzzWireCheck(f *testing.F) {
	f.Add([]byte("\x81\x05hello\x81\x7e\x00\x7ex"), byte(3))
	f.Add([]byte("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x01\x01\x02\x03\x04"), byte(1))
	f.Add([]byte("\x81\x82\x01\x02\x03\x04xx\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x03"), byte(4))
	f.Add(append([]byte("\x82\x7e\x01\x00"), make([]byte, 300)...), byte(7))
	f.Add([]byte("\x89\x00\x8a\x80\x01\x02\x03\x04\x88\x02\x03\xe8"), byte(2))
	large := strings.Repeat("0123456789", 1000)
	mixed := slices.Concat(maskedFrame(0x81, "a"), maskedFrame(0x82, large), maskedFrame(0x81, large[:201]), maskedFrame(0x89, "p"), maskedFrame(0x81, large[:200]))
	f.Add(mixed, byte(0))
	f.Add(mixed, byte(0x7F))
	f.Add(slices.Concat(maskedFrame(0x01, "a"), maskedFrame(0x81, large), maskedFrame(0x80, "b")), byte(13))
	f.Add(maskedFrame(0x81, large[:201])[:100], byte(5))
	f.Add(slices.Concat([]byte("\x81\x02ab\x81\x7e\x02\x00"), make([]byte, 512), []byte("\x81\x01c")), byte(0x86))
	f.Fuzz(func(t *testing.T, stream []byte, step byte) {
		const limit, swallowTo = 200, 20_000
		client := step&0x80 != 0
		open := func(step int) *wire {
			return &wire{Conn: &chunks{stream: stream, steps: []int{step, 1, step}}, mode: modeFrames, limit: limit, swallowTo: swallowTo, masked: client}
		}
		want := model(stream, limit, swallowTo, client)
		for _, step := range []int{len(stream) + 1, int(step&0x7F) + 1} {
			if diff := cmp.Diff(want, drain(open(step), 16+step), cmpopts.EquateErrors()); diff != "" {
				t.Fatalf("%d bytes at once: %s", step, diff)
			}
		}
	})
}

// model says what a wire does with a stream, without pieces and without keeping anything back.
func model(stream []byte, limit, swallowTo uint64, client bool) (out passed) {
	out.Err = io.EOF
	fragmented := false
	for {
		length, header, ok := reference(stream)
		if !ok {
			return out
		}
		first, masked := stream[0], stream[1]&0x80 != 0
		wide := stream[1]&0x7F == 127
		switch {
		case length > math.MaxInt64:
			out.Err = ErrBadFrame
			return out
		case length > limit && length <= swallowTo && !fragmented && (first == 0x81 || first == 0x82) && masked != client:
			if f, err := readFrame(bytes.NewReader(lenient(stream))); err == nil {
				n := min(len(f.payload), 4096)
				out.Swallow = append(out.Swallow, oversize{len(out.Bytes), len(f.payload), string(f.payload[:n]), string(f.payload[len(f.payload)-n:])})
				stream = stream[header+len(f.payload):]
				continue
			}
			return out
		case length > limit && wide:
			out.Err = errTooBig
			return out
		}
		if first&8 == 0 {
			fragmented = first < 0x80
		}
		n := min(uint64(len(stream)), uint64(header)+length)
		out.Bytes += string(stream[:n])
		stream = stream[n:]
	}
}

// lenient is a stream whose first frame has its length in the shortest form, which readFrame insists on.
func lenient(stream []byte) []byte {
	length, header, _ := reference(stream)
	if masked := stream[1] & 0x80; length > 125 && length < 65536 && header >= 10 {
		key := 0
		if masked != 0 {
			key = 4
		}
		return append([]byte{stream[0], masked | 126, byte(length >> 8), byte(length)}, stream[header-key:]...)
	}
	return stream
}

// reference parses one header, the masking key included in its size.
func reference(p []byte) (length uint64, size int, ok bool) {
	if len(p) < 2 {
		return 0, 0, false
	}
	length, size = uint64(p[1]&0x7F), 2
	switch {
	case length == 126 && len(p) >= 4:
		length, size = uint64(binary.BigEndian.Uint16(p[2:])), 4
	case length == 127 && len(p) >= 10:
		length, size = binary.BigEndian.Uint64(p[2:]), 10
	case length >= 126:
		return 0, 0, false
	}
	if p[1]&0x80 != 0 {
		size += 4
	}
	return length, size, true
}

func BenchmarkWireCheck(b *testing.B) {
	stream := bytes.Repeat(maskedFrame(0x81, string(make([]byte, 600))), 27)
	w := &wire{mode: modeFrames, limit: 1 << 20}
	b.SetBytes(27)
	for b.Loop() {
		if n, err := w.check(stream); n != len(stream) || err != nil {
			b.Fatal(n, err)
		}
	}
}
