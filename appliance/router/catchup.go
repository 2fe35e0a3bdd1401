package router

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// Bounds of catching up (design: DELIVERY, Catch-up).
const (
	maxCatchUpChats = 20
	catchUpActive   = 24 * time.Hour
	catchUpEvery    = time.Second // between two calls
	catchUpTimeout  = 10 * time.Second
	historyPage     = 20
	maxHistoryPages = 5
)

// mark is how far a chat is known.
type mark struct {
	seq uint64 // newest real_seq
	at  int64  // time of the newest message, unix seconds
}

// catchUp asks NapCat for what was missed while it or catflap was away, and delivers it before what is new. NapCat keeps
// nothing for adapters that are not connected.
func (l *Lane) catchUp(ctx context.Context, a *napcat.Account, h *hold) {
	defer l.endHold(h)
	limit := time.AfterFunc(holdTime, func() { l.endHold(h) })
	defer limit.Stop()
	l.seed.Do(l.seedMemory)
	if !l.knowsAnything() {
		l.endHold(h) // nothing was missed before the first message
	}

	gaps, err := l.gaps(ctx, a)
	if err != nil {
		if ctx.Err() == nil {
			l.log.Warn("NapCat does not say which chats went on; what was missed stays missed", "account", l.name, "err", err)
		}
		return
	}
	chats := make(map[policy.Chat]bool, len(gaps))
	for _, g := range gaps {
		chats[g.chat] = true
	}
	l.narrow(h, chats)
	found := 0
	for i, g := range gaps {
		if i > 0 && !pause(ctx, catchUpEvery) {
			return
		}
		n, err := l.fetch(ctx, a, h, g)
		found += n
		l.done(h, g.chat)
		if err != nil && ctx.Err() == nil {
			l.log.Warn("fetching missed messages failed", "account", l.name, "chat", g.chat.String(), "err", err)
		}
	}
	n, err := l.missedRequests(ctx, a)
	if err != nil && ctx.Err() == nil {
		l.log.Warn("asking for join requests failed", "account", l.name, "err", err)
	}
	if found+n > 0 {
		l.log.Info("caught up", "account", l.name, "messages", found, "requests", n)
	}
}

// startCatchUp begins to look for what was missed, in place of a search that still runs for an older link. From here on
// live events of chats wait for it.
func (l *Lane) startCatchUp(a *napcat.Account) {
	rules := l.router.plan.Load().accounts[l.name]
	if rules == nil || !rules.catchUp {
		return
	}
	ctx, cancel := context.WithCancel(l.router.ctx)
	h := l.beginHold()
	l.mu.Lock()
	if l.stopLate != nil {
		l.stopLate()
	}
	l.stopLate = cancel
	l.mu.Unlock()
	if !l.router.spawn(func() { l.catchUp(ctx, a, h) }) {
		cancel()
		l.endHold(h)
	}
}

// gap is a chat that went on while nobody listened.
type gap struct {
	chat  policy.Chat
	known mark
}

// gaps asks for the chats that were active lately and returns the admitted ones with something new in them.
func (l *Lane) gaps(ctx context.Context, a *napcat.Account) ([]gap, error) {
	var contacts []struct {
		Last json.RawMessage `json:"lastestMsg"` // NapCat's spelling
	}
	params := fmt.Appendf(nil, `{"count":%d}`, maxCatchUpChats)
	if err := ask(ctx, a, "get_recent_contact", params, &contacts); err != nil {
		return nil, err
	}
	rules := l.router.plan.Load().accounts[l.name]
	if rules == nil {
		return nil, nil
	}
	oldest := l.router.Now().Add(-catchUpActive).Unix()
	var out []gap
	for _, c := range contacts {
		var head onebot.Head
		if onebot.PeekHead(c.Last, &head) != nil {
			continue
		}
		chat, ok := messageChat(&head)
		if !ok || head.Time < oldest || !l.admits(rules, chat) || head.Detail == "private" && head.SubType == "group" {
			continue
		}
		if known, fresh := l.behind(chat, &head); fresh {
			out = append(out, gap{chat, known})
		}
		if len(out) == maxCatchUpChats {
			break
		}
	}
	return out, nil
}

func (l *Lane) knowsAnything() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest > 0
}

// behind reports whether a message is newer than what is known of its chat. Of a chat that is not known at all only what
// came after the newest known event of the account counts: the past before catflap is not missed.
func (l *Lane) behind(chat policy.Chat, h *onebot.Head) (mark, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.marks[chat]
	if ok {
		seq, err := strconv.ParseUint(string(h.RealSeq), 10, 64)
		return known, err == nil && seq > known.seq
	}
	return mark{at: l.newest}, l.newest > 0 && h.Time >= l.newest
}

