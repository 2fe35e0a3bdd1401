package onebot

import "fmt"

// ReformatAnswer gives the messages in the answer to an action the form that an
// app asked for, as Reformat does for events: NapCat writes both in the one form
// that its adapter is set to. The frame itself is returned when nothing has
// another form, and for all actions that bring no messages.
func ReformatAnswer(action string, frame []byte, format string) ([]byte, error) {
	base, _ := Normalise(action)
	list := true
	switch base {
	case "get_msg":
		list = false
	case "get_group_msg_history", "get_friend_msg_history", "get_forward_msg":
	default:
		return frame, nil
	}
	e := edit{src: frame}
	m := members(frame, space(frame, 0), 1)
	for m.next() {
		data := m.value()
		if !m.is("data") || len(data) == 0 || data[0] != '{' {
			continue
		}
		out, err := data, error(nil)
		if list {
			out, err = reformatList(data, format)
		} else {
			out, err = reformatMessage(data, format)
		}
		if err != nil {
			return nil, fmt.Errorf("converting the answer to %s: %w", base, err)
		}
		e.put(m.at, m.end, out)
	}
	if m.end < 0 {
		return nil, fmt.Errorf("converting the answer to %s: %w", base, fault(m.end))
	}
	return e.finish(), nil
}

// reformatList converts the message objects in an object's "messages".
func reformatList(data []byte, format string) ([]byte, error) {
	whole := edit{src: data}
	for m := members(data, 0, 1); m.next(); {
		list := m.value()
		if !m.is("messages") || len(list) == 0 || list[0] != '[' {
			continue
		}
		edited := edit{src: list}
		for e := elements(list, 0, 1); e.next(); {
			v := e.value()
			if len(v) == 0 || v[0] != '{' {
				continue
			}
			out, err := reformatMessage(v, format)
			if err != nil {
				return nil, err
			}
			edited.put(e.at, e.end, out)
		}
		whole.put(m.at, m.end, edited.finish())
	}
	return whole.finish(), nil
}

// reformatMessage converts one message object.
func reformatMessage(object []byte, format string) ([]byte, error) {
	var message []byte
	for m := members(object, 0, 1); m.next(); {
		if v := m.value(); m.name() == "message" {
			message = v
		}
	}
	if len(message) == 0 || message[0] != '"' && message[0] != '[' && message[0] != '{' {
		return object, nil
	}
	return reformat(object, 0, message, format)
}
