package router

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// Bounds of catching up (design: DELIVERY, Catch-up).
const (
	maxCatchUpChats = 20
	maxContacts     = 100 // that NapCat is asked for: chats that are not admitted are among them
	catchUpActive   = 24 * time.Hour
	catchUpEvery    = time.Second // between two calls
	catchUpTimeout  = 10 * time.Second
	catchUpBackOff  = 5 * time.Minute // at most, between two rounds
	maxTries        = 8               // of one chat on one link; the next link begins anew
	askTries        = 5               // for the latest chats, before only those are asked for that catflap knows
	partTries       = 3               // of one chat, before a part of what is missing is taken for all that there is
)

// chase is one search for what was missed, on one link.
type chase struct {
	*Lane
	account  *napcat.Account
	hold     *hold
	asked    int  // how often NapCat did not say which chats went on
	requests int  // how often it did not say who wants to join
	settled  bool // the requests were asked for
}

// startCatchUp begins to look for what was missed, in place of a search that still runs for an older link. From here on
// live events of chats wait for it.
func (l *Lane) startCatchUp(a *napcat.Account) {
	rules := l.router.plan.Load().accounts[l.name]
	if rules == nil || !rules.catchUp {
		return
	}
	l.seed.Do(l.seedMemory)
	ctx, cancel := context.WithCancel(l.router.ctx)
	l.mu.Lock()
	if l.stopLate != nil {
		l.stopLate()
	}
	l.stopLate = cancel
	if l.missing == 0 {
		l.missing = l.newest
	}
	for chat, o := range l.holes {
		o.tries = 0
		l.holes[chat] = o
	}
	h := l.beginHold()
	l.mu.Unlock()
	if !l.router.spawn(func() { l.catchUp(ctx, a, h) }) {
		cancel()
		l.endHold(h)
	}
}

// catchUp asks NapCat for what was missed while it or catflap was away, and delivers it before what is new, as long as
// that may wait. NapCat keeps nothing for adapters that are not connected. What fails is tried again with growing pauses;
// what is not done when the link ends is left to the next one.
func (l *Lane) catchUp(ctx context.Context, a *napcat.Account, h *hold) {
	defer l.endCatchUp(h)
	limit := time.AfterFunc(holdTime, func() {
		l.endHold(h)
		l.router.chore(l.saveHoles)
	})
	defer limit.Stop()
	c := &chase{Lane: l, account: a, hold: h}
	for wait := catchUpEvery; c.round(ctx) && pause(ctx, wait); wait = min(2*wait, catchUpBackOff) {
		l.router.chore(l.saveHoles)
	}
}

// endCatchUp lets everything go on and keeps what is not done.
func (l *Lane) endCatchUp(h *hold) {
	l.endHold(h)
	if l.router.ctx.Err() != nil {
		l.saveHoles() // nobody does chores any more
		return
	}
	l.router.chore(l.saveHoles)
}

// round asks once for everything that is missing. It reports whether something failed that may go well later.
func (c *chase) round(ctx context.Context) (again bool) {
	if c.unasked() {
		found, err := c.contacts(ctx)
		switch {
		case err == nil:
		case ended(ctx, err):
			return false
		default:
			c.asked++
			c.log.Warn("NapCat does not say which chats went on", "account", c.name, "try", c.asked, "err", err)
			if c.asked < askTries {
				return true
			}
		}
		c.survey(found)
	}
	gaps := c.gaps()
	chats := make(map[policy.Chat]bool, len(gaps))
	for _, g := range gaps {
		chats[g.chat] = true
	}
	c.narrow(c.hold, chats)
	found, cut := 0, 0
	defer func() {
		if found+cut > 0 {
			c.log.Info("caught up", "account", c.name, "messages", found, "cut_short", cut)
		}
	}()
	for i, g := range gaps {
		if i > 0 && !pause(ctx, catchUpEvery) {
			return false
		}
		all, part, err := c.fetch(ctx, c.account, g)
		if err != nil {
			if ended(ctx, err) {
				return false
			}
			c.log.Warn("fetching missed messages failed", "account", c.name, "chat", g.chat.String(), "try", g.tries+1, "err", err)
			if c.failed(ctx, g.chat) < partTries || len(all) == 0 {
				again = true
				continue
			}
			part = true
		}
		found += c.deliver(c.hold, g.chat, all)
		if part {
			cut++
			c.Lane.cut.Add(1)
			c.log.Warn("more was missed in a chat than is fetched; the older messages stay missed", "account", c.name, "chat", g.chat.String(), "fetched", len(all))
		}
		c.fill(ctx, g.chat)
		c.done(c.hold, g.chat)
	}
	return c.askRequests(ctx) || again
}

