package policy

import (
	"fmt"
	"testing"
)

var delivered = Verdict{Outcome: Deliver, Reason: ReasonDelivered}

// said is a delivered message that addressed the bot; required: its group asks for that.
func said(required bool) Verdict {
	return Verdict{Outcome: Deliver, Reason: ReasonDelivered, Mentioned: true, MentionRequired: required}
}

func unmentioned(r Reason) Verdict {
	return Verdict{Outcome: Context, Reason: r, MentionRequired: true}
}

func allow(users ...string) func(*Rules) { return func(r *Rules) { r.AllowFrom = users } }
func dmPolicy(p string) func(*Rules)     { return func(r *Rules) { r.DMPolicy = p } }
func groupPolicy(p string) func(*Rules)  { return func(r *Rules) { r.GroupPolicy = p } }
func owner(r *Rules)                     { r.Owners = []uint64{boss} }
func block(users ...uint64) func(*Rules) { return func(r *Rules) { r.Blocked = users } }
func tempOn(r *Rules)                    { r.TempSessions = true }
func pokes(r *Rules)                     { r.PokeTriggers = true }

func approved(f *Facts)  { f.Approved = true }
func blockedF(f *Facts)  { f.Blocked = true }
func duplicate(f *Facts) { f.Duplicate = true }
func foreign(f *Facts)   { f.ForeignSelf = true }
func atAll(f *Facts)     { f.AtAll = true }
func reply(r Reply) func(*Facts) {
	return func(f *Facts) { f.Reply = r }
}
func pokeAt(target uint64) func(*Facts) {
	return func(f *Facts) { f.Detail, f.SubType, f.Target = "notify", "poke", target }
}

func ownDM(peer uint64, change ...func(*Facts)) Facts {
	f := Facts{Kind: Sent, Detail: "private", SubType: "friend", Self: bot, User: bot, Target: peer}
	for _, c := range change {
		c(&f)
	}
	return f
}

func ownGroup(group uint64, change ...func(*Facts)) Facts {
	f := Facts{Kind: Sent, Detail: "group", SubType: "normal", Self: bot, User: bot, Group: group, Target: group}
	for _, c := range change {
		c(&f)
	}
	return f
}

// openAll lets everybody in by every gate but the one under test.
func openAll(r *Rules) { r.DMPolicy, r.GroupPolicy = "open", "open" }

