package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompileErrors(t *testing.T) {
	long := strings.Repeat("a", 1001)
	for _, c := range []struct {
		name  string
		rules Rules
		want  []string
	}{
		{"policies that nobody wrote", Rules{}, []string{
			`dmPolicy: "" is not accepted: expected open, pairing, allowlist, closed or disabled`,
			`groupPolicy: "" is not accepted: expected open, allowlist, closed or disabled`}},
		{"unknown policies, spelt nearly right", Rules{DMPolicy: "Open", GroupPolicy: "allowList"}, []string{
			`dmPolicy: "Open" is not accepted: expected open, pairing, allowlist, closed or disabled`,
			`groupPolicy: "allowList" is not accepted: expected open, allowlist, closed or disabled`}},
		{"pairing is no group policy", Rules{DMPolicy: "open", GroupPolicy: "pairing"}, []string{
			`groupPolicy: "pairing" is not accepted: expected open, allowlist, closed or disabled`}},
		{"ids: 0 and empty refused, one spelling", rules(func(r *Rules) { r.AllowFrom = []string{"1", "0", "", "01", "-1", "a", "group:2", "user:0", "1 "} }), []string{
			`allowFrom[1]: "0" is not accepted: expected a QQ number, user:NUMBER or "*"`,
			`allowFrom[2]: "" is not accepted: expected a QQ number, user:NUMBER or "*"`,
			`allowFrom[3]: "01" is not accepted: expected a QQ number, user:NUMBER or "*"`,
			`allowFrom[4]: "-1" is not accepted: expected a QQ number, user:NUMBER or "*"`,
			`allowFrom[5]: "a" is not accepted: expected a QQ number, user:NUMBER or "*"`,
			`allowFrom[6]: "group:2" is not accepted: expected a QQ number, user:NUMBER or "*"`,
			`allowFrom[7]: "user:0" is not accepted: expected a QQ number, user:NUMBER or "*"`,
			`allowFrom[8]: "1 " is not accepted: expected a QQ number, user:NUMBER or "*"`}},
		{"groupAllowFrom", rules(groupAllow("user:1", "x", "group:", "0")), []string{
			`groupAllowFrom[1]: "x" is not accepted: expected user:NUMBER, group:NUMBER, a bare number or "*"`,
			`groupAllowFrom[2]: "group:" is not accepted: expected user:NUMBER, group:NUMBER, a bare number or "*"`,
			`groupAllowFrom[3]: "0" is not accepted: expected user:NUMBER, group:NUMBER, a bare number or "*"`}},
		{"groups", rules(func(r *Rules) {
			r.Groups = map[string]GroupRules{"group:1": {}, "0": {}, "5": {AllowFrom: &[]string{"group:5"}}}
		}), []string{
			`groups.0: "0" is not accepted: expected a group number or "*" as key`,
			`groups.5.allowFrom[0]: "group:5" is not accepted: expected a QQ number, user:NUMBER or "*"`,
			`groups.group:1: "group:1" is not accepted: expected a group number or "*" as key`}},
		{"owners and blocked", rules(func(r *Rules) { r.Owners, r.Blocked = []uint64{0}, []uint64{1, 0} }), []string{
			`owners[0]: "0" is not accepted: expected a QQ number`,
			`blocked[1]: "0" is not accepted: expected a QQ number`}},
		{"mention patterns", rules(func(r *Rules) { r.MentionPatterns = []string{"(", "", ".*", "a{1001}", "(?=x)", long} }), []string{
			"mentionPatterns[0]: \"(\" is not accepted: expected a regular expression (RE2): missing closing ): `(`",
			`mentionPatterns[1]: "" is not accepted: expected a regular expression (RE2) of 1 to 1000 bytes`,
			`mentionPatterns[2]: ".*" is not accepted: expected an expression that does not match every message (for that, set requireMention: false)`,
			"mentionPatterns[3]: \"a{1001}\" is not accepted: expected a regular expression (RE2): invalid repeat count: `{1001}`",
			"mentionPatterns[4]: \"(?=x)\" is not accepted: expected a regular expression (RE2): invalid or unsupported Perl syntax: `(?=`",
			`mentionPatterns[5]: "` + long[:60] + `..." is not accepted: expected a regular expression (RE2) of 1 to 1000 bytes`}},
		{"bot names", rules(func(r *Rules) { r.BotNames = []string{"ok", " ", "\xff"} }), []string{
			`botNames[1]: " " is not accepted: expected a name of 1 to 1000 bytes`,
			`botNames[2]: "�" is not accepted: expected a name of 1 to 1000 bytes`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Compile(c.rules)
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.Split(err.Error(), "\n")
			for i := range got { // the same either way: how much of an invalid byte survives quoting is not the point
				got[i] = strings.ReplaceAll(got[i], `\xff`, "�")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			var one *RuleError
			if !errors.As(err, &one) || !strings.HasPrefix(c.want[0], one.Key+": ") {
				t.Errorf("the error does not carry the key: %v", err)
			}
			deniesAll(t, s)
		})
	}
}

// deniesAll checks a Set that must let nothing and nobody through.
func deniesAll(t *testing.T, s *Set) {
	t.Helper()
	for _, f := range []Facts{groupMessage(ops, ann, at), dm(ann), dm(boss, text("/pair list")), notice("friend_add", ""),
		{Kind: Request, Detail: "friend", User: ann}, {Kind: Meta, Detail: "heartbeat"}, {Kind: Sent, Detail: "group", Group: ops, User: bot, Self: bot}} {
		f.Approved = true
		if got := s.Decide(&f); got != (Verdict{Reason: ReasonPolicyInvalid}) {
			t.Errorf("Decide(%+v) = %+v", f, got)
		}
	}
	if s.AdmitsGroup(ops) || s.AdmitsUser(ann, true, false) || s.IsOwner(boss) || s.WantsText() {
		t.Error("an invalid set admits somebody")
	}
}

func TestNoSetDenies(t *testing.T) {
	deniesAll(t, nil)
	deniesAll(t, &Set{})
	if (*Set)(nil).BareNumbers() != nil {
		t.Error("a nil set has bare numbers")
	}
}

func TestSetIsImmutable(t *testing.T) {
	enabled, list := true, []string{"20002"}
	r := rules(listed(GroupRules{Enabled: &enabled, RequireMention: ptr(false), AllowFrom: &list}), func(r *Rules) { r.Blocked = []uint64{bob} })
	s := compile(t, r)
	enabled = false
	list[0] = "20003"
	r.Blocked[0] = ann
	delete(r.Groups, "30003")
	f := groupMessage(ops, ann)
	if got := s.Decide(&f).Outcome; got != Deliver {
		t.Errorf("changing the rules changed the set: %v", got)
	}
}

func TestWantsText(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules Rules
		want  bool
	}{
		{"defaults", rules(), false},
		{"patterns", rules(func(r *Rules) { r.MentionPatterns = []string{"cat"} }), true},
		{"names", rules(func(r *Rules) { r.BotNames = []string{"cat"} }), true},
		{"owners", rules(func(r *Rules) { r.Owners = []uint64{boss} }), true},
	} {
		if got := compile(t, c.rules).WantsText(); got != c.want {
			t.Errorf("%s: WantsText() = %v", c.name, got)
		}
	}
}

func TestAdmits(t *testing.T) {
	s := compile(t, rules(listed(GroupRules{}), func(r *Rules) {
		r.AllowFrom, r.Owners, r.Blocked = []string{"20002"}, []uint64{boss}, []uint64{99}
	}))
	for _, c := range []struct {
		name                    string
		group, user             uint64
		approved, blocked, want bool
	}{
		{"listed group", ops, 0, false, false, true},
		{"other group", other, 0, false, false, false},
		{"no group", 0, 0, false, false, false},
		{"allow-listed user", 0, ann, false, false, true},
		{"owner", 0, boss, false, false, true},
		{"stranger", 0, bob, false, false, false},
		{"approved", 0, bob, true, false, true},
		{"blocked in the store", 0, ann, true, true, false},
		{"blocked in the configuration", 0, 99, true, false, false},
	} {
		got := s.AdmitsGroup(c.group)
		if c.group == 0 {
			got = s.AdmitsUser(c.user, c.approved, c.blocked)
		}
		if got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if !s.IsOwner(boss) || s.IsOwner(ann) || s.IsOwner(0) {
		t.Error("IsOwner is wrong")
	}
}
