package onebot

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// The grammar is NapCat's: `[CQ:` type `(,key=value)*` `]` with type and key
// of ASCII letters, digits and underscores and a value that is any run without
// `,` and `]`. What does not match stays text. Of a key that stands twice the
// last counts; keys are not unescaped.

// code is one CQ code in a text.
type code struct {
	kind       []byte
	params     []byte // ",key=value,key=value"
	start, end int    // the whole code, brackets included
}

// nextCode finds the first CQ code at or after i.
func nextCode(text []byte, i int) (code, bool) {
	for i < len(text) {
		at := bytes.Index(text[i:], []byte("[CQ:"))
		if at < 0 {
			break
		}
		c, ok := codeAt(text, i+at)
		if ok {
			return c, true
		}
		i = c.end
	}
	return code{}, false
}

// codeAt reads the code that begins at start. When it is none, end is where it
// fails: no code that begins before that can be one either, since it would need
// the same bytes. So a text is read once, whatever somebody puts into it.
func codeAt(text []byte, start int) (code, bool) {
	c := code{start: start}
	i := start + 4
	j := word(text, i)
	if c.end = j; j == i {
		return c, false
	}
	c.kind = text[i:j]
	first := j
	for j < len(text) && text[j] == ',' {
		k := word(text, j+1)
		if k == j+1 || k >= len(text) || text[k] != '=' {
			c.end = k
			return c, false
		}
		for k++; k < len(text) && text[k] != ',' && text[k] != ']'; {
			k++
		}
		j = k
	}
	if j >= len(text) || text[j] != ']' {
		c.end = j
		return c, false
	}
	c.params, c.end = text[first:j], j+1
	return c, true
}

func word(text []byte, i int) int {
	for i < len(text) && class[text[i]]&className != 0 {
		i++
	}
	return i
}

// pair takes the next key and its still escaped value off the parameters.
func pair(params []byte) (key, value, rest []byte, ok bool) {
	if len(params) == 0 {
		return nil, nil, nil, false
	}
	params = params[1:] // the comma
	if end := bytes.IndexByte(params, ','); end >= 0 {
		params, rest = params[:end], params[end:]
	}
	key, value, _ = bytes.Cut(params, []byte("="))
	return key, value, rest, true
}

// param returns the still escaped value of a key, nil when it is absent.
func (c code) param(name string) []byte {
	var found []byte
	for rest := c.params; ; {
		key, value, more, ok := pair(rest)
		if !ok {
			return found
		}
		if string(key) == name {
			found = value
		}
		rest = more
	}
}

// appendUnescaped resolves the four entities, each once: `&amp;#91;` gives
// `&#91;`.
func appendUnescaped(dst, text []byte) []byte {
	for len(text) > 0 {
		i := bytes.IndexByte(text, '&')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		text = text[i:]
		switch {
		case bytes.HasPrefix(text, []byte("&amp;")):
			dst, text = append(dst, '&'), text[5:]
		case bytes.HasPrefix(text, []byte("&#91;")):
			dst, text = append(dst, '['), text[5:]
		case bytes.HasPrefix(text, []byte("&#93;")):
			dst, text = append(dst, ']'), text[5:]
		case bytes.HasPrefix(text, []byte("&#44;")):
			dst, text = append(dst, ','), text[5:]
		default:
			dst, text = append(dst, '&'), text[1:]
		}
	}
	return dst
}

// appendEscaped escapes text for a CQ string; a comma only inside a code.
func appendEscaped(dst []byte, text string, inCode bool) []byte {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '[':
			dst = append(dst, "&#91;"...)
		case c == ']':
			dst = append(dst, "&#93;"...)
		case c == ',' && inCode:
			dst = append(dst, "&#44;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// isName tells whether a type or key can stand in a CQ code.
func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		if class[s[i]]&className == 0 {
			return false
		}
	}
	return s != ""
}

// ParseCQ reads a CQ string into segments. All values are strings. The empty
// string has no segments.
func ParseCQ(s string) []Segment {
	var out []Segment
	text := []byte(s)
	literal := func(part []byte) {
		if len(part) > 0 {
			out = append(out, Segment{Type: "text", Data: map[string]any{"text": string(appendUnescaped(nil, part))}})
		}
	}
	i := 0
	for {
		c, ok := nextCode(text, i)
		if !ok {
			literal(text[i:])
			return out
		}
		literal(text[i:c.start])
		data := map[string]any{}
		for rest := c.params; ; {
			key, value, more, ok := pair(rest)
			if !ok {
				break
			}
			data[string(key)] = string(appendUnescaped(nil, value))
			rest = more
		}
		out = append(out, Segment{Type: string(c.kind), Data: data})
		i = c.end
	}
}

// FormatCQ writes segments as a CQ string, keys in alphabetical order. As in
// NapCat, null and empty values are left out and objects become JSON text, so
// the form is lossy. Names that cannot stand in a code are left out too:
// written down they would be text that somebody else may read as a code.
func FormatCQ(segments []Segment) string {
	var out []byte
	for _, s := range segments {
		if s.Type == "text" {
			out = appendEscaped(out, valueText(s.Data["text"]), false)
			continue
		}
		if !isName(s.Type) {
			continue
		}
		out = append(append(out, "[CQ:"...), s.Type...)
		keys := make([]string, 0, len(s.Data))
		for k := range s.Data {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if text := valueText(s.Data[k]); text != "" && isName(k) {
				out = append(append(append(out, ','), k...), '=')
				out = appendEscaped(out, text, true)
			}
		}
		out = append(out, ']')
	}
	return string(out)
}

// valueText is a parameter's value as text.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return string(v)
	}
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return ""
	}
	return strings.TrimSuffix(out.String(), "\n")
}
