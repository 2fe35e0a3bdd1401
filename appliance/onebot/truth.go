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

// CheckApprove refuses an answer to a join or friend request of which nobody
// could say whether it approves: NapCat approves whatever is not the word
// false, the number 0 included. Other actions pass. The error says what to
// send instead.
func CheckApprove(name string, params []byte) error {
	base, _ := Normalise(name)
	if !answersRequest(base) {
		return nil
	}
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' {
		return nil
	}
	var approve []byte
	m := members(params, i, 1)
	for m.next() {
		if v := m.value(); m.is("approve") {
			approve = v
		}
	}
	if m.end < 0 || len(approve) == 0 || isNull(approve) {
		return nil // the standard's default is to approve
	}
	if _, known := Truth(approve); !known {
		return fmt.Errorf("%s: params.approve is neither true nor false: send one of them", base)
	}
	return nil
}

// answersRequest: the actions that approve or refuse.
func answersRequest(base string) bool {
	return base == "set_friend_add_request" || base == "set_group_add_request"
}
