package policy

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The worlds of the property tests are small, so that lists, keys and senders meet.

func genID(t *rapid.T, label string) uint64 {
	return rapid.SampledFrom([]uint64{ann, bob, boss, ops, other}).Draw(t, label)
}

func genList(t *rapid.T, label string, prefixes ...string) []string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		prefix := rapid.SampledFrom(append(prefixes, "", "*")).Draw(t, "prefix")
		if prefix == "*" {
			return "*"
		}
		return prefix + fmt.Sprint(genID(t, "id"))
	}), 0, 3).Draw(t, label)
}

func genBool(t *rapid.T, label string) *bool {
	return rapid.SampledFrom([]*bool{nil, ptr(true), ptr(false)}).Draw(t, label)
}

func genRules(t *rapid.T) Rules {
	r := Rules{
		DMPolicy:       rapid.SampledFrom([]string{"open", "pairing", "allowlist", "closed", "disabled"}).Draw(t, "dmPolicy"),
		GroupPolicy:    rapid.SampledFrom([]string{"open", "allowlist", "closed", "disabled"}).Draw(t, "groupPolicy"),
		AllowFrom:      genList(t, "allowFrom", "user:"),
		GroupAllowFrom: genList(t, "groupAllowFrom", "user:", "group:"),
		Groups:         map[string]GroupRules{},
		TempSessions:   rapid.Bool().Draw(t, "tempSessions"),
		MentionAll:     rapid.Bool().Draw(t, "mentionAll"),
		PokeTriggers:   rapid.Bool().Draw(t, "pokeTriggers"),
	}
	for _, key := range []string{"30003", "30004", "*"} {
		if !rapid.Bool().Draw(t, "key "+key) {
			continue
		}
		g := GroupRules{Enabled: genBool(t, "enabled"), RequireMention: genBool(t, "requireMention")}
		if rapid.Bool().Draw(t, "has allowFrom") {
			list := genList(t, "groups.allowFrom", "user:")
			g.AllowFrom = &list
		}
		r.Groups[key] = g
	}
	if rapid.Bool().Draw(t, "has owners") {
		r.Owners = []uint64{genID(t, "owner")}
	}
	if rapid.Bool().Draw(t, "has blocked") {
		r.Blocked = []uint64{genID(t, "blocked")}
	}
	if rapid.Bool().Draw(t, "has patterns") {
		r.MentionPatterns, r.BotNames = []string{"^cat"}, []string{"Kitty"}
	}
	if rapid.Bool().Draw(t, "knows groups") {
		r.JoinedGroups = map[uint64]struct{}{ops: {}}
	}
	return r
}

func genFacts(t *rapid.T) Facts {
	return Facts{
		Kind:     Kind(rapid.IntRange(0, int(Meta)+1).Draw(t, "kind")),
		Detail:   rapid.SampledFrom([]string{"", "group", "private", "friend", "notify", "friend_add", "group_recall", "offline_file", "heartbeat"}).Draw(t, "detail"),
		SubType:  rapid.SampledFrom([]string{"", "friend", "group", "poke", "input_status"}).Draw(t, "sub_type"),
		Self:     rapid.SampledFrom([]uint64{0, bot}).Draw(t, "self"),
		User:     rapid.SampledFrom([]uint64{0, bot, ann, bob, boss, ops}).Draw(t, "user"),
		Group:    rapid.SampledFrom([]uint64{0, ops, other, ann}).Draw(t, "group"),
		Target:   rapid.SampledFrom([]uint64{0, bot, ann, ops}).Draw(t, "target"),
		Operator: rapid.SampledFrom([]uint64{0, ann}).Draw(t, "operator"),

		ForeignSelf: rapid.IntRange(0, 9).Draw(t, "foreign") == 0,
		Duplicate:   rapid.IntRange(0, 9).Draw(t, "duplicate") == 0,
		Blocked:     rapid.IntRange(0, 9).Draw(t, "blocked") == 0,
		Approved:    rapid.Bool().Draw(t, "approved"),
		AtSelf:      rapid.Bool().Draw(t, "at"),
		AtAll:       rapid.Bool().Draw(t, "at all"),
		Reply:       Reply(rapid.IntRange(0, 3).Draw(t, "reply")),
		Text:        rapid.SampledFrom([]string{"", "hello", "cat", "/pair list", "ask Kitty"}).Draw(t, "text"),
	}
}

