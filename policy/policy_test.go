package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The cast of all tests.
const (
	bot      uint64 = 10001
	ann      uint64 = 20002 // nobody in particular
	bob      uint64 = 20003
	boss     uint64 = 20004 // an owner where the rules have one
	ops      uint64 = 30003 // a group
	other    uint64 = 30004 // another group
	placehol uint64 = 284840486
)

func ptr[T any](value T) *T { return &value }

// rules are the documented defaults.
func rules(change ...func(*Rules)) Rules {
	r := Rules{DMPolicy: "pairing", GroupPolicy: "allowlist"}
	for _, f := range change {
		f(&r)
	}
	return r
}

func compile(t testing.TB, r Rules) *Set {
	t.Helper()
	s, err := Compile(r)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return s
}

func groupMessage(group, user uint64, change ...func(*Facts)) Facts {
	f := Facts{Kind: Message, Detail: "group", SubType: "normal", Self: bot, User: user, Group: group}
	for _, c := range change {
		c(&f)
	}
	return f
}

func dm(user uint64, change ...func(*Facts)) Facts {
	f := Facts{Kind: Message, Detail: "private", SubType: "friend", Self: bot, User: user, Target: user}
	for _, c := range change {
		c(&f)
	}
	return f
}

func notice(detail, sub string, change ...func(*Facts)) Facts {
	f := Facts{Kind: Notice, Detail: detail, SubType: sub, Self: bot, User: ann}
	for _, c := range change {
		c(&f)
	}
	return f
}

func at(f *Facts)    { f.AtSelf = true }
func temp(f *Facts)  { f.SubType, f.Group = "group", ops }
func inOps(f *Facts) { f.Group = ops }
func text(s string) func(*Facts) {
	return func(f *Facts) { f.Text = s }
}

// listed makes ops an admitted group with these rules.
func listed(g GroupRules) func(*Rules) {
	return func(r *Rules) {
		if r.Groups == nil {
			r.Groups = map[string]GroupRules{}
		}
		r.Groups["30003"] = g
	}
}

func star(g GroupRules) func(*Rules) {
	return func(r *Rules) {
		if r.Groups == nil {
			r.Groups = map[string]GroupRules{}
		}
		r.Groups["*"] = g
	}
}

func groupAllow(entries ...string) func(*Rules) {
	return func(r *Rules) { r.GroupAllowFrom = entries }
}

func dropped(r Reason) Verdict { return Verdict{Reason: r} }

// decision is one row: a rule of the specification, and what it makes of an event.
type decision struct {
	name  string
	rules Rules
	facts Facts
	want  Verdict
}

func (d decision) run(t *testing.T) {
	t.Run(d.name, func(t *testing.T) {
		if diff := cmp.Diff(d.want, compile(t, d.rules).Decide(&d.facts)); diff != "" {
			t.Errorf("verdict (-want +got):\n%s", diff)
		}
	})
}

func TestNames(t *testing.T) {
	var outcomes, kinds []string
	for o := Drop; o <= Command+1; o++ {
		outcomes = append(outcomes, o.String())
	}
	for k := Kind(0); k <= Meta; k++ {
		kinds = append(kinds, k.String())
	}
	if diff := cmp.Diff([]string{"drop", "context", "deliver", "pair", "command", "drop"}, outcomes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"unknown", "message", "message_sent", "notice", "request", "meta_event"}, kinds); diff != "" {
		t.Error(diff)
	}
	if (Verdict{}).Outcome != Drop {
		t.Error("the zero verdict does not drop")
	}
}

func TestChatOf(t *testing.T) {
	for _, c := range []struct {
		name  string
		facts Facts
		want  string
	}{
		{"group message", groupMessage(ops, ann), "group:30003"},
		{"private message", dm(ann), "user:20002"},
		{"a temporary session is a chat with its user", dm(ann, temp), "user:20002"},
		{"own private message: the peer", Facts{Kind: Sent, Detail: "private", Self: bot, User: bot, Target: ann}, "user:20002"},
		{"own message reported as message", Facts{Kind: Message, Detail: "private", Self: bot, User: bot, Target: ann}, "user:20002"},
		{"own group message", Facts{Kind: Sent, Detail: "group", Self: bot, User: bot, Target: ops, Group: ops}, "group:30003"},
		{"group notice", notice("group_ban", "ban", inOps), "group:30003"},
		{"friend notice", notice("friend_add", ""), "user:20002"},
		{"friend request", Facts{Kind: Request, Detail: "friend", User: ann}, "user:20002"},
		{"group request", Facts{Kind: Request, Detail: "group", User: ann, Group: ops}, "group:30003"},
		{"notice about nobody", Facts{Kind: Notice, Detail: "bot_offline"}, ""},
		{"meta", Facts{Kind: Meta, User: ann}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			chat, ok := c.facts.Chat()
			got := ""
			if ok {
				got = chat.String()
			}
			if got != c.want {
				t.Errorf("Chat() = %q, want %q", got, c.want)
			}
		})
	}
}

func TestParseChat(t *testing.T) {
	for text, want := range map[string]Chat{
		"group:1": {Group: true, ID: 1}, "user:2": {ID: 2}, "user:18446744073709551615": {ID: 1<<64 - 1},
	} {
		got, err := ParseChat(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseChat(%q) = %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                          `"" is not a chat: expected group:NUMBER or user:NUMBER`,
		"1":                         `"1" is not a chat: expected group:NUMBER or user:NUMBER`,
		"group:0":                   `"group:0" is not a chat: expected group:NUMBER or user:NUMBER`,
		"user:":                     `"user:" is not a chat: expected group:NUMBER or user:NUMBER`,
		"user:01":                   `"user:01" is not a chat: expected group:NUMBER or user:NUMBER`,
		"user:+1":                   `"user:+1" is not a chat: expected group:NUMBER or user:NUMBER`,
		"user: 1":                   `"user: 1" is not a chat: expected group:NUMBER or user:NUMBER`,
		"user:-1":                   `"user:-1" is not a chat: expected group:NUMBER or user:NUMBER`,
		"Group:1":                   `"Group:1" is not a chat: expected group:NUMBER or user:NUMBER`,
		"user:18446744073709551616": `"user:18446744073709551616" is not a chat: expected group:NUMBER or user:NUMBER`,
	} {
		got, err := ParseChat(text)
		if err == nil || err.Error() != want || got != (Chat{}) {
			t.Errorf("ParseChat(%q) = %v, %v, want error %s", text, got, err, want)
		}
	}
}
