package router

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// Return codes of catflap's own refusals (design: DELIVERY, Actions), beside NapCat's.
const (
	codeBadFrame = 1400
	codeFirewall = 1403
	codeBusy     = 1429
	codeAway     = 1503
	codeTimeout  = 1504
)

// call is an action that has been allowed, on its way through pacing to NapCat.
type call struct {
	app    string // "" is catflap itself or its owner
	own    bool   // catflap's own words
	name   string // as the caller wrote it
	base   string // without suffix
	params []byte // the caller's; the call has its own once it has to wait
	target onebot.Target
	effect policy.Effect
	said   []byte // what history will have of the message, if it is not what params say
	done   func(napcat.Answer)
}

// Action takes one frame of an app. Each answer goes to its Reply and nowhere else.
func (r *Router) Action(in apps.Action) {
	var act onebot.Action
	if err := onebot.PeekAction(in.Frame, &act); err != nil {
		in.Reply(onebot.AppendFailure(nil, act.Echo, codeBadFrame, fmt.Sprintf("not a OneBot action: %v", err)))
		return
	}
	echo := slices.Clone(act.Echo)
	defer unawaited(&in, act.Name, echo)()
	refuse := func(code int, wording string) { in.Reply(onebot.AppendFailure(nil, echo, code, wording)) }

	plan := r.plan.Load()
	app := plan.apps[in.App]
	if app == nil {
		refuse(codeFirewall, fmt.Sprintf("app %s is not enabled (apps.%s.enabled)", in.App, in.App))
		return
	}
	o := newOrder(act.Name, act.Params)
	quick := quickOf(o)
	if quick != nil && !act.HasSelfID {
		act.SelfID = onebot.QuickSelf(quick.context)
	}
	l, why := r.choose(app, in.Account, &act)
	if l == nil {
		refuse(codeBadFrame, why)
		return
	}
	if quick != nil {
		// Its parts are judged one by one, by what they do, as those of an answer to a post.
		if app.noQuick {
			why := app.deniedQuick()
			r.audit(l.name, app.name, o.base, o.target, "refused", why)
			refuse(codeFirewall, why)
			return
		}
		l.answerQuick(in, act.Name, quick, echo)
		return
	}
	counts := &l.tally.apps[app.slot%slots]
	if code, why := r.admit(plan, app, l, o); code != 0 {
		counts.calls[callRefused].Add(1)
		refuse(code, why)
		return
	}
	if o.base == "get_login_info" && l.answerLogin(in.Reply, echo) || l.answerSelf(app, o.base, in.Reply, echo) {
		return
	}
	l.launch(call{
		app: in.App, name: act.Name, base: o.base, params: onebot.Standard(o.base, o.params), target: o.target, effect: o.effect,
		done: func(a napcat.Answer) {
			if a.Err != nil {
				counts.ended(a.Err, 0)
				code, wording := failure(a.Err)
				in.Reply(onebot.AppendFailure(nil, echo, code, wording))
				return
			}
			if a.Final {
				counts.ended(nil, a.Head.Retcode)
			}
			l.noteSelf(o.base, a.Head)
			in.Reply(app.inForm(o.base, onebot.RestoreEcho(a.Frame, a.Head, echo)))
		},
	})
}

// launch sends a call, in its turn if its name says so.
func (l *Lane) launch(c call) {
	if _, suffix := onebot.Normalise(c.name); suffix != onebot.RateLimited {
		l.send(c)
		return
	}
	l.rated.do(ratedCall{size: len(c.params), keep: func() { c.params = slices.Clone(c.params) }, run: func(err error) {
		if err != nil {
			c.done(napcat.Answer{Final: true, Err: err})
			return
		}
		l.send(c)
	}})
}

