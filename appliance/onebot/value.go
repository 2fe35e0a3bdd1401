package onebot

import (
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// form tells how a number was written.
type form uint8

const (
	formNone  form = iota // absent, null, or no number that we would trust
	formClean             // a JSON integer: what frameworks expect
	formLoose             // a decimal string, or a fraction of zeros
)

// readInt reads an integer from a raw JSON value: a number or a decimal string.
// Anything beyond 64 bits is refused, never wrapped.
func readInt(raw []byte) (int64, form) {
	f := formClean
	if len(raw) >= 2 && raw[0] == '"' {
		raw, f = raw[1:len(raw)-1], formLoose
	}
	negative := len(raw) > 0 && raw[0] == '-'
	i := 0
	if negative {
		i = 1
	}
	first := i
	var v uint64
	for ; i < len(raw) && raw[i]-'0' <= 9; i++ {
		if v > (math.MaxInt64-9)/10 && (v > math.MaxInt64/10 || uint64(raw[i]-'0') > math.MaxInt64-v*10) {
			return 0, formNone
		}
		v = v*10 + uint64(raw[i]-'0')
	}
	if i == first {
		return 0, formNone
	}
	if i < len(raw) {
		// 20002.0, as a float that went through somebody's double; text has no fraction.
		if raw[i] != '.' || f == formLoose || i+1 == len(raw) {
			return 0, formNone
		}
		for i++; i < len(raw); i++ {
			if raw[i] != '0' {
				return 0, formNone
			}
		}
		f = formLoose
	}
	if negative {
		if v == 0 {
			f = formLoose
		}
		return -int64(v), f
	}
	return int64(v), f
}

// readID reads a QQ number. Frameworks keep ids in an int64, so larger ones
// are as unusable as negative ones.
func readID(raw []byte) (uint64, form) {
	v, f := readInt(raw)
	if v < 0 {
		return 0, formNone
	}
	return uint64(v), f
}

// readTime reads unix seconds; a fraction is cut off.
func readTime(raw []byte) (int64, form) {
	if v, f := readInt(raw); f != formNone {
		return v, f
	}
	if isNumber(raw) {
		for i, c := range raw {
			if c == '.' && digits(raw, i+1) == len(raw) {
				if v, f := readInt(raw[:i]); f != formNone {
					return v, formLoose
				}
			}
		}
	}
	return 0, formNone
}

func isNumber(raw []byte) bool {
	return len(raw) > 0 && (raw[0] == '-' || class[raw[0]]&classDigit != 0)
}

// body gives a string without its quotes, a number as it stands, else nil.
func body(raw []byte) []byte {
	switch {
	case len(raw) >= 2 && raw[0] == '"':
		return raw[1 : len(raw)-1]
	case isNumber(raw):
		return raw
	}
	return nil
}

// shortName bounds the names that are looked up with escapes in them.
const shortName = 32

// shortString decodes a string's body into buf; false when it does not fit in
// shortName bytes and so cannot be a name that anybody looks for.
func shortString(buf, text []byte) ([]byte, bool) {
	if len(text) > shortName*6 {
		return nil, false
	}
	for i := 0; i < len(text); {
		if len(buf)+utf8.UTFMax > shortName {
			return nil, false
		}
		buf, i = appendRune(buf, text, i)
	}
	return buf, true
}

// appendString appends the decoded body of a JSON string. Lone surrogates
// become U+FFFD, as everywhere in Go.
func appendString(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		j := i
		for j < len(text) && text[j] != '\\' {
			j++
		}
		dst = append(dst, text[i:j]...)
		if j == len(text) {
			break
		}
		dst, i = appendRune(dst, text, j)
	}
	return dst
}

// appendRune appends what stands at text[i], one byte or one escape, and
// returns the position after it.
func appendRune(dst, text []byte, i int) ([]byte, int) {
	c := text[i]
	i++
	if c != '\\' || i == len(text) {
		return append(dst, c), i
	}
	c = text[i]
	i++
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
		r, ok := hex4(text, i)
		if !ok {
			return append(dst, c), i
		}
		i += 4
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if i+1 < len(text) && text[i] == '\\' && text[i+1] == 'u' {
				low, ok = hex4(text, i+2)
			}
			if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
				i += 6
			} else {
				r = utf8.RuneError
			}
		}
		return utf8.AppendRune(dst, r), i
	}
	return append(dst, c), i
}

func hex4(text []byte, i int) (rune, bool) {
	if i+4 > len(text) {
		return 0, false
	}
	var r rune
	for _, c := range text[i : i+4] {
		switch {
		case class[c]&classHex == 0:
			return 0, false
		case c <= '9':
			r = r<<4 | rune(c-'0')
		default:
			r = r<<4 | rune(c|0x20-'a'+10)
		}
	}
	return r, true
}

// decodeString returns the text of a raw JSON string, "" for anything else.
func decodeString(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if text := raw[1 : len(raw)-1]; !hasEscape(text) {
		return string(text)
	}
	return string(appendString(nil, raw[1:len(raw)-1]))
}

// appendQuoted appends text as a JSON string the way JSON.stringify writes it:
// no escaping of <, > and &, because Koishi signs the re-serialised body.
func appendQuoted(dst []byte, text string) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, "\ufffd"...)
			} else {
				dst = append(dst, text[i:i+n]...)
			}
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}
