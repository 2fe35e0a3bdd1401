package onebot12

import (
	"strconv"

	"github.com/catflap/catflap/appliance/onebot"
)

// nodes appends an array of nodes. Only ours are translated; strict refuses others, else they are OneBot 11's and stay as
// they are.
func (w *writer) nodes(dst []byte, list value, strict bool) ([]byte, *Fault) {
	dst = append(dst, '[')
	i := 0
	for s := list.first(); s.ok(); s = list.after(s) {
		dst = comma(dst)
		var bad *Fault
		switch {
		case stringOf(s.get("type")) == "qq.node":
			dst, bad = w.node(dst, s, "message["+strconv.Itoa(i)+"]")
		case strict:
			bad = fault(BadSegment, "a node holds qq.node beside other segments: a forward is nodes only")
		case s.missing(): // NapCat would never answer
			bad = fault(BadParam, "params.messages[%d] is null", i)
		default:
			dst = append(dst, s.raw()...)
		}
		if bad != nil {
			return dst, bad
		}
		i++
	}
	return append(dst, ']'), nil
}

// node appends one node of OneBot 11.
func (w *writer) node(dst []byte, s value, place string) ([]byte, *Fault) {
	data := s.get("data")
	if data.kind() != '{' {
		return dst, fault(BadSegment, "params.%s (qq.node) has no data", place)
	}
	flat := func(names ...string) value {
		for _, name := range names {
			v := extra(data, name)
			if !v.ok() {
				v = data.get(name)
			}
			if v.text() != "" || v.kind() == '[' || v.kind() == '{' {
				return v
			}
		}
		return value{}
	}
	dst = append(dst, `{"type":"node","data":{`...)
	message := flat("message")
	if !message.ok() {
		if content := flat("content"); content.ok() { // OneBot 11's own
			message = value{}
			dst = append(key(dst, "content"), content.raw()...)
		} else if id := flat("id", "message_id"); id.id() != "" {
			return append(idText(dst, "id", id), "}}"...), nil
		} else {
			return dst, fault(BadSegment, "params.%s (qq.node) has neither a message nor an id", place)
		}
	}
	if user := flat("user_id", "uin"); user.ok() {
		dst = idText(dst, "user_id", user)
	}
	if name := flat("user_name", "nickname", "name"); name.ok() {
		dst = texts(dst, "nickname", name)
	}
	if t := flat("time"); t.kind() == '0' {
		if n, ok := whole(t); ok {
			dst = number(dst, "time", n)
		}
	}
	for _, name := range [...]string{"source", "summary", "prompt"} {
		if v := flat(name); v.kind() == '"' {
			dst = texts(dst, name, v)
		}
	}
	if news := flat("news"); news.kind() == '[' {
		dst = append(key(dst, "news"), news.raw()...)
	}
	if !message.ok() {
		return append(dst, "}}"...), nil
	}
	// What a node holds is one message: a file in it needs no message of its own.
	in := writer{o: w.o}
	if bad := in.message(message); bad != nil {
		bad.Message = "in params." + place + " (qq.node): " + bad.Message
		return dst, bad
	}
	dst = key(dst, "content")
	switch {
	case in.forward != nil:
		dst = append(dst, in.forward...)
	case len(in.parts) == 1:
		dst = append(dst, in.parts[0]...)
	default:
		dst = append(dst, '[')
		for _, part := range in.parts {
			dst = append(comma(dst), part[1:len(part)-1]...)
		}
		dst = append(dst, ']')
	}
	return append(dst, "}}"...), nil
}

// whole is a number without its fraction.
func whole(v value) (int64, bool) {
	raw := v.raw()
	for i, c := range raw {
		if c == '.' {
			raw = raw[:i]
			break
		}
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

// nearest is the action that was probably meant, "" for none.
func nearest(name string) string {
	best, least := "", 3
	for _, known := range standardActions {
		if d := onebot.Distance(name, known); d < least {
			best, least = known, d
		}
	}
	if best == "" {
		if near := onebot.Nearest(name); near != "" {
			return Platform + "." + near
		}
	}
	return best
}
