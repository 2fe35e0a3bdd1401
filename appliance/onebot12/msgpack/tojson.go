package msgpack

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// ToJSON appends the JSON of one MessagePack value. Maps must have text as keys; a timestamp becomes a number of seconds.
// Errors: those of this package.
func ToJSON(dst, src []byte, o Options) ([]byte, error) {
	d := decoder{src: src, dst: dst, o: o, limit: math.MaxInt}
	if o.MaxBytes > 0 {
		d.limit = len(dst) + o.MaxBytes
	}
	if err := d.value(0, ""); err != nil {
		return nil, err
	}
	if d.at != len(src) {
		return nil, ErrSyntax
	}
	return d.dst, nil
}

// decoder reads MessagePack.
type decoder struct {
	src, dst []byte
	at       int
	o        Options
	limit    int
}

// take returns the next n bytes; a length beyond the source is no length.
func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.src)-d.at) {
		return nil, ErrSyntax
	}
	b := d.src[d.at : d.at+int(n)]
	d.at += int(n)
	return b, nil
}

// uint reads a number of 1, 2, 4 or 8 bytes.
func (d *decoder) uint(size int) (uint64, error) {
	b, err := d.take(uint64(size))
	if err != nil {
		return 0, err
	}
	switch size {
	case 1:
		return uint64(b[0]), nil
	case 2:
		return uint64(binary.BigEndian.Uint16(b)), nil
	case 4:
		return uint64(binary.BigEndian.Uint32(b)), nil
	}
	return binary.BigEndian.Uint64(b), nil
}

// sized reads a length of so many bytes, and as many bytes as it says.
func (d *decoder) sized(size int) ([]byte, error) {
	n, err := d.uint(size)
	if err != nil {
		return nil, err
	}
	return d.take(n)
}

// value reads one value, which stands under the key.
func (d *decoder) value(depth int, key string) error {
	if len(d.dst) > d.limit {
		return ErrTooLarge
	}
	b, err := d.take(1)
	if err != nil {
		return err
	}
	c := b[0]
	switch {
	case c <= 0x7f:
		d.dst = strconv.AppendUint(d.dst, uint64(c), 10)
	case c >= 0xe0:
		d.dst = strconv.AppendInt(d.dst, int64(int8(c)), 10)
	case c <= 0x8f:
		return d.object(uint64(c&15), depth)
	case c <= 0x9f:
		return d.array(uint64(c&15), depth, key)
	case c <= 0xbf:
		text, err := d.take(uint64(c & 31))
		if err != nil {
			return err
		}
		d.text(text)
	default:
		return d.long(c, depth, key)
	}
	return d.room()
}

func (d *decoder) room() error {
	if len(d.dst) > d.limit {
		return ErrTooLarge
	}
	return nil
}

// long reads a value whose first byte says its kind only.
func (d *decoder) long(c byte, depth int, key string) error {
	switch c {
	case 0xc0:
		d.dst = append(d.dst, "null"...)
	case 0xc2:
		d.dst = append(d.dst, "false"...)
	case 0xc3:
		d.dst = append(d.dst, "true"...)
	case 0xc4, 0xc5, 0xc6:
		b, err := d.sized(1 << (c - 0xc4))
		if err != nil {
			return err
		}
		return d.bytes(b, key)
	case 0xca, 0xcb:
		return d.float(c)
	case 0xcc, 0xcd, 0xce, 0xcf:
		n, err := d.uint(1 << (c - 0xcc))
		if err != nil {
			return err
		}
		d.dst = strconv.AppendUint(d.dst, n, 10)
	case 0xd0, 0xd1, 0xd2, 0xd3:
		size := 1 << (c - 0xd0)
		n, err := d.uint(size)
		if err != nil {
			return err
		}
		shift := 64 - 8*size
		d.dst = strconv.AppendInt(d.dst, int64(n<<shift)>>shift, 10)
	case 0xd9, 0xda, 0xdb:
		text, err := d.sized(1 << (c - 0xd9))
		if err != nil {
			return err
		}
		d.text(text)
	case 0xdc, 0xdd:
		n, err := d.uint(2 << (c - 0xdc))
		if err != nil {
			return err
		}
		return d.array(n, depth, key)
	case 0xde, 0xdf:
		n, err := d.uint(2 << (c - 0xde))
		if err != nil {
			return err
		}
		return d.object(n, depth)
	default:
		return d.extension(c)
	}
	return d.room()
}