// askRequests asks for join requests once, and reports whether that has to be done again.
func (c *chase) askRequests(ctx context.Context) bool {
	if c.settled || !pause(ctx, catchUpEvery) {
		return false
	}
	n, err := c.missedRequests(ctx, c.account)
	if n > 0 {
		c.log.Info("caught up", "account", c.name, "requests", n)
	}
	if err != nil && !ended(ctx, err) {
		c.log.Warn("asking for join requests failed", "account", c.name, "err", err)
		c.requests++
		return c.requests < askTries
	}
	c.settled = true
	return false
}

// ended reports whether an error means that the link has gone.
func ended(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, napcat.ErrAway) || errors.Is(err, napcat.ErrDropped)
}

// unasked reports whether NapCat has still to say which chats went on. Before the first message nothing was missed.
func (l *Lane) unasked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missing > 0
}

// failed counts a try in vain.
func (l *Lane) failed(ctx context.Context, chat policy.Chat) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, ok := l.holes[chat]
	if !ok || ctx.Err() != nil {
		return 0
	}
	o.tries++
	l.holes[chat] = o
	return o.tries
}

// fill forgets a hole, unless a newer link has begun to look: then live messages may have widened it.
func (l *Lane) fill(ctx context.Context, chat policy.Chat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() == nil {
		delete(l.holes, chat)
	}
}

// contact is a chat as NapCat lists it: by its newest message.
type contact struct {
	Last json.RawMessage `json:"lastestMsg"` // NapCat's spelling
}

// contacts asks for the chats that were active lately; for fewer each time that NapCat did not answer, since it looks up
// the newest message of each.
func (c *chase) contacts(ctx context.Context) (list []contact, err error) {
	params := fmt.Appendf(nil, `{"count":%d}`, max(maxContacts>>c.asked, maxCatchUpChats))
	return list, ask(ctx, c.account, "get_recent_contact", params, &list)
}

// survey decides which admitted chats are asked for: those that NapCat lists with something new in them, those that miss
// something since an earlier link, and those that catflap knows to be lively and NapCat does not list, since its list
// ends somewhere.
func (c *chase) survey(list []contact) {
	l := c.Lane
	rules := l.router.plan.Load().accounts[l.name]
	if rules == nil {
		return
	}
	oldest := l.router.Now().Add(-catchUpActive).Unix()
	l.mu.Lock()
	defer l.mu.Unlock()
	listed := make(map[policy.Chat]bool)
	for _, c := range list {
		var head onebot.Head
		if onebot.PeekHead(c.Last, &head) != nil {
			continue
		}
		chat, ok := messageChat(&head)
		if !ok || head.Detail == "private" && head.SubType == "group" {
			continue
		}
		listed[chat] = true
		if after, fresh := l.behind(chat, &head); fresh && head.Time >= oldest && l.admits(rules, chat) {
			l.dig(chat, after, head.Time)
		} else {
			delete(l.holes, chat)
		}
	}
	unlisted := make([]gap, 0, len(l.marks))
	for chat, m := range l.marks {
		if _, known := l.holes[chat]; !known && !listed[chat] && m.at >= oldest && l.admits(rules, chat) {
			unlisted = append(unlisted, gap{chat, hole{after: m, last: m.at}})
		}
	}
	slices.SortFunc(unlisted, func(x, y gap) int { return cmp.Compare(y.last, x.last) })
	cut := 0
	for i, g := range l.listHoles() {
		if i >= maxCatchUpChats {
			delete(l.holes, g.chat)
			cut++
		}
	}
	if cut > 0 {
		l.cut.Add(int64(cut))
		l.log.Warn("more chats went on than are asked for; what was missed in the others stays missed", "account", l.name, "asked", maxCatchUpChats, "others", cut)
	}
	for _, g := range unlisted[:min(len(unlisted), maxCatchUpChats-min(len(l.holes), maxCatchUpChats))] {
		l.dig(g.chat, g.after, g.last)
	}
	l.missing = 0
}

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
