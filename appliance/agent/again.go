package agent

import (
	"slices"
	"strconv"
	"time"
)

// maxAnswered bounds the answered messages that are kept: those of the seconds before a crash are wanted.
const maxAnswered = 32

// startTime is how long after a start messages are taken for what was answered before it: later they come because
// somebody wants to have them told again.
const startTime = 10 * time.Minute

// answerKey names a message among those of all accounts.
func answerKey(m *message) string { return m.account + ":" + strconv.FormatInt(m.id, 10) }

// settle keeps which messages were answered: after a crash the queue may not know of it, and the router may take them for
// missed ones.
func (a *Agent) settle(batch []*turnItem) {
	var keys []string
	for _, item := range batch {
		keys = append(keys, answerKey(item.message))
	}
	if err := a.usage.settle(keys); err != nil {
		a.Log.Warn("what was answered was not kept: after a crash it may be answered again", "app", a.Name, "err", err)
	}
}

// answeredBefore reports, once, whether a message was answered before the last start.
func (a *Agent) answeredBefore(m *message) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := answerKey(m)
	if !a.before[key] || a.Now().Sub(a.born) > startTime {
		return false
	}
	delete(a.before, key)
	return true
}

// settle keeps keys of answered messages.
func (u *usage) settle(keys []string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	day := u.today()
	all := append(day.Answered, keys...)
	day.Answered = slices.Clone(all[max(0, len(all)-maxAnswered):])
	return u.keep()
}

// answered are the messages that were answered before the last start.
func (u *usage) answered() map[string]bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make(map[string]bool, len(u.day.Answered))
	for _, key := range u.day.Answered {
		out[key] = true
	}
	return out
}
