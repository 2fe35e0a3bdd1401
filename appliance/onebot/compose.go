package onebot

import (
	"bytes"
	"strconv"
)

// ComposeRules are what the settings say about messages that an app sends.
type ComposeRules struct {
	App            string // its name, for errors; "" is the owner, who has the defaults
	RefuseMarkdown bool   // markdown: refuse
	AsText         bool   // unsupported: text
	Chinese        bool   // language of the words in such a text
	Self           uint64 // the account, as the author of what is forwarded
	Nickname       string // likewise
	MaxBytes       int64  // of one medium that lies inside the action; 0 = any
}

// Unsendable is a message that NapCat would refuse, or change, without saying
// what is wrong with it.
type Unsendable struct {
	Action string // without suffix
	Place  string // below params: ".message[0]"
	Type   string // of the segment; "" when it is about a parameter
	Why    string // the key, what is wrong with it, and the remedy
}

func (e *Unsendable) Error() string {
	if e.Type == "" {
		return e.Action + ": params" + e.Place + "." + e.Why
	}
	return e.Action + ": params" + e.Place + " (" + e.Type + "): " + e.Why
}

// in grows the place from the inside out.
func (e *Unsendable) in(place string) *Unsendable {
	e.Place = place + e.Place
	return e
}

// Compose makes the messages in an action's raw params what NapCat takes: it
// translates the segments that NapCat knows under another name or in another
// shape, refuses those that NapCat would drop without a word, and gives files
// their names. It looks into segments in all forms, CQ codes and nested nodes.
// The suffix may still be on the name.
//
// What has nothing to change stays byte for byte: then params are returned
// themselves, and nothing is allocated. A CQ string in which a segment changes
// becomes an array. One with auto_escape becomes a text segment, because NapCat
// does not know all of the standard's spellings of true. The error is an
// *Unsendable.
func Compose(name string, params []byte, rules *ComposeRules) ([]byte, error) {
	base, _ := Normalise(name)
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' {
		return params, nil
	}
	c := composer{rules: rules}
	out := params
	var bad *Unsendable
	switch {
	case noSchema(base):
		out, bad = c.params(params, i)
	case base == "upload_group_file" || base == "upload_private_file":
		out, bad = c.file(params, i, mediaKeys[1:2])
	}
	if bad != nil {
		bad.Action = base
		return nil, bad
	}
	return out, nil
}

// composer is the work on one action.
type composer struct{ rules *ComposeRules }

// params composes message and messages.
func (c *composer) params(params []byte, open int) ([]byte, *Unsendable) {
	escape := false
	m := members(params, open, 1)
	for m.next() {
		if v := m.value(); m.is("auto_escape") {
			escape, _ = Truth(v)
		}
	}
	if m.end < 0 {
		return params, nil
	}
	e := edit{src: params}
	for m = members(params, open, 1); m.next(); {
		v, name := m.value(), m.name()
		if name != "message" && name != "messages" || len(v) == 0 {
			continue
		}
		out, bad := c.message(v, 0, escape && name == "message")
		if bad != nil {
			return nil, bad.in("." + name)
		}
		e.put(m.at, m.end, out)
	}
	return e.finish(), nil
}

// message composes one raw message. The level counts the nodes around it.
func (c *composer) message(raw []byte, level int, escape bool) ([]byte, *Unsendable) {
	switch raw[0] {
	case '"':
		if escape {
			return escaped(raw), nil
		}
		if !bytes.Contains(raw, []byte("[CQ:")) && !unicodeEscape(raw) {
			return raw, nil
		}
		segments, err := ToArray(raw)
		if err != nil {
			return raw, nil
		}
		out, bad := c.segments(segments, level)
		if bad == nil && same(out, segments) {
			return raw, nil // a string passes only as the app sent it
		}
		return out, bad
	case '{':
		out, markdown, bad := c.segment(raw, level)
		if bad == nil && markdown {
			return c.forward(append(append([]byte{'['}, out...), ']'), level), nil
		}
		return out, bad
	case '[':
		return c.segments(raw, level)
	}
	return raw, nil
}

// escaped makes a raw string a message that is nothing but text.
func escaped(raw []byte) []byte {
	if len(raw) == len(`""`) {
		return raw
	}
	return append(append([]byte(`[{"type":"text","data":{"text":`), raw...), `}}]`...)
}

// segments composes an array of them.
func (c *composer) segments(raw []byte, level int) ([]byte, *Unsendable) {
	edited := edit{src: raw}
	forward := false
	e := elements(raw, 0, 1)
	for n := 0; e.next(); n++ {
		v := e.value()
		if len(v) == 0 || v[0] != '{' {
			continue
		}
		out, markdown, bad := c.segment(v, level)
		if bad != nil {
			return nil, bad.in("[" + strconv.Itoa(n) + "]")
		}
		forward = forward || markdown
		edited.put(e.at, e.end, out)
	}
	if e.end < 0 {
		return raw, nil
	}
	if forward {
		return c.forward(edited.finish(), level), nil
	}
	return edited.finish(), nil
}

