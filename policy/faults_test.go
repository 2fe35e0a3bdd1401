package policy

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"
)

// The rows of FAULTS P that this package guards. P06, P07 and P13 are about history, chunks and media: they are guarded there.

func TestFault_P01_AllowlistBlocks(t *testing.T) {
	decision{"a group that is not listed", rules(), groupMessage(ops, ann, at), dropped(ReasonGroupNotListed)}.run(t)
}

func TestFault_P02_RequireMentionIsChecked(t *testing.T) {
	decision{"chatter", rules(listed(GroupRules{RequireMention: ptr(true)})), groupMessage(ops, ann), unmentioned(ReasonMentionRequired)}.run(t)
	decision{"unset", rules(listed(GroupRules{})), groupMessage(ops, ann), unmentioned(ReasonMentionRequired)}.run(t)
}

func TestFault_P03_GroupEntryIsRead(t *testing.T) {
	decision{"enabled", rules(listed(GroupRules{Enabled: ptr(false)})), groupMessage(ops, ann, at), dropped(ReasonGroupDisabled)}.run(t)
	decision{"allowFrom", rules(listed(GroupRules{AllowFrom: &[]string{"20003"}})), groupMessage(ops, ann, at), dropped(ReasonSenderNotAllowed)}.run(t)
}

func TestFault_P04_ApprovalHasAnEffect(t *testing.T) {
	decision{"before", rules(), dm(ann), Verdict{Outcome: Pair, Reason: ReasonDMPairingRequired}}.run(t)
	decision{"after", rules(), dm(ann, approved), said(false)}.run(t)
}

func TestFault_P05_ClosedIsKnownAndUnknownIsNotOpen(t *testing.T) {
	decision{"closed DM", rules(dmPolicy("closed")), dm(ann), dropped(ReasonDMClosed)}.run(t)
	decision{"closed groups", rules(groupPolicy("closed")), groupMessage(ops, ann, at), dropped(ReasonGroupClosed)}.run(t)
	for _, r := range []Rules{{DMPolicy: "opne", GroupPolicy: "open"}, {DMPolicy: "open", GroupPolicy: "opne"}} {
		s, err := Compile(r)
		if err == nil {
			t.Errorf("%+v compiles", r)
		}
		deniesAll(t, s)
	}
	// The gates themselves deny too, whatever came past Compile.
	unknown := &Set{valid: true}
	for _, f := range []Facts{groupMessage(ops, ann, at), dm(ann, approved), ownDM(ann, approved), ownGroup(ops)} {
		if got := unknown.Decide(&f); got.Outcome != Drop {
			t.Errorf("an unknown mode gives %+v", got)
		}
	}
}

func TestFault_P08_NothingIsDroppedAsEmpty(t *testing.T) {
	decision{"image only, DM", rules(allow("20002")), dm(ann), said(false)}.run(t)
	decision{"at only, group", rules(listed(GroupRules{}), func(r *Rules) { r.MentionPatterns = []string{"x"} }), groupMessage(ops, ann, at), said(true)}.run(t)
	decision{"image only, group without requireMention", rules(listed(GroupRules{RequireMention: ptr(false)})), groupMessage(ops, ann), delivered}.run(t)
}

func TestFault_P09_EachAccountHasItsOwnPolicy(t *testing.T) {
	first := compile(t, rules(dmPolicy("open"), groupPolicy("open")))
	last := compile(t, rules(dmPolicy("closed"), groupPolicy("closed")))
	f, g := dm(ann), groupMessage(ops, ann, at)
	if first.Decide(&f).Outcome != Deliver || first.Decide(&g).Outcome != Deliver {
		t.Error("the first account has the last one's policy")
	}
	if last.Decide(&f).Outcome != Drop || last.Decide(&g).Outcome != Drop {
		t.Error("the last account has the first one's policy")
	}
}

func TestFault_P10_OpenNeedsNoStar(t *testing.T) {
	decision{"DM", rules(dmPolicy("open")), dm(ann), said(false)}.run(t)
	decision{"group", rules(groupPolicy("open")), groupMessage(ops, ann, at), said(true)}.run(t)
}

func TestFault_P12_AnEmptyListIsNobody(t *testing.T) {
	decision{"DM allowlist", rules(dmPolicy("allowlist"), allow()), dm(ann), dropped(ReasonDMNotListed)}.run(t)
	decision{"group list", rules(groupPolicy("open"), star(GroupRules{AllowFrom: &[]string{}})), groupMessage(ops, ann, at), dropped(ReasonSenderNotAllowed)}.run(t)
	f, err := CompileFirewall(FirewallRules{Allow: &[]string{}}, catalogue)
	if err != nil || f.Decide("get_msg").Allowed {
		t.Errorf("an empty allow allows: %v", err)
	}
}

func TestFault_P14_AtAllIsNoMention(t *testing.T) {
	decision{"at all", rules(listed(GroupRules{})), groupMessage(ops, ann, atAll), unmentioned(ReasonMentionRequired)}.run(t)
}

func TestFault_P15_StrangersCannotMakePairingDeaf(t *testing.T) {
	l := PairingLimits{Expiry: time.Hour, MaxPending: 3, RepliesPerHour: 30}
	b := NewBook(nil)
	for user := uint64(1); user <= 3; user++ {
		mustAsk(t, b, user, time.Duration(user)*time.Second, l)
	}
	p, replied := mustAsk(t, b, ann, 10*time.Second, l)
	if !replied || p.Code == "" {
		t.Fatalf("three strangers made pairing deaf: %+v, reply %v", p, replied)
	}
	if _, ok := b.Find(p.Code, 11*time.Second, l); !ok {
		t.Error("the newcomer's code is not found")
	}

	// A flood that eats the hour's replies still leaves the newcomer's request for the owner to approve by number, and the reply
	// comes when the hour has moved on.
	l.MaxPending = 20
	for user := uint64(100); user < 200; user++ {
		mustAsk(t, b, user, time.Minute, l)
	}
	if _, replied = mustAsk(t, b, bob, 2*time.Minute, l); replied {
		t.Fatal("the bound of replies does not hold")
	}
	if _, ok := b.Find("20003", 2*time.Minute, l); !ok {
		t.Error("the newcomer cannot be approved by number")
	}
	if _, replied = mustAsk(t, b, bob, 61*time.Minute, l); !replied {
		t.Error("no reply after the hour")
	}
}

func mustAsk(t testing.TB, b *Book, user uint64, now time.Duration, l PairingLimits) (Pending, bool) {
	t.Helper()
	p, replied, _, err := b.Ask(user, now, l, rand.Reader)
	if err != nil {
		t.Fatalf("Ask(%d): %v", user, err)
	}
	return p, replied
}

// repeating gives the same bytes for ever.
type repeating []byte

func (r repeating) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat(r, len(p)/len(r)+1)), nil
}
