package onebot12

import (
	"bytes"
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

// safeName reports whether a member's name can go out: one without dots and not "qq", which NoneBot would make an object
// of, and no longer than any known name is, because what is longer is somebody's text.
func safeName(name string) bool {
	if name == "" || name == Platform || len(name) > 64 {
		return false
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '_', c == '-', c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		default:
			return false
		}
	}
	return true
}

// isID reports whether a member of this name is an id, which is a string in OneBot 12.
func isID(name string) bool { return name == "id" || name == "flag" || strings.HasSuffix(name, "_id") }

// clean appends data that has no form of its own in OneBot 12: its names and values, but ids as strings and without names
// that could clash.
func clean(dst []byte, v value) []byte {
	switch v.kind() {
	case '{':
		dst = append(dst, '{')
		r := repeatsOf(v)
		for c := v.first(); c.ok(); c = v.after(c) {
			if name := c.name(); safeName(name) && !r.again(c) {
				dst = cleanMember(dst, name, name, c)
			}
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for c := v.first(); c.ok(); c = v.after(c) {
			dst = clean(comma(dst), c)
		}
		return append(dst, ']')
	case 0:
		return append(dst, "null"...)
	}
	return append(dst, v.raw()...)
}

// cleanMember appends the member that OneBot 11 calls name under the name as.
func cleanMember(dst []byte, as, name string, v value) []byte {
	kind := v.kind()
	switch {
	case isID(name) && (kind == '0' || kind == 'n'):
		return idText(dst, as, v)
	case strings.HasSuffix(name, "_ids") && kind == '[':
		dst = append(key(dst, as), '[')
		for c := v.first(); c.ok(); c = v.after(c) {
			if c.kind() == '0' {
				dst = append(comma(dst), onebot.Quoted(c.id())...)
			} else {
				dst = clean(comma(dst), c)
			}
		}
		return append(dst, ']')
	}
	return clean(key(dst, as), v)
}

// undotted appends data as it came, but for names that would end a NoneBot link: their dots become underlines.
func undotted(dst []byte, v value) []byte {
	if !v.ok() {
		return append(dst, "null"...)
	}
	for _, c := range v.t.cells[v.i+1 : v.cell().next] {
		if name := v.t.b[c.key:c.keyEnd]; bytes.IndexByte(name, '.') >= 0 || hasEscape(name) {
			return appendUndotted(dst, v)
		}
	}
	return append(dst, v.raw()...)
}

func appendUndotted(dst []byte, v value) []byte {
	switch v.kind() {
	case '{':
		dst = append(dst, '{')
		for c := v.first(); c.ok(); c = v.after(c) {
			name := strings.ReplaceAll(c.name(), ".", "_")
			dst = append(append(comma(dst), onebot.Quoted(name)...), ':')
			dst = appendUndotted(dst, c)
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for c := v.first(); c.ok(); c = v.after(c) {
			dst = appendUndotted(comma(dst), c)
		}
		return append(dst, ']')
	}
	return append(dst, v.raw()...)
}
