package onebot

import "strconv"

// Standard gives an action's raw params what the OneBot 11 standard means by
// leaving a parameter out, where NapCat means something else (napcat-onebot11.md,
// trap 3: set_group_ban would lift the ban, set_group_admin take the right away),
// makes the standard's spellings of a boolean one, since NapCat approves for
// 0 and "no" too, mutes a group for "no" and takes an admin's right away for
// "1" (3.4), and drops top-level nulls, which NapCat refuses instead of taking them for
// absent (3.4). Everything else stays byte for byte; params with nothing to
// change are returned themselves. The suffix may still be on the name.
func Standard(name string, params []byte) []byte {
	base, _ := Normalise(name)
	info, ok := Lookup(base)
	if !ok || !info.InNapCat || noSchema(base) {
		return params
	}
	key, value := standardDefault(base)
	i := space(params, 0)
	switch {
	case i >= len(params) && key == "":
		return params
	case i >= len(params):
		params, i = []byte("{}"), 0
	case params[i] != '{':
		return params
	}
	given, nulls, spelt := false, false, false
	m := members(params, i, 1)
	for m.next() {
		v := m.value()
		if len(v) == 0 {
			break
		}
		is := isNull(v) && !takesNull(base, &m)
		nulls = nulls || is
		given = given || !is && m.is(key)
		spelt = spelt || info.spelt(&m, v)
	}
	if m.end < 0 {
		return params
	}
	fill := key != "" && !given
	if !nulls && !fill && !spelt {
		return params
	}
	s := splicer{src: params, open: i, out: make([]byte, 0, len(params)+len(key)+len(value)+4)}
	m = members(params, i, 1)
	for m.next() {
		v := m.value()
		s.begin(&m)
		switch value, _ := Truth(v); {
		case isNull(v) && !takesNull(base, &m):
			s.remove(&m)
		case info.spelt(&m, v):
			s.replace(&m, strconv.AppendBool(nil, value))
		default:
			s.keep(&m)
		}
	}
	if fill {
		s.add(`"`+key+`":`, []byte(value))
	}
	return s.finish()
}

// StandardDefault is the parameter of an action that Standard fills in, and its
// raw value; "" for none. The suffix may still be on the name.
func StandardDefault(name string) (key, value string) {
	base, _ := Normalise(name)
	return standardDefault(base)
}

// standardDefault is the parameter of an action whose absence NapCat reads
// otherwise than the standard, and the standard's value.
func standardDefault(base string) (key, value string) {
	switch base {
	case "set_group_ban":
		return "duration", "1800"
	case "set_group_admin":
		return "enable", "true"
	case "get_group_member_info":
		return "no_cache", "false"
	}
	return "", ""
}

// noSchema: these actions do not check their parameters, so a null is no fault.
func noSchema(base string) bool {
	switch base {
	case "send_msg", "send_private_msg", "send_group_msg", "send_forward_msg", "send_private_forward_msg", "send_group_forward_msg":
		return true
	}
	return false
}

// takesNull: the one optional parameter that may be null.
func takesNull(base string, m *object) bool {
	return base == "set_group_add_request" && m.is("reason")
}

// spelt: the parameter is true or false, and stands there in another spelling
// than a JSON boolean.
func (a *ActionInfo) spelt(m *object, raw []byte) bool {
	if raw[0] == 't' || raw[0] == 'f' {
		return false
	}
	_, known := Truth(raw)
	return known && a.kind(m.text()) == fieldBool
}

func isNull(raw []byte) bool { return len(raw) > 0 && raw[0] == 'n' }

// is compares the member's key with one that is not in knownName.
func (m *object) is(key string) bool {
	if !m.escaped {
		return string(m.key) == key
	}
	var buf [shortName]byte
	text, ok := shortString(buf[:0], m.key)
	return ok && string(text) == key
}

// text is the member's key.
func (m *object) text() string {
	if !m.escaped {
		return string(m.key)
	}
	return decodeString(append(append([]byte{'"'}, m.key...), '"'))
}
