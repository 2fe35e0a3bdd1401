package simulator

import "slices"

// message finds what message_id (or id) names; only ids that NapCat still holds in memory work.
func (c *Call) message(s *state, keys ...string) (*message, error) {
	for _, key := range keys {
		if text := c.Params.Text(key); text != "" {
			if m := s.resolve(text); m != nil {
				return m, nil
			}
			return nil, broken("消息不存在")
		}
	}
	return nil, broken("消息不存在")
}

func getMessage(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		m, err := c.message(s, "message_id")
		if err != nil {
			return nil, err
		}
		likes := m.likes
		if likes == nil {
			likes = []like{}
		}
		return s.event(m, c.nap.opts.Format).add("emoji_likes_list", likes), nil
	})
}

func deleteMessage(c *Call) (any, error) {
	var err error
	c.nap.change(func(s *state) [][]byte {
		var m *message
		if m, err = c.message(s, "message_id"); err != nil {
			return nil
		}
		if m.recalled || !s.mayRecall(m) {
			err = broken("撤回失败")
			return nil
		}
		return s.recall(m, s.SelfID)
	})
	return absent{}, err
}

// mayRecall: one's own messages, and an admin's or owner's power over others.
func (s *state) mayRecall(m *message) bool {
	if m.sender == s.SelfID {
		return true
	}
	g := s.group(m.chat.id)
	if !m.chat.group || g == nil {
		return false
	}
	me := g.member(s.SelfID)
	return me != nil && me.role() != RoleMember
}

func groupHistory(c *Call) (any, error) {
	return c.history(chatKey{group: true, id: c.Params.ID("group_id")})
}

func friendHistory(c *Call) (any, error) {
	return c.history(chatKey{id: c.Params.ID("user_id")})
}

// history is the newest count messages, oldest first; with message_seq (a short message id, reference 10.2) those that
// end there, or with reverse_order those that begin there. Shown messages become resolvable.
func (c *Call) history(chat chatKey) (any, error) {
	return c.world(func(s *state) (any, error) {
		if chat.group && s.group(chat.id) == nil {
			return nil, broken("群%d不存在", chat.id)
		}
		var all []*message
		if known := s.chats[chat]; known != nil {
			all = known.messages
		}
		count := int(max(0, c.Params.int("count", defaultHistory)))
		reverse := c.Params.strictly("reverse_order") || c.Params.strictly("reverseOrder")
		if anchor := c.Params.Text("message_seq"); anchor != "" && anchor != "0" {
			m := s.resolve(anchor)
			at := slices.Index(all, m)
			if m == nil || at < 0 {
				return nil, broken("消息%s不存在", anchor)
			}
			if reverse {
				all = all[at:min(len(all), at+count)]
			} else {
				all = all[max(0, at+1-count) : at+1]
			}
		} else {
			all = all[max(0, len(all)-count):]
		}
		list := make([]*object, 0, len(all))
		for _, m := range all {
			s.register(m)
			list = append(list, s.event(m, c.nap.opts.Format))
		}
		return new(object).add("messages", raws(list)), nil
	})
}

// getForward answers with message objects, inner logs expanded in forward.data.content.
func getForward(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		key := firstText(c.Params["message_id"], c.Params["id"])
		if key == "" {
			return nil, broken("message_id is required")
		}
		m := s.resolve(key)
		if m == nil {
			for _, known := range s.ids {
				if known.nodes != nil && known.resid() == key {
					m = known
				}
			}
		}
		if m == nil || m.nodes == nil {
			return nil, broken("找不到相关的聊天记录")
		}
		return new(object).add("messages", raws(s.expand(m.nodes, c.nap.opts.Format))), nil
	})
}

func (s *state) expand(nodes []*message, format Format) []*object {
	list := make([]*object, 0, len(nodes))
	for _, n := range nodes {
		shown := *n
		if n.nodes != nil {
			shown.segments = slices.Clone(n.segments)
			shown.segments[0] = Segment{Type: "forward", Data: map[string]any{"id": n.segments[0].Data["id"], "content": s.expand(n.nodes, format)}}
		}
		list = append(list, s.event(&shown, format))
	}
	return list
}

