package onebot

import (
	"bytes"
	"strconv"
)

// Strip returns a raw message without the payloads it carries inline: a value
// that is a base64:// or data: URL becomes a short marker with its size, in
// segments at any depth and in the parameters of CQ codes. What people wrote
// in text segments stays. A message without payloads is returned itself.
//
// Such payloads are never stored: one picture would push out a chat's history.
func Strip(message []byte) []byte { return StripTo(message, nil) }

// StripTo is Strip for who has a place for payloads: instead says what stands for one, base64:// or data: and all,
// "" = the marker. It must not keep the payload.
func StripTo(message []byte, instead func(payload []byte) string) []byte {
	if !mayCarry(message) {
		return message
	}
	i := space(message, 0)
	end := scanValue(message, i, 0)
	if end < 0 {
		return []byte("[]") // not JSON: nothing that could be kept safely
	}
	s := stripper{src: message, instead: instead}
	s.value(i, 0, false)
	if !s.changed {
		return message
	}
	return append(s.out, message[s.copied:]...)
}

// mayCarry is the cheap question first: most messages stop here. Letters of
// the scheme could hide behind \u only.
func mayCarry(b []byte) bool {
	for i, c := range b {
		switch c | 0x20 {
		case 'b':
			if foldPrefix(b[i:], "base64:") {
				return true
			}
		case 'd':
			if foldPrefix(b[i:], "data:") {
				return true
			}
		case '\\' | 0x20:
			if c == '\\' && i+1 < len(b) && b[i+1] == 'u' {
				return true
			}
		}
	}
	return false
}

func foldPrefix(b []byte, prefix string) bool {
	if len(b) < len(prefix) {
		return false
	}
	for i := 0; i < len(prefix); i++ {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// stripper copies a message and replaces single strings.
type stripper struct {
	src, out []byte
	copied   int
	changed  bool
	instead  func(payload []byte) string // nil = markers
}

// value visits the value at i and returns its end; the source is valid JSON.
func (s *stripper) value(i, depth int, isText bool) int {
	switch s.src[i] {
	case '{':
		m := members(s.src, i, depth+1)
		for m.next() {
			m.end = s.value(m.at, depth+1, m.name() == "text")
		}
		return m.end
	case '[':
		e := elements(s.src, i, depth+1)
		for e.next() {
			e.end = s.value(e.at, depth+1, false)
		}
		return e.end
	case '"':
		end := scanString(s.src, i+1)
		if !isText {
			s.text(i, end)
		}
		return end
	}
	return scanValue(s.src, i, depth)
}

// text judges the string at src[i:end].
func (s *stripper) text(i, end int) {
	text := s.src[i+1 : end-1]
	if !mayCarry(text) {
		return
	}
	if hasEscape(text) {
		text = appendString(nil, text)
	}
	stripped := s.stripText(text)
	if stripped == nil {
		return
	}
	s.out = append(s.out, s.src[s.copied:i]...)
	s.out = appendQuoted(s.out, string(stripped))
	s.copied, s.changed = end, true
}

// stripText returns what stands for a value that is a payload, or for a CQ
// text that has one in a parameter; nil when there is none.
func (s *stripper) stripText(text []byte) []byte {
	if isPayload(text) {
		return s.mark(text)
	}
	var out []byte
	copied := 0
	for i := 0; ; {
		c, ok := nextCode(text, i)
		if !ok {
			break
		}
		i = c.end
		at := c.start + len("[CQ:") + len(c.kind) // where the parameters begin
		for rest := c.params; ; {
			_, value, more, ok := pair(rest)
			if !ok {
				break
			}
			at += len(rest) - len(more) // the end of this pair
			if isPayload(value) {
				out = append(out, text[copied:at-len(value)]...)
				out = append(out, s.mark(value)...)
				copied = at
			}
			rest = more
		}
	}
	if copied == 0 {
		return nil
	}
	return append(out, text[copied:]...)
}

func isPayload(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return foldPrefix(text, "base64:") && !bytes.HasPrefix(text, []byte(markerPrefix)) ||
		foldPrefix(text, "data:") && bytes.ContainsAny(text, ",&")
}

// markerPrefix begins every marker, so that a second Strip leaves it alone.
const markerPrefix = "base64:stripped:"

// mark is what stands for a payload.
func (s *stripper) mark(text []byte) []byte {
	if s.instead != nil {
		if instead := s.instead(text); instead != "" {
			return []byte(instead)
		}
	}
	return marker(text)
}

// marker needs no escaping, neither in JSON nor in a CQ code.
func marker(text []byte) []byte {
	return strconv.AppendInt([]byte(markerPrefix), int64(len(text)), 10)
}
