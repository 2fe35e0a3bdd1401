package onebot

import (
	"errors"
	"fmt"
	"strconv"
)

// QuickOperation is the name of the action that takes a quick operation.
const QuickOperation = ".handle_quick_operation"

// ErrQuick: a quick operation, or the event that it answers, has a value that
// cannot be what it should be. Nothing of the operation may be done then.
var ErrQuick = errors.New("not a quick operation")

// QuickStep is one standard action that a quick operation stands for.
type QuickStep struct {
	Action string
	Params []byte // raw object
	// Refuse says why this part cannot be done at all; "" mostly. There are no
	// Params then.
	Refuse string
}

// QuickParams splits the raw params of .handle_quick_operation. Each part is
// nil when it is not there.
func QuickParams(params []byte) (context, operation []byte) {
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' {
		return nil, nil
	}
	m := members(params, i, 1)
	for m.next() {
		switch v := m.value(); m.name() {
		case "context":
			context = v
		case "operation":
			operation = v
		}
	}
	return context, operation
}

// QuickSelf reads the account that an event belongs to: the standard lets a
// context stand for self_id. 0 when it names none.
func QuickSelf(context []byte) uint64 {
	c, err := readQuickContext(context)
	if err != nil {
		return 0
	}
	return c.self
}

// QuickSteps translates a quick operation, an answer to the event context,
// into the standard's actions, in the order of go-cqhttp: the reply, then
// delete, kick and ban, or the decision about a request. Both are raw values;
// keys that the standard does not know are ignored, so that `{"ok":true}`
// means nothing. The result shares no bytes with either.
//
// What the standard leaves open is decided as its text has it, not as NapCat
// does: at_sender is on in groups unless it is switched off, and nothing is
// quoted unless the reply has a reply segment. ban_duration is in seconds.
//
// Errors: ErrNotObject and *SyntaxError for an operation that is no JSON
// object; ErrQuick with what is wrong.
func QuickSteps(context, operation []byte) ([]QuickStep, error) {
	o, err := readQuickOperation(operation)
	if err != nil {
		return nil, err
	}
	if o == (quickOperation{}) {
		return nil, nil
	}
	c, err := readQuickContext(context)
	if err != nil {
		return nil, err
	}
	switch {
	case c.post == "message" && (c.message == "private" || c.message == "group"):
		return o.message(c)
	case c.post == "request" && (c.request == "friend" || c.request == "group"):
		return o.decision(c)
	case c.post == "message", c.post == "request":
		return nil, fmt.Errorf("%w: the event's %s_type is missing or unknown", ErrQuick, c.post)
	case c.post == "":
		return nil, fmt.Errorf("%w: the context has no post_type", ErrQuick)
	}
	return nil, fmt.Errorf("%w: an event of the type %.40q has none", ErrQuick, c.post)
}

// flag is a boolean that may be absent.
type flag struct{ given, value bool }

// or is the value, or the standard's default.
func (f flag) or(value bool) bool { return f.given && f.value || !f.given && value }

// quickOperation is what an operation asks for, as far as it was given.
type quickOperation struct {
	reply, remark, reason                  string // raw values
	escape, at, recall, kick, ban, approve flag
	duration                               int64 // seconds
	timed                                  bool  // duration was given
}

func readQuickOperation(raw []byte) (quickOperation, error) {
	var o quickOperation
	i := space(raw, 0)
	if i >= len(raw) {
		return o, &SyntaxError{Offset: i}
	}
	if raw[i] != '{' {
		return o, notObject(raw, i)
	}
	var wrong error
	m := members(raw, i, 1)
	for m.next() {
		v := m.value()
		if len(v) == 0 || isNull(v) {
			continue
		}
		if err := o.set(&m, v); wrong == nil {
			wrong = err
		}
	}
	if m.end < 0 {
		return quickOperation{}, fault(m.end)
	}
	if end := space(raw, m.end); end != len(raw) {
		return quickOperation{}, &SyntaxError{Offset: end}
	}
	if wrong != nil {
		return quickOperation{}, wrong
	}
	return o, nil
}