func TestGate1Transport(t *testing.T) {
	for _, d := range []decision{
		{"self_id is another account's: message", rules(openAll), groupMessage(ops, ann, at, foreign), dropped(ReasonForeignSelf)},
		{"self_id is another account's: meta", rules(openAll), Facts{Kind: Meta, ForeignSelf: true}, dropped(ReasonForeignSelf)},
		{"duplicates are dropped", rules(openAll), dm(ann, duplicate), dropped(ReasonDuplicate)},
		{"duplicate own messages are dropped", rules(openAll), ownDM(ann, duplicate), dropped(ReasonDuplicate)},
		{"duplicate requests are dropped", rules(), Facts{Kind: Request, Detail: "friend", User: ann, Duplicate: true}, dropped(ReasonDuplicate)},
		{"duplicate before blocked", rules(openAll), dm(ann, duplicate, blockedF), dropped(ReasonDuplicate)},

		{"own group message, admitted group: context", rules(listed(GroupRules{})), ownGroup(ops), Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}},
		{"own group message needs no place in the sender list", rules(listed(GroupRules{AllowFrom: &[]string{}})), ownGroup(ops), Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}},
		{"own group message, other group", rules(), ownGroup(ops), dropped(ReasonSelfNotAdmitted)},
		{"own group message, disabled group", rules(groupPolicy("open"), listed(GroupRules{Enabled: ptr(false)})), ownGroup(ops), dropped(ReasonSelfNotAdmitted)},
		{"own DM to an allow-listed peer", rules(allow("20002")), ownDM(ann), Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}},
		{"own DM to an approved peer", rules(), ownDM(ann, approved), Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}},
		{"own DM to an owner", rules(owner), ownDM(boss), Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}},
		{"own DM to a private friend is not the bot's business, and no pairing reply", rules(), ownDM(ann), dropped(ReasonSelfNotAdmitted)},
		{"own DM to a blocked peer", rules(dmPolicy("open")), ownDM(ann, blockedF), dropped(ReasonSelfNotAdmitted)},
		{"own DM to a peer blocked in the configuration", rules(dmPolicy("open"), block(ann)), ownDM(ann), dropped(ReasonSelfNotAdmitted)},
		{"own DM under closed", rules(dmPolicy("closed"), allow("20002")), ownDM(ann), dropped(ReasonSelfNotAdmitted)},
		{"own DM in a temporary session", rules(dmPolicy("open")), ownDM(ann, temp), dropped(ReasonSelfNotAdmitted)},
		{"own DM in a temporary session, tempSessions", rules(dmPolicy("open"), tempOn), ownDM(ann, temp), Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}},
		{"own DM without a peer", rules(dmPolicy("open")), ownDM(0), dropped(ReasonSelfNotAdmitted)},
		{"own message of no known type", rules(openAll), Facts{Kind: Sent, Detail: "guild", Self: bot, User: bot}, dropped(ReasonSelfNotAdmitted)},
		{"own message reported as message never triggers, even itself at itself", rules(openAll), groupMessage(ops, bot, at), Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}},
		{"own /pair is no command", rules(dmPolicy("open"), owner), ownDM(boss, text("/pair list")), Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}},
		{"the bot's own id among the blocked does not hide what it says", rules(openAll, block(bot)), ownGroup(ops), Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}},

		{"no kind", rules(openAll), Facts{Detail: "group", Group: ops, User: ann}, dropped(ReasonUnknownType)},
		{"an unknown kind", rules(openAll), Facts{Kind: Meta + 1, User: ann}, dropped(ReasonUnknownType)},
		{"an unknown message_type", rules(openAll), Facts{Kind: Message, Detail: "guild", User: ann, Group: ops}, dropped(ReasonUnknownType)},
		{"a group message without sender", rules(openAll), groupMessage(ops, 0, at), dropped(ReasonNoSender)},
		{"a group message without group", rules(openAll), groupMessage(0, ann, at), dropped(ReasonNoGroup)},
		{"a private message without sender", rules(openAll), dm(0), dropped(ReasonNoSender)},
		{"self_id 0 makes nobody the bot", rules(openAll), Facts{Kind: Message, Detail: "private"}, dropped(ReasonNoSender)},
	} {
		d.run(t)
	}
}

func TestGate2Blocked(t *testing.T) {
	everything := rules(openAll, owner, allow("*"), groupAllow("*"), listed(GroupRules{RequireMention: ptr(false)}))
	inConfig := everything
	inConfig.Blocked = []uint64{ann, boss}
	for _, d := range []decision{
		{"store: group", everything, groupMessage(ops, ann, at, blockedF), dropped(ReasonBlocked)},
		{"store: DM, approved or not", everything, dm(ann, approved, blockedF), dropped(ReasonBlocked)},
		{"configuration: group", inConfig, groupMessage(ops, ann, at), dropped(ReasonBlocked)},
		{"configuration: DM", inConfig, dm(ann, approved), dropped(ReasonBlocked)},
		{"a blocked owner's command", inConfig, dm(boss, text("/pair list")), dropped(ReasonBlocked)},
		{"a blocked user's request", everything, Facts{Kind: Request, Detail: "friend", User: ann, Blocked: true}, dropped(ReasonBlocked)},
		{"a blocked user's notice in a group", inConfig, notice("group_upload", "", inOps), dropped(ReasonBlocked)},
		{"a blocked user's poke", inConfig, notice("notify", "poke", pokeAt(bot)), dropped(ReasonBlocked)},
		{"a blocked operator of a notice without user", inConfig, Facts{Kind: Notice, Detail: "notify", SubType: "profile_like", Operator: ann}, dropped(ReasonBlocked)},
		{"a blocked admin's recall of another's message still takes it back", inConfig, Facts{Kind: Notice, Detail: "group_recall", Group: ops, User: bob, Operator: ann}, delivered},
		{"blocked before the group's own reasons", rules(block(ann)), groupMessage(other, ann), dropped(ReasonBlocked)},
		{"meta events have no sender", inConfig, Facts{Kind: Meta, Detail: "heartbeat", User: ann}, delivered},
	} {
		d.run(t)
	}
}

