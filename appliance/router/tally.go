package router

import (
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/policy"
)

// The ways in which an app's action ends.
const (
	callDone      = iota // NapCat did it
	callFailed           // NapCat answered with a failure
	callRefused          // by the firewall, or for being unsound
	callPaced            // it would have waited too long
	callUncertain        // no answer came: it may have been done
	callAway             // NapCat is away or too busy
	callEnds
)

var callNames = [callEnds]string{"done", "failed", "refused", "paced", "uncertain", "away"}

const (
	outcomes = int(policy.Command) + 1
	slots    = 64
)

// tally counts what passes an account. The hot path only adds.
type tally struct {
	events     [outcomes]atomic.Int64 // by outcome
	duplicates atomic.Int64           // of these, those that had come before
	unreadable atomic.Int64           // events that could not be completed, beside events
	apps       [slots]appTally        // by the app's slot
}

type appTally struct {
	events atomic.Int64 // put into the app's queue
	missed atomic.Int64 // would have been, but nothing is kept for the app
	calls  [callEnds]atomic.Int64
}

// clear forgets the counts of an app whose slot goes to another.
func (t *appTally) clear() {
	t.events.Store(0)
	t.missed.Store(0)
	for i := range t.calls {
		t.calls[i].Store(0)
	}
}

// ended counts the end of a call of an app.
func (t *appTally) ended(err error, retcode int64) {
	end := callAway
	switch {
	case err == nil && retcode == 0:
		end = callDone
	case err == nil:
		end = callFailed
	case errors.Is(err, errPaced):
		end = callPaced
	case errors.Is(err, napcat.ErrTimeout), errors.Is(err, napcat.ErrDropped):
		end = callUncertain
	case isHandover(err):
		end = callRefused
	}
	t.calls[end].Add(1)
}

// Count is what has passed an account since the start.
type Count struct {
	Account string
	Events  map[string]int64 // from NapCat, by outcome
	Apps    []AppCount
}

// AppCount is what has passed between an account and an app.
type AppCount struct {
	App    string
	Events int64            // put into the app's queue
	Missed int64            // came while nothing was kept for the app, heartbeats not counted
	Calls  map[string]int64 // by their end: done, failed, refused, paced, uncertain, away
}

// Counts lists the accounts of the plan that have a lane, by name.
func (r *Router) Counts() []Count {
	plan := r.plan.Load()
	var out []Count
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(plan.accounts)) {
		rules, l := plan.accounts[name], r.lanes[name]
		if l == nil {
			continue
		}
		c := Count{Account: name, Events: make(map[string]int64, outcomes)}
		for i := range l.tally.events {
			c.Events[policy.Outcome(i).String()] = l.tally.events[i].Load()
		}
		for _, app := range rules.apps {
			t := &l.tally.apps[app.slot%slots]
			a := AppCount{App: app.name, Events: t.events.Load(), Missed: t.missed.Load(), Calls: make(map[string]int64, callEnds)}
			for i, end := range callNames {
				a.Calls[end] = t.calls[i].Load()
			}
			c.Apps = append(c.Apps, a)
		}
		out = append(out, c)
	}
	return out
}

// Unheard is how many events of an account went no further since the start, whatever the policy says: those that had come
// before, and those that no application could have read.
func (r *Router) Unheard(account string) (duplicates, unreadable int64) {
	l := r.lane(account)
	if l == nil {
		return 0, 0
	}
	return l.tally.duplicates.Load(), l.tally.unreadable.Load()
}

// Limited reports whether QQ has refused the last sends of an account (retcode 1200), so that it is sent to at half the rate.
func (r *Router) Limited(account string) bool {
	l := r.lane(account)
	return l != nil && l.pace.limited()
}

// moved clears the counts of slots that are another app's in the next plan. The caller holds no lock.
func (r *Router) moved(before, next *Plan) {
	was := make(map[uint8]string, len(before.apps))
	for _, app := range before.apps {
		was[app.slot] = app.name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, app := range next.apps {
		if name, ok := was[app.slot]; ok && name == app.name {
			continue
		}
		for _, l := range r.lanes {
			l.tally.apps[app.slot%slots].clear()
		}
	}
}