// markChat notes how far a chat is known. The caller holds the lock.
func (l *Lane) markChat(chat policy.Chat, seq []byte, at int64) {
	n, err := strconv.ParseUint(string(seq), 10, 64)
	if err != nil {
		return
	}
	l.newest = max(l.newest, at)
	if known, ok := l.marks[chat]; ok && known.seq >= n {
		return
	}
	if len(l.marks) >= maxNames {
		l.forgetOldestMark()
	}
	l.marks[chat] = mark{seq: n, at: at}
}

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

// missed is one message that NapCat's history has and catflap has not.
type missed struct {
	frame []byte
	seq   uint64
	id    int64
	time  int64
}

// fetch pages through a chat's history back to what is known, and processes what was missed, oldest first. It returns
// how many messages those were.
func (l *Lane) fetch(ctx context.Context, a *napcat.Account, h *hold, g gap) (int, error) {
	var all []missed
	var anchor int64
	var failed error
	for i := range maxHistoryPages {
		if i > 0 && !pause(ctx, catchUpEvery) {
			return 0, ctx.Err()
		}
		page, err := l.page(ctx, a, g.chat, anchor)
		if err != nil {
			failed = err
			break
		}
		fresh := slices.DeleteFunc(slices.Clone(page), func(m missed) bool {
			return m.seq <= g.known.seq || m.time < g.known.at || slices.ContainsFunc(all, func(k missed) bool { return k.id == m.id && k.seq == m.seq })
		})
		all = append(all, fresh...)
		if len(fresh) < len(page)-1 || len(page) < historyPage { // the page reaches into what is known, or into the beginning
			break
		}
		anchor = slices.MinFunc(page, func(x, y missed) int { return cmp.Compare(x.seq, y.seq) }).id
	}
	slices.SortStableFunc(all, func(x, y missed) int { return cmp.Compare(x.seq, y.seq) })
	n := 0
	for _, m := range all {
		if !l.waits(h, m) && l.late(m.frame) {
			n++
		}
	}
	return n, failed
}

// page asks for one page of a chat's history, ending at a message id (0 = the newest).
func (l *Lane) page(ctx context.Context, a *napcat.Account, chat policy.Chat, anchor int64) ([]missed, error) {
	action, who := "get_friend_msg_history", "user_id"
	if chat.Group {
		action, who = "get_group_msg_history", "group_id"
	}
	params := fmt.Appendf(nil, `{"%s":%d,"count":%d`, who, chat.ID, historyPage)
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
		out = append(out, missed{frame: m, seq: seq, id: head.MessageID, time: head.Time})
	}
	return out, nil
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

// missedRequests asks for join requests that nobody has decided.
func (l *Lane) missedRequests(ctx context.Context, a *napcat.Account) (int, error) {
	if !pause(ctx, catchUpEvery) {
		return 0, ctx.Err()
	}
	type entry struct {
		RequestID json.Number `json:"request_id"`
		User      uint64      `json:"invitor_uin"`
		Group     uint64      `json:"group_id"`
		Message   string      `json:"message"`
		Checked   bool        `json:"checked"`
	}
	var pending struct {
		Invited []entry `json:"invited_requests"`
		Joining []entry `json:"join_requests"`
	}
	if err := ask(ctx, a, "get_group_system_msg", nil, &pending); err != nil {
		return 0, err
	}
	type request struct {
		Time    int64  `json:"time"`
		Self    uint64 `json:"self_id"`
		Post    string `json:"post_type"`
		Type    string `json:"request_type"`
		Sub     string `json:"sub_type"`
		Group   uint64 `json:"group_id"`
		User    uint64 `json:"user_id"`
		Comment string `json:"comment"`
		Flag    string `json:"flag"`
	}
	n := 0
	for sub, list := range map[string][]entry{"invite": pending.Invited, "add": pending.Joining} {
		for _, e := range list {
			flag := e.RequestID.String()
			if e.Checked || e.User == 0 || flag == "" {
				continue
			}
			frame, err := json.Marshal(request{l.router.Now().Unix(), l.Self(), "request", "group", sub, e.Group, e.User, e.Message, flag})
			if err != nil {
				return n, fmt.Errorf("making a request event: %w", err)
			}
			if l.late(frame) {
				n++
			}
		}
	}
	return n, nil
}

// saveRequests keeps which requests were seen. It writes to disk.
func (l *Lane) saveRequests() {
	l.mu.Lock()
	text := l.requests.text()
	l.mu.Unlock()
	if err := l.router.Store.Settings().Set(requestsKey+l.name, text); err != nil {
		l.log.Warn("remembering which requests were seen failed", "account", l.name, "err", err)
	}
}

// requestsKey is where the store keeps an account's requests.
const requestsKey = "requests."

// ask makes a call of catflap's own and decodes the data of the answer.
func ask(ctx context.Context, a *napcat.Account, action string, params []byte, data any) error {
	ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	return a.Ask(ctx, action, params, data)
}

// pause waits and reports whether the context is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