func TestGate2OwnerCommands(t *testing.T) {
	command := Verdict{Outcome: Command, Reason: ReasonCommand}
	for _, policy := range []string{"open", "pairing", "allowlist", "closed", "disabled"} {
		decision{"an owner's /pair under " + policy, rules(dmPolicy(policy), owner), dm(boss, text("/pair ok ABCD2345")), command}.run(t)
	}
	for _, d := range []decision{
		{"even what is not understood is not for apps", rules(owner), dm(boss, text(" /Pair what")), command},
		{"an owner's other text", rules(owner), dm(boss, text("/pairing")), said(false)},
		{"an owner's other text under closed", rules(owner, dmPolicy("closed")), dm(boss, text("hello")), dropped(ReasonDMClosed)},
		{"from anybody else it is ordinary text: stranger", rules(owner), dm(ann, text("/pair ok ABCD2345")), Verdict{Outcome: Pair, Reason: ReasonDMPairingRequired}},
		{"from anybody else it is ordinary text: friend", rules(owner, allow("20002")), dm(ann, text("/pair ok ABCD2345")), said(false)},
		{"in a group it is ordinary text", rules(owner, listed(GroupRules{})), groupMessage(ops, boss, at, text("/pair list")), said(true)},
		{"in a group, unmentioned", rules(owner, listed(GroupRules{})), groupMessage(ops, boss, text("/pair list")), unmentioned(ReasonMentionRequired)},
		{"an owner who is no friend still commands", rules(owner), dm(boss, temp, text("/pair list")), command},
	} {
		d.run(t)
	}
}

func TestGate3DM(t *testing.T) {
	pair := Verdict{Outcome: Pair, Reason: ReasonDMPairingRequired}
	for _, d := range []decision{
		{"pairing: stranger", rules(), dm(ann), pair},
		{"pairing: in allowFrom", rules(allow("20002")), dm(ann), said(false)},
		{"pairing: in allowFrom as user:", rules(allow("user:20002")), dm(ann), said(false)},
		{"pairing: allowFrom *", rules(allow("*")), dm(ann), said(false)},
		{"pairing: ids match exactly", rules(allow("2000", "200021")), dm(ann), pair},
		{"pairing: approved", rules(), dm(ann, approved), said(false)},
		{"pairing: owner", rules(owner), dm(boss), said(false)},
		{"open: everyone", rules(dmPolicy("open")), dm(ann), said(false)},
		{"open: allowFrom does not narrow it", rules(dmPolicy("open"), allow("20003")), dm(ann), said(false)},
		{"closed: nobody", rules(dmPolicy("closed")), dm(ann), dropped(ReasonDMClosed)},
		{"closed: allow-listed or not", rules(dmPolicy("closed"), allow("*"), owner), dm(boss, approved), dropped(ReasonDMClosed)},
		{"disabled is closed", rules(dmPolicy("disabled"), allow("*")), dm(ann, approved), dropped(ReasonDMClosed)},
		{"allowlist: stranger gets no reply", rules(dmPolicy("allowlist")), dm(ann), dropped(ReasonDMNotListed)},
		{"allowlist: in allowFrom", rules(dmPolicy("allowlist"), allow("20002")), dm(ann), said(false)},
		{"allowlist: owner", rules(dmPolicy("allowlist"), owner), dm(boss), said(false)},
		{"allowlist: approvals count only under pairing", rules(dmPolicy("allowlist")), dm(ann, approved), dropped(ReasonDMNotListed)},

		{"temporary session: no pairing reply", rules(), dm(ann, temp), dropped(ReasonDMTempSession)},
		{"temporary session: no delivery, listed", rules(allow("20002")), dm(ann, temp), dropped(ReasonDMTempSession)},
		{"temporary session: no delivery, approved", rules(), dm(ann, temp, approved), dropped(ReasonDMTempSession)},
		{"temporary session: no delivery, open", rules(dmPolicy("open")), dm(ann, temp), dropped(ReasonDMTempSession)},
		{"temporary session: closed comes first", rules(dmPolicy("closed")), dm(ann, temp), dropped(ReasonDMClosed)},
		{"temporary session from a group that is not known", rules(), dm(ann, temp, func(f *Facts) { f.Group = placehol }), dropped(ReasonDMTempSession)},
		{"an unknown sub_type is not a friend", rules(dmPolicy("open")), dm(ann, func(f *Facts) { f.SubType = "other" }), dropped(ReasonDMTempSession)},
		{"tempSessions: pairing reply", rules(tempOn), dm(ann, temp), pair},
		{"tempSessions: delivery", rules(tempOn, allow("20002")), dm(ann, temp), said(false)},
		{"tempSessions: an admitted group admits nobody to DMs", rules(tempOn, listed(GroupRules{}), dmPolicy("allowlist")), dm(ann, temp), dropped(ReasonDMNotListed)},

		{"a DM needs no mention", rules(dmPolicy("open"), star(GroupRules{RequireMention: ptr(true)})), dm(ann), said(false)},
	} {
		d.run(t)
	}
}

