package router

import (
	"fmt"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/localfile"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// order is what an app's action comes to, as it is judged.
type order struct {
	base   string // the action's name without suffix
	params []byte // the caller's
	effect policy.Effect
	target onebot.Target
}

func newOrder(name string, params []byte) *order {
	base, _ := onebot.Normalise(name)
	o := &order{base: base, params: params, target: onebot.TargetOf(base, params)}
	o.effect, _ = effectOf(base)
	return o
}

// admit passes one action of an app through everything that may refuse it, and notes in the audit log what was refused and
// what cannot be undone. A code of 0 lets it go on.
func (r *Router) admit(plan *Plan, app *appPlan, l *Lane, o *order) (code int, why string) {
	if app.debug {
		defer func() {
			chat := ""
			if c := chatOf(o.target); c.ID != 0 {
				chat = c.String()
			}
			l.log.Debug("action", "app", app.name, "account", l.name, "action", o.base, "chat", chat, "code", code, "refused", why)
		}()
	}
	if why := app.judge(l, plan.accounts[l.name], o); why != "" {
		r.audit(l.name, app.name, o.base, o.target, "refused", why)
		return codeFirewall, why
	}
	if err := sound(o); err != nil {
		return codeBadFrame, err.Error()
	}
	if err := l.compose(app, o); err != nil {
		return codeBadFrame, err.Error()
	}
	if o.effect == policy.EffectDestructive {
		r.audit(l.name, app.name, o.base, o.target, "allowed", "")
	}
	return 0, ""
}

// sound refuses what NapCat would answer wrongly or never.
func sound(o *order) error {
	if err := onebot.CheckSend(o.base, o.params); err != nil {
		return err
	}
	return onebot.CheckTruth(o.base, o.params)
}

// judge says which rule forbids an action to the app, "" if none does: its actions, its targets, then the files that may
// be named. Each of the judges below answers in the same way.
func (a *appPlan) judge(l *Lane, rules *accountPlan, o *order) string {
	if why := a.actions(o); why != "" {
		return why
	}
	if a.firewall.TargetsPolicy() && o.effect != policy.EffectRead && rules != nil {
		if why := a.targets(l, rules, o); why != "" {
			return why
		}
		if why := a.message(l, rules, o); why != "" {
			return why
		}
	}
	return rules.namedFiles(l.name, o, l.router.ownMedium())
}

// actions judges the action's name, and the other names for what it does.
func (a *appPlan) actions(o *order) string {
	if v := a.firewall.Decide(o.base); !v.Allowed {
		return fmt.Sprintf("%s (apps.%s.actions)", v.Rule, a.name)
	}
	return a.aliases(o)
}

// targets judges whom an action addresses.
func (a *appPlan) targets(l *Lane, rules *accountPlan, o *order) string {
	const rule = "apps.%s.targets: policy"
	if o.target.Unclear {
		return fmt.Sprintf("the target is neither a number nor a decimal string ("+rule+")", a.name)
	}
	for _, group := range []uint64{o.target.Group, o.target.Via} {
		if group != 0 && !rules.set.AdmitsGroup(group) {
			return fmt.Sprintf("group %d is not admitted by the policy ("+rule+")", group, a.name)
		}
	}
	if o.target.User != 0 && !l.admits(rules, policy.Chat{ID: o.target.User}) {
		return fmt.Sprintf("user %d is not admitted by the policy ("+rule+")", o.target.User, a.name)
	}
	return ""
}

// message judges the message that an action names: such an action writes to the chat that the message is in, whatever
// else its parameters say.
func (a *appPlan) message(l *Lane, rules *accountPlan, o *order) string {
	id, given := onebot.MessageOf(o.params)
	if !given {
		return ""
	}
	l.seed.Do(l.seedMemory)
	chat, known := l.chats.of(id)
	switch {
	case !known:
		return fmt.Sprintf("message %d is not among the last %d that catflap saw of this account, so the chat that it is in cannot be judged (apps.%s.targets: policy)", id, maxChat, a.name)
	case !l.admits(rules, chat):
		return fmt.Sprintf("message %d is in the chat %s, which the policy does not admit (apps.%s.targets: policy)", id, chat, a.name)
	}
	return ""
}

// maxFiles bounds the files that one action may name: each of them is looked up on the disk.
const maxFiles = 64

// namedFiles judges the files of this box that an action names. Media of catflap's own are none.
func (p *accountPlan) namedFiles(account string, o *order, own func(path string) bool) string {
	paths := onebot.LocalPaths(o.base, o.params)
	if len(paths) == 0 {
		return ""
	}
	if len(paths) > maxFiles {
		return fmt.Sprintf("the action names %d files of this box, more than %d (%s)", len(paths), maxFiles, config.AccountKey(account, "files.roots"))
	}
	var roots localfile.Roots
	if p != nil {
		roots = p.files
	}
	for _, path := range paths {
		if own(path) {
			continue
		}
		allows := roots.AllowsFile // a folder's path would reach NapCat as it is, and means something else there
		if o.base == "send_online_folder" {
			allows = roots.Allows
		}
		if err := allows(path); err != nil {
			return fmt.Sprintf("the file %s may not be used: %v (%s)", shown(path), err, config.AccountKey(account, "files.roots"))
		}
	}
	return ""
}

// ownMedium is Options.OwnMedium, or what says no where nothing would hand the medium over.
func (r *Router) ownMedium() func(path string) bool {
	if r.OwnMedium == nil || r.HandOver == nil {
		return func(string) bool { return false }
	}
	return r.OwnMedium
}

// shown is a path as a wording and the audit log have it.
func shown(path string) string {
	const most = 200
	if len(path) > most {
		return fmt.Sprintf("%.*q…", most, path)
	}
	return fmt.Sprintf("%q", path)
}

// admits reports whether gate 3 lets a chat in: the owner's private chats are not the bot's business.
func (l *Lane) admits(rules *accountPlan, chat policy.Chat) bool {
	if chat.Group {
		return rules.set.AdmitsGroup(chat.ID)
	}
	access := l.router.Store.Access()
	return rules.set.AdmitsUser(chat.ID, access.Approved(l.name, chat.ID), access.Blocked(l.name, chat.ID))
}
