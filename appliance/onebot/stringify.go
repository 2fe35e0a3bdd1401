package onebot

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Stringified returns valid JSON as JavaScript's JSON.stringify would write it
// after parsing, as far as white space and strings go; what is so already is
// returned itself. Koishi checks a signature against the body that it has
// parsed and written again (frameworks.md, section 0, rule 21), and NapCat's
// HTTP client escapes all that is not ASCII.
func Stringified(raw []byte) []byte {
	s := stringifier{src: raw}
	inside := false
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '"':
			inside = !inside
			i++
		case inside && c == '\\':
			i = s.escape(i)
		case !inside && class[c]&classSpace != 0:
			s.put(i, nil, i+1)
			i++
		default:
			i++
		}
	}
	if !s.changed {
		return raw
	}
	return append(s.out, raw[s.copied:]...)
}

// stringifier copies what it leaves as it is.
type stringifier struct {
	src, out []byte
	copied   int
	changed  bool
}

// put replaces src[from:to].
func (s *stringifier) put(from int, text []byte, to int) {
	if bytes.Equal(s.src[from:to], text) {
		return
	}
	if !s.changed {
		s.changed, s.out = true, make([]byte, 0, len(s.src))
	}
	s.out = append(append(s.out, s.src[s.copied:from]...), text...)
	s.copied = to
}

// escape rewrites the escape at i and returns the position after it.
func (s *stringifier) escape(i int) int {
	src := s.src
	if i+1 < len(src) && src[i+1] == '/' {
		s.put(i, []byte{'/'}, i+2)
		return i + 2
	}
	if i+1 >= len(src) || src[i+1] != 'u' {
		return i + 2
	}
	r, ok := hex4(src, i+2)
	if !ok {
		return i + 2
	}
	end := i + 6
	if utf16.IsSurrogate(r) {
		whole := rune(utf8.RuneError)
		if end+1 < len(src) && src[end] == '\\' && src[end+1] == 'u' {
			if low, ok := hex4(src, end+2); ok {
				whole = utf16.DecodeRune(r, low)
			}
		}
		if whole == utf8.RuneError { // JSON.stringify keeps half a pair as an escape
			s.put(i, bytes.ToLower(src[i:end]), end)
			return end
		}
		r, end = whole, end+6
	}
	text := appendQuoted(nil, string(r))
	s.put(i, text[1:len(text)-1], end)
	return end
}