func TestGate3Groups(t *testing.T) {
	on, off := GroupRules{Enabled: ptr(true)}, GroupRules{Enabled: ptr(false)}
	for _, d := range []decision{
		{"allowlist: key of groups", rules(listed(GroupRules{})), groupMessage(ops, ann, at), said(true)},
		{"allowlist: key of groups, enabled", rules(listed(on)), groupMessage(ops, ann, at), said(true)},
		{"allowlist: groups has *", rules(star(GroupRules{})), groupMessage(ops, ann, at), said(true)},
		{"allowlist: not listed", rules(), groupMessage(ops, ann, at), dropped(ReasonGroupNotListed)},
		{"allowlist: another group is listed", rules(listed(on)), groupMessage(other, ann, at), dropped(ReasonGroupNotListed)},
		{"allowlist: enabled false", rules(listed(off)), groupMessage(ops, ann, at), dropped(ReasonGroupDisabled)},
		{"allowlist: group: in groupAllowFrom", rules(groupAllow("group:30003")), groupMessage(ops, ann, at), said(true)},
		{"allowlist: bare number in groupAllowFrom (the seed's example)", rules(groupAllow("30003")), groupMessage(ops, ann, at), said(true)},
		{"allowlist: user: in groupAllowFrom admits no group", rules(groupAllow("user:30003")), groupMessage(ops, ann, at), dropped(ReasonGroupNotListed)},
		{"allowlist: * in groupAllowFrom means everyone, not every group", rules(groupAllow("*")), groupMessage(ops, ann, at), dropped(ReasonGroupNotListed)},
		{"allowlist: enabled false beats groupAllowFrom", rules(listed(off), groupAllow("group:30003")), groupMessage(ops, ann, at), dropped(ReasonGroupDisabled)},
		{"allowlist: allowFrom, owners and approvals admit no group", rules(owner, allow("*", "30003", "20004")), groupMessage(ops, boss, at, approved), dropped(ReasonGroupNotListed)},
		{"open: every group", rules(groupPolicy("open")), groupMessage(ops, ann, at), said(true)},
		{"open: but enabled false", rules(groupPolicy("open"), listed(off)), groupMessage(ops, ann, at), dropped(ReasonGroupDisabled)},
		{"open: another one's enabled false", rules(groupPolicy("open"), listed(off)), groupMessage(other, ann, at), said(true)},
		{"closed: none", rules(groupPolicy("closed"), listed(on), star(on), groupAllow("group:30003")), groupMessage(ops, ann, at), dropped(ReasonGroupClosed)},
		{"disabled is closed", rules(groupPolicy("disabled"), listed(on)), groupMessage(ops, ann, at), dropped(ReasonGroupClosed)},

		{"field by field: enabled falls back to *", rules(listed(GroupRules{RequireMention: ptr(false)}), star(off)), groupMessage(ops, ann, at), dropped(ReasonGroupDisabled)},
		{"field by field: enabled of the group wins", rules(listed(on), star(off)), groupMessage(ops, ann, at), said(true)},
		{"field by field: enabled of * for groups without entry", rules(groupPolicy("open"), star(off)), groupMessage(ops, ann, at), dropped(ReasonGroupDisabled)},
		{"field by field: enabled of * and groupAllowFrom", rules(star(off), groupAllow("group:30003")), groupMessage(ops, ann, at), dropped(ReasonGroupDisabled)},
		{"field by field: the group's false beats the * true", rules(listed(off), star(on)), groupMessage(ops, ann, at), dropped(ReasonGroupDisabled)},
		{"the closed policy of DMs is not that of groups", rules(dmPolicy("closed"), listed(on)), groupMessage(ops, ann, at), said(true)},
	} {
		d.run(t)
	}
}

