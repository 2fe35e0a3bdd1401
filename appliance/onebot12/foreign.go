package onebot12

import (
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

// foreign writes a segment that OneBot 12 has no word for.
func (r *reader) foreign(kind string, data value) {
	r.open("qq." + kind)
	switch kind {
	case "face":
		r.face(data)
	case "json", "xml":
		raw := data.get("data")
		if raw.kind() == '{' || raw.kind() == '[' { // data stays a string
			r.dst = quoted(r.dst, "data", string(raw.raw()))
		} else {
			r.dst = texts(r.dst, "data", raw)
		}
		r.copy(data, "data")
		alt := ""
		if kind == "json" {
			alt = prompt(raw)
		}
		if alt == "" && kind == "json" {
			alt = "[卡片消息]"
		}
		r.tell(kind, alt)
	case "forward":
		r.dst = idText(r.dst, "id", data.get("id"))
		if content := data.get("content"); content.kind() == '[' {
			r.dst = key(r.dst, "content")
			r.messages(content)
		}
		r.copy(data, "id", "content")
		r.tell(kind, "[聊天记录]")
	case "node":
		r.node(data)
		r.tell(kind, "")
	default:
		r.copy(data)
		r.tell(kind, "")
	}
}

// tell tells a segment in alt.
func (r *reader) tell(kind, alt string) {
	if alt == "" {
		alt = "[" + kind + "]"
	}
	r.alt = append(r.alt, alt...)
}

// copy writes a segment's data. No name in it may be "type".
func (r *reader) copy(data value, skip ...string) {
	if data.kind() != '{' {
		return
	}
	again := repeatsOf(data)
	for c := data.first(); c.ok(); c = data.after(c) {
		name := c.name()
		if !safeName(name) || contains(skip, name) || strings.HasPrefix(name, "catflap_") || again.again(c) {
			continue
		}
		as := name
		if name == "type" {
			as = "qq.type"
		}
		r.dst = cleanMember(r.dst, as, name, c)
	}
}

// face names it as QQ does, if NapCat says how.
func (r *reader) face(data value) {
	r.dst = texts(r.dst, "id", data.get("id"))
	name := strings.TrimPrefix(data.get("raw").get("faceText").text(), "/")
	if name != "" {
		r.dst = quoted(r.dst, "qq.name", name)
	}
	r.copy(data, "id", "raw", "name")
	if name == "" {
		name = data.get("id").text()
	}
	r.alt = append(append(append(r.alt, "[表情:"...), name...), ']')
}

// prompt is what a card says about itself, "" if it says nothing.
func prompt(card value) string {
	if card.kind() == '"' {
		inner := []byte(card.text())
		if body, err := onebot.ReadBody(inner); err != nil || body.Params == nil {
			return ""
		}
		card = read(inner)
	}
	return strings.TrimSpace(card.get("prompt").text())
}

// messages writes the messages that a forward holds: NapCat's own, or nodes.
func (r *reader) messages(list value) {
	r.dst = append(r.dst, '[')
	for m := list.first(); m.ok(); m = list.after(m) {
		if m.kind() != '{' {
			continue
		}
		if data := m.get("data"); m.get("type").text() == "node" && data.kind() == '{' {
			m = data
		}
		r.dst = append(comma(r.dst), '{')
		r.node(m)
		r.dst = append(r.dst, '}')
	}
	r.dst = append(r.dst, ']')
}

// node writes the members of one message of a forward.
func (r *reader) node(m value) {
	sender := m.get("sender")
	user := pick(m, "user_id", "uin", "qq")
	if user.id() == "" {
		user = sender.get("user_id")
	}
	name := pick(m, "nickname", "name", "user_name")
	if name.text() == "" {
		name = pick(sender, "card", "nickname")
	}
	if id := pick(m, "message_id", "id"); id.id() != "" {
		as := "message_id"
		if !m.get("message_id").ok() {
			as = "id" // of a node that is sent by its id
		}
		r.dst = idText(r.dst, as, id)
	}
	r.dst = idText(r.dst, "user_id", user)
	r.dst = texts(r.dst, "user_name", name)
	if t, ok := m.get("time").integer(); ok {
		r.dst = seconds(r.dst, "time", t)
	}
	r.dst = key(r.dst, "message")
	array, err := arrayOf(pick(m, "message", "content"))
	if err != nil {
		r.dst = append(r.dst, "[]"...)
		return
	}
	message := r.message
	r.message, _ = m.get("message_id").integer()
	r.segments(array, false)
	r.message = message
}

// pick is the first of several members that says something.
func pick(v value, names ...string) value {
	var found value
	for _, name := range names {
		if c := v.get(name); !c.missing() && (c.kind() != '"' || len(c.raw()) > 2) {
			return c
		} else if !found.ok() {
			found = c
		}
	}
	return found
}

func quotedText(dst []byte, text string) []byte { return append(dst, onebot.Quoted(text)...) }
