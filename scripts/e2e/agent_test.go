package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// People who each talk to one agent only, so that one catflap serves many tests. boss owns the account.
const (
	boss    = 20001
	person  = 21000 // the first of them
	people  = 60
	circle  = 31000 // the first of their groups, in which each of them and the boss is
	circles = 12
)

// crowd is a world with them.
func crowd() *simulator.World {
	w := simulator.DefaultWorld()
	w.Friends = append(w.Friends, simulator.Person{ID: boss, Nickname: "Boss"})
	for i := range uint64(people) {
		w.Friends = append(w.Friends, simulator.Person{ID: person + i, Nickname: fmt.Sprintf("Friend %d", i)})
	}
	for i := range uint64(circles) {
		members := []simulator.Member{{ID: boss, Role: simulator.RoleOwner}, {ID: bot, Role: simulator.RoleAdmin}, {ID: ann, Card: "ann@circle"}, {ID: bob}, {ID: eve}}
		w.Groups = append(w.Groups, simulator.Group{ID: circle + i, Name: fmt.Sprintf("Circle %d", i), Members: members})
	}
	return w
}

// house is a catflap whose apps are agents, the NapCat beside it and the models behind it.
type house struct {
	*box
	*models
	n *napcat
}

// agents is the configuration of a house: lines before the apps, and by name what each agent has beside the model of its name.
type agents struct {
	lines string
	apps  map[string]string
}

func (a agents) text(m *models) string {
	var names []string
	for name := range a.apps {
		names = append(names, name)
	}
	slices.Sort(names)
	text := "owners: [20001]\n" + a.lines + "\napps:\n"
	if !strings.Contains(text, "pacing:") {
		text = "pacing: off\n" + text
	}
	if !strings.Contains(text, "media:") {
		text = "media: {allowPrivate: [127.0.0.1]}\n" + text
	}
	for _, key := range []string{"dmPolicy", "groupPolicy"} {
		if !strings.Contains(text, key+":") {
			text = key + ": open\n" + text
		}
	}
	for _, name := range names {
		text += fmt.Sprintf("  %s: {protocol: agent, baseUrl: \"%s/v1\", apiKey: %s, model: %s, %s}\n", name, m.server.URL, modelKey, name, a.apps[name])
	}
	return text
}

// furnish starts a catflap with agents, and a NapCat that dials it.
func furnish(t *testing.T, a agents) *house {
	t.Helper()
	m := serveModels(t)
	h := &house{models: m, box: startBox(t, a.text(m))}
	h.n = callNapCat(t, simulator.Options{Token: napcatToken, ReportSelf: true, World: crowd()}, fmt.Sprintf("ws://127.0.0.1:%d/onebot/v11/ws", h.napcat))
	h.n.linked(t)
	h.account(t, "default", true)
	return h
}

// place is where somebody talks to an agent.
type place struct {
	h     *house
	group uint64 // 0 = privately
	user  uint64
	heard int64 // newest message of the account that was looked at
}

// with is the private chat with a person.
func (h *house) with(user uint64) *place { return &place{h: h, user: user} }

// in is a group in which a person speaks.
func (h *house) in(group, user uint64) *place { return &place{h: h, group: group, user: user} }

// as is the same place where somebody else speaks.
func (p *place) as(user uint64) *place {
	return &place{h: p.h, group: p.group, user: user, heard: p.heard}
}

// say says something to the agent and returns the message's id.
func (p *place) say(text string) int64 {
	if p.group != 0 {
		return p.h.n.mention(p.group, p.user, text)
	}
	return p.h.n.tell(p.user, text)
}

// show says something that is not only text.
func (p *place) show(segments ...simulator.Segment) int64 {
	if p.group != 0 {
		return p.h.n.Say(simulator.InGroup(p.group, p.user), append([]simulator.Segment{simulator.At(bot)}, segments...)...)
	}
	return p.h.n.Say(simulator.Private(p.user), segments...)
}

// here tells whether a message was sent to this place.
func (p *place) here(s simulator.Sent) bool {
	return s.Group == p.group && (p.group != 0 || s.User == p.user)
}

// next waits for what the account says next in this place.
func (p *place) next(t *testing.T) simulator.Sent {
	t.Helper()
	s := p.h.n.sends(t, fmt.Sprintf("an answer to %d in group %d", p.user, p.group), func(s simulator.Sent) bool {
		return p.here(s) && s.Seq > p.heard
	})
	p.heard = s.Seq
	return s
}

// hears waits for what the account says next in this place, which has to be this text.
func (p *place) hears(t *testing.T, want string) simulator.Sent {
	t.Helper()
	s := p.next(t)
	if s.Text != want {
		t.Errorf("%d in group %d heard %q, not %q", p.user, p.group, s.Text, want)
	}
	return s
}

// said is everything that the account has said in this place.
func (p *place) said() []simulator.Sent {
	return slices.DeleteFunc(slices.Clone(p.h.n.Sent()), func(s simulator.Sent) bool { return !p.here(s) })
}

// quotes is the id of the message that a message quotes, 0 if none.
func quotes(s simulator.Sent) int64 {
	for _, segment := range s.Segments {
		if segment.Type == "reply" {
			id, _ := strconv.ParseInt(fmt.Sprint(segment.Data["id"]), 10, 64)
			return id
		}
	}
	return 0
}

// serves is the `only` of an agent that serves private chats with these people.
func serves(list ...uint64) string {
	var names []string
	for _, id := range list {
		kind := "user"
		if id >= 30000 && id < 40000 {
			kind = "group"
		}
		names = append(names, fmt.Sprintf("%q", fmt.Sprintf("%s:%d", kind, id)))
	}
	return "only: {chats: [" + strings.Join(names, ", ") + "]}"
}

// holds checks that a text has all of these in it.
func holds(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s has no %q:\n%s", what, part, text)
		}
	}
}

// lacks checks that a text has none of these in it.
func lacks(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%s has %q:\n%s", what, part, text)
		}
	}
}
