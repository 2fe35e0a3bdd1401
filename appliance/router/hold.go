package router

import (
	"slices"
	"strconv"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// Bounds of what waits while missed messages are fetched (design: DELIVERY, Catch-up).
const (
	holdTime  = 5 * time.Second
	holdBytes = 1 << 20
)

// hold keeps live events of chats that may have a gap, so that what was missed comes before what is new. The lane's
// lock guards it.
type hold struct {
	chats  map[policy.Chat]bool // chats with a gap; nil = not known yet, any chat may have one
	frames []held
	bytes  int
}

type held struct {
	chat  policy.Chat
	id    int64
	seq   uint64
	frame []byte
}

// wants reports whether an event has to wait. What happened to a message waits with it: a recall must not be there first.
func (h *hold) wants(head *onebot.Head) bool {
	chat, ok := chatOfEvent(head)
	return ok && (h.chats == nil || h.chats[chat])
}

// takes keeps an event that has to wait, unless the bound forbids it.
func (h *hold) takes(frame []byte, head *onebot.Head) bool {
	if h.bytes+len(frame) > holdBytes {
		return false
	}
	chat, _ := chatOfEvent(head)
	seq, _ := strconv.ParseUint(string(head.RealSeq), 10, 64)
	h.frames = append(h.frames, held{chat, head.MessageID, seq, slices.Clone(frame)})
	h.bytes += len(frame)
	return true
}

// has reports whether the live event of a message waits.
func (h *hold) has(m missed) bool {
	return slices.ContainsFunc(h.frames, func(w held) bool { return w.id == m.id && w.seq == m.seq })
}

// chatOfEvent is the chat of a message or notice, false for what belongs to none.
func chatOfEvent(h *onebot.Head) (policy.Chat, bool) {
	f := policy.Facts{
		Kind: kindOf(h.PostType), Detail: h.Detail, SubType: h.SubType, Self: h.SelfID,
		User: h.UserID, Group: h.GroupID, Target: h.TargetID,
	}
	if f.Kind == policy.Request {
		return policy.Chat{}, false
	}
	return f.Chat()
}

// messageChat is the chat of a message that somebody else wrote or that the account sent from elsewhere.
func messageChat(h *onebot.Head) (policy.Chat, bool) {
	if k := kindOf(h.PostType); k != policy.Message && k != policy.Sent {
		return policy.Chat{}, false
	}
	return chatOfEvent(h)
}

// beginHold makes all chats wait, for holdTime at most; none where nothing can be missing. The caller holds the lock.
func (l *Lane) beginHold() *hold {
	h := &hold{}
	l.release(l.hold)
	l.hold = nil
	if l.missing > 0 || len(l.holes) > 0 {
		l.hold = h
	}
	return h
}

// narrow lets only chats with a gap wait on.
func (l *Lane) narrow(h *hold, chats map[policy.Chat]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hold != h {
		return
	}
	h.chats = chats
	l.pass(h, func(c policy.Chat) bool { return !chats[c] })
}

// done lets the events of one chat go on.
func (l *Lane) done(h *hold, chat policy.Chat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hold != h {
		return
	}
	delete(h.chats, chat)
	l.pass(h, func(c policy.Chat) bool { return c == chat })
}

// endHold lets everything go on.
func (l *Lane) endHold(h *hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hold == h {
		l.release(h)
		l.hold = nil
	}
}

// release processes all that waits. The caller holds the lock.
func (l *Lane) release(h *hold) {
	if h != nil {
		l.pass(h, func(policy.Chat) bool { return true })
	}
}

// pass processes the waiting events of some chats in the order of their arrival. The caller holds the lock.
func (l *Lane) pass(h *hold, which func(policy.Chat) bool) {
	waiting := h.frames
	h.frames, h.bytes = nil, 0
	var head onebot.Head
	for _, w := range waiting {
		if !which(w.chat) {
			h.frames = append(h.frames, w)
			h.bytes += len(w.frame)
			continue
		}
		if onebot.PeekHead(w.frame, &head) == nil {
			l.process(w.frame, &head, false)
		}
	}
}
