package json5

import "unicode/utf8"

// AppendJSON appends v as plain JSON to dst, each level indented by two spaces, without a final newline.
// Characters outside of ASCII stay as they are, and nothing is escaped for HTML.
func (v *Value) AppendJSON(dst []byte) []byte {
	return v.write(dst, 0)
}

func (v *Value) write(dst []byte, level int) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	switch v.Kind {
	case Null:
		return append(dst, "null"...)
	case String:
		return quote(dst, v.Text)
	case Array:
		if len(v.Items) == 0 {
			return append(dst, "[]"...)
		}
		for i, item := range v.Items {
			dst = append(dst, "[,"[min(i, 1)])
			dst = item.write(indent(dst, level+1), level+1)
		}
		return append(indent(dst, level), ']')
	case Object:
		if len(v.Members) == 0 {
			return append(dst, "{}"...)
		}
		for i, m := range v.Members {
			dst = append(dst, "{,"[min(i, 1)])
			dst = quote(indent(dst, level+1), m.Name)
			dst = m.Value.write(append(dst, ": "...), level+1)
		}
		return append(indent(dst, level), '}')
	default:
		return append(dst, v.Text...)
	}
}

func indent(dst []byte, level int) []byte {
	dst = append(dst, '\n')
	for range level {
		dst = append(dst, "  "...)
	}
	return dst
}

func quote(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