// recentContacts: the newest conversations first; the field is spelled lastestMsg.
func recentContacts(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		var last []*message
		for _, chat := range s.chats {
			last = append(last, chat.messages[len(chat.messages)-1])
		}
		slices.SortFunc(last, func(a, b *message) int {
			if a.time != b.time {
				return int(max(-1, min(1, b.time-a.time)))
			}
			return int(max(-1, min(1, int64(b.nt)-int64(a.nt))))
		})
		last = last[:min(len(last), int(max(0, c.Params.int("count", 10))))]
		list := make([]*object, 0, len(last))
		for _, m := range last {
			s.register(m)
			peer := s.nickname(m.chat.id)
			if g := s.group(m.chat.id); m.chat.group && g != nil {
				peer = g.Name
			}
			list = append(list, new(object).add("lastestMsg", s.event(m, c.nap.opts.Format)).add("peerUin", decimal(m.chat.id)).
				add("remark", "").add("msgTime", jsonInt(m.time)).add("chatType", m.chatType()).add("msgId", decimal(m.nt)).
				add("sendNickName", s.nickname(m.sender)).add("sendMemberName", "").add("peerName", peer))
		}
		return raws(list), nil
	})
}

func setEssence(c *Call) (any, error) {
	return new(object).add("errCode", 0).add("errMsg", ""), c.alter(func(s *state) ([]Field, error) {
		m, err := c.message(s, "message_id")
		if err != nil || !m.chat.group {
			return nil, broken("msg not found")
		}
		return Essence(m.chat.id, m.sender, s.SelfID, m.id), nil
	})
}

// setEmojiLike: set defaults to true; false withdraws.
func setEmojiLike(c *Call) (any, error) {
	emoji, set := c.Params.Text("emoji_id"), c.Params.enabled("set", true)
	return new(object).add("result", 0).add("errMsg", ""), c.alter(func(s *state) ([]Field, error) {
		m, err := c.message(s, "message_id")
		if err != nil {
			return nil, broken("msg not found")
		}
		m.likes = slices.DeleteFunc(m.likes, func(l like) bool { return l.ID == emoji })
		if set {
			m.likes = append(m.likes, like{ID: emoji, Type: either(len(emoji) > 3, "2", "1"), Count: "1"})
		}
		if !m.chat.group {
			return nil, nil
		}
		return EmojiLike(m.chat.id, s.SelfID, m.id, emoji, 1, set), nil
	})
}

// quickOperation knows only reply (for messages) and approve (for requests); delete, kick, ban and remark are ignored.
// It answers ok without waiting for the effect (reference 3.8).
func quickOperation(c *Call) (any, error) {
	event, _ := c.Params["context"].(map[string]any)
	operation, _ := c.Params["operation"].(map[string]any)
	for _, key := range []string{"time", "self_id", "post_type", "user_id"} {
		if event[key] == nil {
			return nil, refused("Schema compilation error: Expected required property")
		}
	}
	switch toText(event["post_type"]) {
	case "message":
		if operation["reply"] != nil {
			c.quickReply(event, operation)
		}
	case "request":
		if operation["approve"] == nil {
			break
		}
		sub := *c
		sub.Params = Params{"flag": event["flag"], "approve": operation["approve"], "reason": operation["reason"]}
		if toText(event["request_type"]) == "friend" {
			_, _ = answerFriend(&sub)
		} else {
			_, _ = answerGroup(&sub)
		}
	}
	return nil, nil
}

// quickReply always quotes in groups; at_sender defaults to false.
func (c *Call) quickReply(event, operation map[string]any) {
	sub := *c
	sub.Name = "send_msg"
	sub.Params = Params{"user_id": event["user_id"], "auto_escape": operation["auto_escape"]}
	inGroup := toText(event["message_type"]) == "group"
	if inGroup {
		sub.Params["group_id"] = event["group_id"]
	}
	raw := encode(operation["reply"])
	to, err := sub.recipient()
	if err != nil {
		return
	}
	segments, err := sub.segments(raw)
	if err != nil {
		return
	}
	if inGroup {
		prefix := []Segment{{Type: "reply", Data: map[string]any{"id": toText(event["message_id"])}}}
		if Params(operation).strictly("at_sender") {
			prefix = append(prefix, At(toID(event["user_id"])), Text(" "))
		}
		segments = append(prefix, segments...)
	}
	_, _ = sub.speak(to, segments, raw)
}
