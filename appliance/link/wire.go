package link

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// maxHead bounds the answer's head when dialling: net/http has no bound of its own there.
const maxHead = 32 << 10

// progress is how many bytes of an unfinished message count as a sign of life. Less would let a peer keep a
// link by a byte now and then; much more would cut a large message on a slow line.
const progress = 64 << 10

var (
	errHead   = errors.New("the answer's head is longer than 32 KiB")
	errTooBig = errors.New("the peer sent a frame over the limit")
)

type wireMode uint8

const (
	modeHead   wireMode = iota // dialling: hand out nothing past the end of the answer's head
	modePlain                  // the body of a refusal
	modeFrames                 // frames, whose lengths are checked
)

// wire is the net.Conn that gws sees. It checks each frame's header before gws does (gws v1.8.9 slices with a
// negative length, and on 32 bits cuts lengths), swallows frames over the limit if the link wants that, renews the
// read deadline, and once frames flow keeps gws's own writes, which are only close frames, and its Close from the
// socket: the writer alone writes. Read and Write are called by one goroutine, the reader.
type wire struct {
	net.Conn
	mode   wireMode
	prefix []byte // bytes that were read ahead and come before the socket's
	ended  error  // what the socket said together with its last bytes

	head int // modeHead: bytes seen
	line int // modeHead: bytes of the current line, without \r

	limit      uint64   // of one frame's payload
	left       uint64   // bytes until the next header
	header     [10]byte // what has come of the next header; gws sees it when it is complete
	have       int
	fragmented bool // a message's last fragment is yet to come

	swallowTo  uint64                               // frames over limit and up to this are swallowed; 0 = none
	swallowed  func(head, tail []byte, size uint64) // told of each; gws has had all frames before it
	swallowing bool
	big        swallow

	timeout time.Duration // 0 = none
	alive   bool          // a frame has been completed since the last Read
	since   int           // bytes read since the deadline was renewed
	renewed time.Time

	err     error  // why reading ended
	goodbye []byte // payload of the close frame that gws wanted to send
	masked  bool   // gws masks it, and the peer masks nothing
}

// Read gives what the socket has, up to what may be seen in the present mode.
func (w *wire) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.mode == modeFrames {
		return w.readFrames(p)
	}
	n, err := w.fetch(p)
	if w.mode == modeHead {
		k, done, e := w.scanHead(p[:n])
		if e != nil {
			w.err = e
			return 0, e
		}
		if done && k < n {
			w.unread(p[k:n])
			n = k
		}
	}
	if err != nil {
		w.err = err
	}
	return n, err
}

