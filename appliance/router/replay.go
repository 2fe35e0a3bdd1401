package router

import (
	"fmt"
	"slices"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// maxReplay bounds what one replay tells again.
const maxReplay = 10_000

// Replay tells an app again what history keeps of an account: the newest `last` messages (0 = any number) that came at or
// after since (zero = any time), oldest first, marked late. They pass the present policy and the app's view, so nothing
// arrives that could not arrive today. It returns how many events were put into the app's queue.
func (r *Router) Replay(app, account string, since time.Time, last int) (int, error) {
	plan := r.plan.Load()
	ap, rules, l := plan.apps[app], plan.accounts[account], r.lane(account)
	switch {
	case ap == nil:
		return 0, fmt.Errorf("no app %q", app)
	case rules == nil || l == nil || !ap.accounts[account]:
		return 0, fmt.Errorf("app %s does not serve account %q", app, account)
	}
	if err := l.there(ap); err != nil {
		return 0, err
	}
	if l.Self() == 0 {
		return 0, fmt.Errorf("the QQ number of account %s is not known yet", account)
	}
	if last <= 0 || last > maxReplay {
		last = maxReplay
	}
	var records []store.Record
	err := r.Store.History().Recent(account, maxReplay, func(rec store.Record) {
		if len(records) < last && rec.Direction == store.In && !rec.Recalled && (since.IsZero() || rec.Time >= since.Unix()) {
			records = append(records, rec)
		}
	})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, rec := range slices.Backward(records) {
		if l.retell(ap, rules, rec) {
			n++
		}
	}
	return n, nil
}

// retell puts one kept message into an app's queue, if policy and view still let it in.
func (l *Lane) retell(ap *appPlan, rules *accountPlan, rec store.Record) bool {
	told := onebot.Told{
		Self: l.Self(), User: rec.User, Time: rec.Time, MessageID: rec.MessageID, RealSeq: rec.RealSeq, Sender: rec.Sender, Message: rec.Raw,
	}
	if rec.Chat.Group {
		told.Group = rec.Chat.ID
	}
	frame := onebot.AppendMessage(make([]byte, 0, len(rec.Raw)*2+256), told)
	var head onebot.Head
	if onebot.PeekHead(frame, &head) != nil {
		return false
	}
	var f policy.Facts
	l.mu.Lock()
	l.facts(&f, &head, rules)
	l.mu.Unlock()
	f.Duplicate = false
	if outcome, _ := ap.view.Decide(&f, rules.set.Decide(&f)); outcome != policy.Deliver {
		return false
	}
	l.router.Store.Journal().Append(store.Event{
		At: l.router.Now().UnixNano(), Account: l.index, Class: store.ClassMessage, For: 1 << ap.slot, Raw: frame,
	})
	return true
}