// choose finds the account that an action is for: the connection's own, or on a road of several accounts the one that
// self_id names. An action never goes to several accounts, and on the road of one account never to another.
func (r *Router) choose(app *appPlan, connection string, act *onebot.Action) (l *Lane, why string) {
	self := act.SelfID
	if act.HasSelfID && self == 0 {
		named := r.lane(act.SelfName)
		switch {
		case named == nil || !app.accounts[act.SelfName]:
			return nil, "self_id is neither a QQ number nor the name of an account of this app"
		case connection == "" || connection == act.SelfName:
			return named, ""
		}
		self = named.Self()
	}
	if connection != "" {
		own := r.lane(connection)
		switch {
		case own == nil:
			return nil, fmt.Sprintf("account %s is gone", connection)
		case self != 0 && own.Self() != 0 && own.Self() != self, act.SelfName != "" && act.SelfName != connection:
			return nil, fmt.Sprintf("self_id %s is not the account of this connection or path, which is %s (%d): leave self_id out, or use that account's own",
				cmp.Or(act.SelfName, strconv.FormatUint(self, 10)), connection, own.Self())
		}
		return own, ""
	}
	names := make([]string, 0, len(app.accounts))
	for name := range app.accounts {
		l := r.lane(name)
		if l == nil {
			continue
		}
		if l.Self() == self {
			return l, ""
		}
		names = append(names, fmt.Sprintf("%s (%d)", name, l.Self()))
	}
	sort.Strings(names)
	if self == 0 {
		return nil, "several accounts: add self_id to the action's params, one of " + strings.Join(names, ", ")
	}
	return nil, fmt.Sprintf("self_id %d is no account of this app; it serves %s", self, strings.Join(names, ", "))
}

// answerLogin answers get_login_info while NapCat is away: who the bot is does not change, and Koishi stays offline
// for good if its first question fails.
func (l *Lane) answerLogin(reply func([]byte), echo []byte) bool {
	a := l.account.Load()
	if a == nil {
		return false
	}
	st := a.State()
	if st.Linked || st.Self == 0 {
		return false
	}
	data, err := json.Marshal(struct {
		UserID   uint64 `json:"user_id"`
		Nickname string `json:"nickname"`
	}{st.Self, st.Nickname})
	if err != nil {
		return false
	}
	reply(onebot.AppendOK(nil, echo, data))
	return true
}

// dispatch hands a call to NapCat, paced if it sends a message.
func (l *Lane) dispatch(c call) {
	if c.effect != policy.EffectSend {
		l.submit(c)
		return
	}
	chat := chatOf(c.target)
	rules := l.router.plan.Load().accounts[l.name]
	if rules == nil {
		c.done(napcat.Answer{Final: true, Err: napcat.ErrAway})
		return
	}
	if a := l.account.Load(); a == nil || !a.State().Linked {
		c.done(napcat.Answer{Final: true, Err: napcat.ErrAway})
		return
	}
	message := c.said
	if message == nil {
		message = l.kept(c.params, rules)
	}
	done := c.done
	c.done = func(a napcat.Answer) {
		if a.Err == nil && a.Final {
			l.sentMessage(message, chat, a.Head)
		}
		done(a)
	}
	l.pace.do(rules.pacing, paced{app: c.app, chat: chat, keep: func() { c.params = slices.Clone(c.params) }, run: func(err error) {
		if err != nil {
			done(napcat.Answer{Final: true, Err: err})
			return
		}
		l.submit(c)
	}})
}

func (l *Lane) submit(c call) {
	a := l.account.Load()
	if a == nil {
		c.done(napcat.Answer{Final: true, Err: napcat.ErrAway})
		return
	}
	a.Submit(napcat.Call{App: c.app, Action: c.name, Params: c.params, Done: c.done})
}

// kept is what history will have of a message that is being sent, nil for nothing. It is made before NapCat answers: the
// params are the caller's, and the pictures in them must not stay in memory for that long.
func (l *Lane) kept(params []byte, rules *accountPlan) []byte {
	if rules.historyLimit == 0 {
		return nil
	}
	return slices.Clone(onebot.StripTo(onebot.MessageParam(params), l.router.KeepInline))
}

