package onebot

// Mentions is what the mention gate needs of a message.
type Mentions struct {
	AtSelf, AtAll bool
	HasReply      bool
	Reply         int64 // id in the first reply segment; 0 when it has none that is a number
}

// ScanMentions reads the raw value of message: an array of segments, a single
// segment, or a CQ string. It allocates nothing, but for CQ strings with
// \u escapes, which no known implementation writes. A value that is no valid
// JSON mentions nobody.
func ScanMentions(message []byte, self uint64) Mentions {
	var out Mentions
	i := space(message, 0)
	if i >= len(message) {
		return out
	}
	end := i
	switch message[i] {
	case '"':
		if end = scanString(message, i+1); end < 0 {
			break
		}
		text := message[i+1 : end-1]
		if unicodeEscape(text) {
			text = appendString(nil, text)
		}
		out.codes(text, self)
	case '{':
		end = out.segment(message, i, self, 1)
	case '[':
		e := elements(message, i, 1)
		for e.next() {
			if e.at < len(message) && message[e.at] == '{' {
				e.end = out.segment(message, e.at, self, 2)
			} else {
				e.skip()
			}
		}
		end = e.end
	}
	if end < 0 {
		return Mentions{}
	}
	return out
}

// segment reads one segment object and returns its end.
func (out *Mentions) segment(b []byte, at int, self uint64, depth int) int {
	var kind segmentKind
	var qq, id []byte
	m := members(b, at, depth)
	for m.next() {
		switch m.name() {
		case "type":
			kind = kindOf(m.value())
		case "data":
			qq, id = nil, nil
			if m.at < len(b) && b[m.at] == '{' {
				d := members(b, m.at, depth+1)
				for d.next() {
					switch d.name() {
					case "qq":
						qq = d.value()
					case "id":
						id = d.value()
					default:
						d.skip()
					}
				}
				m.end = d.end
			} else {
				m.skip()
			}
		default:
			m.skip()
		}
	}
	if m.end >= 0 {
		out.note(kind, qq, id, self)
	}
	return m.end
}

// note judges the raw values of one segment.
func (out *Mentions) note(kind segmentKind, qq, id []byte, self uint64) {
	switch kind {
	case kindAt:
		var buf [shortName + 2]byte
		qq = plainValue(buf[:0], qq)
		if v, form := readID(qq); form != formNone {
			out.AtSelf = out.AtSelf || v == self && self != 0
		} else if string(qq) == `"all"` {
			out.AtAll = true
		}
	case kindReply:
		if !out.HasReply {
			var buf [shortName + 2]byte
			out.HasReply = true
			out.Reply, _ = readInt(plainValue(buf[:0], id))
		}
	}
}

// plainValue resolves escapes in a short raw string, so that "1000\u0031" is
// read like "10001".
func plainValue(buf, raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' || !hasEscape(raw) {
		return raw
	}
	buf = append(buf, '"')
	text, ok := shortString(buf, raw[1:len(raw)-1])
	if !ok {
		return nil
	}
	return append(text, '"')
}

func hasEscape(text []byte) bool {
	for _, c := range text {
		if c == '\\' {
			return true
		}
	}
	return false
}

// unicodeEscape tells whether the body of a JSON string hides characters
// behind \u. The short escapes never stand for anything that matters in a CQ
// code, so text without \u is scanned as it is.
func unicodeEscape(text []byte) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '\\' {
			if text[i+1] == 'u' {
				return true
			}
			i++
		}
	}
	return false
}

// codes reads the CQ codes of a text.
func (out *Mentions) codes(text []byte, self uint64) {
	for i := 0; ; {
		c, ok := nextCode(text, i)
		if !ok {
			return
		}
		i = c.end
		switch string(c.kind) {
		case "at":
			qq := c.param("qq")
			if v, form := readInt(qq); form == formClean {
				out.AtSelf = out.AtSelf || v > 0 && uint64(v) == self
			} else if string(qq) == "all" {
				out.AtAll = true
			}
		case "reply":
			if !out.HasReply {
				out.HasReply = true
				out.Reply, _ = readInt(c.param("id"))
			}
		}
	}
}

// segmentKind names the segment types that this package treats by name.
type segmentKind uint8

const (
	kindOther segmentKind = iota
	kindText
	kindAt
	kindReply
)

func kindOf(raw []byte) segmentKind {
	var buf [shortName + 2]byte
	switch string(plainValue(buf[:0], raw)) {
	case `"text"`:
		return kindText
	case `"at"`:
		return kindAt
	case `"reply"`:
		return kindReply
	}
	return kindOther
}
