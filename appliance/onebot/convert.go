package onebot

import (
	"bytes"
	"fmt"
)

// ToArray turns the raw value of message into an array of segments. An array
// is returned as it is; CQ parameters stay in their order and are strings.
func ToArray(raw []byte) ([]byte, error) {
	raw = bytes.TrimSpace(raw)
	if end := scanValue(raw, 0, 0); end != len(raw) || len(raw) == 0 {
		return nil, fmt.Errorf("converting a message: %w", ErrSyntax)
	}
	switch raw[0] {
	case '[':
		return raw, nil
	case '{':
		out := append(make([]byte, 0, len(raw)+2), '[')
		return append(append(out, raw...), ']'), nil
	case '"':
		text := appendString(nil, raw[1:len(raw)-1])
		return appendSegments(make([]byte, 0, len(raw)+64), text), nil
	}
	return nil, fmt.Errorf("converting a message: %w", ErrMessage)
}

// appendSegments writes the segments of a CQ text as a JSON array.
func appendSegments(dst, text []byte) []byte {
	dst = append(dst, '[')
	separate := func() {
		if dst[len(dst)-1] != '[' {
			dst = append(dst, ',')
		}
	}
	literal := func(part []byte) {
		if len(part) > 0 {
			separate()
			dst = append(dst, `{"type":"text","data":{"text":`...)
			dst = append(appendQuoted(dst, string(appendUnescaped(nil, part))), "}}"...)
		}
	}
	for i := 0; ; {
		c, ok := nextCode(text, i)
		if !ok {
			literal(text[i:])
			return append(dst, ']')
		}
		literal(text[i:c.start])
		separate()
		dst = appendQuoted(append(dst, `{"type":`...), string(c.kind))
		dst = append(dst, `,"data":{`...)
		last := lastKeys(c.params)
		for n, rest := 0, c.params; ; n++ {
			key, value, more, ok := pair(rest)
			if !ok {
				break
			}
			rest = more
			if last != nil && last[string(key)] != n || last == nil && repeated(rest, key) {
				continue // the last one wins
			}
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, string(key)), ':')
			dst = appendQuoted(dst, string(appendUnescaped(nil, value)))
		}
		dst = append(dst, "}}"...)
		i = c.end
	}
}

// lastKeys gives the number of the last pair of each key, nil for the few
// pairs that codes have in fact: looking at them again and again is cheaper.
func lastKeys(params []byte) map[string]int {
	const few = 16
	if bytes.Count(params, []byte(",")) <= few {
		return nil
	}
	last := make(map[string]int)
	for n := 0; ; n++ {
		key, _, rest, ok := pair(params)
		if !ok {
			return last
		}
		last[string(key)] = n
		params = rest
	}
}

func repeated(params, key []byte) bool {
	for {
		k, _, rest, ok := pair(params)
		if !ok {
			return false
		}
		if bytes.Equal(k, key) {
			return true
		}
		params = rest
	}
}

// ToString turns the raw value of message into a JSON string in CQ form. A
// string is returned as it is; parameters keep the order they came in.
func ToString(raw []byte) ([]byte, error) {
	raw = bytes.TrimSpace(raw)
	if end := scanValue(raw, 0, 0); end != len(raw) || len(raw) == 0 {
		return nil, fmt.Errorf("converting a message: %w", ErrSyntax)
	}
	var text []byte
	switch raw[0] {
	case '"':
		return raw, nil
	case '{':
		text = appendCode(nil, raw)
	case '[':
		for e := elements(raw, 0, 1); e.next(); {
			if v := e.value(); v != nil && v[0] == '{' {
				text = appendCode(text, v)
			}
		}
	default:
		return nil, fmt.Errorf("converting a message: %w", ErrMessage)
	}
	return appendQuoted(make([]byte, 0, len(text)+2), string(text)), nil
}

// appendCode writes one segment object in CQ form.
func appendCode(dst, segment []byte) []byte {
	var kind string
	var data []byte
	for m := members(segment, 0, 1); m.next(); {
		switch m.name() {
		case "type":
			kind = decodeString(m.value())
		case "data":
			data = m.value()
		default:
			m.skip()
		}
	}
	if len(data) == 0 || data[0] != '{' {
		data = []byte("{}")
	}
	if kind == "text" {
		var text []byte
		for m := members(data, 0, 1); m.next(); {
			if v := m.value(); m.name() == "text" {
				text = v
			}
		}
		return appendEscaped(dst, rawText(text), false)
	}
	if !isName(kind) {
		return dst
	}
	dst = append(append(dst, "[CQ:"...), kind...)
	for m := members(data, 0, 1); m.next(); {
		v := rawText(m.value())
		key := string(appendString(nil, m.key))
		if v == "" || !isName(key) {
			continue
		}
		dst = append(append(append(dst, ','), key...), '=')
		dst = appendEscaped(dst, v, true)
	}
	return append(dst, ']')
}

// rawText is the text of a raw value: of a string its content, of null
// nothing, of anything else its JSON.
func rawText(raw []byte) string {
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return ""
	case raw[0] == '"':
		return decodeString(raw)
	}
	return string(raw)
}

// Reformat gives a message event the form an app asked for: "string", or
// anything else for an array. The frame itself is returned when it has that
// form already; otherwise message and message_format change, and raw_message
// becomes the string too, since in string form both are one. Nothing else does.
func Reformat(frame []byte, h *Head, format string) ([]byte, error) {
	if h.PostType != "message" && h.PostType != "message_sent" || len(h.Message) == 0 {
		return frame, nil
	}
	return reformat(frame, space(frame, 0), h.Message, format)
}

// reformat converts the message of the object that begins at open.
func reformat(src []byte, open int, message []byte, format string) ([]byte, error) {
	text := format == "string"
	convert, word := ToArray, []byte(`"array"`)
	if text {
		convert, word = ToString, []byte(`"string"`)
	}
	if (message[0] == '"') == text && message[0] != '{' {
		return src, nil
	}
	message, err := convert(message)
	if err != nil {
		return nil, err
	}
	s := splicer{src: src, open: open, out: make([]byte, 0, len(src)+len(message))}
	seen := false
	m := members(src, open, 1)
	for m.next() {
		if m.skip(); m.end < 0 {
			break
		}
		s.begin(&m)
		switch {
		case m.name() == "message", text && m.is("raw_message"):
			s.replace(&m, message)
		case m.name() == "message_format":
			seen = true
			s.replace(&m, word)
		default:
			s.keep(&m)
		}
	}
	if m.end < 0 {
		return nil, fmt.Errorf("converting a message: %w", fault(m.end))
	}
	if !seen {
		s.add(`"message_format":`, word)
	}
	return s.finish(), nil
}
