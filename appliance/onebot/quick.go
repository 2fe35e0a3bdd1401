package onebot

// QuickActions lists the standard actions that a quick operation stands for, from
// the raw params of .handle_quick_operation: NapCat honours a reply, and an
// approval of a request. Whoever limits actions must ask about each of them, or
// the quick operation is a way around the limit.
func QuickActions(params []byte) []string {
	var context, operation []byte
	if i := space(params, 0); i < len(params) && params[i] == '{' {
		m := members(params, i, 1)
		for m.next() {
			switch m.name() {
			case "context":
				context = m.value()
			case "operation":
				operation = m.value()
			default:
				m.skip()
			}
		}
	}
	var reply, approve bool
	if len(operation) > 0 && operation[0] == '{' {
		m := members(operation, 0, 1)
		for m.next() {
			switch m.name() {
			case "reply":
				reply = given(m.value())
			case "approve":
				approve = given(m.value())
			default:
				m.skip()
			}
		}
	}
	var message, request string
	if len(context) > 0 && context[0] == '{' {
		m := members(context, 0, 1)
		for m.next() {
			switch m.name() {
			case "message_type":
				message = intern(m.value())
			case "request_type":
				request = intern(m.value())
			default:
				m.skip()
			}
		}
	}
	var out []string
	if reply {
		if message == "private" {
			out = append(out, "send_private_msg")
		} else {
			out = append(out, "send_group_msg")
		}
	}
	if approve {
		if request == "friend" {
			out = append(out, "set_friend_add_request")
		} else {
			out = append(out, "set_group_add_request")
		}
	}
	return out
}

// given reports whether a raw value is there and not null; false is an answer.
func given(raw []byte) bool { return len(raw) > 0 && string(raw) != "null" }
