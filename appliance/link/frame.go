package link

import (
	"encoding/binary"
	"math"
)

// Opcodes of RFC 6455, section 5.2.
const (
	opText    byte = 0x1
	opBinary  byte = 0x2
	opControl byte = 0x8 // the bit that control frames have
	opClose   byte = 0x8
	opPing    byte = 0x9
	opPong    byte = 0xA
)

const (
	finalBit   byte = 0x80
	maskBit    byte = 0x80
	maxControl      = 125 // bytes of a control frame's payload, RFC 6455, section 5.5
)

// appendHeader appends the header of one unfragmented frame with n payload bytes, and its masking key when masked.
func appendHeader(dst []byte, opcode byte, n int, masked bool, key uint32) []byte {
	var mask byte
	if masked {
		mask = maskBit
	}
	dst = append(dst, finalBit|opcode)
	switch {
	case n <= maxControl:
		dst = append(dst, mask|byte(n))
	case n <= math.MaxUint16:
		dst = append(dst, mask|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, mask|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	if masked {
		dst = binary.LittleEndian.AppendUint32(dst, key)
	}
	return dst
}

// maskInto writes src, masked with key, into dst, which is at least as long. The key's first byte is its
// lowest. Eight bytes at a time; the payload starts at src[0], or a multiple of four bytes before it.
func maskInto(dst, src []byte, key uint32) {
	k := uint64(key)<<32 | uint64(key)
	dst = dst[:len(src)]
	for len(src) >= 32 {
		s, d := src[:32:32], dst[:32:32]
		binary.LittleEndian.PutUint64(d[0:], binary.LittleEndian.Uint64(s[0:])^k)
		binary.LittleEndian.PutUint64(d[8:], binary.LittleEndian.Uint64(s[8:])^k)
		binary.LittleEndian.PutUint64(d[16:], binary.LittleEndian.Uint64(s[16:])^k)
		binary.LittleEndian.PutUint64(d[24:], binary.LittleEndian.Uint64(s[24:])^k)
		src, dst = src[32:], dst[32:]
	}
	for len(src) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^k)
		src, dst = src[8:], dst[8:]
	}
	for i := range src {
		dst[i] = src[i] ^ byte(k)
		k >>= 8
	}
}

// closePayload is the body of a close frame. Codes that must not be sent give an empty one. The reason is cut
// to fit, never inside a character.
func closePayload(code uint16, reason string) []byte {
	if code < 1000 || code == CloseNoStatus || code == CloseAbnormal || code == 1015 {
		return nil
	}
	if limit := maxControl - 2; len(reason) > limit {
		for limit > 0 && reason[limit]&0xC0 == 0x80 {
			limit--
		}
		reason = reason[:limit]
	}
	return append(binary.BigEndian.AppendUint16(nil, code), reason...)
}
