package router

import (
	"strconv"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// maxLeap is how far a chat's real_seq may jump in one message. A jump beyond it tells nothing until a second message
// says the same: one absurd number must not make all later ones look known.
const maxLeap = 1 << 16

// mark is how far a chat is known.
type mark struct {
	seq  uint64 // newest real_seq
	at   int64  // time of the newest message, unix seconds
	leap uint64 // real_seq of a message too far away to be believed alone; 0 = none
}

// markChat notes how far a chat is known. The caller holds the lock.
func (l *Lane) markChat(chat policy.Chat, seq []byte, at int64) {
	n, err := strconv.ParseUint(string(seq), 10, 64)
	if err != nil {
		return
	}
	l.newest = max(l.newest, at)
	known, ok := l.marks[chat]
	switch {
	case !ok:
		known.at = l.missing // what is missed of it came after this
	case far(known.seq, n):
		if known.leap == 0 || far(known.leap, n) {
			known.leap = n
			l.marks[chat] = known
			return
		}
	case n <= known.seq:
		return
	}
	if l.missing > 0 && (!ok || n != known.seq+1) {
		l.dig(chat, known, at) // something may lie between
	}
	if len(l.marks) >= maxNames && !ok {
		l.forgetOldestMark()
	}
	l.marks[chat] = mark{seq: n, at: at}
}

// far reports whether two numbers of one chat are too far apart to be believed.
func far(a, b uint64) bool { return max(a, b)-min(a, b) > maxLeap }

func (l *Lane) forgetOldestMark() {
	var oldest policy.Chat
	at := int64(-1)
	for chat, m := range l.marks {
		if at < 0 || m.at < at {
			oldest, at = chat, m.at
		}
	}
	delete(l.marks, oldest)
}

// behind reports whether a message is newer than what is known of its chat, and what that is. Of a chat that is not known
// at all only what came after the newest known event of the account counts: the past before catflap is not missed. The
// caller holds the lock.
func (l *Lane) behind(chat policy.Chat, h *onebot.Head) (mark, bool) {
	known, ok := l.marks[chat]
	if o, dug := l.holes[chat]; dug {
		known, ok = o.after, o.after.seq > 0
	}
	if ok {
		seq, err := strconv.ParseUint(string(h.RealSeq), 10, 64)
		return known, err == nil && seq > known.seq
	}
	if known.at == 0 {
		known.at = l.missing
	}
	return known, h.Time >= known.at
}
