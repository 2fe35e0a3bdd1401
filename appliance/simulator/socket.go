package simulator

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// The WebSocket frames of this package are made by hand and not by package link: a double that shares the layer under
// test shares its faults, and NapCat's habits (spelling of headers, a close without a code, resets, a reader that
// stands still) lie below link's surface. Only what NapCat's library does is here: no extensions, no fragments sent.

// Opcodes of RFC 6455, section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// violation is a frame that NapCat's library answers with a close of this code.
type violation struct {
	code uint16
	what string
}

func (v *violation) Error() string { return fmt.Sprintf("%s (close %d)", v.what, v.code) }

// peerClosed is the peer's close frame. Its payload is sent back.
type peerClosed struct{ payload []byte }

func (p *peerClosed) Error() string {
	if len(p.payload) < 2 {
		return "closed by the peer without a code"
	}
	return fmt.Sprintf("closed by the peer with %d %q", binary.BigEndian.Uint16(p.payload), p.payload[2:])
}

// frames reads messages from one end of a connection.
type frames struct {
	r      *bufio.Reader
	client bool // this end dialled: the peer must not mask
	pinged func(payload []byte)
}

// next returns the next text or binary message, fragments joined. It answers nothing itself: pings go to pinged, a
// close frame is returned as *peerClosed, a breach of the protocol as *violation.
func (f *frames) next() ([]byte, error) {
	var whole bytes.Buffer
	started, text := false, false
	for {
		final, op, size, mask, err := f.head()
		if err != nil {
			return nil, err
		}
		if op >= opClose {
			payload := make([]byte, size)
			if _, err := io.ReadFull(f.r, payload); err != nil {
				return nil, err
			}
			applyMask(payload, mask)
			switch op {
			case opClose:
				return nil, &peerClosed{payload}
			case opPing:
				f.pinged(payload)
			}
			continue
		}
		if (op == opContinuation) != started {
			return nil, &violation{1002, "fragments out of order"}
		}
		if !started {
			started, text = true, op == opText
		}
		if size > MaxFrame-int64(whole.Len()) {
			return nil, &violation{1009, "frame over 50 MiB"}
		}
		begin := whole.Len()
		if _, err := io.CopyN(&whole, f.r, size); err != nil { // grows with what arrives, not with what is announced
			return nil, err
		}
		applyMask(whole.Bytes()[begin:], mask)
		if !final {
			continue
		}
		if text && !utf8.Valid(whole.Bytes()) {
			return nil, &violation{1007, "text that is no UTF-8"}
		}
		return whole.Bytes(), nil
	}
}

// head reads a frame's header. size is checked for control frames only.
func (f *frames) head() (final bool, op byte, size int64, mask []byte, err error) {
	var b [14]byte
	if _, err = io.ReadFull(f.r, b[:2]); err != nil {
		return
	}
	final, op = b[0]&0x80 != 0, b[0]&0x0f
	masked := b[1]&0x80 != 0
	wide := uint64(b[1] & 0x7f)
	extra := 0
	switch wide {
	case 126:
		extra = 2
	case 127:
		extra = 8
	}
	if _, err = io.ReadFull(f.r, b[2:2+extra]); err != nil {
		return
	}
	switch extra {
	case 2:
		wide = uint64(binary.BigEndian.Uint16(b[2:]))
	case 8:
		wide = binary.BigEndian.Uint64(b[2:])
	}
	switch {
	case b[0]&0x70 != 0, op > opBinary && op < opClose, op > opPong:
		err = &violation{1002, "unknown opcode or reserved bits"}
	case op >= opClose && (!final || wide > 125):
		err = &violation{1002, "bad control frame"}
	case masked == f.client:
		err = &violation{1002, either(masked, "masked frame from a server", "unmasked frame from a client")}
	case wide > MaxFrame:
		err = &violation{1009, "frame over 50 MiB"}
	}
	if err != nil {
		return
	}
	if masked {
		mask = make([]byte, 4)
		_, err = io.ReadFull(f.r, mask)
	}
	return final, op, int64(wide), mask, err
}

// appendFrame appends one unfragmented frame, masked with key when this end dialled.
func appendFrame(dst []byte, op byte, payload []byte, client bool, key uint32) []byte {
	var bit byte
	if client {
		bit = 0x80
	}
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n <= 125:
		dst = append(dst, bit|byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, bit|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, bit|127), uint64(n))
	}
	if !client {
		return append(dst, payload...)
	}
	dst = binary.LittleEndian.AppendUint32(dst, key)
	begin := len(dst)
	dst = append(dst, payload...)
	applyMask(dst[begin:], dst[begin-4:begin:begin])
	return dst
}

func applyMask(b, mask []byte) {
	if len(mask) != 4 {
		return
	}
	for wide := uint64(binary.LittleEndian.Uint32(mask)) * (1<<32 + 1); len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
	}
	for i := range b {
		b[i] ^= mask[i&3]
	}
}

// goodbye is the payload of the close frame that ends a connection after err, and whether to send one at all. Nil means
// a close without a code, which is how NapCat itself closes.
func goodbye(err error) (payload []byte, send bool) {
	var v *violation
	var p *peerClosed
	switch {
	case errors.As(err, &v):
		return binary.BigEndian.AppendUint16(nil, v.code), true
	case errors.As(err, &p):
		return p.payload, true
	}
	return nil, false
}
