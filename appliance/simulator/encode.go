package simulator

import (
	"bytes"
	"encoding/json"
	"strconv"
)

func decimal(id uint64) string { return strconv.FormatUint(id, 10) }

// encode is JSON.stringify: no HTML escapes, no newline. Values here always encode; a value that cannot becomes null,
// as JavaScript's NaN does.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte("null")
	}
	return unescapeSeparators(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// unescapeSeparators undoes Go's escapes of U+2028 and U+2029, which JSON.stringify leaves alone. A backslash before
// the escape is itself escaped, so an odd position cannot be hit by the plain text `\u2028`.
func unescapeSeparators(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\u202`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 >= len(b) {
			out = append(out, b[i])
			continue
		}
		switch {
		case bytes.HasPrefix(b[i:], []byte(`\u2028`)):
			out, i = append(out, "\u2028"...), i+5
		case bytes.HasPrefix(b[i:], []byte(`\u2029`)):
			out, i = append(out, "\u2029"...), i+5
		default:
			out, i = append(out, b[i], b[i+1]), i+1
		}
	}
	return out
}

// object builds a JSON object whose keys stay in the order in which NapCat writes them.
type object struct{ buf []byte }

func (o *object) add(key string, value any) *object {
	if len(o.buf) == 0 {
		o.buf = append(o.buf, '{')
	} else {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(o.buf, encode(key)...)
	o.buf = append(o.buf, ':')
	switch v := value.(type) {
	case json.RawMessage:
		o.buf = append(o.buf, v...)
	case *object:
		o.buf = append(o.buf, v.bytes()...)
	default:
		o.buf = append(o.buf, encode(value)...)
	}
	return o
}

func (o *object) bytes() []byte {
	if len(o.buf) == 0 {
		return []byte("{}")
	}
	return append(o.buf[:len(o.buf):len(o.buf)], '}')
}

// MarshalJSON lets an object stand inside other values.
func (o *object) MarshalJSON() ([]byte, error) { return o.bytes(), nil }

// Field is one key of a frame. Fields are written in the order given.
type Field struct {
	Key   string
	Value any
}