// markdownLevel is how many nodes have to be around markdown for QQ to show it
// (napcat-onebot11.md, 5).
const markdownLevel = 2

// forward puts a message with markdown into the nodes that it lacks. NapCat
// makes a forward of a message of nodes, whichever action sends it.
func (c *composer) forward(message []byte, level int) []byte {
	for ; level < markdownLevel; level++ {
		node := strconv.AppendUint([]byte(`[{"type":"node","data":{"user_id":"`), c.rules.Self, 10)
		node = appendQuoted(append(node, `","nickname":`...), c.rules.Nickname)
		message = append(append(append(node, `,"content":`...), message...), `}}]`...)
	}
	return message
}

// segment composes one segment object, and tells whether it is markdown that
// has to be forwarded.
func (c *composer) segment(raw []byte, level int) (out []byte, markdown bool, bad *Unsendable) {
	var kind, data []byte
	m := members(raw, 0, 2)
	for m.next() {
		switch v := m.value(); m.name() {
		case "type":
			kind = v
		case "data":
			data = v
		}
	}
	if m.end < 0 || len(kind) == 0 || kind[0] != '"' {
		return raw, false, nil // CheckSend and NapCat have words for it
	}
	if len(data) == 0 || data[0] != '{' {
		data = []byte("{}")
	}
	var buf [shortName + 2]byte
	kind = plainValue(buf[:0], kind)
	if markdown = string(kind) == `"markdown"` && level < markdownLevel; markdown && !c.rules.RefuseMarkdown {
		return raw, true, nil
	}
	become, with, bad := c.judge(string(kind), data, level)
	if bad != nil {
		if bad.Type == "" { // a node's content has its own
			bad.Type = decodeString(kind)
		}
		return nil, false, bad
	}
	if become == "" && same(with, data) {
		return raw, false, nil
	}
	if become == "" {
		become = string(kind)
	}
	s := splicer{src: raw, out: make([]byte, 0, len(raw)+len(with))}
	for m = members(raw, 0, 2); m.next(); {
		m.skip()
		s.begin(&m)
		switch m.name() {
		case "type":
			s.replace(&m, []byte(become))
		case "data":
			s.remove(&m)
		default:
			s.keep(&m)
		}
	}
	s.add(`"data":`, with)
	return s.finish(), false, nil
}

// judge tells what a segment becomes: its raw type, "" for the one that it has,
// and its data. The kind is raw too.
func (c *composer) judge(kind string, data []byte, level int) (become string, with []byte, bad *Unsendable) {
	switch kind {
	case `"text"`, `"at"`, `"reply"`, `"face"`, `"mface"`, `"forward"`, `"music"`, `"contact"`:
		return "", data, nil
	case `"image"`, `"record"`, `"video"`:
		return "", data, c.medium(data, 0, mediaKeys[:])
	case `"file"`:
		with, bad = c.file(data, 0, mediaKeys[:])
		return "", with, bad.below("data.")
	case `"dice"`:
		return roll(data, "358", 6)
	case `"rps"`:
		return roll(data, "359", 3)
	case `"json"`:
		return "", data, card(data)
	case `"miniapp"`, `"lightapp"`:
		return `"json"`, data, card(data)
	case `"markdown"`:
		return "", data, c.markdown(level)
	case `"node"`:
		with, bad = c.node(data, level)
		return "", with, bad
	}
	return c.unsupported(kind, data)
}

// node composes what a node holds.
func (c *composer) node(data []byte, level int) ([]byte, *Unsendable) {
	e := edit{src: data}
	for m := members(data, 0, 3); m.next(); {
		v := m.value()
		if !m.is("content") || len(v) == 0 {
			continue
		}
		out, bad := c.message(v, level+1, false)
		if bad != nil {
			return nil, bad.in(".data.content")
		}
		e.put(m.at, m.end, out)
	}
	return e.finish(), nil
}

// edit copies bytes and replaces ranges of them; the source itself is the
// result when no range becomes another.
type edit struct {
	src, out []byte
	copied   int
}

// put replaces src[from:to], unless text is that very range.
func (e *edit) put(from, to int, text []byte) {
	if same(text, e.src[from:to]) {
		return
	}
	if e.out == nil {
		e.out = make([]byte, 0, len(e.src)+len(text))
	}
	e.out = append(append(e.out, e.src[e.copied:from]...), text...)
	e.copied = to
}

func (e *edit) finish() []byte {
	if e.out == nil {
		return e.src
	}
	return append(e.out, e.src[e.copied:]...)
}

// same tells whether two slices are one.
func same(a, b []byte) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }
