package onebot

import (
	"fmt"
	"strings"
)

// Truth reads a boolean from a raw value in all spellings of the standard:
// true and false, 1 and 0, and the texts true, yes, 1, false, no, 0 in any
// case. known is false for everything else, null and nothing included.
func Truth(raw []byte) (value, known bool) {
	text := string(raw)
	if len(raw) > 0 && raw[0] == '"' {
		text = strings.ToLower(decodeString(raw))
	}
	switch text {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	case "yes":
		return true, raw[0] == '"'
	case "no":
		return false, raw[0] == '"'
	}
	return false, false
}

// CheckTruth refuses a parameter that is to be true or false and of which
// nobody could say which it is, where that decides what is done: NapCat
// approves whatever is not the word false, the number 0 included, and takes an
// admin's right away for whatever is not true. Actions that only read, and the
// messages of the family of send_msg, pass. The error says what to send
// instead.
func CheckTruth(name string, params []byte) error {
	base, _ := Normalise(name)
	info, ok := Lookup(base)
	if !ok || info.Effect == "read" || noSchema(base) || base == "send_packet" { // whose rsp is a text as well
		return nil
	}
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' {
		return nil
	}
	wrong := ""
	m := members(params, i, 1)
	for m.next() {
		v := m.value()
		if len(v) == 0 || v[0] == 't' || v[0] == 'f' || isNull(v) { // null is absent: the standard's default holds
			continue
		}
		if _, known := Truth(v); !known && wrong == "" {
			if key := m.text(); info.kind(key) == fieldBool {
				wrong = key
			}
		}
	}
	if m.end < 0 || wrong == "" {
		return nil
	}
	return fmt.Errorf("%s: params.%s is neither true nor false: send one of them", base, wrong)
}
