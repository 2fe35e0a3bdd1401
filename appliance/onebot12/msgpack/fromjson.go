package msgpack

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSON keeps all lengths within 32 bits.
const maxJSON = 1 << 30

// FromJSON appends the MessagePack of one JSON text, each value in its shortest form; a number with a point or an exponent
// becomes a float 64. Under the keys of Options.Bytes base64 text becomes bin. MaxBytes is of no use here: the result is
// hardly ever longer than the source. Errors: ErrJSON, ErrDepth, ErrTooLarge for a source above 1 GiB.
func FromJSON(dst, src []byte, o Options) ([]byte, error) {
	if len(src) > maxJSON {
		return nil, ErrTooLarge
	}
	e := encoder{src: src, dst: dst, o: o}
	end, err := e.scan(e.space(0), 0)
	if err == nil && e.space(end) != len(src) {
		err = ErrJSON
	}
	if err != nil {
		return nil, err
	}
	e.value(e.space(0), false)
	return e.dst, nil
}

// encoder reads JSON twice: to see that it is valid and how much arrays and objects hold, which comes first in
// MessagePack, and to write.
type encoder struct {
	src, dst []byte
	o        Options
	counts   []uint32 // of arrays and objects in the order in which they begin
	next     int
}

func (e *encoder) space(i int) int {
	for i < len(e.src) && (e.src[i] == ' ' || e.src[i] == '\n' || e.src[i] == '\t' || e.src[i] == '\r') {
		i++
	}
	return i
}

// scan validates the value at i and returns its end.
func (e *encoder) scan(i, depth int) (int, error) {
	if i >= len(e.src) {
		return 0, ErrJSON
	}
	switch c := e.src[i]; {
	case c == '"':
		return e.scanString(i)
	case c == '{' || c == '[':
		return e.scanInside(i, depth)
	case c == '-' || c >= '0' && c <= '9':
		return e.scanNumber(i)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(e.src[i:], []byte(word)) {
			return i + len(word), nil
		}
	}
	return 0, ErrJSON
}

func (e *encoder) scanInside(i, depth int) (int, error) {
	if depth >= MaxDepth {
		return 0, ErrDepth
	}
	closing, object := e.src[i]+2, e.src[i] == '{'
	at := len(e.counts)
	e.counts = append(e.counts, 0)
	i = e.space(i + 1)
	if i < len(e.src) && e.src[i] == closing {
		return i + 1, nil
	}
	for {
		var err error
		if object {
			if i >= len(e.src) || e.src[i] != '"' {
				return 0, ErrJSON
			}
			if i, err = e.scanString(i); err != nil {
				return 0, err
			}
			if i = e.space(i); i >= len(e.src) || e.src[i] != ':' {
				return 0, ErrJSON
			}
			i = e.space(i + 1)
		}
		if i, err = e.scan(i, depth+1); err != nil {
			return 0, err
		}
		e.counts[at]++
		if i = e.space(i); i >= len(e.src) {
			return 0, ErrJSON
		}
		switch e.src[i] {
		case closing:
			return i + 1, nil
		case ',':
			i = e.space(i + 1)
		default:
			return 0, ErrJSON
		}
	}
}

func (e *encoder) scanString(i int) (int, error) {
	for i++; i < len(e.src); i++ {
		switch c := e.src[i]; {
		case c == '"':
			return i + 1, nil
		case c < ' ':
			return 0, ErrJSON
		case c == '\\':
			if i++; i >= len(e.src) {
				return 0, ErrJSON
			}
			switch e.src[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if hex4(e.src[i+1:]) < 0 {
					return 0, ErrJSON
				}
				i += 4
			default:
				return 0, ErrJSON
			}
		}
	}
	return 0, ErrJSON
}

func (e *encoder) scanNumber(i int) (int, error) {
	digits := func() bool {
		from := i
		for i < len(e.src) && e.src[i] >= '0' && e.src[i] <= '9' {
			i++
		}
		return i > from
	}
	if e.src[i] == '-' {
		i++
	}
	if i < len(e.src) && e.src[i] == '0' {
		i++
	} else if !digits() {
		return 0, ErrJSON
	}
	if i < len(e.src) && e.src[i] == '.' {
		if i++; !digits() {
			return 0, ErrJSON
		}
	}
	if i < len(e.src) && e.src[i]|0x20 == 'e' {
		if i++; i < len(e.src) && (e.src[i] == '+' || e.src[i] == '-') {
			i++
		}
		if !digits() {
			return 0, ErrJSON
		}
	}
	return i, nil
}

// value writes the value at i, which is valid, and returns its end.
func (e *encoder) value(i int, raw bool) int {
	switch c := e.src[i]; c {
	case '"':
		end := e.stringEnd(i)
		body := e.src[i+1 : end-1]
		if !raw || !e.bin(body) {
			e.text(body)
		}
		return end
	case '{', '[':
		return e.inside(i, raw)
	case 't':
		e.dst = append(e.dst, 0xc3)
		return i + 4
	case 'f':
		e.dst = append(e.dst, 0xc2)
		return i + 5
	case 'n':
		e.dst = append(e.dst, 0xc0)
		return i + 4
	}
	end, _ := e.scanNumber(i)
	e.number(e.src[i:end])
	return end
}

