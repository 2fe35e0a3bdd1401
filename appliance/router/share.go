package router

import (
	"errors"
	"fmt"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// away is the outcome of an event for an app that would have got it and is not there: nothing is kept for it.
const away = "away"

// ErrNotThere says that nothing is kept for an app: it has not connected for events yet, or was away for too long.
var ErrNotThere = errors.New("nothing is kept for it before it connects for events")

// there refuses what would be told to an app that nothing is kept for.
func (l *Lane) there(app *appPlan) error {
	if l.router.Store.Journal().Subscribed(l.index)&(1<<app.slot) == 0 {
		return fmt.Errorf("app %s is not connected to account %s: %w", app.name, l.name, ErrNotThere)
	}
	return nil
}

// share gives an event that the policy has judged to the apps: dst gets what becomes of it for each of them, mask has the
// slots of those that get it.
func (p *accountPlan) share(f *policy.Facts, v policy.Verdict, there uint64, dst []store.AppDecision) (mask uint64, apps []store.AppDecision) {
	for _, app := range p.apps {
		outcome, reason := app.view.Decide(f, v)
		said := outcome.String()
		switch slot := uint64(1) << app.slot; {
		case outcome != policy.Deliver:
		case there&slot == 0:
			said, reason = away, policy.ReasonAppAway
		default:
			mask |= slot
		}
		dst = append(dst, store.AppDecision{App: app.name, Outcome: said, Reason: string(reason)})
	}
	return mask, dst
}

// whole says what became of an event as a whole, from what the policy said of it and what each app got. An event that some
// app got was delivered, though the account's own rules wanted a mention; one that the policy admits and no app got was not:
// a message is in the history only.
func whole(f *policy.Facts, v policy.Verdict, mask uint64, apps []store.AppDecision) (policy.Outcome, policy.Reason) {
	switch {
	case v.Outcome != policy.Deliver && v.Outcome != policy.Context, f.Own(), len(apps) == 0:
		return v.Outcome, v.Reason
	case mask != 0:
		return policy.Deliver, policy.ReasonDelivered
	}
	outcome, reason := policy.Drop, policy.Reason(apps[0].Reason)
	if f.Kind == policy.Message {
		outcome = policy.Context
	}
	for _, app := range apps {
		if app.Outcome == away {
			reason = policy.ReasonAppAway
		}
	}
	return outcome, reason
}
