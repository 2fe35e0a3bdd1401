package onebot12

// send plans send_message. What NapCat takes only alone goes out by itself: the plan has a call for each part.
func (r *Request) send(o *PlanOptions) (*Plan, *Fault) {
	detail, bad := r.text("detail_type")
	if bad != nil {
		return nil, bad
	}
	w := writer{o: o, private: detail != "group"}
	action, target := "send_private_msg", []byte("{")
	switch detail {
	case "group":
		action = "send_group_msg"
		group, bad := r.uin("group_id")
		if bad != nil {
			return nil, bad
		}
		target = number(target, "group_id", group)
	case "private", "qq.group_temp":
		user, bad := r.uin("user_id")
		if bad != nil {
			return nil, bad
		}
		group, bad := r.through(detail, uint64(user), o)
		if bad != nil {
			return nil, bad
		}
		if target = number(target, "user_id", user); group != 0 {
			target = number(target, "group_id", group)
		}
	case "channel":
		return nil, fault(UnsupportedParam, "params.detail_type is channel: QQ has none that catflap can send to")
	default:
		return nil, fault(UnsupportedParam, "params.detail_type is %.32q: send private, group or qq.group_temp", detail)
	}
	message := r.params.get("message")
	if !message.ok() {
		message = r.params.get("content") // ErisPulse calls it so
	}
	if bad := w.message(message); bad != nil {
		return nil, bad
	}
	p := &Plan{shape: shapeSend}
	if w.forward != nil {
		action = "send_group_forward_msg"
		if w.private {
			action = "send_private_forward_msg"
		}
		params := append(append([]byte(nil), target...), `,"messages":`...)
		p.Calls = []Call{{action, append(append(params, w.forward...), '}')}}
		return p, nil
	}
	for _, part := range w.parts {
		params := append(make([]byte, 0, len(target)+len(part)+16), target...)
		params = append(append(params, `,"message":`...), part...)
		p.Calls = append(p.Calls, Call{action, append(params, '}')})
	}
	return p, nil
}

// through is the group by which a private message goes: a stranger can be reached by a temporary session only, 0 for
// none.
func (r *Request) through(detail string, user uint64, o *PlanOptions) (int64, *Fault) {
	group := r.param("group_id")
	if detail == "qq.group_temp" && group.missing() {
		group = r.params.get("group_id")
	}
	if !group.missing() && group.text() != "" {
		n, ok := group.integer()
		if !ok || n <= 0 {
			return 0, fault(BadParam, "params.qq.group_id is no QQ number")
		}
		return n, nil
	}
	if o.TempGroup != nil {
		if n := o.TempGroup(user); n != 0 && n <= 1<<63-1 {
			return int64(n), nil
		}
	}
	if detail == "qq.group_temp" {
		return 0, fault(BadParam, "params.qq.group_id is missing: a temporary session goes through a group")
	}
	return 0, nil
}