func genSet(t *rapid.T) (Rules, *Set) {
	r := genRules(t)
	s, err := Compile(r)
	if err != nil {
		t.Fatalf("Compile(%+v): %v", r, err)
	}
	return r, s
}

// No DM approval and no configured allowFrom, owners included, ever changes what happens in a group: not which groups are
// admitted, not whose messages trigger, not what is a mention.
func TestFault_P11_DMRightsNeverOpenAGroup(t *testing.T) {
	everybody := []uint64{bot, ann, bob, boss, ops}
	rapid.Check(t, func(t *rapid.T) {
		r := genRules(t)
		r.AllowFrom, r.Owners = nil, nil
		none, err := Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		r.AllowFrom, r.Owners = []string{"*", "30003", "20002", "20003"}, everybody
		all, err := Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, user := range everybody {
			for _, group := range []uint64{ops, other} {
				f := genFacts(t)
				f.ForeignSelf, f.Duplicate = false, false
				f.User, f.Group = user, group
				if rapid.Bool().Draw(t, "message") {
					f.Kind = Message
				}
				if f.Kind == Message || f.Kind == Sent {
					f.Detail = "group"
				}
				f.Approved = false
				want := none.Decide(&f)
				f.Approved = true
				if got := all.Decide(&f); got != want {
					t.Fatalf("with DM rights %+v, without %+v\nfacts %+v\nrules %+v", got, want, f, r)
				}
				if all.AdmitsGroup(group) != none.AdmitsGroup(group) {
					t.Fatal("DM rights change which groups are admitted")
				}
			}
		}
	})
}

// The reverse: what is configured for groups lets nobody into DMs.
func TestGroupRightsNeverOpenDMs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, with := genSet(t)
		r.GroupPolicy, r.GroupAllowFrom, r.Groups, r.JoinedGroups = "closed", nil, nil, nil
		without, err := Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		f := genFacts(t)
		f.Kind, f.Detail = Message, "private"
		if got, want := with.Decide(&f), without.Decide(&f); got != want {
			t.Fatalf("with group rights %+v, without %+v", got, want)
		}
	})
}

func TestUnknownPoliciesAlwaysDeny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genRules(t)
		unknown := rapid.SampledFrom([]string{"", "Open", "OPEN", "open ", "allow", "all", "*", "true", "none"}).Draw(t, "unknown")
		if rapid.Bool().Draw(t, "which") {
			r.DMPolicy = unknown
		} else {
			r.GroupPolicy = unknown
		}
		s, err := Compile(r)
		if err == nil {
			t.Fatalf("%+v compiles", r)
		}
		f := genFacts(t)
		if got := s.Decide(&f); got != (Verdict{Reason: ReasonPolicyInvalid}) {
			t.Fatalf("%+v gives %+v", f, got)
		}
	})
}

func TestBlockedAlwaysDenies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, _ := genSet(t)
		f := genFacts(t)
		f.User = ann
		if rapid.Bool().Draw(t, "where") {
			f.Blocked = true
		} else {
			r.Blocked = append(r.Blocked, ann)
		}
		s, err := Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		got := s.Decide(&f)
		if own := f.Kind == Sent; got.Outcome != Drop && f.Kind != Meta && !own {
			t.Fatalf("%+v gives %+v", f, got)
		}
		if s.AdmitsUser(ann, f.Approved, f.Blocked) {
			t.Fatal("admitted as a target")
		}
	})
}

// What holds for every decision about every event, before and after any app's view.
func TestDecisionInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, s := genSet(t)
		f := genFacts(t)
		checkVerdict(t, r, s, f)
	})
}

