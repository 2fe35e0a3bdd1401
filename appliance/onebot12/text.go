package onebot12

import (
	"bytes"
	"math"
	"strconv"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/onebot12/msgpack"
)

func hasEscape(body []byte) bool { return bytes.IndexByte(body, '\\') >= 0 }

// decoded is the text of a string's body.
func decoded(body []byte) string {
	if !hasEscape(body) {
		return string(body)
	}
	return string(msgpack.AppendText(nil, body))
}

// text is a string's text, a number or a truth as it is written, "" for anything else.
func (v value) text() string {
	switch v.kind() {
	case '"':
		raw := v.raw()
		return decoded(raw[1 : len(raw)-1])
	case '0', 't', 'f':
		return string(v.raw())
	}
	return ""
}

// id is an id as text: a number's digits, a string's text; "" for null, 0 and what is neither.
func (v value) id() string {
	switch v.kind() {
	case '"':
		if text := v.text(); text != "0" {
			return text
		}
	case '0':
		if n, ok := v.integer(); ok {
			if n == 0 {
				return ""
			}
			return strconv.FormatInt(n, 10)
		}
		if raw := v.raw(); len(bytes.Trim(raw, "0123456789")) == 0 { // beyond 64 bits
			return string(raw)
		}
	}
	return ""
}

// integer is a number or a decimal string without a fraction, but for one of zeros. It never passes through a float.
func (v value) integer() (int64, bool) {
	var body []byte
	switch v.kind() {
	case '"':
		raw := v.raw()
		if body = raw[1 : len(raw)-1]; len(body) == 0 || body[0] == '+' {
			return 0, false
		}
	case '0':
		body = v.raw()
		if whole, zeros, found := bytes.Cut(body, []byte(".")); found && len(bytes.Trim(zeros, "0")) == 0 {
			body = whole
		}
	default:
		return 0, false
	}
	n, err := strconv.ParseInt(string(body), 10, 64)
	return n, err == nil
}

// uin is a QQ number.
func (v value) uin() (uint64, bool) {
	n, ok := v.integer()
	return uint64(max(n, 0)), ok && n > 0
}

// truth is a boolean in any of the spellings of OneBot 11.
func (v value) truth() (is, known bool) { return onebot.Truth(v.raw()) }

// key appends a member's name, with a comma unless the object has just begun.
func key(dst []byte, name string) []byte {
	dst = comma(dst)
	dst = append(append(dst, '"'), name...)
	return append(dst, `":`...)
}

// comma separates elements and members.
func comma(dst []byte) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' && dst[n-1] != '[' {
		return append(dst, ',')
	}
	return dst
}

// word appends a member whose value is text of our own: a known word or digits.
func word(dst []byte, name, text string) []byte {
	dst = append(key(dst, name), '"')
	return append(append(dst, text...), '"')
}

// quoted appends a member whose value is anybody's text.
func quoted(dst []byte, name, text string) []byte {
	return append(key(dst, name), onebot.Quoted(text)...)
}

// number appends a member that is an integer.
func number(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(key(dst, name), n, 10)
}

// seconds appends a member that is a time: a number with a fraction, so that everybody takes it for a float.
func seconds(dst []byte, name string, n int64) []byte {
	return append(number(dst, name, n), ".0"...)
}

// float appends a float, always with a point or an exponent.
func float(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if bytes.IndexByte(dst[from:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// texts appends a member that is text: a string as it stands, a number as a string, "" for the rest.
func texts(dst []byte, name string, v value) []byte {
	if v.kind() == '"' {
		return append(key(dst, name), v.raw()...)
	}
	return quoted(dst, name, v.text())
}

// idText appends a member that is an id.
func idText(dst []byte, name string, v value) []byte { return quoted(dst, name, v.id()) }

func selfMember(dst []byte, self uint64) []byte {
	dst = append(key(dst, "self"), `{"platform":"`+Platform+`","user_id":"`...)
	return append(strconv.AppendUint(dst, self, 10), `"}`...)
}
