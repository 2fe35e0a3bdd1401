package link

import (
	"encoding/binary"
	"errors"
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

// wire is the net.Conn that gws sees. It checks each frame's length before gws does (gws v1.8.9 slices with a
// negative length, and on 32 bits cuts lengths), renews the read deadline, and once frames flow keeps gws's
// own writes, which are only close frames, and its Close from the socket: the writer alone writes.
// Read and Write are called by one goroutine, the reader.
type wire struct {
	net.Conn
	mode   wireMode
	prefix []byte // bytes that were read ahead and come before the socket's

	head int // modeHead: bytes seen
	line int // modeHead: bytes of the current line, without \r

	limit  uint64   // of one frame's payload
	left   uint64   // bytes until the next header
	header [10]byte // of the frame whose header is being read
	have   int

	timeout time.Duration // 0 = none
	alive   bool          // a frame has been completed since the last Read
	since   int           // bytes read since the deadline was renewed
	renewed time.Time

	err     error  // why reading ended
	goodbye []byte // payload of the close frame that gws wanted to send
	masked  bool   // gws masks it
}

// Read gives what the socket has, up to what may be seen in the present mode.
func (w *wire) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.fetch(p)
	switch w.mode {
	case modeHead:
		k, done, e := w.scanHead(p[:n])
		if e != nil {
			w.err = e
			return 0, e
		}
		if done && k < n {
			w.prefix = append([]byte(nil), p[k:n]...)
			n = k
		}
	case modeFrames:
		if k, e := w.check(p[:n]); e != nil {
			w.err = e
			return k, e
		}
	}
	if err != nil {
		w.err = err
	}
	return n, err
}

func (w *wire) fetch(p []byte) (int, error) {
	if len(w.prefix) > 0 {
		n := copy(p, w.prefix)
		w.prefix = w.prefix[n:]
		return n, nil
	}
	w.prefix = nil
	if w.timeout > 0 && (w.alive || w.since >= progress) {
		w.renew(time.Now())
	}
	n, err := w.Conn.Read(p)
	w.since += n
	return n, err
}

// renew moves the read deadline, at most about once a second: the deadline is later by what may be skipped.
func (w *wire) renew(now time.Time) {
	w.alive, w.since = false, 0
	slack := min(time.Second, w.timeout/4)
	if now.Sub(w.renewed) < slack {
		return
	}
	w.renewed = now
	_ = w.Conn.SetReadDeadline(now.Add(w.timeout + slack))
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

// check follows the frames in p and returns how much of it gws may see.
func (w *wire) check(p []byte) (int, error) {
	for i := 0; i < len(p); {
		if w.left > 0 {
			k := min(w.left, uint64(len(p)-i))
			w.left -= k
			i += int(k)
			continue
		}
		w.header[w.have] = p[i]
		w.have++
		i++
		if w.have < 2 {
			continue
		}
		size := w.header[1] &^ maskBit
		length := uint64(size)
		switch {
		case size == 126 && w.have < 4, size == 127 && w.have < 10:
			continue
		case size == 126:
			length = uint64(binary.BigEndian.Uint16(w.header[2:]))
		case size == 127:
			length = binary.BigEndian.Uint64(w.header[2:])
			if length>>63 != 0 {
				return i - 1, ErrBadFrame
			}
			if length > w.limit {
				return i - 1, errTooBig
			}
		}
		w.have = 0
		w.left = length
		if w.header[1]&maskBit != 0 {
			w.left += 4
		}
	}
	return len(p), nil
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
