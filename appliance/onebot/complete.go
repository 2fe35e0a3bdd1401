package onebot

import (
	"fmt"
	"strconv"
)

// Complete gives an event what frameworks die without and takes away what
// kills them (frameworks.md, section 0, rules 11, 13, 14): the defaults of a
// message event, numbers for ids and time, text for sender.level, no echo key.
//
// A frame with nothing missing is returned itself. Otherwise the result is a
// new slice, equal to the frame byte for byte but for the mended members; the
// slices in h keep pointing into the old frame.
//
// Values come from h, so a caller that knows better sets h.SelfID (the
// account's own number) and h.Time (the time of arrival) first when
// MissingSelfID or MissingTime is set. What no default can stand for gives
// an error that wraps ErrIncomplete and says what it is; such an event must
// not reach an app.
func Complete(frame []byte, h *Head) ([]byte, error) {
	if why := incompletable(h); why != "" {
		return nil, fmt.Errorf("%w: %s", ErrIncomplete, why)
	}
	if h.Missing == 0 {
		return frame, nil
	}
	open := space(frame, 0)
	c := completion{h: h, need: needed(h.Missing)}
	s := splicer{src: frame, open: open, out: make([]byte, 0, len(frame)+192)}
	m := members(frame, open, 1)
	for m.next() {
		f := fieldOf(m.key)
		if m.escaped {
			f = escapedField(m.key)
		}
		if m.skip(); m.end < 0 {
			break
		}
		s.begin(&m)
		value, change := c.member(f, frame[m.at:m.end])
		switch {
		case f == fieldEcho:
			s.remove(&m)
		case change:
			s.replace(&m, value)
		default:
			s.keep(&m)
		}
		c.need &^= 1 << f
	}
	if m.end < 0 {
		return nil, fmt.Errorf("completing an event: %w", fault(m.end))
	}
	for f := fieldTime; f <= fieldHonorType; f++ {
		if c.need&(1<<f) != 0 {
			s.add(keyText(f), c.value(f))
		}
	}
	return s.finish(), nil
}

// incompletable names what no default can stand for, or "".
func incompletable(h *Head) string {
	switch {
	case !h.IsEvent():
		return "it has no post_type"
	case h.Missing == 0:
		return ""
	case h.Missing&MissingDetail != 0:
		switch h.PostType {
		case "message", "message_sent":
			return "a message without message_type"
		case "notice":
			return "a notice without notice_type"
		case "request":
			return "a request without request_type"
		case "meta_event":
			return "a meta event without meta_event_type"
		}
		return "its post_type is unknown"
	case h.Missing&MissingSelfID != 0 && h.SelfID == 0:
		return "it has no self_id"
	case h.Missing&MissingFlag != 0:
		return "a request without flag"
	case h.Missing&MissingGroupID != 0:
		return "a group message without group_id"
	case h.Missing&MissingUserID != 0 && h.UserID == 0:
		return "a message without user_id"
	}
	return ""
}

// needed maps faults to the fields that must stand in the result.
func needed(missing Missing) uint32 {
	var need uint32
	for _, n := range [...]struct {
		bit Missing
		f   field
	}{
		{MissingTime, fieldTime}, {MissingSelfID, fieldSelfID}, {MissingUserID, fieldUserID},
		{MissingSubType, fieldSubType}, {MissingMessageID, fieldMessageID}, {MissingMessage, fieldMessage},
		{MissingRawMessage, fieldRawMessage}, {MissingFont, fieldFont}, {MissingSender, fieldSender},
		{MissingHonorType, fieldHonorType},
	} {
		if missing&n.bit != 0 {
			need |= 1 << n.f
		}
	}
	return need
}

func keyText(f field) string {
	switch f {
	case fieldTime:
		return `"time":`
	case fieldSelfID:
		return `"self_id":`
	case fieldUserID:
		return `"user_id":`
	case fieldSubType:
		return `"sub_type":`
	case fieldMessageID:
		return `"message_id":`
	case fieldMessage:
		return `"message":`
	case fieldRawMessage:
		return `"raw_message":`
	case fieldFont:
		return `"font":`
	case fieldSender:
		return `"sender":`
	}
	return `"honor_type":`
}

// completion is the work on one event.
type completion struct {
	h    *Head
	need uint32 // fields that are absent or unusable and not mended yet
}