// set takes one member that is not null.
func (o *quickOperation) set(m *object, v []byte) error {
	var into *flag
	switch {
	case m.is("reply"):
		o.reply = string(v)
	case m.is("remark"):
		o.remark = string(v)
	case m.is("reason"):
		o.reason = string(v)
	case m.is("auto_escape"):
		into = &o.escape
	case m.is("at_sender"):
		into = &o.at
	case m.is("delete"):
		into = &o.recall
	case m.is("kick"):
		into = &o.kick
	case m.is("ban"):
		into = &o.ban
	case m.is("approve"):
		into = &o.approve
	case m.is("ban_duration"):
		seconds, form := readInt(v)
		if form == formNone || seconds < 0 {
			return fmt.Errorf("%w: ban_duration is no number of seconds", ErrQuick)
		}
		o.duration, o.timed = seconds, true
	}
	if into == nil {
		return nil
	}
	value, known := Truth(v)
	if !known {
		return fmt.Errorf("%w: %s is neither true nor false", ErrQuick, m.key)
	}
	*into = flag{true, value}
	return nil
}

// quickContext is what of an event an operation needs.
type quickContext struct {
	post, message, request, sub string
	self, user, group           uint64
	id                          int64 // message_id
	hasID, anonymous            bool
	flag                        string
}

func readQuickContext(raw []byte) (quickContext, error) {
	var c quickContext
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return c, fmt.Errorf("%w: the context is missing or no object: send the event that is answered", ErrQuick)
	}
	m := members(raw, i, 1)
	for m.next() {
		v := m.value()
		if len(v) == 0 {
			break
		}
		switch {
		case m.is("post_type"):
			c.post = decodeString(v)
		case m.is("message_type"):
			c.message = decodeString(v)
		case m.is("request_type"):
			c.request = decodeString(v)
		case m.is("sub_type"):
			c.sub = decodeString(v)
		case m.is("self_id"):
			c.self, _ = readID(v)
		case m.is("user_id"):
			c.user, _ = readID(v)
		case m.is("group_id"):
			c.group, _ = readID(v)
		case m.is("message_id"):
			id, form := readInt(v)
			c.id, c.hasID = id, form != formNone
		case m.is("anonymous"):
			c.anonymous = v[0] == '{'
		case m.is("flag"):
			c.flag = ""
			switch {
			case v[0] == '"':
				c.flag = decodeString(v)
			case isNumber(v):
				c.flag = string(v)
			}
		}
	}
	if m.end < 0 {
		return quickContext{}, fault(m.end)
	}
	c.anonymous = c.anonymous || c.sub == "anonymous"
	return c, nil
}

