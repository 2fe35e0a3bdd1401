package onebot12

import (
	"fmt"

	"github.com/catflap/catflap/appliance/onebot"
)

// EventOptions are what becomes of one event for one app.
type EventOptions struct {
	Reading
	// ID is the event's id, the same on every link and every retry: see EventID. "" makes one of the frame itself.
	ID string
	// OwnMessages lets message_sent through, as the notice qq.message_sent; else such an event is nobody's.
	OwnMessages bool
}

// Event makes an OneBot 12 event of an OneBot 11 one, whose message is an array or a CQ string. Not ok means that apps
// get none: meta events, and message_sent. The result shares no bytes with the frame.
// Errors: those of onebot.PeekHead and onebot.Complete, for what is no event that an app could use.
func Event(frame []byte, o *EventOptions) (out []byte, ok bool, err error) {
	var h onebot.Head
	if err := onebot.PeekHead(frame, &h); err != nil {
		return nil, false, fmt.Errorf("reading an event: %w", err)
	}
	switch h.PostType {
	case "message", "notice", "request":
	case "message_sent":
		if !o.OwnMessages {
			return nil, false, nil
		}
	case "meta_event":
		return nil, false, nil
	default:
		return nil, false, fmt.Errorf("reading an event: post_type is %q: %w", h.PostType, onebot.ErrIncomplete)
	}
	original := frame
	if h.Detail != "guild" && h.Missing&^onebot.LooseLevel != 0 { // a guild's ids are no numbers
		if h.SelfID == 0 {
			h.SelfID = o.Self
		}
		if frame, err = onebot.Complete(frame, &h); err != nil {
			return nil, false, fmt.Errorf("reading an event: %w", err)
		}
		if err := onebot.PeekHead(frame, &h); err != nil {
			return nil, false, fmt.Errorf("reading an event: %w", err)
		}
	}
	v := read(frame)
	if v.kind() != '{' {
		return nil, false, fmt.Errorf("reading an event: %w", onebot.ErrNotObject)
	}
	e := &eventWriter{reader: reader{o: &o.Reading, self: h.SelfID, message: h.MessageID, group: h.GroupID}, h: &h, v: v, id: o.ID}
	if o.Self != 0 {
		e.self = o.Self
	}
	if e.id == "" {
		e.id = uuid(original)
	}
	e.dst = make([]byte, 0, len(frame)+len(frame)/2+256)
	switch h.PostType {
	case "message", "message_sent":
		err = e.messageEvent()
	case "notice":
		e.notice()
	case "request":
		e.request()
	}
	if err != nil {
		return nil, false, err
	}
	return append(e.dst, '}'), true, nil
}

// eventWriter writes one event.
type eventWriter struct {
	reader
	h  *onebot.Head
	v  value // the whole OneBot 11 event
	id string
}

// begin writes what all events have.
func (e *eventWriter) begin(kind, detail, sub string) {
	e.dst = append(e.dst, '{')
	e.dst = quoted(e.dst, "id", e.id)
	e.dst = seconds(e.dst, "time", e.h.Time)
	e.dst = word(e.dst, "type", kind)
	e.dst = quoted(e.dst, "detail_type", detail)
	e.dst = quoted(e.dst, "sub_type", sub)
	e.dst = selfMember(e.dst, e.self)
}

// envelope are the names that all events have.
func envelope(name string) bool {
	switch name {
	case "id", "type", "detail_type", "sub_type", "self", "time":
		return true
	}
	return false
}

// wrapper are the names in OneBot 11 whose meaning has gone into the envelope.
func wrapper(name string) bool {
	switch name {
	case "post_type", "notice_type", "request_type", "sub_type", "self_id", "time", "message_type":
		return true
	}
	return false
}

// ids writes the members of a standard event that are ids.
func (e *eventWriter) ids(names ...string) {
	for _, name := range names {
		e.dst = idText(e.dst, name, e.v.get(name))
	}
}

// extras writes all members that have not been written, under "qq.". skip are those that have.
func (e *eventWriter) extras(skip ...string) { e.rest(Platform+".", skip) }

// free writes them under their own names, as extension events have them.
func (e *eventWriter) free(skip ...string) { e.rest("", skip) }

func (e *eventWriter) rest(prefix string, skip []string) {
	r := repeatsOf(e.v)
	for c := e.v.first(); c.ok(); c = e.v.after(c) {
		name := c.name()
		if wrapper(name) || !safeName(name) || contains(skip, name) || r.again(c) {
			continue
		}
		as := prefix + name
		if prefix == "" && envelope(name) {
			as = Platform + "." + name
		}
		e.dst = cleanMember(e.dst, as, name, c)
	}
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

// extension is a sub_type as an extension of a standard event has it; nothing stays nothing.
func extension(sub string) string {
	if sub == "" {
		return ""
	}
	return Platform + "." + sub
}

// request writes a request: the standard has none, so all of them are extensions.
func (e *eventWriter) request() {
	e.begin("request", Platform+"."+e.h.Detail, e.h.SubType)
	e.ids("user_id")
	e.free("user_id")
}
