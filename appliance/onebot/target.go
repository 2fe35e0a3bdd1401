package onebot

// Target is the chat that an action addresses: a group, else a user. Both are
// 0 when it addresses none, or one that its parameters do not name (a message
// id, a request's flag).
type Target struct {
	Group, User uint64
	// Via is a group that comes into play beside User: a temporary session goes
	// through it, and NapCat sends to the group itself when it cannot resolve
	// the user. Whoever limits targets must admit both.
	Via uint64
	// Unclear: an id is there but is neither a number nor a decimal string
	// (NapCat would use the text of an array too). Whoever limits targets
	// must refuse the action.
	Unclear bool
}

// TargetOf reads the target out of an action's raw params, the way NapCat
// picks it (napcat-onebot11.md, trap 13): send_group_msg ignores user_id,
// send_msg without message_type prefers group_id, and a message_type overrides
// the kind that is in the action's name. The suffix may still be on the name.
func TargetOf(name string, params []byte) Target {
	base, _ := Normalise(name)
	p := readParams(params)
	switch base {
	case "send_msg", "send_forward_msg":
		return p.sendTarget("")
	case "send_private_msg", "send_private_forward_msg":
		return p.sendTarget("private")
	case "send_group_msg", "send_group_forward_msg":
		return p.sendTarget("group")
	case "forward_friend_single_msg", "forward_group_single_msg":
		if p.user.given {
			return Target{User: p.user.value, Unclear: p.user.unclear}
		}
	case "mark_msg_as_read", "mark_private_msg_as_read", "mark_group_msg_as_read":
		if p.user.given {
			return p.private()
		}
	case "delete_friend":
		if p.friend.given {
			return Target{User: p.friend.value, Unclear: p.friend.unclear}
		}
	case ".handle_quick_operation":
		if p = readParams(p.context); p.messageType == "private" {
			return p.private()
		}
	}
	return p.groupFirst()
}

// target is what the parameters say about whom.
type target struct {
	group, user, friend idParam
	messageType         string
	context             []byte
}

// idParam is an id in parameters. JavaScript takes 0, "", null and false as
// not given.
type idParam struct {
	value          uint64
	given, unclear bool
}

func readIDParam(raw []byte) idParam {
	switch string(raw) {
	case "", "null", "false", `""`:
		return idParam{}
	}
	v, form := readID(raw)
	switch {
	case form == formNone, v == 0 && raw[0] == '"':
		return idParam{given: true, unclear: true}
	case v == 0:
		return idParam{}
	}
	return idParam{value: v, given: true}
}

func readParams(params []byte) target {
	var t target
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' {
		return t
	}
	m := members(params, i, 1)
	for m.next() {
		switch m.name() {
		case "group_id":
			t.group = readIDParam(m.value())
		case "user_id":
			t.user = readIDParam(m.value())
		case "friend_id":
			t.friend = readIDParam(m.value())
		case "message_type":
			t.messageType = intern(m.value())
		case "context":
			t.context = m.value()
		default:
			m.skip()
		}
	}
	if m.end < 0 {
		unclear := idParam{given: true, unclear: true}
		return target{group: unclear, user: unclear, friend: unclear}
	}
	return t
}

func (p target) sendTarget(kind string) Target {
	if p.messageType == "group" || p.messageType == "private" {
		kind = p.messageType
	}
	switch kind {
	case "group":
		return Target{Group: p.group.value, Unclear: p.group.unclear}
	case "private":
		return p.private()
	}
	return p.groupFirst()
}

func (p target) private() Target {
	if !p.user.given {
		return Target{Unclear: p.user.unclear}
	}
	return Target{User: p.user.value, Via: p.group.value, Unclear: p.user.unclear || p.group.unclear}
}

func (p target) groupFirst() Target {
	if p.group.given {
		return Target{Group: p.group.value, Unclear: p.group.unclear}
	}
	return Target{User: p.user.value, Unclear: p.user.unclear}
}

// MessageOf reads the message_id that an action's raw params name; false when
// there is none, or null. An id that is not a number, and NapCat's 19-digit
// ones, are given all the same: they are nobody's.
func MessageOf(params []byte) (id int64, given bool) {
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' {
		return 0, false
	}
	m := members(params, i, 1)
	for m.next() {
		if v := m.value(); m.name() == "message_id" {
			id, _ = readInt(v)
			given = len(v) > 0 && v[0] != 'n'
		}
	}
	return id, given
}