// member decides about one top-level member: the new value, and whether there
// is one.
func (c *completion) member(f field, raw []byte) ([]byte, bool) {
	switch f {
	case fieldTime:
		if v, form := readTime(raw); form == formLoose {
			return strconv.AppendInt(nil, v, 10), true
		} else if form == formClean {
			return nil, false
		}
		return c.value(f), true
	case fieldSelfID, fieldUserID, fieldGroupID, fieldTargetID, fieldOperatorID, fieldSenderID:
		if v, form := readID(raw); form == formLoose {
			return strconv.AppendUint(nil, v, 10), true
		} else if form == formClean {
			return nil, false
		}
		return c.value(f), true
	case fieldMessageID:
		if v, form := readInt(raw); form == formLoose {
			return strconv.AppendInt(nil, v, 10), true
		} else if form == formClean {
			return nil, false
		}
		return c.value(f), true
	case fieldMessage:
		return c.message(raw)
	case fieldFlag:
		if c.h.Missing&LooseFlag != 0 && isNumber(raw) {
			return append(append([]byte{'"'}, raw...), '"'), true
		}
	case fieldSender:
		if c.h.Missing&MissingSender == 0 && raw[0] == '{' {
			return c.sender(raw)
		}
	}
	if c.h.Missing&missingOf(f) != 0 {
		return c.value(f), true
	}
	return nil, false
}

func missingOf(f field) Missing {
	switch f {
	case fieldSubType:
		return MissingSubType
	case fieldRawMessage:
		return MissingRawMessage
	case fieldFont:
		return MissingFont
	case fieldSender:
		return MissingSender
	case fieldHonorType:
		return MissingHonorType
	}
	return 0
}

// value is the default of a field.
func (c *completion) value(f field) []byte {
	h := c.h
	switch f {
	case fieldTime:
		return strconv.AppendInt(nil, h.Time, 10)
	case fieldSelfID:
		return strconv.AppendUint(nil, h.SelfID, 10)
	case fieldUserID:
		return strconv.AppendUint(nil, h.UserID, 10)
	case fieldSubType:
		switch {
		case h.PostType == "notice":
			return []byte(`""`)
		case h.Detail == "private":
			return []byte(`"friend"`)
		}
		return []byte(`"normal"`)
	case fieldMessage:
		return []byte(`[]`)
	case fieldRawMessage:
		if text, err := ToString(h.Message); err == nil {
			return text
		}
		return []byte(`""`)
	case fieldHonorType:
		return []byte(`""`)
	case fieldSender:
		v := strconv.AppendUint([]byte(`{"user_id":`), h.UserID, 10)
		return append(v, `,"nickname":""}`...)
	}
	// font, and the ids that NapCat could not parse: 0 is what NapCat itself
	// writes for an unknown operator.
	return []byte(`0`)
}

// message mends the message of a message event. Other events may have a
// member of that name that is not one (bot_offline).
func (c *completion) message(raw []byte) ([]byte, bool) {
	if c.h.PostType != "message" && c.h.PostType != "message_sent" {
		return nil, false
	}
	switch raw[0] {
	case '"':
		return nil, false
	case '{':
		if scanValue(raw, 0, 2) < 0 {
			break // one more level would be too deep
		}
		return append(appendSegment([]byte{'['}, raw), ']'), true
	case '[':
		if c.h.Missing&LooseSegment == 0 {
			return nil, false
		}
		out := append(make([]byte, 0, len(raw)), '[')
		for e := elements(raw, 0, 2); e.next(); {
			out = appendSegment(out, e.value())
		}
		return append(out, ']'), true
	}
	return c.value(fieldMessage), true
}

// appendSegment appends a segment to the array that out ends with. One without
// data gets an empty one; what has no text as type is left out.
func appendSegment(out, raw []byte) []byte {
	if len(raw) == 0 || raw[0] != '{' {
		return out
	}
	s := splicer{src: raw}
	var kind byte
	seen := false
	m := members(raw, 0, 3)
	for m.next() {
		value := m.value()
		if m.end < 0 {
			return out
		}
		s.begin(&m)
		switch m.name() {
		case "type":
			kind = value[0]
		case "data":
			seen = true
			if value[0] != '{' {
				s.replace(&m, []byte("{}"))
				continue
			}
		}
		s.keep(&m)
	}
	if kind != '"' {
		return out
	}
	if !seen {
		s.add(`"data":`, []byte("{}"))
	}
	if out[len(out)-1] != '[' {
		out = append(out, ',')
	}
	return append(out, s.finish()...)
}

// sender mends a sender object.
func (c *completion) sender(raw []byte) ([]byte, bool) {
	if c.h.Missing&(MissingSenderID|LooseSenderID|LooseLevel) == 0 {
		return nil, false
	}
	s := splicer{src: raw, out: make([]byte, 0, len(raw)+32)}
	seen := false
	m := members(raw, 0, 2)
	for m.next() {
		value := m.value()
		if m.end < 0 {
			return nil, false
		}
		s.begin(&m)
		switch m.name() {
		case "user_id":
			seen = true
			switch v, form := readID(value); form {
			case formClean:
				s.keep(&m)
			case formLoose:
				s.replace(&m, strconv.AppendUint(nil, v, 10))
			default:
				s.replace(&m, c.value(fieldUserID))
			}
		case "level":
			if isNumber(value) {
				s.replace(&m, append(append([]byte{'"'}, value...), '"'))
			} else {
				s.keep(&m)
			}
		default:
			s.keep(&m)
		}
	}
	if !seen {
		s.add(`"user_id":`, c.value(fieldUserID))
	}
	return s.finish(), true
}
