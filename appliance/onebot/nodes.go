package onebot

// HasNodes reports whether an action's raw params hold a node segment, in
// message or in messages and in any form: NapCat makes a forward of such a
// message, whichever action sends it.
func HasNodes(params []byte) bool {
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' {
		return false
	}
	m := members(params, i, 1)
	for m.next() {
		v := m.value()
		if name := m.name(); (name == "message" || name == "messages") && nodesIn(v) {
			return true
		}
	}
	return false
}

func nodesIn(message []byte) bool {
	segments, err := ToArray(message)
	if err != nil {
		return false
	}
	for e := elements(segments, 0, 1); e.next(); {
		v := e.value()
		if len(v) == 0 || v[0] != '{' {
			continue
		}
		kind := ""
		for m := members(v, 0, 2); m.next(); {
			if value := m.value(); m.is("type") {
				kind = decodeString(value)
			}
		}
		if kind == "node" {
			return true
		}
	}
	return false
}
