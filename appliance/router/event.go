package router

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// eventScratch is reused from event to event: the hot path allocates the event itself and its bytes, nothing
// that grows with the number of apps.
type eventScratch struct {
	seen    seenMemory
	notices noticeMemory
	head    onebot.Head // of an event that was completed
	facts   policy.Facts
	text    []byte
	apps    []store.AppDecision // of the event at hand
	memo    []store.AppDecision // of the last event: most events end alike, and records share it
	names   names

	rewritten onebot.Head // of an event whose media have other addresses
}

// Event takes one event from NapCat. The bytes are valid during the call only.
func (l *Lane) Event(frame []byte, head *onebot.Head) {
	l.seed.Do(l.seedMemory)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hold != nil && l.hold.wants(head) {
		if l.hold.takes(frame, head) {
			return
		}
		l.release(l.hold) // too much waits: order goes before completeness
		l.hold = nil
	}
	l.process(frame, head, false)
}

// process takes one event through the pipeline: duplicates, policy, effects, journal. A late one happened before the
// present link. The caller holds the lane's lock.
func (l *Lane) process(frame []byte, head *onebot.Head, late bool) {
	s := &l.event
	rules := l.router.plan.Load().accounts[l.name]
	if rules == nil {
		return
	}
	if head.Missing != 0 || asString(head) {
		if frame, head = l.complete(frame, head); frame == nil {
			return
		}
	}
	f := &s.facts
	l.facts(f, head, rules)
	verdict := rules.set.Decide(f)
	if f.Duplicate {
		l.tally.duplicates.Add(1)
	}

	var mask uint64
	mask, s.apps = rules.share(f, verdict, l.router.Store.Journal().Subscribed(l.index), s.apps[:0])
	for i, app := range rules.apps {
		switch {
		case mask&(1<<app.slot) != 0:
			l.tally.apps[app.slot%slots].events.Add(1)
		case s.apps[i].Away && f.Kind != policy.Meta:
			l.tally.apps[app.slot%slots].missed.Add(1)
		}
	}
	l.tally.events[int(verdict.Outcome)%outcomes].Add(1)
	chat, hasChat := f.Chat()
	l.decided(rules, f, chat, hasChat, verdict)
	l.effects(f, head, chat, verdict, late)

	admitted := verdict.Outcome == policy.Deliver || verdict.Outcome == policy.Context
	isMessage := f.Kind == policy.Message || f.Kind == policy.Sent
	remember := admitted && isMessage && hasChat && rules.historyLimit > 0
	if rules.catchUp && isMessage && hasChat && verdict.Outcome != policy.Drop {
		l.markChat(chat, head.RealSeq, head.Time)
	}
	if mask == 0 && !remember {
		return
	}
	if mask != 0 && head.Media {
		frame, head = l.keepMedia(frame, head, f, rules)
	}
	raw := make([]byte, len(frame))
	copy(raw, frame)
	if remember {
		l.remember(raw, head, f, chat, verdict, rules.historyLimit)
	}
	if mask != 0 {
		at := l.router.Now().UnixNano()
		if late {
			at = head.Time * int64(time.Second) // its age counts, not ours
		}
		l.router.Store.Journal().Append(store.Event{
			At:      at,
			Account: l.index,
			Class:   classOf(f.Kind),
			For:     mask,
			Raw:     raw,
		})
	}
}

// complete fills in what frameworks die without, and turns a message in string form into segments: the journal
// holds one form, and an app that asked for strings gets them from its session.
func (l *Lane) complete(frame []byte, head *onebot.Head) ([]byte, *onebot.Head) {
	s := &l.event
	if head.Missing&onebot.MissingSelfID != 0 {
		head.SelfID = l.Self()
	}
	if head.Missing&onebot.MissingTime != 0 {
		head.Time = l.router.Now().Unix()
	}
	out, err := onebot.Complete(frame, head)
	if err == nil {
		err = onebot.PeekHead(out, &s.head)
	}
	if err == nil && asString(&s.head) {
		if out, err = onebot.Reformat(out, &s.head, "array"); err == nil {
			err = onebot.PeekHead(out, &s.head)
		}
	}
	if err != nil {
		if l.tally.unreadable.Add(1) == 1 {
			l.log.Warn("NapCat sent an event that no application could read; such events are dropped and counted", "account", l.name, "err", err)
		}
		return nil, nil
	}
	return out, &s.head
}

// keepMedia offers the media of a message that some app is to receive to the cache, and gives them the addresses of it.
// What the gates refuse, and what nobody receives, is never fetched (FAULTS P13).
func (l *Lane) keepMedia(frame []byte, head *onebot.Head, f *policy.Facts, rules *accountPlan) ([]byte, *onebot.Head) {
	if l.router.KeepMedium == nil {
		return frame, head
	}
	out := onebot.RewriteMedia(frame, head, func(m onebot.Medium) (url, note string) {
		return l.router.KeepMedium(Medium{Medium: m, Account: l.name, MessageID: head.MessageID, Group: f.Detail == "group", Max: rules.mediaMax})
	})
	if len(out) == len(frame) {
		return frame, head // whatever is changed is longer afterwards
	}
	s := &l.event
	if err := onebot.PeekHead(out, &s.rewritten); err != nil {
		return frame, head
	}
	return out, &s.rewritten
}

// asString reports whether NapCat sent the message as a CQ string.
func asString(h *onebot.Head) bool { return len(h.Message) > 0 && h.Message[0] == '"' }