// readFrames gives whole headers, and payloads as they come. p holds 16 bytes or more: bufio has no smaller buffer.
func (w *wire) readFrames(p []byte) (int, error) {
	if len(p) <= len(w.header) {
		return 0, io.ErrShortBuffer
	}
	for {
		if w.swallowing {
			if err := w.swallow(p); err != nil {
				w.err = err
				return 0, err
			}
			continue
		}
		held := copy(p, w.header[:w.have])
		n, err := w.fetch(p[held:])
		if err != nil {
			w.err = err
			return 0, err
		}
		n, err = w.check(p[:held+n])
		if err != nil {
			w.err = err
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// fetch reads from what was read ahead, else from the socket. It gives bytes or an error, never both.
func (w *wire) fetch(p []byte) (int, error) {
	if len(w.prefix) > 0 {
		n := copy(p, w.prefix)
		w.prefix = w.prefix[n:]
		return n, nil
	}
	w.prefix = nil
	if w.ended != nil {
		return 0, w.ended
	}
	if w.patience() > 0 && (w.alive || w.since >= progress) {
		w.renew(time.Now())
	}
	n, err := w.Conn.Read(p)
	w.since += n
	if n > 0 {
		w.ended, err = err, nil
	}
	return n, err
}

// unread lets fetch give these bytes once more.
func (w *wire) unread(p []byte) {
	if len(p) > 0 {
		w.prefix = append(append(make([]byte, 0, len(p)+len(w.prefix)), p...), w.prefix...)
	}
}

// patience is how long the peer may be silent now; 0 means for ever.
func (w *wire) patience() time.Duration {
	if w.timeout == 0 && w.swallowing {
		return swallowStall
	}
	return w.timeout
}

// renew moves the read deadline, at most about once a second: the deadline is later by what may be skipped.
func (w *wire) renew(now time.Time) {
	w.alive, w.since = false, 0
	timeout := w.patience()
	slack := min(time.Second, timeout/4)
	if now.Sub(w.renewed) < slack {
		return
	}
	w.renewed = now
	_ = w.Conn.SetReadDeadline(now.Add(timeout + slack))
}

// scanHead finds the empty line that ends an HTTP head and reports how many bytes of p belong to it.
func (w *wire) scanHead(p []byte) (n int, done bool, err error) {
	for i, b := range p {
		if w.head++; w.head > maxHead {
			return 0, false, errHead
		}
		switch b {
		case '\n':
			if w.line == 0 {
				w.mode = modePlain
				return i + 1, true, nil
			}
			w.line = 0
		case '\r':
		default:
			w.line++
		}
	}
	return len(p), false, nil
}

// check follows the frames in p, which continues what check let through before, and returns how much of it gws may
// see: all, or the bytes before a header that is not complete, begins a frame to be swallowed, or is refused.
func (w *wire) check(p []byte) (int, error) {
	w.have = 0
	for i := 0; i < len(p); {
		if w.left > 0 {
			k := min(w.left, uint64(len(p)-i))
			w.left -= k
			i += int(k)
			continue
		}
		rest := p[i:]
		header := 2
		if len(rest) >= 2 {
			header = headerSize(rest[1])
		}
		if len(rest) < header {
			w.have = copy(w.header[:], rest)
			return i, nil
		}
		length := uint64(rest[1] &^ maskBit)
		switch header {
		case 4:
			length = uint64(binary.BigEndian.Uint16(rest[2:]))
		case 10:
			length = binary.BigEndian.Uint64(rest[2:])
			if length>>63 != 0 {
				return i, ErrBadFrame
			}
		}
		masked := rest[1]&maskBit != 0
		if length > w.limit {
			if length <= w.swallowTo && w.whole(rest[0]) && masked != w.masked {
				w.unread(rest[header:])
				w.beginSwallow(length, masked)
				return i, nil
			}
			if header == 10 {
				return i, errTooBig // the shorter ones are gws's to refuse
			}
		}
		if rest[0]&opControl == 0 {
			w.fragmented = rest[0]&finalBit == 0
		}
		w.left = length
		if masked {
			w.left += 4
		}
		i += header
	}
	return len(p), nil
}

// headerSize is the length of a header without the masking key, by its second byte.
func headerSize(second byte) int {
	switch second &^ maskBit {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// whole reports whether a header's first byte begins a text or binary message that has no other fragment.
func (w *wire) whole(first byte) bool {
	return !w.fragmented && (first == finalBit|opText || first == finalBit|opBinary)
}

// Write is gws's. After the handshake it writes nothing but a close frame, whose payload is kept for the writer.
func (w *wire) Write(p []byte) (int, error) {
	if w.mode != modeFrames {
		return w.Conn.Write(p)
	}
	if len(p) >= 2 && p[0] == finalBit|opClose {
		body := append([]byte(nil), p[2:]...)
		if w.masked && len(body) >= 4 {
			maskInto(body[4:], body[4:], binary.LittleEndian.Uint32(body))
			body = body[4:]
		}
		w.goodbye = body
	}
	return len(p), nil
}

// Close is gws's too. The link closes the socket itself, after the writer has said goodbye.
func (w *wire) Close() error { return nil }
