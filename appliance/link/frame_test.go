package link

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAppendHeader(t *testing.T) {
	tests := []struct {
		opcode byte
		n      int
		masked bool
		want   []byte
	}{
		{opText, 0, false, []byte{0x81, 0}},
		{opText, 125, false, []byte{0x81, 125}},
		{opText, 126, false, []byte{0x81, 126, 0, 126}},
		{opText, 65535, false, []byte{0x81, 126, 0xFF, 0xFF}},
		{opText, 65536, false, []byte{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
		{opText, math.MaxInt32, false, []byte{0x81, 127, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF}},
		{opPing, 0, true, []byte{0x89, 0x80, 4, 3, 2, 1}},
		{opPong, 2, false, []byte{0x8A, 2}},
		{opClose, 2, true, []byte{0x88, 0x82, 4, 3, 2, 1}},
		{opText, 126, true, []byte{0x81, 0xFE, 0, 126, 4, 3, 2, 1}},
		{opText, 65536, true, []byte{0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 4, 3, 2, 1}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, appendHeader(nil, test.opcode, test.n, test.masked, 0x01020304)); diff != "" {
			t.Errorf("%x with %d bytes, masked %t: %s", test.opcode, test.n, test.masked, diff)
		}
	}
}

func TestMaskIntoEqualsByteByByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "src")
		key := rapid.Uint32().Draw(t, "key")
		want := bytes.Clone(src)
		k := binary.LittleEndian.AppendUint32(nil, key)
		for i := range want {
			want[i] ^= k[i%4]
		}
		got := make([]byte, len(src)+3)
		maskInto(got, src, key)
		if !bytes.Equal(got[:len(src)], want) || !bytes.Equal(got[len(src):], []byte{0, 0, 0}) {
			t.Fatalf("got % x; want % x", got, want)
		}
		maskInto(src, src, key) // in place
		if !bytes.Equal(src, want) {
			t.Fatalf("in place: % x; want % x", src, want)
		}
	})
}

func TestClosePayload(t *testing.T) {
	tests := []struct {
		code   uint16
		reason string
		want   string
	}{
		{1000, "", "\x03\xe8"},
		{1012, "bye", "\x03\xf4bye"},
		{0, "x", ""}, {999, "x", ""}, {1005, "x", ""}, {1006, "x", ""}, {1015, "x", ""},
		{4999, strings.Repeat("a", 200), "\x13\x87" + strings.Repeat("a", 123)},
		{1000, "a" + strings.Repeat("长", 60), "\x03\xe8a" + strings.Repeat("长", 40)},
	}
	for _, test := range tests {
		if got := string(closePayload(test.code, test.reason)); got != test.want {
			t.Errorf("closePayload(%d, %q) = %q; want %q", test.code, test.reason, got, test.want)
		}
	}
}

// Whatever is added to a batch comes out of an independent decoder, in order.
func FuzzBatch(f *testing.F) {
	f.Add([]byte("hello"), uint32(3), true)
	f.Add([]byte{}, uint32(0), false)
	f.Add([]byte("x"), uint32(125), true)
	f.Add([]byte("x"), uint32(126), true)
	f.Add([]byte("xyz"), uint32(65536), true)
	f.Add([]byte("xyz"), uint32(200_000), true)
	f.Add([]byte("xyz"), uint32(32769), false)
	f.Fuzz(func(t *testing.T, seed []byte, size uint32, masked bool) {
		size %= 300_000
		payload := bytes.Repeat(append(seed, 'e'), int(size)/(len(seed)+1)+1)[:size]
		b := Batch{masked: masked, random: rand.NewChaCha8([32]byte{1})}
		var wire bytes.Buffer
		c := &Conn{raw: sink{&wire}, client: masked, options: Options{}.withDefaults()}
		b.Add(seed)
		b.Add(payload)
		b.AddPing(payload)
		b.Add(seed)
		c.batch = b
		if err := c.flush(); err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]byte{seed, payload, payload[:min(len(payload), 125)], seed} {
			got, err := readFrame(&wire)
			if err != nil || got.masked != masked || !bytes.Equal(got.payload, want) {
				t.Fatalf("frame %d: %d bytes, masked %t, %v; want %d bytes", i, len(got.payload), got.masked, err, len(want))
			}
			if first := []byte{0x81, 0x81, 0x89, 0x81}[i]; got.first != first {
				t.Fatalf("frame %d begins with %x; want %x", i, got.first, first)
			}
		}
		if wire.Len() > 0 {
			t.Fatalf("%d bytes too many", wire.Len())
		}
	})
}

// The buffer that a burst needed is let go.
func TestBatchBufferShrinks(t *testing.T) {
	var b Batch
	for b.Add(make([]byte, 600)) {
	}
	if cap(b.buf) > 2*batchTarget {
		t.Errorf("a full batch holds %d bytes", cap(b.buf))
	}
	for range calmBatches + 1 {
		b.reset()
		b.Add(make([]byte, 600))
	}
	b.reset()
	if cap(b.buf) > idleBuffer {
		t.Errorf("a calm link keeps %d bytes", cap(b.buf))
	}
	if n := testing.AllocsPerRun(1000, func() {
		b.reset()
		b.Add(make([]byte, 0))
	}); n > 0 {
		t.Errorf("%v allocations for a frame", n)
	}
}

func TestQueueAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := queue{slots: rapid.IntRange(1, 20).Draw(t, "slots"), limit: rapid.Int64Range(1, 1000).Draw(t, "limit")}
		var model [][]byte
		var sum int64
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				p := make([]byte, rapid.IntRange(0, 300).Draw(t, "size"))
				want := len(model) < q.slots && (len(model) == 0 || sum+int64(len(p)) <= q.limit)
				if got := q.push(item{opText, p}); got != want {
					t.Fatalf("push of %d bytes to %d in %d: %t", len(p), sum, len(model), got)
				}
				if want {
					model, sum = append(model, p), sum+int64(len(p))
				}
			},
			"take": func(t *rapid.T) {
				got := q.take(nil, rapid.IntRange(0, 500).Draw(t, "budget"))
				for i, g := range got {
					if len(g.payload) != len(model[i]) {
						t.Fatalf("item %d differs", i)
					}
					sum -= int64(len(g.payload))
				}
				model = model[len(got):]
			},
			"": func(t *rapid.T) {
				if q.bytes != sum || len(q.items)-q.head != len(model) || cap(q.items) > 2*q.slots+8 {
					t.Fatalf("%d bytes in %d; want %d in %d; capacity %d", q.bytes, len(q.items)-q.head, sum, len(model), cap(q.items))
				}
			},
		})
	})
}
