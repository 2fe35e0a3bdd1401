package onebot

// SentID returns the message_id in the answer to an action that sends; false
// when the answer has none that is a number.
func SentID(h *Head) (int64, bool) {
	if len(h.Data) == 0 || h.Data[0] != '{' {
		return 0, false
	}
	id, found := int64(0), formNone
	m := members(h.Data, 0, 1)
	for m.next() {
		if v := m.value(); m.name() == "message_id" {
			id, found = readInt(v)
		}
	}
	return id, m.end >= 0 && found != formNone
}

// MessageParam returns the raw value of "message", or of "messages" as
// forwards have it, in an action's raw params; nil if there is none but null.
func MessageParam(params []byte) []byte {
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' {
		return nil
	}
	var message, messages []byte
	m := members(params, i, 1)
	for m.next() {
		switch m.name() {
		case "message":
			message = m.value()
		case "messages":
			messages = m.value()
		default:
			m.skip()
		}
	}
	if m.end < 0 {
		return nil
	}
	for _, raw := range [...][]byte{message, messages} {
		if len(raw) > 0 && raw[0] != 'n' {
			return raw
		}
	}
	return nil
}
