package link

import (
	"math/rand/v2"
	"slices"
)

const (
	batchTarget = 64 << 10        // a batch that has reached this many bytes takes no more
	largeFrame  = batchTarget / 2 // a payload longer than this is not copied into the batch
	idleBuffer  = 8 << 10         // a buffer up to this size is kept for ever
	calmBatches = 256             // so many small batches in a row let a large buffer go
)

// Batch is what one socket write will carry. It is valid during the Fill that it was given to.
type Batch struct {
	masked bool
	random *rand.ChaCha8
	buf    []byte  // encoded frames; of a large one the header only
	large  []large // payloads that belong between the bytes of buf
	frames int
	sent   int // bytes of buf that are out already
	calm   int // batches in a row that used little of buf
}

// large is a payload that follows buf[:at] on the wire.
type large struct {
	at      int
	key     uint32
	payload []byte
}

// Add appends one text frame and reports whether there is room for more: after false, return from Fill, the
// rest is asked for when this batch is written. The frame is taken in either case. A payload over 32 KiB is
// not copied: leave it unchanged until Written.
func (b *Batch) Add(payload []byte) (more bool) {
	b.add(opText, payload)
	return !b.full()
}

// AddBinary is Add for a binary frame.
func (b *Batch) AddBinary(payload []byte) (more bool) {
	b.add(opBinary, payload)
	return !b.full()
}

// AddPing appends a ping with a payload of at most 125 bytes (longer ones are cut). The peer's pong proves that it read every frame before it.
func (b *Batch) AddPing(payload []byte) {
	b.add(opPing, payload[:min(len(payload), maxControl)])
}

func (b *Batch) full() bool { return len(b.buf) >= batchTarget || len(b.large) > 0 }

func (b *Batch) add(opcode byte, payload []byte) {
	b.frames++
	var key uint32
	if b.masked {
		// A key that the sender of the payload could foresee would let it choose the bytes on the wire (RFC 6455, section 10.3).
		key = uint32(b.random.Uint64())
	}
	b.buf = appendHeader(b.buf, opcode, len(payload), b.masked, key)
	if len(payload) > largeFrame {
		b.large = append(b.large, large{at: len(b.buf), key: key, payload: payload})
		return
	}
	if !b.masked {
		b.buf = append(b.buf, payload...)
		return
	}
	start := len(b.buf)
	b.buf = slices.Grow(b.buf, len(payload))[:start+len(payload)]
	maskInto(b.buf[start:], payload, key)
}

// reset empties the batch. A burst may have made the buffer large; it is let go when the link has been calm since.
func (b *Batch) reset() {
	if cap(b.buf) > idleBuffer {
		b.calm++
		if len(b.buf) > idleBuffer {
			b.calm = 0
		}
		if b.calm >= calmBatches {
			b.buf, b.calm = nil, 0
		}
	}
	clear(b.large)
	b.buf, b.large, b.frames, b.sent = b.buf[:0], b.large[:0], 0, 0
}
