package router

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// Bounds of what is fetched of one chat.
const (
	firstPage   = 20
	nextPage    = 50
	maxMissed   = 500
	missedBytes = 4 << 20
)

// missed is one message that NapCat's history has and catflap may not have.
type missed struct {
	frame []byte
	real  []byte // real_seq as it stands in the frame
	seq   uint64
	id    int64
	time  int64
}

// fetch pages through a chat's history back to what is known, to what is too old, or to the bound: then it is cut. With an
// error come the messages up to it.
func (l *Lane) fetch(ctx context.Context, a *napcat.Account, g gap) (all []missed, cut bool, err error) {
	oldest := l.router.Now().Add(-catchUpActive).Unix()
	if g.after.seq == 0 {
		oldest = max(oldest, g.after.at)
	}
	type name struct {
		id  int64
		seq uint64
	}
	got := make(map[name]bool)
	lowest, anchor, bytes := uint64(math.MaxUint64), int64(0), 0
	for count := firstPage; ; count = nextPage {
		if anchor != 0 && !pause(ctx, catchUpEvery) {
			return nil, false, ctx.Err()
		}
		page, err := l.page(ctx, a, g.chat, anchor, count)
		if err != nil {
			return all, false, err
		}
		low, at := lowest, int64(0)
		for _, m := range page {
			if m.seq < low {
				low, anchor, at = m.seq, m.id, m.time
			}
			if m.seq > g.after.seq && (g.after.seq > 0 || m.time >= oldest) && !got[name{m.id, m.seq}] {
				got[name{m.id, m.seq}] = true
				all = append(all, m)
				bytes += len(m.frame)
			}
		}
		switch {
		case low == lowest, // the beginning of the chat: NapCat has no older ones
			low <= g.after.seq+1, at < oldest:
			return all, false, nil
		case len(all) >= maxMissed, bytes >= missedBytes:
			return all, true, nil
		}
		lowest = low
	}
}

// page asks for one page of a chat's history, ending at a message id (0 = the newest).
func (l *Lane) page(ctx context.Context, a *napcat.Account, chat policy.Chat, anchor int64, count int) ([]missed, error) {
	action, who := "get_friend_msg_history", "user_id"
	if chat.Group {
		action, who = "get_group_msg_history", "group_id"
	}
	params := fmt.Appendf(nil, `{"%s":%d,"count":%d`, who, chat.ID, count)
	if anchor != 0 {
		params = fmt.Appendf(params, `,"message_seq":"%d"`, anchor) // a message id, in spite of its name (napcat-onebot11.md, trap 2)
	}
	var answer struct {
		Messages []json.RawMessage `json:"messages"`
	}
	if err := ask(ctx, a, action, append(params, '}'), &answer); err != nil {
		return nil, err
	}
	var out []missed
	var head onebot.Head
	for _, m := range answer.Messages {
		if onebot.PeekHead(m, &head) != nil {
			continue
		}
		seq, err := strconv.ParseUint(string(head.RealSeq), 10, 64)
		if of, ok := messageChat(&head); err != nil || !ok || of != chat {
			continue
		}
		out = append(out, missed{frame: m, real: head.RealSeq, seq: seq, id: head.MessageID, time: head.Time})
	}
	return out, nil
}

// deliver processes what was missed of a chat, oldest first, and returns how many messages were new.
func (l *Lane) deliver(h *hold, chat policy.Chat, all []missed) int {
	slices.SortStableFunc(all, func(x, y missed) int { return cmp.Compare(x.seq, y.seq) })
	n := 0
	for _, m := range all {
		if !l.has(h, chat, m) && l.late(m.frame) {
			n++
		}
	}
	return n
}

// has reports whether a message has come, or waits: it needs no second, late one.
func (l *Lane) has(h *hold, chat policy.Chat, m missed) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return h.has(m) || l.event.seen.has(chat, m.id, m.real)
}

// late processes an event that comes long after it happened: marked, judged once, and never answered with a pairing code.
// It reports whether the event was new.
func (l *Lane) late(frame []byte) bool {
	marked := onebot.MarkLate(frame)
	var head onebot.Head
	if onebot.PeekHead(marked, &head) != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.process(marked, &head, true)
	return !l.event.facts.Duplicate
}
