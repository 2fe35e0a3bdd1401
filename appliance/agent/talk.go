package agent

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/policy"
)

// talkKey names a conversation.
type talkKey struct {
	account string
	chat    policy.Chat
	member  uint64 // 0 if a group shares one
}

// talk is a conversation: one answer is made at a time, and messages that come meanwhile are answered together.
// The agent's lock guards it.
type talk struct {
	key     talkKey
	waiting []*turnItem
	running bool
	cancel  context.CancelCauseFunc // of the answer being made; nil while there is none
	session session
	told    uint64 // the history up to here was looked at for the answer being made
	used    time.Time
	excused time.Time // of the last error that was said
	// cancelled: a new conversation was begun, and what is being answered still belongs to the one before.
	cancelled bool
}

// turnItem is a message that waits for its answer.
type turnItem struct {
	*message
	handed apps.Handed
	at     time.Time // when it came
}

// errStopped ends an answer that a user does not want any more.
var errStopped = errors.New("stopped by a user")

// talkOf finds a conversation or begins it. The caller holds the lock.
func (a *Agent) talkOf(m *message) *talk {
	key := talkKey{account: m.account, chat: m.chat}
	if _, app := a.settings(); app != nil && app.Agent.Sessions.PerMember && m.chat.Group {
		key.member = m.user
	}
	t := a.talks[key]
	if t == nil {
		if len(a.talks) >= maxTalks {
			a.dropOldest()
		}
		t = &talk{key: key}
		a.talks[key] = t
	}
	t.used = a.Now()
	return t
}

// dropOldest forgets the conversation that is silent for longest.
func (a *Agent) dropOldest() {
	var oldest *talk
	for _, t := range a.talks {
		if !t.running && (oldest == nil || t.used.Before(oldest.used)) {
			oldest = t
		}
	}
	if oldest != nil {
		delete(a.talks, oldest.key)
	}
}

// receive takes a message: a command is obeyed at once, all else waits for the answer to what came before.
func (a *Agent) receive(item *turnItem) {
	command := commandOf(item.text())
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		item.handed.Done(false)
		return
	}
	t := a.talkOf(item.message)
	if command != noCommand {
		a.setAside(item.id)
		reply := a.obey(t, command, item.message)
		a.tasks.Go(func() {
			a.keepBeginning(t)
			a.say(item.handed.Context, item.message, reply)
			item.handed.Done(true)
		})
		return
	}
	if code, ok := codeOf(item.text()); ok {
		a.setAside(item.id)
		a.tasks.Go(func() {
			a.say(item.handed.Context, item.message, a.obeyOwner(item.handed.Context, item.message, code))
			item.handed.Done(true)
		})
		return
	}
	if len(t.waiting) >= maxWaiting {
		t.waiting[0].handed.Done(true)
		t.waiting = slices.Delete(t.waiting, 0, 1)
	}
	t.waiting = append(t.waiting, item)
	if !t.running {
		t.running = true
		a.tasks.Go(func() { a.run(t) })
	}
}

// obey carries a command out and returns what to say. The caller holds the lock.
func (a *Agent) obey(t *talk, c command, m *message) string {
	words := a.texts()
	switch c {
	case cmdNew:
		a.halt(t)
		t.session.restart(a.Now(), a.reached(m))
		t.cancelled = t.running
		return words.fresh
	case cmdStop:
		if !a.halt(t) {
			return words.idle
		}
		return words.stopped
	case cmdStatus:
		return words.status(a.status(), len(t.waiting), t.cancel != nil)
	case cmdWhoami:
		return words.whoami(m, a.isOwner(m))
	}
	return words.help
}

// reached is how far the history of a chat goes with a message that has just come.
func (a *Agent) reached(m *message) uint64 {
	records, err := a.History.Show(m.account, m.chat, 2*maxWaiting)
	if err != nil || len(records) == 0 {
		return 0
	}
	for _, r := range records {
		if r.MessageID == m.id {
			return r.Seq
		}
	}
	return records[len(records)-1].Seq
}

// halt ends the answer that is being made, and takes what waits for answered. The caller holds the lock.
func (a *Agent) halt(t *talk) bool {
	any := t.cancel != nil || len(t.waiting) > 0
	if t.cancel != nil {
		t.cancel(errStopped)
	}
	for _, item := range t.waiting {
		item.handed.Done(true)
	}
	t.waiting = nil
	return any
}

// run answers until nothing waits.
func (a *Agent) run(t *talk) {
	for {
		a.mu.Lock()
		if len(t.waiting) == 0 {
			t.running = false
			a.mu.Unlock()
			return
		}
		ctx, cancel := context.WithCancelCause(a.ctx)
		t.cancel, t.cancelled = cancel, false
		// The account of all of them is the same, and so is the context of what handed them over.
		unhook := context.AfterFunc(t.waiting[0].handed.Context, func() { cancel(context.Canceled) })
		a.mu.Unlock()

		err := a.awaitLink(ctx, t.key.account)
		if err == nil {
			err = a.acquire(ctx)
		}
		a.mu.Lock()
		var batch []*turnItem
		if !errors.Is(context.Cause(ctx), errStopped) { // else what waits came after the word that ended this
			batch, t.waiting = t.waiting, nil
		}
		a.mu.Unlock()
		if err == nil {
			if fresh := a.fresh(batch); len(fresh) > 0 {
				if err = a.answer(ctx, t, fresh); err == nil {
					a.settle(fresh)
				}
			}
			a.done()
		}
		unhook()
		cancel(nil)
		a.mu.Lock()
		t.cancel = nil
		a.mu.Unlock()
		for _, item := range batch {
			item.handed.Done(err == nil || !errors.Is(err, context.Canceled))
		}
	}
}

// forget takes a recalled message out of what the model is told.
func (a *Agent) forget(account string, r recall) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, t := range a.talks {
		if key.account == account && key.chat == r.chat {
			t.session.forget(r.id)
		}
	}
}
