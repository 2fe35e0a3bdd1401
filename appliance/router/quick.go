package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// quick is a quick operation: an event and what to do about it.
type quick struct {
	context, operation []byte // raw; valid as long as the frame that they came in
}

// quickOf reads a quick operation out of the action for it; nil for other actions.
func quickOf(o *order) *quick {
	if o.base != onebot.QuickOperation {
		return nil
	}
	var q quick
	q.context, q.operation = onebot.QuickParams(o.params)
	return &q
}

// isQuick reports whether a name is that of the action for quick operations.
func isQuick(name string) bool {
	base, _ := onebot.Normalise(name)
	return base == onebot.QuickOperation
}

// Quick does what an app answered to an event that was posted to it. The event is the one that catflap posted, so nothing
// in the answer says what it is about. An answer that is no JSON object, or has no key of a quick operation, asks for
// nothing.
func (r *Router) Quick(in apps.Quick) {
	app := r.plan.Load().apps[in.App]
	l := r.lane(in.Account)
	steps, err := onebot.QuickSteps(in.Event, in.Operation)
	switch {
	case errors.Is(err, onebot.ErrNotObject), errors.Is(err, onebot.ErrSyntax):
		in.Done(nil)
	case err != nil:
		in.Done(err)
	case len(steps) == 0:
		in.Done(nil)
	case app == nil || l == nil:
		in.Done(fmt.Errorf("app %s does not serve account %s any more", in.App, in.Account))
	case app.noQuick:
		why := app.deniedQuick()
		r.audit(l.name, in.App, onebot.QuickOperation, onebot.TargetOf(steps[0].Action, steps[0].Params), "refused", why)
		in.Done(errors.New(why))
	default:
		l.quick(in.App, steps, func(code int, why string) {
			if code != 0 {
				in.Done(errors.New(why))
				return
			}
			in.Done(nil)
		})
	}
}

// deniedQuick is why an app with noQuick has no quick operations.
func (a *appPlan) deniedQuick() string {
	return fmt.Sprintf("actions.deny lists %s (apps.%s.actions)", onebot.QuickOperation, a.name)
}

// answerQuick does a quick operation that an app called for, and answers when all of it has been done or failed.
func (l *Lane) answerQuick(in apps.Action, name string, q *quick, echo []byte) {
	steps, err := onebot.QuickSteps(q.context, q.operation)
	if err != nil {
		in.Reply(onebot.AppendFailure(nil, echo, codeBadFrame, fmt.Sprintf("params.operation or params.context: %v", err)))
		return
	}
	settled := func(code int, why string) {
		if code != 0 { // after an _async nobody else says so
			l.log.Warn("a quick operation failed", "app", in.App, "account", l.name, "err", why)
		}
		in.Reply(quickAnswer(echo, code, why))
	}
	if _, suffix := onebot.Normalise(name); suffix != onebot.RateLimited {
		l.quick(in.App, steps, settled)
		return
	}
	l.rated.do(ratedCall{size: len(q.operation), keep: func() {}, run: func(err error) {
		if err != nil {
			settled(failure(err))
			return
		}
		l.quick(in.App, steps, settled)
	}})
}

// callQuick does the owner's.
func (l *Lane) callQuick(ctx context.Context, q *quick) ([]byte, error) {
	steps, err := onebot.QuickSteps(q.context, q.operation)
	if err != nil {
		return onebot.AppendFailure(nil, nil, codeBadFrame, err.Error()), nil
	}
	done := make(chan []byte, 1)
	l.quick("", steps, func(code int, why string) { done <- quickAnswer(nil, code, why) })
	select {
	case answer := <-done:
		return answer, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a quick operation: %w", ctx.Err())
	}
}

func quickAnswer(echo []byte, code int, why string) []byte {
	if code != 0 {
		return onebot.AppendFailure(nil, echo, code, why)
	}
	return onebot.AppendOK(nil, echo, nil)
}

// quickRun is a quick operation on its way: one action after the other, as go-cqhttp does them. Each is judged, paced and
// audited like any other action of the app's; one that is refused or fails stops none that come after it.
type quickRun struct {
	lane    *Lane
	app     string // "" is the owner
	steps   []onebot.QuickStep
	done    []string // actions
	failed  []string // actions, with why
	code    int      // of the first failure
	settled func(code int, why string)
}

// quick starts a quick operation. The end is told once: a code of 0, or that of the first failure and all that there is to
// say.
func (l *Lane) quick(app string, steps []onebot.QuickStep, settled func(code int, why string)) {
	q := &quickRun{lane: l, app: app, steps: steps, settled: settled}
	q.next()
}

// next starts the next action. It runs on an app's goroutine, then on those that bring NapCat's answers.
func (q *quickRun) next() {
	if len(q.steps) == 0 {
		q.end()
		return
	}
	step := q.steps[0]
	q.steps = q.steps[1:]
	if step.Refuse != "" {
		q.fail(step.Action, codeBadFrame, step.Refuse)
		q.next()
		return
	}
	o := newOrder(step.Action, step.Params)
	if code, why := q.admit(o); code != 0 {
		q.fail(o.base, code, why)
		q.next()
		return
	}
	q.lane.send(call{
		app: q.app, name: o.base, base: o.base, params: onebot.Standard(o.base, o.params), target: o.target, effect: o.effect,
		done: func(a napcat.Answer) {
			if !a.Final {
				return
			}
			switch {
			case a.Err != nil:
				code, why := failure(a.Err)
				q.fail(o.base, code, why)
			case a.Head.Retcode != 0:
				q.fail(o.base, int(a.Head.Retcode), wordingOf(a.Head))
			default:
				q.done = append(q.done, o.base)
			}
			q.next()
		},
	})
}

// admit passes a part of the operation through what the app's own actions pass.
func (q *quickRun) admit(o *order) (code int, why string) {
	r := q.lane.router
	if q.app == "" {
		if err := sound(o); err != nil {
			return codeBadFrame, err.Error()
		}
		if err := q.lane.compose(nil, o); err != nil {
			return codeBadFrame, err.Error()
		}
		if o.effect != policy.EffectRead {
			r.audit(q.lane.name, "", o.base, o.target, "allowed", "")
		}
		return 0, ""
	}
	plan := r.plan.Load()
	app := plan.apps[q.app]
	if app == nil {
		return codeFirewall, fmt.Sprintf("app %s is not enabled (apps.%s.enabled)", q.app, q.app)
	}
	o.base = app.quickName(o)
	return r.admit(plan, app, q.lane, o)
}

func (q *quickRun) fail(action string, code int, why string) {
	if q.code == 0 {
		q.code = code
	}
	q.failed = append(q.failed, fmt.Sprintf("%s failed: %s", action, why))
}

func (q *quickRun) end() {
	if len(q.failed) == 0 {
		q.settled(0, "")
		return
	}
	why := strings.Join(q.failed, "; ")
	if len(q.done) > 0 {
		why += "; done: " + strings.Join(q.done, ", ")
	}
	q.settled(q.code, why)
}

// wordingOf is what NapCat says about a failure.
func wordingOf(h *onebot.Head) string {
	const most = 300
	for _, raw := range [][]byte{h.Wording, h.Message} {
		var text string
		if json.Unmarshal(raw, &text) != nil || text == "" {
			continue
		}
		if len(text) > most {
			text = strings.ToValidUTF8(text[:most], "") + "..."
		}
		return text
	}
	return fmt.Sprintf("NapCat answered retcode %d", h.Retcode)
}