func TestGate4Senders(t *testing.T) {
	only := func(users ...string) GroupRules { return GroupRules{AllowFrom: &users} }
	nobody := GroupRules{AllowFrom: &[]string{}}
	joined := func(r *Rules) { r.JoinedGroups = map[uint64]struct{}{ops: {}, other: {}} }
	for _, d := range []decision{
		{"nothing set: anyone", rules(listed(GroupRules{})), groupMessage(ops, ann, at), said(true)},
		{"the group's allowFrom", rules(listed(only("20002"))), groupMessage(ops, ann, at), said(true)},
		{"the group's allowFrom, another sender", rules(listed(only("20002"))), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"the group's allowFrom as user:", rules(listed(only("user:20002"))), groupMessage(ops, ann, at), said(true)},
		{"the group's allowFrom *", rules(listed(only("*"))), groupMessage(ops, bob, at), said(true)},
		{"[] = nobody", rules(listed(nobody)), groupMessage(ops, ann, at), dropped(ReasonSenderNotAllowed)},
		{"[] = nobody, not even an owner", rules(listed(nobody), owner), groupMessage(ops, boss, at), dropped(ReasonSenderNotAllowed)},
		{"it replaces groupAllowFrom", rules(listed(only("20002")), groupAllow("user:20003")), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"[] replaces groupAllowFrom", rules(listed(nobody), groupAllow("*")), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"it replaces the * list", rules(listed(only("20002")), star(only("20003"))), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},

		{"user entries of groupAllowFrom", rules(listed(GroupRules{}), groupAllow("user:20002")), groupMessage(ops, ann, at), said(true)},
		{"user entries of groupAllowFrom, another sender", rules(listed(GroupRules{}), groupAllow("user:20002")), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"user entries come before the * list", rules(star(only("20003")), groupAllow("user:20002")), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"group entries are no user entries", rules(groupAllow("group:30003", "group:20003")), groupMessage(ops, ann, at), said(true)},
		{"group entries are no user entries: the * list counts", rules(star(only("20002")), groupAllow("group:30003")), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"* is a user entry: everyone", rules(star(only("20002")), groupAllow("*")), groupMessage(ops, bob, at), said(true)},
		{"* among others: everyone", rules(listed(GroupRules{}), groupAllow("user:20002", "*")), groupMessage(ops, bob, at), said(true)},
		{"the * list where nothing else is", rules(star(only("20002"))), groupMessage(ops, ann, at), said(true)},
		{"the * list, another sender", rules(star(only("20002"))), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"the * list for a group with an entry of its own", rules(listed(GroupRules{}), star(only("20002"))), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"the * list []", rules(star(nobody)), groupMessage(ops, ann, at), dropped(ReasonSenderNotAllowed)},

		{"bare number of a person restricts", rules(listed(GroupRules{}), groupAllow("20002")), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"bare number of a person lets in", rules(listed(GroupRules{}), groupAllow("20002")), groupMessage(ops, ann, at), said(true)},
		{"bare number: the group the message is in is no sender", rules(groupAllow("30003")), groupMessage(ops, ann, at), said(true)},
		{"bare number: a key of groups is no sender", rules(listed(GroupRules{}), groupAllow("30003", "group:30004")), groupMessage(other, ann, at), said(true)},
		{"bare number: a joined group is no sender", rules(groupAllow("30003", "30004"), joined), groupMessage(ops, ann, at), said(true)},
		{"bare number: unknown numbers restrict rather than open", rules(groupAllow("30003", "30004")), groupMessage(ops, ann, at), dropped(ReasonSenderNotAllowed)},
		{"bare numbers: one group, one person", rules(groupAllow("30003", "20002")), groupMessage(ops, ann, at), said(true)},
		{"bare numbers: one group, another person", rules(groupAllow("30003", "20002")), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"bare number: a user with the number of the group is no sender there", rules(groupAllow("30003", "20002")), groupMessage(ops, ops, at), dropped(ReasonSenderNotAllowed)},
		{"bare number: elsewhere it may be a user", rules(groupAllow("30003", "group:30004")), groupMessage(other, ops, at), said(true)},
		{"bare number: the * list waits for user entries only", rules(star(only("20002")), groupAllow("30003")), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},

		{"open has a sender list too", rules(groupPolicy("open"), groupAllow("user:20002")), groupMessage(ops, bob, at), dropped(ReasonSenderNotAllowed)},
		{"neither allowFrom nor an approval opens the list", rules(listed(only("20002")), allow("*")), groupMessage(ops, bob, at, approved), dropped(ReasonSenderNotAllowed)},
		{"neither allowFrom nor an approval opens []", rules(groupPolicy("open"), star(nobody), allow("20003")), groupMessage(ops, bob, at, approved), dropped(ReasonSenderNotAllowed)},
		{"an owner is no exception", rules(owner, listed(only("20002"))), groupMessage(ops, boss, at), dropped(ReasonSenderNotAllowed)},
		{"the sender list comes before the mention", rules(listed(only("20002"))), groupMessage(ops, bob), dropped(ReasonSenderNotAllowed)},
	} {
		d.run(t)
	}
}