func checkVerdict(t interface{ Fatalf(string, ...any) }, r Rules, s *Set, f Facts) {
	v := s.Decide(&f)
	if v.Reason == "" {
		t.Fatalf("no reason: %+v", f)
	}
	if (v.Reason == ReasonDelivered) != (v.Outcome == Deliver) {
		t.Fatalf("%v with reason %s", v.Outcome, v.Reason)
	}
	if v != s.Decide(&f) {
		t.Fatalf("two decisions about one event: %+v", f)
	}
	if v.Outcome == Drop && (v.Mentioned || v.MentionRequired) {
		t.Fatalf("dropped, but %+v", v)
	}
	if f.Own() && v.Outcome != Drop && v != (Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}) {
		t.Fatalf("an own message gives %+v", v)
	}
	if v.Outcome == Pair && !(r.DMPolicy == "pairing" && f.Kind == Message && f.Detail == "private" && !f.Approved) {
		t.Fatalf("a pairing reply to %+v", f)
	}
	if v.Outcome == Command && !(s.IsOwner(f.User) && f.Kind == Message && f.Detail == "private") {
		t.Fatalf("a command of %+v", f)
	}
	if v.Outcome == Deliver && f.Kind == Message && f.Detail == "group" && !s.AdmitsGroup(f.Group) {
		t.Fatalf("delivered out of a group that is not admitted: %+v", f)
	}
	for _, require := range []*bool{nil, ptr(true), ptr(false)} {
		for _, self := range []bool{true, false} {
			view, err := CompileView(ViewRules{RequireMention: require, ReportSelf: self})
			if err != nil {
				t.Fatalf("CompileView: %v", err)
			}
			outcome, reason := view.Decide(&f, v)
			if reason == "" || (outcome == Deliver) != (reason == ReasonDelivered) || outcome != Deliver && outcome != Drop {
				t.Fatalf("the app gets %v, %q", outcome, reason)
			}
			if outcome == Deliver && v.Outcome != Deliver && v.Outcome != Context {
				t.Fatalf("the app gets what was %v: %+v", v.Outcome, f)
			}
			if outcome == Deliver && f.Own() && !self {
				t.Fatalf("the app gets own messages: %+v", f)
			}
		}
	}
}

// A model of the book that keeps everything and counts the slow way.
func TestBookProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := PairingLimits{
			Expiry:         time.Duration(rapid.IntRange(1, 90).Draw(t, "expiry")) * time.Minute,
			MaxPending:     rapid.IntRange(1, 4).Draw(t, "maxPending"),
			RepliesPerHour: rapid.IntRange(0, 5).Draw(t, "replies"),
		}
		random := &counter{}
		b := NewBook(nil)
		now := time.Duration(0)
		model := map[uint64]Pending{}
		var replies []time.Duration
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now += time.Duration(rapid.IntRange(0, 30).Draw(t, "pause")) * time.Minute
			user := uint64(rapid.IntRange(1, 6).Draw(t, "user"))
			if rapid.IntRange(0, 5).Draw(t, "remove") == 0 {
				_, had := model[user]
				delete(model, user)
				if b.Remove(user) != had {
					t.Fatalf("Remove(%d) disagrees", user)
				}
				continue
			}
			p, reply, removed, err := b.Ask(user, now, l, random)
			if err != nil {
				t.Fatal(err)
			}
			for _, gone := range removed {
				if model[gone.User] != gone {
					t.Fatalf("removed %+v, known as %+v", gone, model[gone.User])
				}
				delete(model, gone.User)
			}
			before, known := model[user]
			if known && (p.Code != before.Code || p.Created != before.Created || before.Replied && reply) {
				t.Fatalf("%+v became %+v, reply %v", before, p, reply)
			}
			if reply {
				replies = append(replies, now)
				recent := 0
				for _, at := range replies {
					if now-at < time.Hour {
						recent++
					}
				}
				if recent > l.RepliesPerHour {
					t.Fatalf("%d replies in an hour", recent)
				}
			}
			model[user] = p
			list := b.List(now, l)
			if len(list) != len(model) || len(list) > l.MaxPending {
				t.Fatalf("%d listed, %d known, %d allowed", len(list), len(model), l.MaxPending)
			}
			codes := map[string]bool{}
			for i, q := range list {
				if model[q.User] != q || codes[q.Code] || i > 0 && q.Created < list[i-1].Created || now-q.Created >= l.Expiry {
					t.Fatalf("listed %+v, known as %+v", q, model[q.User])
				}
				codes[q.Code] = true
				if found, ok := b.Find(q.Code, now, l); !ok || found != q {
					t.Fatalf("%s is not found", q.Code)
				}
			}
		}
	})
}

// counter is a source of bytes that seldom repeats.
type counter struct{ n uint32 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		c.n = c.n*1664525 + 1013904223
		p[i] = byte(c.n >> 24)
	}
	return len(p), nil
}
