package onebot

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// AppendText appends the decoded text of a message's text segments, one after
// the other, and nothing of the others. message is the raw value: an array, a
// segment, or a CQ string.
func AppendText(dst, message []byte) []byte {
	i := space(message, 0)
	if i >= len(message) {
		return dst
	}
	switch message[i] {
	case '"':
		end := scanString(message, i+1)
		if end < 0 {
			return dst
		}
		from := len(dst)
		dst = appendString(dst, message[i+1:end-1])
		return stripCodes(dst, from)
	case '{':
		dst, _ = appendSegmentText(dst, message, i, 1)
	case '[':
		from := len(dst)
		e := elements(message, i, 1)
		for e.next() {
			if e.at < len(message) && message[e.at] == '{' {
				dst, e.end = appendSegmentText(dst, message, e.at, 2)
			} else {
				e.skip()
			}
		}
		if e.end < 0 {
			return dst[:from]
		}
	}
	return dst
}

// appendSegmentText appends the text of one segment and returns its end.
func appendSegmentText(dst, b []byte, at, depth int) ([]byte, int) {
	var kind segmentKind
	var text []byte
	m := members(b, at, depth)
	for m.next() {
		switch m.name() {
		case "type":
			kind = kindOf(m.value())
		case "data":
			text = nil
			if m.at >= len(b) || b[m.at] != '{' {
				m.skip()
				break
			}
			d := members(b, m.at, depth+1)
			for d.next() {
				if v := d.value(); d.name() == "text" {
					text = v
				}
			}
			m.end = d.end
		default:
			m.skip()
		}
	}
	if m.end >= 0 && kind == kindText && len(text) > 0 {
		switch {
		case text[0] == '"':
			dst = appendString(dst, text[1:len(text)-1])
		case isNumber(text):
			dst = append(dst, text...)
		}
	}
	return dst, m.end
}

// stripCodes turns the CQ text at dst[from:] into plain text where it stands:
// the result is never longer.
func stripCodes(dst []byte, from int) []byte {
	text := dst[from:]
	out := dst[:from]
	for i := 0; ; {
		c, ok := nextCode(text, i)
		if !ok {
			return appendUnescaped(out, text[i:])
		}
		out = appendUnescaped(out, text[i:c.start])
		i = c.end
	}
}

// SenderName is the name to show for a raw sender object: the group card,
// else the nickname, else "".
func SenderName(sender []byte) string {
	i := space(sender, 0)
	if i >= len(sender) || sender[i] != '{' {
		return ""
	}
	var card, nickname string
	m := members(sender, i, 1)
	for m.next() {
		switch m.name() {
		case "card":
			card = decodeString(m.value())
		case "nickname":
			nickname = decodeString(m.value())
		default:
			m.skip()
		}
	}
	if m.end < 0 {
		return ""
	}
	if card != "" {
		return card
	}
	return nickname
}

// Summary is a message in one line for people: text as it is, `@123` for a
// mention, `[image]` for the rest, `[share Title]` for cards that have a title.
// Control and direction characters become
// spaces or go, since the text comes from strangers and ends in a terminal.
// The line has at most max characters; max <= 0 sets no limit.
func Summary(message []byte, max int) string { return summary(message, max, false) }

// summary is Summary of a message that may be inner to another one.
func summary(message []byte, max int, inner bool) string {
	segments, err := ParseMessage(message)
	if err != nil {
		return "[?]"
	}
	var out strings.Builder
	for _, s := range segments {
		switch s.Type {
		case "text":
			out.WriteString(valueText(s.Data["text"]))
		case "at":
			out.WriteString("@" + valueText(s.Data["qq"]) + " ")
		case "file":
			if name := valueText(s.Data["file"]); name != "" && len(name) <= 128 && !strings.Contains(name, "://") {
				out.WriteString("[file " + name + "] ")
				break
			}
			out.WriteString("[file] ")
		default:
			if title := title(s, inner); title != "" {
				out.WriteString("[" + s.Type + " " + title + "] ")
				break
			}
			out.WriteString("[" + s.Type + "] ")
		}
	}
	return oneLine(out.String(), max)
}

// oneLine joins white space, drops what a terminal would obey, and cuts.
func oneLine(text string, max int) string {
	var out strings.Builder
	n, gap := 0, false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			gap = true
			continue
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r) && r != '\u200d': // the joiner of emoji
			continue
		}
		if gap && n > 0 {
			out.WriteByte(' ')
			n++
		}
		gap = false
		if max > 0 && n >= max {
			return cutLine(out.String(), max)
		}
		out.WriteRune(r)
		n++
	}
	return out.String()
}

// cutLine shortens to max characters, the last of which is an ellipsis.
func cutLine(text string, max int) string {
	n := 0
	for i := range text {
		if n == max-1 {
			return strings.TrimRight(text[:i], " ") + "…"
		}
		n++
	}
	return text
}