func TestGate5Mention(t *testing.T) {
	patterns := func(p ...string) func(*Rules) { return func(r *Rules) { r.MentionPatterns = p } }
	names := func(n ...string) func(*Rules) { return func(r *Rules) { r.BotNames = n } }
	group := listed(GroupRules{})
	free := Verdict{Outcome: Deliver, Reason: ReasonDelivered}
	for _, d := range []decision{
		{"requireMention defaults to true", rules(group), groupMessage(ops, ann), unmentioned(ReasonMentionRequired)},
		{"requireMention defaults to true under open", rules(groupPolicy("open")), groupMessage(ops, ann), unmentioned(ReasonMentionRequired)},
		{"requireMention false", rules(listed(GroupRules{RequireMention: ptr(false)})), groupMessage(ops, ann), free},
		{"requireMention false, mentioned all the same", rules(listed(GroupRules{RequireMention: ptr(false)})), groupMessage(ops, ann, at), said(false)},
		{"requireMention falls back to *", rules(group, star(GroupRules{RequireMention: ptr(false)})), groupMessage(ops, ann), free},
		{"requireMention of the group beats *", rules(listed(GroupRules{RequireMention: ptr(true)}), star(GroupRules{RequireMention: ptr(false)})), groupMessage(ops, ann), unmentioned(ReasonMentionRequired)},
		{"an at of the bot", rules(group), groupMessage(ops, ann, at), said(true)},
		{"a reply to the bot", rules(group), groupMessage(ops, ann, reply(ReplyToBot)), said(true)},
		{"a reply to somebody else", rules(group), groupMessage(ops, ann, reply(ReplyToOther)), unmentioned(ReasonMentionRequired)},
		{"a reply to an unknown message", rules(group), groupMessage(ops, ann, reply(ReplyUnknown)), unmentioned(ReasonMentionReplyUnknown)},
		{"a reply to an unknown message with an at", rules(group), groupMessage(ops, ann, reply(ReplyUnknown), at), said(true)},
		{"at all does not", rules(group), groupMessage(ops, ann, atAll), unmentioned(ReasonMentionRequired)},
		{"at all with mentionAll", rules(group, func(r *Rules) { r.MentionAll = true }), groupMessage(ops, ann, atAll), said(true)},
		{"a pattern", rules(group, patterns("^hey")), groupMessage(ops, ann, text("hey you")), said(true)},
		{"a pattern, case-insensitively", rules(group, patterns("kitty")), groupMessage(ops, ann, text("KITTY!")), said(true)},
		{"a pattern that does not match", rules(group, patterns("^hey")), groupMessage(ops, ann, text("oh hey")), unmentioned(ReasonMentionRequired)},
		{"an alternative in one pattern stays in it", rules(group, patterns("^a$|^b$", "^c$")), groupMessage(ops, ann, text("c")), said(true)},
		{"a bot name", rules(group, names("小猫")), groupMessage(ops, ann, text("你好小猫呀")), said(true)},
		{"a bot name, case-insensitively", rules(group, names("Kitty")), groupMessage(ops, ann, text("ask kitty, please")), said(true)},
		{"a bot name beside Chinese", rules(group, names("Kitty")), groupMessage(ops, ann, text("问kitty吧")), said(true)},
		{"a bot name inside a word", rules(group, names("bot")), groupMessage(ops, ann, text("a robot")), unmentioned(ReasonMentionRequired)},
		{"a bot name is no expression", rules(group, names("a.c", "(x")), groupMessage(ops, ann, text("abc")), unmentioned(ReasonMentionRequired)},
		{"a bot name is no expression, matched as it stands", rules(group, names("a.c", "(x")), groupMessage(ops, ann, text("see (x)")), said(true)},
	} {
		d.run(t)
	}
}