func (d *decoder) array(n uint64, depth int, key string) error {
	if depth >= MaxDepth {
		return ErrDepth
	}
	d.dst = append(d.dst, '[')
	for i := uint64(0); i < n; i++ { // each takes a byte of the source, whatever n says
		if i > 0 {
			d.dst = append(d.dst, ',')
		}
		if err := d.value(depth+1, key); err != nil {
			return err
		}
	}
	d.dst = append(d.dst, ']')
	return d.room()
}

func (d *decoder) object(n uint64, depth int) error {
	if depth >= MaxDepth {
		return ErrDepth
	}
	d.dst = append(d.dst, '{')
	for i := uint64(0); i < n; i++ {
		if i > 0 {
			d.dst = append(d.dst, ',')
		}
		key, err := d.key()
		if err != nil {
			return err
		}
		d.text(key)
		d.dst = append(d.dst, ':')
		if err := d.value(depth+1, d.known(key)); err != nil {
			return err
		}
	}
	d.dst = append(d.dst, '}')
	return d.room()
}

// known is the key if its value is bytes, else "".
func (d *decoder) known(key []byte) string {
	for _, k := range d.o.Bytes {
		if k == string(key) {
			return k
		}
	}
	return ""
}

// key reads a map's key: text, or bytes that somebody wrote for text.
func (d *decoder) key() ([]byte, error) {
	b, err := d.take(1)
	if err != nil {
		return nil, err
	}
	switch c := b[0]; {
	case c >= 0xa0 && c <= 0xbf:
		return d.take(uint64(c & 31))
	case c >= 0xd9 && c <= 0xdb:
		return d.sized(1 << (c - 0xd9))
	case c >= 0xc4 && c <= 0xc6:
		return d.sized(1 << (c - 0xc4))
	}
	return nil, ErrKey
}

// bytes writes a bin.
func (d *decoder) bytes(b []byte, key string) error {
	if key == "" || !slices.Contains(d.o.Bytes, key) {
		if utf8.Valid(b) {
			d.text(b)
			return d.room()
		}
	}
	if base64.StdEncoding.EncodedLen(len(b)) > d.limit-len(d.dst) {
		return ErrTooLarge
	}
	d.dst = append(d.dst, '"')
	d.dst = base64.StdEncoding.AppendEncode(d.dst, b)
	d.dst = append(d.dst, '"')
	return d.room()
}

func (d *decoder) float(c byte) error {
	size := 4 << (c - 0xca)
	n, err := d.uint(size)
	if err != nil {
		return err
	}
	f := math.Float64frombits(n)
	if size == 4 {
		f = float64(math.Float32frombits(uint32(n)))
	}
	return d.number(f, 8*size)
}

// number writes a float, with something that shows that it is one.
func (d *decoder) number(f float64, bits int) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ErrKind
	}
	d.dst = appendFloat(d.dst, f, bits)
	return d.room()
}

func appendFloat(dst []byte, f float64, bits int) []byte {
	form := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, form, -1, bits)
	if form == 'f' && !slices.Contains(dst[from:], '.') {
		dst = append(dst, ".0"...)
	}
	return dst
}

// extension reads what has a type of its own. Only times (-1) mean something to everybody.
func (d *decoder) extension(c byte) error {
	var b []byte
	var err error
	switch {
	case c >= 0xd4 && c <= 0xd8:
		b, err = d.take(1 + 1<<(c-0xd4))
	case c >= 0xc7 && c <= 0xc9:
		var n uint64
		if n, err = d.uint(1 << (c - 0xc7)); err == nil {
			b, err = d.take(n + 1)
		}
	default:
		return ErrKind
	}
	if err != nil {
		return err
	}
	if int8(b[0]) != -1 {
		return ErrKind
	}
	switch b = b[1:]; len(b) {
	case 4:
		return d.number(float64(binary.BigEndian.Uint32(b)), 64)
	case 8:
		n := binary.BigEndian.Uint64(b)
		return d.number(float64(n&(1<<34-1))+float64(n>>34)/1e9, 64)
	case 12:
		return d.number(float64(int64(binary.BigEndian.Uint64(b[4:])))+float64(binary.BigEndian.Uint32(b))/1e9, 64)
	}
	return ErrKind
}

// text writes a JSON string. What is not UTF-8 becomes U+FFFD.
func (d *decoder) text(b []byte) {
	const digits = "0123456789abcdef"
	dst := append(d.dst, '"')
	plain := 0
	for i := 0; i < len(b); {
		c := b[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRune(b[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = append(dst, b[plain:i]...)
		switch {
		case c >= utf8.RuneSelf:
			dst = append(dst, "\ufffd"...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
		plain = i
		if len(dst) > d.limit { // the caller says so
			break
		}
	}
	dst = append(dst, b[plain:]...)
	d.dst = append(dst, '"')
}
