package router

import "github.com/catflap/catflap/appliance/onebot"

// sameNotice is how far apart, in seconds, the two reports of one event are that NapCat makes twice.
const sameNotice = 2

// noticeMemory knows the last notices of the kinds that versions of NapCat report twice: recalls of the bot's own
// messages, and members that were invited (napcat-onebot11.md, trap 9). Nothing else may be compared: two pokes within a
// second are two.
type noticeMemory struct {
	last [16]noticeKey // a ring
	next int
}

type noticeKey struct {
	detail, sub string
	group, user uint64
	time, id    int64
}

// repeated notes a notice and reports whether it has been reported before.
func (m *noticeMemory) repeated(h *onebot.Head) bool {
	k := noticeKey{detail: h.Detail, sub: h.SubType, group: h.GroupID, user: h.UserID, time: h.Time, id: h.MessageID}
	switch k.detail {
	case "group_recall", "friend_recall":
		if k.id == 0 {
			return false
		}
	case "group_increase":
	default:
		return false
	}
	for _, known := range m.last {
		apart := k.time - known.time
		known.time = k.time
		if known == k && -sameNotice <= apart && apart <= sameNotice {
			return true
		}
	}
	m.last[m.next] = k
	m.next = (m.next + 1) % len(m.last)
	return false
}