// facts reads the event as numbers, with what memory and the store know of it.
func (l *Lane) facts(f *policy.Facts, h *onebot.Head, rules *accountPlan) {
	*f = policy.Facts{
		Kind: kindOf(h.PostType), Detail: h.Detail, SubType: h.SubType,
		Self: h.SelfID, User: h.UserID, Group: h.GroupID, Target: h.TargetID, Operator: h.OperatorID,
	}
	account := l.account.Load()
	if account != nil {
		f.ForeignSelf = h.SelfID != account.Self()
	}
	access := l.router.Store.Access()
	person := f.User
	if f.Own() && f.Detail != "group" {
		person = f.Target
	}
	f.Blocked = access.Blocked(l.name, person)
	switch f.Kind {
	case policy.Message, policy.Sent:
		chat, _ := f.Chat()
		if h.MessageID != 0 || len(h.RealSeq) > 0 { // else nothing tells two messages apart
			f.Duplicate = l.event.seen.message(chat, h.MessageID, h.RealSeq)
		}
		l.chats.note(h.MessageID, chat)
		l.chats.wrote(h.MessageID, f.User)
		if f.Detail == "private" {
			f.Approved = access.Approved(l.name, person)
		}
		m := onebot.ScanMentions(h.Message, h.SelfID)
		f.AtSelf, f.AtAll = m.AtSelf, m.AtAll
		switch {
		case !m.HasReply:
		case l.sent.has(m.Reply):
			f.Reply = policy.ReplyToBot
		default:
			f.Reply = policy.ReplyUnknown
		}
		if rules.wantsText {
			l.event.text = onebot.AppendText(l.event.text[:0], h.Message)
			f.Text = string(l.event.text)
		}
	case policy.Request:
		var kept bool
		if f.Duplicate, kept = l.requests.add(f.Detail, h.Flag); kept && !f.Duplicate {
			l.router.chore(l.saveRequests)
		}
	case policy.Notice:
		f.Duplicate = l.event.notices.repeated(h)
		if f.Group == 0 {
			f.Approved = access.Approved(l.name, person)
		}
	}
}

// decided records the decision for `catflap explain`, and tells those who watch.
func (l *Lane) decided(rules *accountPlan, f *policy.Facts, chat policy.Chat, hasChat bool, v policy.Verdict) {
	s := &l.event
	if !slices.Equal(s.apps, s.memo) {
		s.memo = slices.Clone(s.apps)
	}
	d := store.Decision{
		Time: l.router.Now(), Account: l.name, User: f.User, Kind: s.names.kind(f),
		Outcome: v.Outcome.String(), Reason: string(v.Reason), Apps: s.memo,
	}
	if hasChat {
		d.Chat = s.names.chat(chat)
	}
	l.router.Store.Decisions().Add(d)
	if f.Kind == policy.Message {
		l.router.rhythm.count(d.Time)
	}
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("event", "account", l.name, "kind", d.Kind, "sub_type", f.SubType, "chat", d.Chat, "user", f.User, "outcome", d.Outcome, "reason", d.Reason)
		for i, a := range s.apps {
			if rules.apps[i].debug {
				l.log.Debug("event for an app", "app", a.App, "account", l.name, "kind", d.Kind, "sub_type", f.SubType, "chat", d.Chat, "user", f.User, "outcome", a.Outcome, "reason", a.Reason)
			}
		}
	}
}

// seedMemory learns from history what was seen and sent before the last start.
func (l *Lane) seedMemory() {
	s := &l.event
	s.seen.init()
	s.names.init()
	l.requests.load(l.router.Store.Settings().Get(requestsKey + l.name))
	var past []store.Record
	l.router.Store.History().Recent(l.name, maxSeen, func(r store.Record) {
		past = append(past, store.Record{Chat: r.Chat, MessageID: r.MessageID, RealSeq: r.RealSeq, Direction: r.Direction, Time: r.Time})
	})
	for _, r := range slices.Backward(past) {
		if r.Direction == store.Out {
			l.sent.add(r.MessageID)
		}
		l.chats.note(r.MessageID, r.Chat)
		l.chats.wrote(r.MessageID, r.User)
		if r.RealSeq != "" { // what an app sent has none until NapCat reports it
			s.seen.message(r.Chat, r.MessageID, []byte(r.RealSeq))
			l.markChat(r.Chat, []byte(r.RealSeq), r.Time)
		}
	}
	l.seedFromQueue()
	l.loadHoles()
}

// seedFromQueue learns what waits for apps: an event is there before history has it, and must not come a second time as a
// late one.
func (l *Lane) seedFromQueue() {
	var head onebot.Head
	err := l.router.Store.Journal().Waiting(l.name, maxQueueSeed, func(frame []byte) {
		if onebot.PeekHead(frame, &head) != nil || len(head.RealSeq) == 0 {
			return
		}
		if chat, ok := messageChat(&head); ok {
			l.chats.note(head.MessageID, chat)
			l.chats.wrote(head.MessageID, head.UserID)
			l.event.seen.message(chat, head.MessageID, head.RealSeq)
			l.markChat(chat, head.RealSeq, head.Time)
		}
	})
	if err != nil {
		l.log.Warn("what waits for apps could not be read; some of it may come twice", "account", l.name, "err", err)
	}
}

func kindOf(postType string) policy.Kind {
	switch postType {
	case "message":
		return policy.Message
	case "message_sent":
		return policy.Sent
	case "notice":
		return policy.Notice
	case "request":
		return policy.Request
	case "meta_event":
		return policy.Meta
	}
	return 0
}

func classOf(k policy.Kind) store.Class {
	switch k {
	case policy.Message, policy.Sent:
		return store.ClassMessage
	case policy.Request:
		return store.ClassRequest
	case policy.Meta:
		return store.ClassMeta
	}
	return store.ClassNotice
}
