package simulator

// The notices of reference 4.2, for Notice. Each returns the fields in NapCat's order.

func inGroup(group, user uint64, kind string, more ...Field) []Field {
	return append([]Field{{"group_id", group}, {"user_id", user}, {"notice_type", kind}}, more...)
}

func notify(sub string, more ...Field) []Field {
	return append([]Field{{"notice_type", "notify"}, {"sub_type", sub}}, more...)
}

// GroupUpload says that a file was put into a group.
func GroupUpload(group, user uint64, id, name string, size int64, busid int) []Field {
	file := new(object).add("id", id).add("name", name).add("size", size).add("busid", busid)
	return inGroup(group, user, "group_upload", Field{"file", file})
}

// GroupAdmin says that a member was made an admin, or no longer is one.
func GroupAdmin(group, user uint64, set bool) []Field {
	return inGroup(group, user, "group_admin", Field{"sub_type", either(set, "set", "unset")})
}

// GroupDecrease says that a member has gone: sub is leave, kick, kick_me or disband.
func GroupDecrease(group, user, operator uint64, sub string) []Field {
	return inGroup(group, user, "group_decrease", Field{"sub_type", sub}, Field{"operator_id", operator})
}

// GroupIncrease says that a member has come: sub is approve or invite.
func GroupIncrease(group, user, operator uint64, sub string) []Field {
	return inGroup(group, user, "group_increase", Field{"operator_id", operator}, Field{"sub_type", sub})
}

// GroupBan says that a member was muted for that many seconds; 0 lifts it. User 0 is the whole group: -1 or 0 seconds.
func GroupBan(group, user, operator uint64, seconds int64) []Field {
	return inGroup(group, user, "group_ban", Field{"operator_id", operator}, Field{"duration", seconds},
		Field{"sub_type", either(seconds != 0, "ban", "lift_ban")})
}

// FriendAdd says that somebody has become a friend.
func FriendAdd(user uint64) []Field {
	return []Field{{"notice_type", "friend_add"}, {"user_id", user}}
}

// GroupPoke says that somebody poked somebody in a group.
func GroupPoke(group, user, target uint64) []Field {
	info := []any{map[string]any{"type": "qq", "uid": userUID(user)}}
	return notify("poke", Field{"target_id", target}, Field{"user_id", user}, Field{"group_id", group}, Field{"raw_info", info})
}

// FriendPoke says that sender poked target in the chat with a friend. user_id is the friend whoever poked.
func FriendPoke(friend, sender, target uint64) []Field {
	return notify("poke", Field{"target_id", target}, Field{"user_id", friend}, Field{"sender_id", sender}, Field{"raw_info", []any{}})
}

// GroupTitle says that a member was given a special title.
func GroupTitle(group, user uint64, title string) []Field {
	return inGroup(group, user, "notify", Field{"sub_type", "title"}, Field{"title", title})
}

// GroupName says that a group was renamed.
func GroupName(group, user uint64, name string) []Field {
	return inGroup(group, user, "notify", Field{"sub_type", "group_name"}, Field{"name_new", name})
}

// InputStatus says that a friend is typing; an empty text means stopped.
func InputStatus(user uint64, text string, eventType int) []Field {
	return notify("input_status", Field{"status_text", text}, Field{"event_type", eventType}, Field{"user_id", user}, Field{"group_id", 0})
}

// ProfileLike says that somebody liked the account's profile. It has no user_id.
func ProfileLike(operator uint64, nickname string, times int) []Field {
	return notify("profile_like", Field{"operator_id", operator}, Field{"operator_nick", nickname}, Field{"times", times})
}

// GrayTip is an unknown gray tip that has a sender.
func GrayTip(group, user uint64, messageID int64, busiID, content string) []Field {
	info := new(object).add("msgSeq", "1").add("msgTime", "1").add("msgId", "7").add("json", new(object))
	return notify("gray_tip", Field{"group_id", group}, Field{"user_id", user}, Field{"message_id", messageID},
		Field{"busi_id", busiID}, Field{"content", content}, Field{"raw_info", info})
}

// Essence says that a message was put among a group's best. Removal is never reported.
func Essence(group, sender, operator uint64, messageID int64) []Field {
	return inGroup(group, sender, "essence", Field{"message_id", messageID}, Field{"sender_id", sender},
		Field{"operator_id", operator}, Field{"sub_type", "add"})
}

// GroupCard says that a member's name in the group has changed.
func GroupCard(group, user uint64, card, old string) []Field {
	return inGroup(group, user, "group_card", Field{"card_new", card}, Field{"card_old", old})
}

// EmojiLike says that a member reacted to a message.
func EmojiLike(group, user uint64, messageID int64, emoji string, count int, added bool) []Field {
	likes := []any{new(object).add("emoji_id", emoji).add("count", count)}
	return inGroup(group, user, "group_msg_emoji_like", Field{"message_id", messageID}, Field{"likes", likes}, Field{"is_add", added})
}

// OnlineFile is about a file sent directly between devices: kind is online_file_receive (sub cancel) or
// online_file_send (sub receive or refuse).
func OnlineFile(kind, sub string, peer uint64) []Field {
	return []Field{{"notice_type", kind}, {"sub_type", sub}, {"peer_id", peer}}
}

func either(first bool, yes, no string) string {
	if first {
		return yes
	}
	return no
}

// apply changes the world as a notice says. Fields may come from a file: numbers of any kind.
func (s *state) apply(fields []Field) {
	get := func(key string) any {
		for _, f := range fields {
			if f.Key == key {
				return f.Value
			}
		}
		return nil
	}
	kind, _ := get("notice_type").(string)
	sub, _ := get("sub_type").(string)
	user := toID(get("user_id"))
	if kind == "friend_add" {
		s.befriend(user)
		return
	}
	g := s.group(toID(get("group_id")))
	if g == nil {
		return
	}
	m := g.member(user)
	switch {
	case kind == "group_increase":
		g.join(user)
	case kind == "group_decrease":
		g.leave(user)
		if user == s.SelfID || sub == "kick_me" || sub == "disband" {
			s.dropGroup(g.ID)
		}
	case kind == "notify" && sub == "group_name":
		g.Name, _ = get("name_new").(string)
	case kind == "group_ban" && user == 0:
		g.AllMuted = sub == "ban"
	case m == nil:
	case kind == "group_admin":
		m.Role = Role(either(sub == "set", string(RoleAdmin), string(RoleMember)))
	case kind == "group_card":
		m.Card, _ = get("card_new").(string)
	case kind == "notify" && sub == "title":
		m.Title, _ = get("title").(string)
	case kind == "group_ban":
		m.MutedUntil = 0
		if seconds := toID(get("duration")); seconds > 0 {
			m.MutedUntil = s.now().Unix() + int64(min(seconds, 1<<31))
		}
	}
}

func (s *state) dropGroup(id uint64) {
	for i := range s.Groups {
		if s.Groups[i].ID == id {
			s.Groups = append(s.Groups[:i:i], s.Groups[i+1:]...)
			return
		}
	}
}
