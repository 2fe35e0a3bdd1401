package tools

import (
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/config"
)

// Rights says which tools the model may use for one sender in one chat.
type Rights struct {
	scopes []config.Tools // each of them has to allow a tool
}

// RightsOf finds the rights of a sender (design: POLICY, Group settings for the agent). own and rest are the group's entry
// and that of "*", nil where there is none, as in private chats. A group can only narrow what the app allows.
func RightsOf(app config.Tools, own, rest *config.Tools, user uint64) Rights {
	if app.Allow == nil {
		app.Allow = &[]string{} // none by default
	}
	r := Rights{scopes: []config.Tools{app}}
	switch {
	case own != nil:
		r.scopes = append(r.scopes, bySender(*own, user))
	case rest != nil:
		r.scopes = append(r.scopes, bySender(*rest, user))
	}
	return r
}

// bySender is the sender's own entry where there is one; it stands for the whole.
func bySender(t config.Tools, user uint64) config.Tools {
	if own, ok := t.ToolsBySender["user:"+strconv.FormatUint(user, 10)]; ok {
		return own
	}
	if all, ok := t.ToolsBySender["*"]; ok {
		return all
	}
	return t
}

// Allows reports whether a tool may be used. group is "" for tools of a server.
func (r Rights) Allows(name, group string) bool {
	for _, s := range r.scopes {
		if matches(s.Deny, name, group) || s.Allow != nil && !matches(*s.Allow, name, group) {
			return false
		}
	}
	return len(r.scopes) > 0
}

// matches looks a tool up in a list of names, prefixes with a star, and groups.
func matches(list []string, name, group string) bool {
	for _, entry := range list {
		entry = strings.ToLower(strings.TrimPrefix(entry, "group:"))
		prefix, star := strings.CutSuffix(entry, "*")
		switch {
		case star && (strings.HasPrefix(strings.ToLower(name), prefix) || group != "" && strings.HasPrefix(group, prefix)):
			return true
		case entry == strings.ToLower(name), group != "" && entry == group:
			return true
		}
	}
	return false
}