func TestNotices(t *testing.T) {
	admitted := rules(listed(GroupRules{AllowFrom: &[]string{"20003"}}))
	for _, d := range []decision{
		{"group notice, admitted group, whoever caused it", admitted, notice("group_increase", "approve", inOps), delivered},
		{"group notice without user (whole-group ban)", admitted, Facts{Kind: Notice, Detail: "group_ban", SubType: "ban", Group: ops, Operator: bob}, delivered},
		{"group notice, other group", admitted, notice("group_increase", "approve", func(f *Facts) { f.Group = other }), dropped(ReasonGroupNotListed)},
		{"group notice, disabled group", rules(groupPolicy("open"), listed(GroupRules{Enabled: ptr(false)})), notice("group_ban", "ban", inOps), dropped(ReasonGroupDisabled)},
		{"group notice under closed", rules(groupPolicy("closed")), notice("group_ban", "ban", inOps), dropped(ReasonGroupClosed)},
		{"group notice that names no group", rules(openAll), notice("group_upload", ""), dropped(ReasonNoGroup)},
		{"a notice of a kind that is new, in a group", admitted, notice("brand_new", "", inOps), delivered},

		{"friend_add passes always", rules(dmPolicy("closed")), notice("friend_add", ""), delivered},
		{"friend_recall passes always", rules(dmPolicy("closed")), notice("friend_recall", ""), delivered},
		{"input_status passes always", rules(dmPolicy("closed")), notice("notify", "input_status"), delivered},
		{"profile_like passes always", rules(dmPolicy("closed")), Facts{Kind: Notice, Detail: "notify", SubType: "profile_like", Operator: ann}, delivered},
		{"bot_offline passes always", rules(dmPolicy("closed")), Facts{Kind: Notice, Detail: "bot_offline", Self: bot, User: bot}, delivered},

		{"a poke from a DM follows dmPolicy: stranger, and no pairing reply", rules(), notice("", "", pokeAt(bot)), dropped(ReasonDMPairingRequired)},
		{"a poke from a DM follows dmPolicy: approved", rules(), notice("", "", pokeAt(bot), approved), delivered},
		{"a poke from a DM follows dmPolicy: listed", rules(allow("20002")), notice("", "", pokeAt(bot)), delivered},
		{"a poke from a DM follows dmPolicy: open", rules(dmPolicy("open")), notice("", "", pokeAt(bot)), delivered},
		{"a poke from a DM follows dmPolicy: closed", rules(dmPolicy("closed"), allow("*")), notice("", "", pokeAt(bot)), dropped(ReasonDMClosed)},
		{"a poke from a DM follows dmPolicy: allowlist", rules(dmPolicy("allowlist")), notice("", "", pokeAt(bot), approved), dropped(ReasonDMNotListed)},
		{"a file from a DM follows dmPolicy: stranger", rules(), notice("offline_file", ""), dropped(ReasonDMPairingRequired)},
		{"a file from a DM follows dmPolicy: listed", rules(allow("20002")), notice("offline_file", ""), delivered},
		{"an online file follows dmPolicy", rules(dmPolicy("closed")), notice("online_file_receive", "cancel"), dropped(ReasonDMClosed)},
		{"an online file whose peer nobody named", rules(dmPolicy("open")), Facts{Kind: Notice, Detail: "online_file_send", SubType: "receive"}, dropped(ReasonNoSender)},
		{"a notice of a kind that is new follows dmPolicy", rules(), notice("brand_new", ""), dropped(ReasonDMPairingRequired)},

		{"a poke at the bot is no mention", rules(listed(GroupRules{})), notice("", "", pokeAt(bot), inOps), delivered},
		{"pokeTriggers: it is", rules(listed(GroupRules{}), pokes), notice("", "", pokeAt(bot), inOps), Verdict{Outcome: Deliver, Reason: ReasonDelivered, Mentioned: true}},
		{"pokeTriggers: not at somebody else", rules(listed(GroupRules{}), pokes), notice("", "", pokeAt(bob), inOps), delivered},
		{"pokeTriggers: only for those who may trigger", rules(listed(GroupRules{AllowFrom: &[]string{"20003"}}), pokes), notice("", "", pokeAt(bot), inOps), delivered},
		{"pokeTriggers: the bot's own poke never triggers", rules(listed(GroupRules{}), pokes), notice("", "", pokeAt(bot), inOps, func(f *Facts) { f.User = bot }), delivered},
		{"pokeTriggers: in a DM", rules(allow("20002"), pokes), notice("", "", pokeAt(bot)), Verdict{Outcome: Deliver, Reason: ReasonDelivered, Mentioned: true}},
		{"pokeTriggers: a stranger's DM poke", rules(pokes), notice("", "", pokeAt(bot)), dropped(ReasonDMPairingRequired)},
		{"pokeTriggers: other group", rules(pokes), notice("", "", pokeAt(bot), inOps), dropped(ReasonGroupNotListed)},
	} {
		d.run(t)
	}
}

