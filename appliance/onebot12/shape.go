package onebot12

import "strconv"

// shape is how the data of an OneBot 11 answer becomes OneBot 12's.
type shape uint8

const (
	shapePass    shape = iota // as it is
	shapeNull                 // null
	shapeSend                 // the id of a message
	shapeSelf                 // the bot
	shapeUser                 // a user
	shapeFriends              // a list of users
	shapeGroup                // a group
	shapeGroups               // a list of them
	shapeMember               // a member of a group
	shapeMembers              // a list of them
	shapeMessage              // a message, its segments as in events
	shapeForward              // the messages in a forward
)

// data appends an answer's data.
func (p *Plan) data(dst []byte, v value, o *Reading) []byte {
	switch p.shape {
	case shapeSelf:
		dst = idText(append(dst, '{'), "user_id", v.get("user_id"))
		dst = texts(dst, "user_name", v.get("nickname"))
		return append(word(dst, "user_displayname", ""), '}')
	case shapeUser:
		return p.user(dst, v)
	case shapeFriends:
		return each(dst, v, p.user)
	case shapeGroup:
		return group(dst, v)
	case shapeGroups:
		return each(dst, v, group)
	case shapeMember:
		return member(dst, v)
	case shapeMembers:
		return each(dst, v, member)
	case shapeMessage:
		return message(dst, v, o)
	case shapeForward:
		return forward(dst, v, o)
	}
	return undotted(dst, v)
}

// each appends a list; what is no object in it is nobody.
func each(dst []byte, list value, one func([]byte, value) []byte) []byte {
	dst = append(dst, '[')
	if list.kind() == '[' {
		for c := list.first(); c.ok(); c = list.after(c) {
			if c.kind() == '{' {
				dst = one(comma(dst), c)
			}
		}
	}
	return append(dst, ']')
}

// user appends the data of get_user_info.
func (p *Plan) user(dst []byte, v value) []byte {
	id := v.get("user_id")
	if id.id() == "" {
		id = v.get("uin")
	}
	dst = append(dst, '{')
	if id.id() == "" && p.asked != 0 {
		dst = word(dst, "user_id", strconv.FormatUint(p.asked, 10))
	} else {
		dst = idText(dst, "user_id", id)
	}
	dst = texts(dst, "user_name", pick(v, "nickname", "nick"))
	dst = word(dst, "user_displayname", "")
	dst = texts(dst, "user_remark", v.get("remark"))
	return append(more(dst, v, "sex", "age", "level"), '}')
}

// group appends the data of get_group_info.
func group(dst []byte, v value) []byte {
	dst = idText(append(dst, '{'), "group_id", v.get("group_id"))
	dst = texts(dst, "group_name", v.get("group_name"))
	return append(more(dst, v, "member_count", "max_member_count"), '}')
}

// member appends the data of get_group_member_info.
func member(dst []byte, v value) []byte {
	dst = idText(append(dst, '{'), "user_id", v.get("user_id"))
	dst = texts(dst, "user_name", v.get("nickname"))
	dst = texts(dst, "user_displayname", v.get("card"))
	return append(more(dst, v, "role", "title", "level", "join_time", "last_sent_time"), '}')
}

// more appends what the standard has no place for, as long as it is text or a number.
func more(dst []byte, v value, names ...string) []byte {
	for _, name := range names {
		switch c := v.get(name); c.kind() {
		case '"', '0', 't', 'f':
			dst = append(key(dst, "qq."+name), c.raw()...)
		}
	}
	return dst
}

// message appends the data of qq.get_msg: its own words, with the segments and ids of OneBot 12.
func message(dst []byte, v value, o *Reading) []byte {
	r := reader{o: o, self: o.Self, dst: append(dst, '{')}
	r.message, _ = v.get("message_id").integer()
	r.group, _ = v.get("group_id").uin()
	again := repeatsOf(v)
	for c := v.first(); c.ok(); c = v.after(c) {
		name := c.name()
		switch {
		case !safeName(name), again.again(c), name == "raw_message", name == "message_format", name == "post_type", name == "self_id", name == "alt_message":
		case name == "message":
			array, err := arrayOf(c)
			if err != nil {
				continue
			}
			r.dst = key(r.dst, "message")
			r.segments(array, true)
			r.dst = quoted(r.dst, "alt_message", string(r.alt))
		default:
			r.dst = cleanMember(r.dst, name, name, c)
		}
	}
	return append(r.dst, '}')
}

// forward appends the data of qq.get_forward_msg.
func forward(dst []byte, v value, o *Reading) []byte {
	r := reader{o: o, self: o.Self, dst: append(dst, '{')}
	r.dst = key(r.dst, "messages")
	list := pick(v, "messages", "message")
	if list.kind() == '[' {
		r.messages(list)
	} else {
		r.dst = append(r.dst, "[]"...)
	}
	return append(r.dst, '}')
}
