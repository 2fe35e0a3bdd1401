package router

import (
	"encoding/json"
	"errors"
	"strconv"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// effects does what the decision asks for beside delivery. Nothing here waits: disk work becomes a chore.
func (l *Lane) effects(f *policy.Facts, h *onebot.Head, chat policy.Chat, v policy.Verdict, late bool) {
	switch {
	case late && (v.Outcome == policy.Pair || v.Outcome == policy.Command):
		// What is long past is not answered.
	case v.Outcome == policy.Pair:
		user := f.User
		l.router.chore(func() { l.pair(user) })
	case v.Outcome == policy.Command:
		owner, text := f.User, string(onebot.AppendText(nil, h.Message))
		l.router.chore(func() { l.command(owner, text) })
	case f.Kind == policy.Notice && (f.Detail == "group_recall" || f.Detail == "friend_recall"):
		l.router.Store.History().Recall(l.name, chat, h.MessageID)
	}
	if l.router.tails.active() {
		l.router.tails.emit(l, f, h, chat, v)
	}
}

// remember puts a message into the history of its chat.
func (l *Lane) remember(raw []byte, h *onebot.Head, f *policy.Facts, chat policy.Chat, v policy.Verdict, limit int) {
	r := store.Record{
		Account: l.name, Chat: chat, Time: h.Time, User: f.User, Sender: onebot.SenderName(h.Sender),
		MessageID: h.MessageID, RealSeq: string(h.RealSeq),
		Context: v.Outcome == policy.Context && !f.Own(),
		Raw:     onebot.Strip(raw[h.MessageAt : h.MessageAt+len(h.Message)]),
	}
	if f.Own() {
		r.Direction = store.Out
		if !l.sent.add(h.MessageID) {
			return // recorded when NapCat answered the call that sent it
		}
	}
	l.router.Store.History().Add(l.name, limit, r)
}

// pair answers a stranger's DM once, and tells the owners.
func (l *Lane) pair(user uint64) {
	plan := l.router.plan.Load()
	rules := plan.accounts[l.name]
	if rules == nil {
		return
	}
	ask, err := l.router.Store.Access().Ask(l.name, user, rules.pairing)
	if err != nil {
		l.log.Error("keeping a pairing request failed", "account", l.name, "user", user, "err", err)
		return
	}
	if !ask.Reply {
		return
	}
	code := ask.Pending.Code
	l.log.Info("a stranger asks for access", "account", l.name, "user", user, "approve", "catflap pairing approve "+code)
	l.tell(user, policy.PairingReply(plan.language, user, code, "catflap pairing approve "+code))
	for _, owner := range rules.owners {
		l.tell(owner, policy.OwnerNotice(plan.language, l.name, user, code))
	}
}

// command obeys an owner's "/pair ..." and answers by DM.
func (l *Lane) command(owner uint64, text string) {
	plan := l.router.plan.Load()
	rules := plan.accounts[l.name]
	cmd, ok := policy.ParseOwnerCommand(text)
	if rules == nil || !ok {
		return
	}
	lang := plan.language
	access := l.router.Store.Access()
	var settled store.Approval
	var err error
	switch cmd.Verb {
	case policy.VerbOK:
		if settled, err = access.Approve(l.name, cmd.Arg, owner, false, rules.pairing); err == nil {
			l.tell(settled.User, policy.ApprovedNotice(lang))
		}
	case policy.VerbDeny:
		settled, err = access.Deny(l.name, cmd.Arg, rules.pairing)
	case policy.VerbBlock:
		settled, err = access.Block(l.name, cmd.Arg, rules.pairing)
	case policy.VerbList:
		l.tell(owner, policy.OwnerList(lang, l.waiting(), 0))
		return
	default:
		l.tell(owner, policy.OwnerHelp(lang))
		return
	}
	outcome, reason, answer := "done", "", policy.OwnerDone(lang, cmd.Verb, settled.User)
	if err != nil {
		outcome, reason, answer = "failed", err.Error(), policy.OwnerNoRequest(lang)
		if errors.Is(err, store.ErrOwnCode) {
			answer = policy.OwnerOwnCode(lang)
		}
	}
	l.router.Store.Audit().Add(store.AuditEntry{
		Time: l.router.Now(), Account: l.name, Action: "pairing." + cmd.Verb, Target: policy.Chat{ID: settled.User}.String(),
		Outcome: outcome, Reason: reason, By: "owner " + strconv.FormatUint(owner, 10),
	})
	l.tell(owner, answer)
}

// waiting lists the account's requests, with times before now.
func (l *Lane) waiting() []policy.Pending {
	var out []policy.Pending
	for _, e := range l.router.Store.Access().List(l.name) {
		if e.State == store.StatePending {
			out = append(out, policy.Pending{User: e.UserID, Code: e.Code, Created: e.Created.Sub(l.router.Now())})
		}
	}
	return out
}

// tell sends a DM of catflap's own, paced like any other. Nothing is repeated if it fails.
func (l *Lane) tell(user uint64, text string) {
	type segment struct {
		Type string            `json:"type"`
		Data map[string]string `json:"data"`
	}
	params, err := json.Marshal(struct {
		UserID  uint64    `json:"user_id"`
		Message []segment `json:"message"`
	}{user, []segment{{"text", map[string]string{"text": text}}}})
	if err != nil {
		return
	}
	l.send(call{
		own: true, name: "send_private_msg", base: "send_private_msg", params: params, target: onebot.Target{User: user},
		effect: policy.EffectSend,
		done: func(a napcat.Answer) {
			switch {
			case a.Err != nil:
				l.log.Warn("a message of catflap's own was not sent", "account", l.name, "user", user, "err", a.Err)
			case a.Head.Retcode != 0:
				l.log.Warn("NapCat did not send a message of catflap's own", "account", l.name, "user", user, "retcode", a.Head.Retcode)
			}
		},
	})
}

// Tell sends a text to a user by QQ. It does not wait for the answer.
func (r *Router) Tell(account string, user uint64, text string) {
	if l := r.lane(account); l != nil {
		l.tell(user, text)
	}
}
