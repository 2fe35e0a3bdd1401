package onebot

import (
	"fmt"
	"strconv"
)

// MaxChunks bounds the messages that one text becomes.
const MaxChunks = 64

// ErrChunks: a text is too long even in pieces.
var ErrChunks = fmt.Errorf("the text makes more than %d messages: raise textChunkLimit, or send it as a file or in a forwarded message", MaxChunks)

// Chunks cuts the message in an action's raw params where its text is longer
// than limit UTF-16 code units, and returns the params of each part in order.
// It is nil when there is nothing to cut: a short text, a forward, an action
// other than send_msg, send_group_msg and send_private_msg. The suffix may
// still be on the name.
//
// Each part is an array of segments, also where the message was a CQ string.
// What is no text has no length and stays beside the text that it stood by; a
// reply goes to the front of the first part. All other params are in each part
// as they were. The text is cut as cutText says. The error is ErrChunks.
func Chunks(name string, params []byte, limit int) ([][]byte, error) {
	base, _ := Normalise(name)
	switch base {
	case "send_msg", "send_group_msg", "send_private_msg":
	default:
		return nil, nil
	}
	i := space(params, 0)
	if limit <= 0 || len(params) <= limit || i >= len(params) || params[i] != '{' {
		return nil, nil // no UTF-16 unit has less than a byte
	}
	m := longMessage{}
	if !m.find(params, i) || !m.read() || units(m.text) <= limit {
		return nil, nil
	}
	pieces, whole := cutText(m.text, limit, MaxChunks)
	if !whole {
		return nil, ErrChunks
	}
	if len(pieces) == 0 { // nothing but white space
		return nil, nil
	}
	out := make([][]byte, len(pieces))
	for n, part := range m.parts(pieces) {
		e := edit{src: params}
		for p := members(params, i, 1); p.next(); {
			if p.skip(); p.is("message") {
				e.put(p.at, p.end, part)
			}
		}
		out[n] = e.finish()
	}
	return out, nil
}

// longMessage is one that is to be cut: its text, and what stands in it.
type longMessage struct {
	raw    []byte // array of segments
	text   string
	insets []inset
	reply  []byte // segments, each with a comma behind it
}

// inset is a segment that is no text, raw.
type inset struct {
	at  int // offset in the text
	raw []byte
}

// find takes the message out of the params; false when it is a forward or none.
func (m *longMessage) find(params []byte, open int) bool {
	var raw []byte
	literal := false
	p := members(params, open, 1)
	for p.next() {
		switch v := p.value(); {
		case p.is("message"):
			raw = v
		case p.is("messages"):
			return false
		case p.is("auto_escape"):
			literal, _ = Truth(v)
		}
	}
	if p.end < 0 || len(raw) == 0 {
		return false
	}
	if raw[0] == '"' && literal {
		m.raw = escaped(raw)
		return m.raw[0] == '['
	}
	var err error
	m.raw, err = ToArray(raw)
	return err == nil
}

// read takes the segments apart; false for a forward and for what is no message.
func (m *longMessage) read() bool {
	var text []byte
	e := elements(m.raw, 0, 1)
	for e.next() {
		v := e.value()
		if len(v) == 0 || v[0] != '{' {
			return false
		}
		var kind, data []byte
		for s := members(v, 0, 2); s.next(); {
			switch value := s.value(); s.name() {
			case "type":
				kind = value
			case "data":
				data = value
			}
		}
		switch decodeString(kind) {
		case "node":
			return false
		case "reply":
			m.reply = append(append(m.reply, v...), ',')
			continue
		case "text":
			if len(data) == 0 || data[0] != '{' {
				break
			}
			if words := datum(data, 0, "text"); len(words) > 0 && words[0] == '"' {
				text = appendString(text, words[1:len(words)-1])
				continue
			}
		}
		m.insets = append(m.insets, inset{len(text), v})
	}
	m.text = string(text)
	return e.end >= 0
}

// parts are the raw messages that the pieces make.
func (m *longMessage) parts(pieces []piece) [][]byte {
	out := make([][]byte, len(pieces))
	insets := m.insets
	for n, p := range pieces {
		dst := append([]byte{'['}, m.reply...)
		m.reply = nil
		last := n == len(pieces)-1
		from, text := p.from, p.before
		for len(insets) > 0 && (last || p.has(insets[0].at)) {
			o := insets[0]
			insets = insets[1:]
			if o.at > from && from < p.to {
				to := min(o.at, p.to)
				text, from = text+m.text[from:to], to
				if to == p.to {
					text, p.after = text+p.after, ""
				}
			}
			if from > p.from { // the fence that is opened again stays with its code
				dst, text = appendTextSegment(dst, text), ""
			}
			dst = append(append(dst, o.raw...), ',')
		}
		dst = appendTextSegment(dst, text+m.text[from:p.to]+p.after)
		dst[len(dst)-1] = ']'
		out[n] = dst
	}
	return out
}

// appendTextSegment appends a segment and a comma, nothing for no text.
func appendTextSegment(dst []byte, text string) []byte {
	if text == "" {
		return dst
	}
	dst = appendQuoted(append(dst, `{"type":"text","data":{"text":`...), text)
	return append(dst, "}},"...)
}

// AppendChunked appends the answer to a message that was sent in parts: data is
// the raw data of the first part's answer, ids are those of all parts.
func AppendChunked(dst, data []byte, ids []int64) []byte {
	if len(data) == 0 || data[0] != '{' {
		data = []byte("{}")
	}
	s := splicer{src: data}
	for m := members(data, 0, 1); m.next(); {
		m.skip()
		s.begin(&m)
		if m.is("catflap_message_ids") {
			s.remove(&m)
		} else {
			s.keep(&m)
		}
	}
	s.add(`"catflap_message_ids":`, idList(ids))
	return AppendOK(dst, nil, s.finish())
}

// AppendBroken appends the answer to a message of which a part failed; ids are
// those of the parts that were sent before.
func AppendBroken(dst []byte, retcode int, wording string, ids []int64) []byte {
	if len(ids) == 0 {
		return AppendFailure(dst, nil, retcode, wording)
	}
	dst = strconv.AppendInt(append(dst, `{"status":"failed","retcode":`...), int64(retcode), 10)
	dst = append(append(dst, `,"data":{"catflap_message_ids":`...), idList(ids)...)
	dst = appendQuoted(append(dst, `},"message":`...), wording)
	dst = appendQuoted(append(dst, `,"wording":`...), wording)
	return append(dst, '}')
}

func idList(ids []int64) []byte {
	out := []byte{'['}
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, id, 10)
	}
	return append(out, ']')
}
