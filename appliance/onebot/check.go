package onebot

import "fmt"

// CheckSend refuses what NapCat would never answer: for the send actions it
// reads the message before it makes a reply, so a message that is missing,
// null, or an array holding null leaves the caller without any answer
// (napcat-onebot11.md, 3.4). Other actions pass. Errors wrap ErrMessage and
// say what to send instead.
func CheckSend(name string, params []byte) error {
	base, _ := Normalise(name)
	key := "message"
	switch base {
	case "send_msg", "send_private_msg", "send_group_msg":
	case "send_forward_msg", "send_private_forward_msg", "send_group_forward_msg":
		key = "messages"
	default:
		return nil
	}
	var message, messages []byte
	if i := space(params, 0); i < len(params) && params[i] == '{' {
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
			return fmt.Errorf("%s: reading params: %w", base, fault(m.end))
		}
	}
	candidates := [][]byte{message}
	if key == "messages" {
		candidates = append(candidates, messages) // both names are accepted
	}
	found := false
	for _, raw := range candidates {
		if len(raw) == 0 || raw[0] == 'n' {
			continue
		}
		found = true
		if raw[0] != '[' {
			continue
		}
		n := 0
		for e := elements(raw, 0, 2); e.next(); n++ {
			if v := e.value(); v != nil && v[0] == 'n' {
				return fmt.Errorf("%s: element %d of params.%s is null: %w", base, n, key, ErrMessage)
			}
		}
	}
	if !found {
		return fmt.Errorf("%s: params.%s is missing or null: %w", base, key, ErrMessage)
	}
	return nil
}
