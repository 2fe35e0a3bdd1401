package router

import (
	"fmt"

	"github.com/catflap/catflap/store"
)

// Knock puts a heartbeat into the queue of one app, on each account that it serves: it means nothing to an app, and is
// acknowledged like any event, so that its owner sees whether the app reads what it gets. It returns how many there are.
func (r *Router) Knock(app string) (int, error) {
	plan := r.plan.Load()
	ap := plan.apps[app]
	if ap == nil {
		return 0, fmt.Errorf("no app %q", app)
	}
	n := 0
	var gone error
	for account := range ap.accounts {
		l := r.lane(account)
		if l == nil {
			continue
		}
		if err := l.there(ap); err != nil {
			gone = err
			continue
		}
		if l.Self() == 0 {
			continue
		}
		now := r.Now()
		frame := fmt.Appendf(nil, `{"time":%d,"self_id":%d,"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":%t,"good":true},"interval":30000}`,
			now.Unix(), l.Self(), l.State().Online)
		r.Store.Journal().Append(store.Event{At: now.UnixNano(), Account: l.index, Class: store.ClassMeta, For: 1 << ap.slot, Raw: frame})
		n++
	}
	if n == 0 && gone != nil {
		return 0, gone
	}
	if n == 0 {
		return 0, fmt.Errorf("the QQ number of no account that app %s serves is known yet", app)
	}
	return n, nil
}
