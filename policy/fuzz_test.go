package policy

import (
	"strings"
	"testing"
	"time"
)

func FuzzDecide(f *testing.F) {
	f.Add(uint8(Message), "group", "normal", bot, ann, ops, uint64(0), uint16(1<<4), uint8(0), "hello")
	f.Add(uint8(Message), "private", "friend", bot, boss, uint64(0), boss, uint16(0), uint8(0), "/pair ok ABCD2345")
	f.Add(uint8(Notice), "notify", "poke", bot, ann, ops, bot, uint16(0), uint8(0), "")
	sets := []Rules{
		rules(),
		rules(openAll, tempOn, pokes, owner),
		rules(owner, allow("20002"), groupAllow("30004", "user:20002", "20003"), listed(GroupRules{}), block(bob), func(r *Rules) {
			r.MentionPatterns, r.BotNames = []string{`(a|b)*c`}, []string{"Kitty", "小猫"}
		}),
		rules(dmPolicy("closed"), groupPolicy("open"), star(GroupRules{Enabled: ptr(false)}), listed(GroupRules{Enabled: ptr(true), RequireMention: ptr(false), AllowFrom: &[]string{}})),
	}
	compiled := make([]*Set, len(sets))
	for i, r := range sets {
		compiled[i] = compile(f, r)
	}
	f.Fuzz(func(t *testing.T, kind uint8, detail, sub string, self, user, group, target uint64, flags uint16, reply uint8, text string) {
		facts := Facts{Kind: Kind(kind), Detail: detail, SubType: sub, Self: self, User: user, Group: group, Target: target, Reply: Reply(reply), Text: text,
			ForeignSelf: flags&1 != 0, Duplicate: flags&2 != 0, Blocked: flags&4 != 0, Approved: flags&8 != 0, AtSelf: flags&16 != 0, AtAll: flags&32 != 0}
		for i, r := range sets {
			checkVerdict(t, r, compiled[i], facts)
		}
	})
}

func FuzzParseOwnerCommand(f *testing.F) {
	for _, text := range []string{"/pair ok ABCD2345", " /PAIR list", "/pair", "/pairing", "/pair\u3000deny 1", "hello"} {
		f.Add(text)
	}
	s := compile(f, rules(owner, dmPolicy("closed")))
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := ParseOwnerCommand(text)
		facts := dm(boss, func(f *Facts) { f.Text = text })
		if (s.Decide(&facts).Outcome == Command) != ok {
			t.Errorf("%q: parsed %v, decided %v", text, ok, s.Decide(&facts))
		}
		switch c.Verb {
		case VerbOK, VerbDeny, VerbBlock:
			if len(strings.Fields(c.Arg)) != 1 || !strings.Contains(text, c.Arg) {
				t.Errorf("%q: argument %q", text, c.Arg)
			}
		case VerbList, "":
			if c.Arg != "" {
				t.Errorf("%q: argument %q", text, c.Arg)
			}
		default:
			t.Errorf("%q: verb %q", text, c.Verb)
		}
		if !ok && c != (OwnerCommand{}) {
			t.Errorf("%q: %+v", text, c)
		}
	})
}

func FuzzParseChat(f *testing.F) {
	for _, text := range []string{"group:1", "user:2", "user:0", "user:18446744073709551615", "group:user:1", "1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		chat, err := ParseChat(text)
		if err != nil {
			if chat != (Chat{}) {
				t.Errorf("%q: %v with an error", text, chat)
			}
			return
		}
		if chat.ID == 0 || chat.String() != text { // one chat, one spelling
			t.Errorf("%q is read as %v", text, chat)
		}
	})
}

func FuzzBookFind(f *testing.F) {
	for _, text := range []string{"ABCD2345", " abcd2345 ", "20002", "23456789", "", "\u017f", "wxyz9876"} {
		f.Add(text)
	}
	b := NewBook([]Pending{{User: ann, Code: "ABCD2345"}, {User: 23456789, Code: "WXYZ9876"}, {User: bob, Code: "SSSSSSSS", Created: -time.Hour}})
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := b.Find(text, 0, limits)
		trimmed := strings.TrimSpace(text)
		want := map[string]uint64{"ABCD2345": ann, "20002": ann, "WXYZ9876": 23456789, "23456789": 23456789}
		upper := strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r - 'a' + 'A'
			}
			return r
		}, trimmed)
		if user, known := want[upper]; known != ok || p.User != user {
			t.Errorf("Find(%q) = %+v, %v", text, p, ok)
		}
	})
}

func FuzzCompile(f *testing.F) {
	f.Add("pairing", "allowlist", "123", "user:1\n*", "group:2\n3", "^cat", "Kitty", "message.group\nnotice.*", "group:1", "@read\nclean_*")
	f.Add("open", "closed", "*", "", "x", "(", " ", "a.*.b", "1", "@x\n*")
	f.Fuzz(func(t *testing.T, dmPolicy, groupPolicy, key, allowFrom, groupAllowFrom, pattern, name, types, chats, actions string) {
		split := func(s string) []string {
			if s == "" {
				return nil
			}
			return strings.Split(s, "\n")
		}
		senders := split(allowFrom)
		r := Rules{DMPolicy: dmPolicy, GroupPolicy: groupPolicy, AllowFrom: split(allowFrom), GroupAllowFrom: split(groupAllowFrom),
			Groups: map[string]GroupRules{key: {AllowFrom: &senders}}, MentionPatterns: split(pattern), BotNames: split(name)}
		s, err := Compile(r)
		if err != nil {
			if _, ok := err.(interface{ Unwrap() []error }); !ok {
				t.Errorf("no joined error: %v", err)
			}
			deniesAll(t, s)
		} else {
			for _, facts := range []Facts{groupMessage(ops, ann, text(pattern)), groupMessage(other, bob, at), dm(ann, text(name)), dm(bob, temp)} {
				checkVerdict(t, r, s, facts)
			}
		}
		m := Match{Chats: split(chats), Types: split(types), Commands: split(name), Matches: pattern}
		facts := dm(ann, text(name))
		v, err := CompileView(ViewRules{Only: m})
		only, _ := v.Decide(&facts, delivered)
		if err != nil && only != Drop {
			t.Error("a broken view delivers")
		}
		if v, err = CompileView(ViewRules{Except: m}); err == nil {
			// What only selects, except excludes, unless there is nothing to select by.
			except, _ := v.Decide(&facts, delivered)
			if (only == except) != v.except.empty() {
				t.Errorf("only gives %v, except %v", only, except)
			}
		}
		allow := split(actions)
		for _, r := range []FirewallRules{{Allow: &allow}, {Deny: allow}} {
			w, err := CompileFirewall(r, catalogue)
			for _, action := range []string{"get_msg", "bot_exit", "get_cookies", actions} {
				got := w.Decide(action)
				if got.Allowed == (got.Rule != "") || err != nil && got.Allowed {
					t.Errorf("%q: %+v, %v", action, got, err)
				}
				if r.Allow != nil && len(allow) == 0 && got.Allowed {
					t.Errorf("%q is allowed by nothing", action)
				}
			}
		}
	})
}