// message is an answer to a message.
func (o *quickOperation) message(c quickContext) ([]QuickStep, error) {
	group := c.message == "group"
	if group && c.group == 0 {
		return nil, fmt.Errorf("%w: the event has no group_id", ErrQuick)
	}
	if c.user == 0 {
		return nil, fmt.Errorf("%w: the event has no user_id", ErrQuick)
	}
	var steps []QuickStep
	at := uint64(0)
	if group && !c.anonymous && o.at.or(true) {
		at = c.user
	}
	message, err := quickMessage([]byte(o.reply), o.escape.or(false), at)
	if err != nil {
		return nil, err
	}
	if message != nil {
		p := append([]byte(nil), `{"message_type":"`+c.message+`",`...)
		if group {
			p = appendMember(p, "group_id", c.group)
		} else if p = appendMember(p, "user_id", c.user); c.sub == "group" && c.group != 0 {
			p = appendMember(append(p, ','), "group_id", c.group) // a temporary session goes through the group
		}
		p = append(append(append(p, `,"message":`...), message...), '}')
		steps = append(steps, QuickStep{Action: "send_msg", Params: p})
	}
	if !group {
		return steps, nil // the rest is for members of a group
	}
	if o.recall.or(false) {
		if !c.hasID {
			return nil, fmt.Errorf("%w: the event has no message_id", ErrQuick)
		}
		p := strconv.AppendInt([]byte(`{"message_id":`), c.id, 10)
		steps = append(steps, QuickStep{Action: "delete_msg", Params: append(p, '}')})
	}
	member := appendMember(append(appendMember([]byte{'{'}, "group_id", c.group), ','), "user_id", c.user)
	if o.kick.or(false) {
		s := QuickStep{Action: "set_group_kick", Params: append(append([]byte(nil), member...), '}')}
		if c.anonymous {
			s = QuickStep{Action: s.Action, Refuse: "an anonymous member cannot be removed from the group"}
		}
		steps = append(steps, s)
	}
	if o.ban.or(false) {
		seconds := int64(1800)
		if o.timed {
			seconds = o.duration
		}
		p := strconv.AppendInt(append(append([]byte(nil), member...), `,"duration":`...), seconds, 10)
		s := QuickStep{Action: "set_group_ban", Params: append(p, '}')}
		if c.anonymous {
			s = QuickStep{Action: s.Action, Refuse: "NapCat cannot ban anonymous members"}
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func appendMember(dst []byte, key string, id uint64) []byte {
	return strconv.AppendUint(append(append(append(dst, '"'), key...), `":`...), id, 10)
}

// quickMessage makes the message of a reply, as an array of segments; nil for
// a reply that is absent or empty. at is who is addressed at its start, 0 for
// nobody.
func quickMessage(reply []byte, escape bool, at uint64) ([]byte, error) {
	if len(reply) == 0 {
		return nil, nil
	}
	var segments []byte
	switch {
	case reply[0] == '"' && len(reply) == len(`""`):
		return nil, nil
	case reply[0] == '"' && escape:
		segments = append(append([]byte(`[{"type":"text","data":{"text":`), reply...), `}}]`...)
	case reply[0] == '"', reply[0] == '[', reply[0] == '{':
		var err error
		if segments, err = ToArray(reply); err != nil {
			return nil, fmt.Errorf("%w: reply: %w", ErrQuick, err)
		}
	default:
		return nil, fmt.Errorf("%w: reply: %w", ErrQuick, ErrMessage)
	}
	first := space(segments, 1)
	switch {
	case first < len(segments) && segments[first] == ']':
		return nil, nil
	case at == 0:
		return segments, nil
	}
	place := addressAt(segments)
	if place == 0 {
		return segments, nil
	}
	out := append([]byte(nil), segments[:place]...)
	if place > 1 {
		out = append(out, ',')
	}
	out = strconv.AppendUint(append(out, `{"type":"at","data":{"qq":"`...), at, 10)
	out = append(out, `"}},{"type":"text","data":{"text":" "}}`...)
	if place == 1 {
		place = first
		out = append(out, ',')
	}
	return append(out, segments[place:]...), nil
}

// addressAt is where in an array of segments somebody is addressed: at its
// start, behind a quote if it begins with one; 0 = nowhere, since QQ shows
// files, cards, voices and the like only when nothing stands beside them.
func addressAt(segments []byte) int {
	at := 1
	e := elements(segments, 0, 1)
	for n := 0; e.next(); n++ {
		v := e.value()
		if len(v) == 0 || v[0] != '{' {
			return 0
		}
		switch decodeString(datum(v, 0, "type")) {
		case "reply":
			if n == 0 {
				at = e.end
			}
		case "text", "at", "face", "image":
		default:
			return 0
		}
	}
	return at
}

// decision is an answer to a request.
func (o *quickOperation) decision(c quickContext) ([]QuickStep, error) {
	if !o.approve.given {
		return nil, nil
	}
	if c.flag == "" {
		return nil, fmt.Errorf("%w: the request has no flag", ErrQuick)
	}
	p := appendQuoted([]byte(`{"flag":`), c.flag)
	action := "set_friend_add_request"
	if c.request == "group" {
		action = "set_group_add_request"
		if c.sub != "" {
			p = appendQuoted(append(p, `,"sub_type":`...), c.sub)
		}
	}
	p = strconv.AppendBool(append(p, `,"approve":`...), o.approve.value)
	if text := rawText([]byte(o.remark)); c.request == "friend" && o.approve.value && text != "" {
		p = appendQuoted(append(p, `,"remark":`...), text)
	}
	if text := rawText([]byte(o.reason)); c.request == "group" && !o.approve.value && text != "" {
		p = appendQuoted(append(p, `,"reason":`...), text)
	}
	return []QuickStep{{Action: action, Params: append(p, '}')}}, nil
}
