package router

import (
	"github.com/catflap/catflap/policy"
)

// maxNames bounds the remembered spellings; past it they are made anew.
const maxNames = 1024

// names remembers how chats and kinds are spelled, so that recording a decision allocates nothing.
type names struct {
	chats map[policy.Chat]string
	kinds map[kindKey]string
}

type kindKey struct {
	kind        policy.Kind
	detail, sub string
}

func (n *names) init() {
	n.chats = make(map[policy.Chat]string)
	n.kinds = make(map[kindKey]string)
}

func (n *names) chat(c policy.Chat) string {
	s, ok := n.chats[c]
	if !ok {
		if len(n.chats) >= maxNames {
			clear(n.chats)
		}
		s = c.String()
		n.chats[c] = s
	}
	return s
}

// kind spells an event's type, such as message.group.normal or notice.notify.poke.
func (n *names) kind(f *policy.Facts) string {
	key := kindKey{f.Kind, f.Detail, f.SubType}
	s, ok := n.kinds[key]
	if !ok {
		if len(n.kinds) >= maxNames {
			clear(n.kinds)
		}
		s = f.Kind.String()
		if f.Detail != "" {
			s += "." + f.Detail
		}
		if f.SubType != "" {
			s += "." + f.SubType
		}
		n.kinds[key] = s
	}
	return s
}
