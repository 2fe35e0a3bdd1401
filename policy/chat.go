package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// Chat is one conversation of an account: a group or a private chat with a user.
type Chat struct {
	Group bool
	ID    uint64 // group or QQ number; 0 is no chat
}

const (
	prefixGroup = "group:"
	prefixUser  = "user:"
)

// String gives "group:1" or "user:2", which ParseChat reads back.
func (c Chat) String() string {
	if c.Group {
		return prefixGroup + strconv.FormatUint(c.ID, 10)
	}
	return prefixUser + strconv.FormatUint(c.ID, 10)
}

// ParseChat reads "group:1" or "user:2".
func ParseChat(text string) (Chat, error) {
	if rest, ok := strings.CutPrefix(text, prefixGroup); ok {
		if id, ok := parseID(rest); ok {
			return Chat{Group: true, ID: id}, nil
		}
	}
	if rest, ok := strings.CutPrefix(text, prefixUser); ok {
		if id, ok := parseID(rest); ok {
			return Chat{ID: id}, nil
		}
	}
	return Chat{}, fmt.Errorf("%s is not a chat: expected group:NUMBER or user:NUMBER", quote(text))
}

// parseID reads a QQ or group number: digits only, no leading zero, not 0. One number has one spelling, so that keys
// and list entries can be compared exactly.
func parseID(text string) (uint64, bool) {
	if text == "" || text[0] < '1' || text[0] > '9' {
		return 0, false
	}
	id, err := strconv.ParseUint(text, 10, 64)
	return id, err == nil
}

// quote shortens what a person wrote for an error message.
func quote(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return strconv.Quote(text)
}
