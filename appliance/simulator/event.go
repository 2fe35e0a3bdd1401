package simulator

import "encoding/json"

// placeholderGroup stands for a temporary session's group that cannot be found (reference 4.1).
const placeholderGroup = 284840486

// event is a message as NapCat shows it, in the field order of reference 4.1: in a push, in get_msg, in histories.
func (s *state) event(m *message, format Format) *object {
	self := m.sender == s.SelfID
	segments := m.segments
	if m.recalled {
		segments = nil
	}
	o := new(object)
	o.add("self_id", s.SelfID).add("user_id", m.sender).add("time", m.time)
	o.add("message_id", m.id).add("message_seq", m.id).add("real_id", m.id).add("real_seq", decimal(m.seq))
	if m.chat.group {
		o.add("message_type", "group")
	} else {
		o.add("message_type", "private")
	}
	o.add("sender", s.sender(m))
	raw := encodeCQ(segments)
	o.add("raw_message", raw).add("font", 14)
	switch {
	case m.chat.group:
		o.add("sub_type", "normal")
	case m.viaGroup != 0:
		o.add("sub_type", "group")
	default:
		o.add("sub_type", "friend")
	}
	if format == String {
		o.add("message", raw).add("message_format", "string")
	} else {
		o.add("message", encodeSegments(segments)).add("message_format", "array")
	}
	if self {
		o.add("post_type", "message_sent").add("message_sent_type", "self")
	} else {
		o.add("post_type", "message")
	}
	switch {
	case m.chat.group:
		o.add("group_id", m.chat.id)
		if g := s.group(m.chat.id); g != nil {
			o.add("group_name", g.Name)
		} else {
			o.add("group_name", "")
		}
	case m.viaGroup != 0:
		group := m.viaGroup
		if s.group(group) == nil {
			group = placeholderGroup
		}
		o.add("group_id", group).add("temp_source", 0)
	}
	if !m.chat.group || self {
		o.add("target_id", m.chat.id)
	}
	return o
}

// push is the event of a message; with debug it carries the field raw, a small part of what NT knows.
func (s *state) push(m *message, format Format) []byte {
	o := s.event(m, format)
	if s.debug {
		raw := new(object)
		raw.add("msgId", decimal(m.nt)).add("msgSeq", decimal(m.seq)).add("chatType", m.chatType())
		raw.add("peerUid", m.chat.peerUID()).add("peerUin", decimal(m.chat.id)).add("senderUin", decimal(m.sender))
		raw.add("msgTime", jsonInt(m.time)).add("elements", []any{})
		o.add("raw", raw)
	}
	return o.bytes()
}

// sender has no sex, age, level, title or area in NapCat.
func (s *state) sender(m *message) *object {
	o := new(object)
	nick := m.nick
	if nick == "" {
		nick = s.nickname(m.sender)
	}
	o.add("user_id", m.sender).add("nickname", nick)
	card, role := "", Role("")
	if m.chat.group {
		role = RoleMember
		if g := s.group(m.chat.id); g != nil {
			if member := g.member(m.sender); member != nil {
				card, role = member.Card, member.role()
			}
		}
	}
	o.add("card", card)
	if role != "" {
		o.add("role", string(role))
	}
	return o
}

// header is what every event but a message starts with.
func (s *state) header(postType string) *object {
	return new(object).add("time", s.now().Unix()).add("self_id", s.SelfID).add("post_type", postType)
}

func (s *state) notice(fields ...Field) []byte {
	o := s.header("notice")
	for _, f := range fields {
		o.add(f.Key, f.Value)
	}
	return o.bytes()
}

func (s *state) request(r Request) []byte {
	o := s.header("request").add("request_type", r.Type)
	if r.Type == "group" {
		o.add("group_id", r.Group)
	}
	o.add("user_id", r.User).add("comment", r.Comment).add("flag", r.Flag)
	if r.Type == "group" {
		o.add("sub_type", r.SubType)
	}
	return o.bytes()
}

func (n *NapCat) lifecycle() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state.header("meta_event").add("meta_event_type", "lifecycle").add("sub_type", "connect").bytes()
}

func (n *NapCat) heartbeat() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	status := new(object).add("online", n.state.online).add("good", true)
	return n.state.header("meta_event").add("meta_event_type", "heartbeat").add("status", status).
		add("interval", n.opts.HeartInterval.Milliseconds()).bytes()
}

// raw turns a list of frames into raw values for an answer.
func raws(objects []*object) []json.RawMessage {
	out := make([]json.RawMessage, 0, len(objects))
	for _, o := range objects {
		out = append(out, o.bytes())
	}
	return out
}