func (e *encoder) inside(i int, raw bool) int {
	n := e.counts[e.next]
	e.next++
	object := e.src[i] == '{'
	if object {
		e.head(n, 0x80, 15, 0xde, false)
	} else {
		e.head(n, 0x90, 15, 0xdc, false)
	}
	for ; n > 0; n-- {
		i = e.space(i + 1) // behind the bracket or the comma
		under := raw
		if object {
			end := e.stringEnd(i)
			under = e.isBytes(e.src[i+1 : end-1])
			e.text(e.src[i+1 : end-1])
			i = e.space(e.space(end) + 1)
		}
		i = e.space(e.value(i, under))
	}
	if e.src[i] == '{' || e.src[i] == '[' { // an empty one: i is still its bracket
		i = e.space(i + 1)
	}
	return i + 1
}

func (e *encoder) isBytes(key []byte) bool {
	for _, k := range e.o.Bytes {
		if k == string(key) {
			return true
		}
	}
	return false
}

func (e *encoder) stringEnd(i int) int {
	for i++; e.src[i] != '"'; i++ {
		if e.src[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// head writes a length: in the first byte if it is below few, else in 1 (if there is such a form), 2 or 4 bytes.
func (e *encoder) head(n uint32, short byte, few uint32, long byte, one bool) {
	switch {
	case n <= few && short != 0:
		e.dst = append(e.dst, short|byte(n))
	case one && n <= math.MaxUint8:
		e.dst = append(e.dst, long, byte(n))
	case n <= math.MaxUint16:
		if one {
			long++
		}
		e.dst = binary.BigEndian.AppendUint16(append(e.dst, long), uint16(n))
	default:
		if one {
			long++
		}
		e.dst = binary.BigEndian.AppendUint32(append(e.dst, long+1), n)
	}
}

// bin writes base64 text as the bytes that it means; false if it is none.
func (e *encoder) bin(body []byte) bool {
	if bytes.IndexByte(body, '\\') >= 0 {
		body = AppendText(nil, body)
	}
	if len(body)%4 != 0 || bytes.ContainsAny(body, "\r\n") {
		return false
	}
	n := len(body) / 4 * 3
	for i := len(body); i > 0 && i > len(body)-2 && body[i-1] == '='; i-- {
		n--
	}
	from := len(e.dst)
	e.head(uint32(n), 0, 0, 0xc4, true)
	var err error
	if e.dst, err = base64.StdEncoding.AppendDecode(e.dst, body); err != nil {
		e.dst = e.dst[:from]
		return false
	}
	return true
}

// text writes a string. Its length is known only when its escapes are resolved.
func (e *encoder) text(body []byte) {
	if bytes.IndexByte(body, '\\') >= 0 {
		body = AppendText(make([]byte, 0, len(body)), body)
	}
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\ufffd"))
	}
	e.head(uint32(len(body)), 0xa0, 31, 0xd9, true)
	e.dst = append(e.dst, body...)
}

// number writes an integer in as few bytes as it needs, anything else as a float 64.
func (e *encoder) number(raw []byte) {
	if !bytes.ContainsAny(raw, ".eE") {
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			e.integer(n)
			return
		}
		if n, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
			e.dst = binary.BigEndian.AppendUint64(append(e.dst, 0xcf), n)
			return
		}
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && math.IsInf(f, 0) { // larger than any: text loses nothing
		e.text(raw)
		return
	}
	e.dst = binary.BigEndian.AppendUint64(append(e.dst, 0xcb), math.Float64bits(f))
}

func (e *encoder) integer(n int64) {
	b := binary.BigEndian
	switch {
	case n >= 0 && n <= 0x7f, n < 0 && n >= -32:
		e.dst = append(e.dst, byte(n))
	case n >= 0 && n <= math.MaxUint8:
		e.dst = append(e.dst, 0xcc, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		e.dst = b.AppendUint16(append(e.dst, 0xcd), uint16(n))
	case n >= 0 && n <= math.MaxUint32:
		e.dst = b.AppendUint32(append(e.dst, 0xce), uint32(n))
	case n >= 0:
		e.dst = b.AppendUint64(append(e.dst, 0xcf), uint64(n))
	case n >= math.MinInt8:
		e.dst = append(e.dst, 0xd0, byte(n))
	case n >= math.MinInt16:
		e.dst = b.AppendUint16(append(e.dst, 0xd1), uint16(n))
	case n >= math.MinInt32:
		e.dst = b.AppendUint32(append(e.dst, 0xd2), uint32(n))
	default:
		e.dst = b.AppendUint64(append(e.dst, 0xd3), uint64(n))
	}
}

// AppendText appends the text of a JSON string's body. Half a surrogate pair becomes U+FFFD; what is no escape stays.
func AppendText(dst, body []byte) []byte {
	for len(body) > 0 {
		i := bytes.IndexByte(body, '\\')
		if i < 0 || i+1 >= len(body) {
			return append(dst, body...)
		}
		dst = append(dst, body[:i]...)
		c := body[i+1]
		body = body[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(body)
			if r < 0 {
				break
			}
			body = body[4:]
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if len(body) > 1 && body[0] == '\\' && body[1] == 'u' {
					low = hex4(body[2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					body = body[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// hex4 reads four hexadecimal digits, -1 if they are none.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}