func TestRequestsAndMeta(t *testing.T) {
	shut := rules(dmPolicy("closed"), groupPolicy("closed"))
	for _, d := range []decision{
		{"friend request", shut, Facts{Kind: Request, Detail: "friend", User: ann}, delivered},
		{"group invitation", shut, Facts{Kind: Request, Detail: "group", SubType: "invite", User: ann, Group: other}, delivered},
		{"group join request", shut, Facts{Kind: Request, Detail: "group", SubType: "add", User: ann, Group: other}, delivered},
		{"a request of no known type", rules(openAll), Facts{Kind: Request, Detail: "guild", User: ann}, dropped(ReasonUnknownType)},
		{"lifecycle", shut, Facts{Kind: Meta, Detail: "lifecycle", SubType: "connect", Self: bot}, delivered},
		{"heartbeat", shut, Facts{Kind: Meta, Detail: "heartbeat", Self: bot}, delivered},
	} {
		d.run(t)
	}
}

func TestBareNumbers(t *testing.T) {
	s := compile(t, rules(listed(GroupRules{}), groupAllow("30003", "user:1", "30004", "20002", "*", "20002", "group:7"), func(r *Rules) {
		r.JoinedGroups = map[uint64]struct{}{other: {}}
	}))
	want := []string{
		"30003 is a group (a key of groups)",
		"30004 is a group (the account is in it)",
		"20002 is not known to be a group: it admits group 20002 and restricts senders to user 20002 elsewhere; write group:20002 or user:20002",
	}
	got := s.BareNumbers()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("BareNumbers() = %v", got)
	}
	if got[0].Sender || got[1].Sender || !got[2].Sender {
		t.Errorf("wrong senders: %+v", got)
	}
	got[0].ID = 0
	if s.BareNumbers()[0].ID != ops {
		t.Error("the caller can change the set")
	}
}
