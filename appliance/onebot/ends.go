package onebot

import "unicode/utf8"

// EchoAtEnds finds the echo of a frame of which only the first and the last
// bytes are known: head and tail may overlap, and each may be all of it. The
// result is the raw value, pointing into head or tail. Apps and NapCat write
// the echo behind what makes a frame large, so the tail is asked first; of a
// key that stands twice the last counts.
//
// Only an "echo" of the frame's own object counts, whatever strings and nested
// objects hold: head is read as JSON from its start, tail as JSON backwards
// from its end, and what cannot be told for certain is not found. That the
// frame is JSON in between is not known; the result is always one valid value
// in UTF-8, as it must go into an answer.
func EchoAtEnds(head, tail []byte) (echo []byte, ok bool) {
	first, ok := atStart(head, "echo")
	if !ok {
		return nil, false
	}
	if last := atEnd(tail, "echo"); last != nil {
		first = last
	}
	return first, first != nil && utf8.Valid(first)
}

// ActionAtStart returns the action's name from a frame of which only the first
// bytes are known, "" if it does not stand among them.
func ActionAtStart(head []byte) string {
	raw, ok := atStart(head, "action")
	if !ok {
		return ""
	}
	return decodeString(raw)
}

// atStart finds the last value of a top-level key in the beginning of a frame;
// nil when there is none. It is false for what is no beginning of an object.
func atStart(head []byte, key string) (value []byte, ok bool) {
	i := space(head, 0)
	if i >= len(head) || head[i] != '{' {
		return nil, false
	}
	m := members(head, i, 1)
	for m.next() {
		// A number may go on where head ends.
		if v := m.value(); m.name() == key && v != nil && (!isNumber(v) || m.end < len(head)) {
			value = v
		}
	}
	switch {
	case m.end >= 0:
		return value, space(head, m.end) == len(head)
	case m.end == tooDeep:
		return nil, false
	}
	return value, ^m.end >= len(head)
}

// atEnd finds the last value of a top-level key in the end of a frame, reading
// members backwards while they are whole; nil when it meets none.
func atEnd(tail []byte, key string) []byte {
	end := spaceBack(tail, len(tail)) - 1
	if end < 0 || tail[end] != '}' {
		return nil
	}
	for {
		end = spaceBack(tail, end)
		at := valueBack(tail, end)
		if at < 0 || scanValue(tail, at, 1) != end {
			return nil
		}
		colon := spaceBack(tail, at) - 1
		if colon < 0 || tail[colon] != ':' {
			return nil
		}
		keyEnd := spaceBack(tail, colon)
		keyAt := stringBack(tail, keyEnd)
		if keyAt < 0 || scanString(tail, keyAt+1) != keyEnd {
			return nil
		}
		before := spaceBack(tail, keyAt) - 1
		if before < 0 || tail[before] != ',' && tail[before] != '{' {
			return nil
		}
		m := object{key: tail[keyAt+1 : keyEnd-1], escaped: true}
		if m.name() == key {
			return tail[at:end]
		}
		if tail[before] == '{' {
			return nil
		}
		end = before
	}
}

// The functions below read backwards: i is the position after what they read,
// which stands outside strings, and the result its first position. A negative
// result means that it does not begin in b.

// spaceBack skips white space.
func spaceBack(b []byte, i int) int {
	for i > 0 && class[b[i-1]]&classSpace != 0 {
		i--
	}
	return i
}

// stringBack finds a string's opening quote: inside the string, quotes have an
// odd number of backslashes before them, and nothing else has any.
func stringBack(b []byte, i int) int {
	if i < 2 || b[i-1] != '"' {
		return -1
	}
	for i -= 2; i >= 0; i-- {
		if b[i] != '"' {
			continue
		}
		slash := i
		for slash > 0 && b[slash-1] == '\\' {
			slash--
		}
		if slash == 0 {
			return -1 // there may be more of them; an object's own brace comes before any key
		}
		if (i-slash)%2 == 0 {
			return i
		}
		i = slash
	}
	return -1
}

// valueBack finds where a value begins; it does not check what is in it.
func valueBack(b []byte, i int) int {
	if i <= 0 {
		return -1
	}
	switch b[i-1] {
	case '"':
		return stringBack(b, i)
	case '}', ']':
		return nestedBack(b, i)
	}
	end := i
	for i > 0 && (class[b[i-1]]&className != 0 || b[i-1] == '-' || b[i-1] == '+' || b[i-1] == '.') {
		i--
	}
	if i == 0 || i == end {
		return -1
	}
	return i
}

// nestedBack finds the bracket that opens an object or array.
func nestedBack(b []byte, i int) int {
	for depth := 0; i > 0; i-- {
		switch b[i-1] {
		case '"':
			if i = stringBack(b, i) + 1; i == 0 {
				return -1
			}
		case '}', ']':
			depth++
		case '{', '[':
			if depth--; depth == 0 {
				return i - 1
			}
		}
	}
	return -1
}
