package router

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/policy"
)

// maxHoles bounds the chats of an account that something may be missing of.
const maxHoles = 100

// hole is where something may be missing of a chat. It stays until NapCat's history has filled it: live messages move the
// mark, but not the hole. The lane's lock guards it.
type hole struct {
	after mark  // what was known before it; seq 0 = the chat was not
	last  int64 // time of the newest message behind it, unix seconds
	since int64 // when it was found, unix seconds
	tries int   // that failed on the present link
}

// dig notes a hole in a chat. The caller holds the lock.
func (l *Lane) dig(chat policy.Chat, after mark, last int64) {
	if o, ok := l.holes[chat]; ok {
		o.last = max(o.last, last)
		l.holes[chat] = o
		return
	}
	if len(l.holes) >= maxHoles {
		oldest := slices.MinFunc(l.listHoles(), func(x, y gap) int { return cmp.Compare(x.last, y.last) })
		delete(l.holes, oldest.chat)
		l.cut.Add(1)
	}
	after.leap = 0
	l.holes[chat] = hole{after: after, last: last, since: l.router.Now().Unix()}
}

// CutShort is how many chats of an account miss something for good since the start: more was missed than is fetched.
func (r *Router) CutShort(account string) int64 {
	if l := r.lane(account); l != nil {
		return l.cut.Load()
	}
	return 0
}

// gap is a hole and its chat.
type gap struct {
	chat policy.Chat
	hole
}

// gaps lists the holes that are worth asking for, the most lively chats first.
func (l *Lane) gaps() []gap {
	oldest := l.router.Now().Add(-catchUpActive).Unix()
	l.mu.Lock()
	defer l.mu.Unlock()
	rules := l.router.plan.Load().accounts[l.name]
	for chat, o := range l.holes {
		if o.since < oldest || rules == nil || !rules.catchUp || !l.admits(rules, chat) {
			delete(l.holes, chat)
		}
	}
	return slices.DeleteFunc(l.listHoles(), func(g gap) bool { return g.tries >= maxTries })
}

// listHoles lists all holes, the most lively chats first. The caller holds the lock.
func (l *Lane) listHoles() []gap {
	list := make([]gap, 0, len(l.holes))
	for chat, o := range l.holes {
		list = append(list, gap{chat, o})
	}
	slices.SortFunc(list, func(x, y gap) int {
		return cmp.Or(cmp.Compare(y.last, x.last), cmp.Compare(x.chat.ID, y.chat.ID))
	})
	return list
}

// holesKey is where the store keeps an account's holes.
const holesKey = "holes."

// saveHoles keeps the holes over restarts. It writes to disk, if there is something new.
func (l *Lane) saveHoles() {
	l.mu.Lock()
	var text strings.Builder
	for _, g := range l.listHoles() {
		fmt.Fprintf(&text, "%s %d %d %d %d\n", g.chat, g.after.seq, g.after.at, g.last, g.since)
	}
	l.mu.Unlock()
	if err := l.router.Store.Settings().Set(holesKey+l.name, text.String()); err != nil {
		l.log.Warn("remembering which chats miss something failed", "account", l.name, "err", err)
	}
}

// loadHoles learns of the holes that a former process left.
func (l *Lane) loadHoles() {
	oldest := l.router.Now().Add(-catchUpActive).Unix()
	for line := range strings.Lines(l.router.Store.Settings().Get(holesKey + l.name)) {
		var name string
		var o hole
		if _, err := fmt.Sscan(line, &name, &o.after.seq, &o.after.at, &o.last, &o.since); err != nil {
			continue
		}
		if chat, err := policy.ParseChat(name); err == nil && o.since >= oldest && len(l.holes) < maxHoles {
			l.holes[chat] = o
		}
	}
}
