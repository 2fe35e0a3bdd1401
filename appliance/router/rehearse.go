package router

import (
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// Group says why the policy of an account does not admit a group (policy.ReasonDelivered: it does), and whether it asks
// for a mention there.
func (r *Router) Group(account string, group uint64) (policy.Reason, bool) {
	rules := r.plan.Load().accounts[account]
	if rules == nil {
		return policy.ReasonPolicyInvalid, true
	}
	return rules.set.GroupReason(group), rules.set.RequiresMention(group)
}

// Rehearsal is a message that nobody has sent.
type Rehearsal struct {
	User, Group uint64 // Group 0: a private message
	AtBot       bool
	Text        string
}

// Rehearse decides about a message as if it had come, and changes nothing. False: no such account runs.
func (r *Router) Rehearse(account string, m Rehearsal) (policy.Verdict, []store.AppDecision, bool) {
	rules, l := r.plan.Load().accounts[account], r.lane(account)
	if rules == nil || l == nil {
		return policy.Verdict{}, nil, false
	}
	access := r.Store.Access()
	f := policy.Facts{
		Kind: policy.Message, Detail: "private", SubType: "friend", Self: l.Self(), User: m.User, AtSelf: m.AtBot, Text: m.Text,
		Blocked: access.Blocked(account, m.User), Approved: access.Approved(account, m.User),
	}
	if m.Group != 0 {
		f.Detail, f.SubType, f.Group = "group", "normal", m.Group
	}
	verdict := rules.set.Decide(&f)
	_, apps := rules.share(&f, verdict, r.Store.Journal().Subscribed(l.index), nil)
	return verdict, apps, true
}
