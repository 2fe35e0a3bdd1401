//go:build !race

// The race detector empties the pools that regular expressions take their scratch memory from, so allocations are counted without it.

package policy

import "testing"

func TestDecideAllocatesNothing(t *testing.T) {
	s := compile(t, rules(owner, pokes, allow("20002"), groupAllow("30004", "user:20002", "20003"), listed(GroupRules{}), star(GroupRules{}), func(r *Rules) {
		r.MentionPatterns, r.BotNames = []string{`\bcat[0-9]+`, "狗"}, []string{"Kitty", "小猫"}
	}))
	v, err := CompileView(ViewRules{ReportSelf: true, RequireMention: ptr(false),
		Only:   Match{Chats: []string{"group:30003", "user:20002"}, Types: []string{"message.*", "notice.notify.poke", "message_sent"}, Matches: "e"},
		Except: Match{Commands: []string{"/weather"}, Types: []string{"message.group"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Facts{
		groupMessage(ops, ann, at), groupMessage(ops, ann, text("hello there, KITTY")), groupMessage(ops, bob, text("nothing here")), groupMessage(other, 5),
		dm(ann), dm(bob), dm(boss, text("/PAIR ok x")), dm(boss, text("hello")), ownDM(ann), ownGroup(ops), dm(ann, temp),
		notice("", "", pokeAt(bot), inOps), notice("friend_add", ""), {Kind: Request, Detail: "friend", User: ann}, {Kind: Meta},
	} {
		if n := testing.AllocsPerRun(200, func() {
			verdict := s.Decide(&f)
			v.Decide(&f, verdict)
		}); n != 0 {
			t.Errorf("%v %s %s: %v allocations", f.Kind, f.Detail, f.Text, n)
		}
	}
}
