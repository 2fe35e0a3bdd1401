package router

import (
	"errors"
	"fmt"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

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
// slots of those that get it. What policy and view say stands also for an app that is not there.
func (p *accountPlan) share(f *policy.Facts, v policy.Verdict, there uint64, dst []store.AppDecision) (mask uint64, apps []store.AppDecision) {
	for _, app := range p.apps {
		outcome, reason := app.view.Decide(f, v)
		d := store.AppDecision{App: app.name, Outcome: outcome.String(), Reason: string(reason)}
		if outcome == policy.Deliver {
			if slot := uint64(1) << app.slot; there&slot != 0 {
				mask |= slot
			} else {
				d.Away = true
			}
		}
		dst = append(dst, d)
	}
	return mask, dst
}