// sentMessage remembers what was sent: its id, so that a quote of it counts as a mention, and its text.
func (l *Lane) sentMessage(message []byte, chat policy.Chat, h *onebot.Head) {
	const kernelError = 1200 // NapCat's word for a send that QQ refused or did not confirm
	if l.pace.observe(h.Retcode == kernelError) {
		l.log.Warn("QQ refuses or delays messages: the account is probably limited; sending at half the rate", "account", l.name)
	}
	if h.Retcode != 0 {
		return
	}
	id, ok := onebot.SentID(h)
	if !ok {
		return
	}
	l.chats.note(id, chat)
	l.chats.wrote(id, l.Self())
	rules := l.router.plan.Load().accounts[l.name]
	if rules == nil || !l.sent.add(id) || message == nil || rules.historyLimit == 0 || !l.admits(rules, chat) {
		return
	}
	l.router.Store.History().Add(l.name, rules.historyLimit, store.Record{
		Account: l.name, Chat: chat, Time: l.router.Now().Unix(), User: l.Self(), MessageID: id,
		Direction: store.Out, Raw: message,
	})
}

// Call makes an action for the owner, who may do everything. It returns NapCat's envelope, without echo.
func (r *Router) Call(ctx context.Context, account, action string, params []byte) ([]byte, error) {
	l := r.lane(account)
	if l == nil {
		return nil, fmt.Errorf("no account %q", account)
	}
	o := newOrder(action, params)
	if quick := quickOf(o); quick != nil {
		return l.callQuick(ctx, quick)
	}
	err := sound(o)
	if err == nil {
		err = l.compose(nil, o)
	}
	if err != nil {
		return onebot.AppendFailure(nil, nil, codeBadFrame, err.Error()), nil
	}
	if o.effect != policy.EffectRead {
		r.audit(account, "", o.base, o.target, "allowed", "")
	}
	type result struct {
		frame []byte
		err   error
	}
	done := make(chan result, 1)
	l.send(call{name: action, base: o.base, params: onebot.Standard(o.base, o.params), target: o.target, effect: o.effect, done: func(a napcat.Answer) {
		if !a.Final {
			return
		}
		res := result{err: a.Err}
		if a.Err == nil {
			res.frame = onebot.RestoreEcho(a.Frame, a.Head, nil)
		}
		done <- res
	}})
	select {
	case res := <-done:
		if res.err != nil {
			code, wording := failure(res.err)
			return onebot.AppendFailure(nil, nil, code, wording), nil
		}
		return res.frame, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for %s: %w", action, ctx.Err())
	}
}

func (r *Router) audit(account, app, action string, target onebot.Target, outcome, reason string) {
	by := "app"
	if app == "" {
		by = "owner"
	}
	e := store.AuditEntry{Time: r.Now(), Account: account, App: app, Action: action, Outcome: outcome, Reason: reason, By: by}
	if chat := chatOf(target); chat.ID != 0 {
		e.Target = chat.String()
	}
	r.Store.Audit().Add(e)
}

// chatOf is the chat that a target means; its ID is 0 for none.
func chatOf(t onebot.Target) policy.Chat {
	if t.Group != 0 {
		return policy.Chat{Group: true, ID: t.Group}
	}
	return policy.Chat{ID: t.User}
}

// failure gives the return code and wording for an error that ended a call.
func failure(err error) (int, string) {
	switch {
	case errors.Is(err, napcat.ErrTimeout):
		return codeTimeout, "uncertain: " + err.Error()
	case errors.Is(err, napcat.ErrDropped):
		return codeAway, "uncertain: " + err.Error()
	case isHandover(err):
		return codeBadFrame, err.Error()
	case errors.Is(err, errPaced):
		return codeBusy, err.Error()
	case errors.Is(err, napcat.ErrTooLarge):
		return codeBadFrame, err.Error() + ": the action was done, but its answer had to be dropped; raise limits.maxFrameMb, or ask for less at once"
	case errors.Is(err, napcat.ErrBusy):
		return codeBusy, err.Error() + " (at most 64 at once and 256 waiting)"
	default:
		return codeAway, err.Error()
	}
}
