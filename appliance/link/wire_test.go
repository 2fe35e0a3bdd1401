package link

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"net"
	"testing"
	"time"
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

// However a stream is cut into reads, the check lets the same bytes through, and never a whole header whose
// length gws would misread.
func FuzzWireCheck(f *testing.F) {
	f.Add([]byte("\x81\x05hello\x81\x7e\x00\x7ex"), byte(3))
	f.Add([]byte("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x01\x01\x02\x03\x04"), byte(1))
	f.Add([]byte("\x81\x82\x01\x02\x03\x04xx\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x03"), byte(4))
	f.Add(append([]byte("\x82\x7e\x01\x00"), make([]byte, 300)...), byte(7))
	f.Add([]byte("\x89\x00\x8a\x80\x01\x02\x03\x04\x88\x02\x03\xe8"), byte(2))
	f.Fuzz(func(t *testing.T, stream []byte, step byte) {
		const limit = 1 << 20
		whole := &wire{mode: modeFrames, limit: limit}
		n, err := whole.check(stream)
		pieces := &wire{mode: modeFrames, limit: limit}
		var m int
		var cut error
		for rest := stream; len(rest) > 0 && cut == nil; {
			part := rest[:min(len(rest), int(step)+1)]
			rest = rest[len(part):]
			var k int
			k, cut = pieces.check(part)
			m += k
		}
		if n != m || err != cut {
			t.Fatalf("%d bytes and %v at once; %d and %v in pieces", n, err, m, cut)
		}
		for rest := stream[:n]; ; {
			length, header, ok := reference(rest)
			if !ok {
				if err == nil && n != len(stream) {
					t.Fatalf("%d of %d bytes without an error", n, len(stream))
				}
				return
			}
			if length > limit && length > math.MaxUint16 {
				t.Fatalf("a frame of %d bytes passed", length)
			}
			if uint64(len(rest)) < uint64(header)+length {
				return
			}
			rest = rest[header+int(length):]
		}
	})
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
