package onebot12

// notice writes a notice: a standard one where there is one, else qq. and its OneBot 11 name.
func (e *eventWriter) notice() {
	sub := e.h.SubType
	switch e.h.Detail {
	case "friend_add":
		e.standard("friend_increase", "", "user_id")
	case "friend_recall":
		e.standard("private_message_delete", "", "message_id", "user_id")
	case "group_recall":
		sub = "delete"
		switch operator := e.v.get("operator_id").id(); operator {
		case "":
			sub = ""
		case e.v.get("user_id").id():
			sub = "recall"
		}
		e.standard("group_message_delete", sub, "group_id", "message_id", "user_id", "operator_id")
	case "group_increase":
		switch sub {
		case "approve":
			sub = "join"
		case "invite":
		default:
			sub = extension(sub)
		}
		e.standard("group_member_increase", sub, "group_id", "user_id", "operator_id")
	case "group_decrease":
		e.decrease()
	case "group_upload":
		e.upload()
	case "group_ban":
		e.begin("notice", "qq.group_ban", sub)
		e.ids("group_id", "user_id", "operator_id") // 0 is everybody
		e.free("group_id", "user_id", "operator_id")
	case "notify":
		e.notify()
	case "bot_offline":
		e.begin("notice", "qq.bot_offline", sub)
		e.ids("user_id")
		if reason := e.v.get("message"); reason.ok() { // the name would say that it is segments
			e.dst = texts(e.dst, "reason", reason)
		}
		e.free("user_id", "message")
	default:
		e.begin("notice", "qq."+e.h.Detail, sub)
		e.free()
	}
}

// standard writes a notice that the standard has, with all the ids that it must have.
func (e *eventWriter) standard(detail, sub string, ids ...string) {
	e.begin("notice", detail, sub)
	e.ids(ids...)
	e.extras(ids...)
}

func (e *eventWriter) decrease() {
	sub := e.h.SubType
	kickMe := sub == "kick_me"
	switch sub {
	case "leave", "kick":
	case "kick_me":
		sub = "kick"
	default:
		sub = extension(sub)
	}
	e.standard("group_member_decrease", sub, "group_id", "user_id", "operator_id")
	if kickMe {
		e.dst = word(e.dst, "qq.sub_type", "kick_me")
	}
}

// upload writes qq.group_file_upload, whose file_id is the one of the message with that file.
func (e *eventWriter) upload() {
	e.begin("notice", "qq.group_file_upload", e.h.SubType)
	e.ids("group_id", "user_id")
	file := e.v.get("file")
	m := Medium{Type: "file", FileID: file.get("id").text(), File: file.get("name").text(), Group: e.group, URL: file.get("url").text()}
	m.Name = m.File
	m.Size, _ = file.get("size").integer()
	e.dst = quoted(e.dst, "file_id", e.fileID(m))
	e.dst = quoted(e.dst, "name", m.Name)
	e.dst = number(e.dst, "size", m.Size)
	busid, _ := file.get("busid").integer()
	e.dst = number(e.dst, "busid", busid)
	if m.FileID != "" {
		e.dst = quoted(e.dst, "qq.file_id", m.FileID)
	}
	e.free("group_id", "user_id", "file")
}

// notify writes the notices that OneBot 11 tells apart by their sub_type.
func (e *eventWriter) notify() {
	sub := e.h.SubType
	e.begin("notice", "qq."+sub, "")
	switch sub {
	case "poke":
		user := e.v.get("user_id")
		if group := e.v.get("group_id"); group.id() == "" {
			if sender := e.v.get("sender_id"); sender.id() != "" {
				user = sender // user_id is the friend, whoever poked
			}
		} else {
			e.dst = idText(e.dst, "group_id", group)
		}
		e.dst = idText(e.dst, "user_id", user)
		e.ids("target_id")
		e.free("group_id", "user_id", "target_id", "sender_id")
	case "group_name":
		e.ids("group_id", "user_id")
		e.dst = texts(e.dst, "group_name", e.v.get("name_new"))
		e.free("group_id", "user_id", "name_new", "group_name")
	case "input_status":
		e.ids("user_id")
		e.free("user_id", "group_id")
	case "profile_like":
		e.dst = idText(e.dst, "user_id", e.v.get("operator_id"))
		e.free("user_id", "operator_id")
	case "gray_tip":
		e.ids("group_id", "user_id")
		e.free("group_id", "user_id", "raw_info") // somebody's JSON
	default:
		e.free()
	}
}
