package e2e

import (
	"fmt"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// apps is an app section with nothing but the probe.
const apps = `
pacing: off
apps:
  probe: {protocol: onebot11, accessToken: ` + probeToken + `}
`

// setUp starts a box with the given policy, a NapCat that dials it, and the probe.
func setUp(t *testing.T, policy string) (*box, *napcat, *probe) {
	t.Helper()
	t.Parallel()
	b := startBox(t, policy+apps)
	n := dialNapCat(t, b)
	p := dialProbe(t, b, "/", probeToken)
	p.first(t)
	return b, n, p
}

// silent checks that none of the texts has reached the probe. Order is kept, so a later message must have come first.
func silent(t *testing.T, p *probe, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if p.heard(text) {
			t.Errorf("the app received %q", text)
		}
	}
}

func TestSeed_openclaw_default_dmPolicy(t *testing.T) {
	b, n, p := setUp(t, `groups: {"30003": {}}`)
	n.tell(bob, "let me in")
	n.code(t, bob)
	n.mention(ops, ann, "marker")
	p.text(t, "marker")
	silent(t, p, "let me in")
	b.explained(t, "user:20003", "dm.pairing-required")
}

func TestSeed_openclaw_default_groupPolicy(t *testing.T) {
	b, n, p := setUp(t, `allowFrom: [20002]`)
	n.mention(ops, ann, "anybody here")
	n.tell(ann, "marker")
	p.text(t, "marker")
	silent(t, p, "anybody here")
	b.explained(t, "group:30003", "group.not-listed")
}

func TestSeed_openclaw_default_groups(t *testing.T) {
	_, n, p := setUp(t, `groups: {"30003": {}}`)
	n.mention(fun, ann, "from the other group")
	n.mention(ops, ann, "from the listed group")
	p.text(t, "from the listed group")
	silent(t, p, "from the other group")
}

func TestSeed_openclaw_dmPolicy_open(t *testing.T) {
	_, n, p := setUp(t, `dmPolicy: open`)
	n.tell(bob, "hello from bob")
	p.text(t, "hello from bob")
}

func TestSeed_openclaw_dmPolicy_pairing(t *testing.T) {
	_, n, p := setUp(t, "dmPolicy: pairing\nallowFrom: [20002]")
	n.tell(bob, "hello from bob")
	n.code(t, bob)
	n.tell(ann, "hello from ann")
	p.text(t, "hello from ann")
	silent(t, p, "hello from bob")
}

func TestSeed_openclaw_dmPolicy_closed(t *testing.T) {
	b, n, p := setUp(t, "dmPolicy: closed\nallowFrom: [20002]\ngroups: {\"30003\": {}}")
	n.tell(ann, "hello from ann")
	n.tell(bob, "hello from bob")
	n.mention(ops, ann, "marker")
	p.text(t, "marker")
	silent(t, p, "hello from ann", "hello from bob")
	b.explained(t, "user:20002", "dm.closed")
	if sent := n.Sent(); len(sent) > 0 {
		t.Errorf("closed, but something was sent: %+v", sent)
	}
}

func TestSeed_openclaw_groupPolicy_open(t *testing.T) {
	_, n, p := setUp(t, "groupPolicy: open\ngroups: {\"30004\": {enabled: false}}")
	n.mention(fun, ann, "from a disabled group")
	n.mention(ops, ann, "from any group")
	p.text(t, "from any group")
	silent(t, p, "from a disabled group")
}

func TestSeed_openclaw_groupPolicy_allowlist(t *testing.T) {
	_, n, p := setUp(t, "groupPolicy: allowlist\ngroupAllowFrom: [30004]")
	n.mention(ops, ann, "from the unlisted group")
	n.mention(fun, ann, "from the listed group")
	p.text(t, "from the listed group")
	silent(t, p, "from the unlisted group")
}

func TestSeed_openclaw_groupPolicy_closed(t *testing.T) {
	_, n, p := setUp(t, "groupPolicy: closed\nallowFrom: [20002]\ngroups: {\"30003\": {}}")
	n.mention(ops, ann, "from a group")
	n.tell(ann, "marker")
	p.text(t, "marker")
	silent(t, p, "from a group")
}

// The group is admitted and the sender is not; and a person admitted in private chats is not admitted in groups.
func TestSeed_openclaw_gates_groupThenSender(t *testing.T) {
	b, n, p := setUp(t, "allowFrom: [20002]\ngroupAllowFrom: [\"group:30003\", \"user:20003\"]")
	n.mention(ops, ann, "admitted in private only")
	n.mention(fun, bob, "admitted sender in another group")
	n.mention(ops, bob, "admitted twice")
	p.text(t, "admitted twice")
	silent(t, p, "admitted in private only", "admitted sender in another group")
	b.explained(t, "group:30003", "sender.not-allowed")
	b.explained(t, "group:30004", "group.not-listed")
}

func TestSeed_openclaw_groups_enabled(t *testing.T) {
	b, n, p := setUp(t, `groups: {"30003": {enabled: false}, "30004": {enabled: true}}`)
	n.mention(ops, ann, "in the disabled group")
	n.mention(fun, ann, "in the enabled group")
	p.text(t, "in the enabled group")
	silent(t, p, "in the disabled group")
	b.explained(t, "group:30003", "group.disabled")
}

func TestSeed_openclaw_groups_requireMention(t *testing.T) {
	b, n, p := setUp(t, `groups: {"30003": {requireMention: true}, "30004": {requireMention: false}}`)
	n.Say(simulator.InGroup(ops, ann), simulator.Text("no mention, needed"))
	n.Say(simulator.InGroup(fun, ann), simulator.Text("no mention, not needed"))
	p.text(t, "no mention, not needed")
	n.mention(ops, ann, "a mention")
	p.text(t, "a mention")
	silent(t, p, "no mention, needed")
	b.remembers(t, "group:30003", "no mention, needed")
}

func TestSeed_openclaw_groups_allowFrom(t *testing.T) {
	_, n, p := setUp(t, `groups: {"30003": {allowFrom: [20003]}, "30004": {allowFrom: []}}`)
	n.mention(ops, ann, "ann in ops")
	n.mention(fun, ann, "ann in fun")
	n.mention(fun, bob, "bob in fun")
	n.mention(ops, bob, "bob in ops")
	p.text(t, "bob in ops")
	silent(t, p, "ann in ops", "ann in fun", "bob in fun")
}

// A bare number is a group where it names one, and a person where it does not.
func TestSeed_openclaw_groupAllowFrom(t *testing.T) {
	_, n, p := setUp(t, "groups: {\"30003\": {}}\ngroupAllowFrom: [30004, 20003]")
	n.mention(ops, ann, "ann in ops")
	n.mention(fun, ann, "ann in fun")
	n.mention(fun, bob, "bob in fun")
	p.text(t, "bob in fun")
	n.mention(ops, bob, "bob in ops")
	p.text(t, "bob in ops")
	silent(t, p, "ann in ops", "ann in fun")
}

func TestSeed_openclaw_allowFrom(t *testing.T) {
	_, n, p := setUp(t, `allowFrom: [20002, "20003"]`)
	n.tell(nobody, "not listed")
	n.tell(ann, "listed as a number")
	n.tell(bob, "listed as text")
	p.text(t, "listed as a number")
	p.text(t, "listed as text")
	silent(t, p, "not listed")
}

func TestSeed_openclaw_historyLimit(t *testing.T) {
	b, n, p := setUp(t, "allowFrom: [20002]\nhistoryLimit: 3")
	for i := range 6 {
		n.tell(ann, fmt.Sprintf("line %d", i))
	}
	p.text(t, "line 5")
	eventually(t, "the history holds the newest three", func() (bool, string) {
		list := b.history(t, "user:20002")
		return len(list) == 3 && list[0].Text == "line 3" && list[2].Text == "line 5", printed(list)
	})
}

func TestSeed_openclaw_accounts_paths(t *testing.T) {
	t.Parallel()
	b := startBox(t, `
dmPolicy: open
apps:
  probe: {protocol: onebot11, accessToken: `+probeToken+`}
accounts:
  bot1: {name: Primary Bot, wsPort: NAPCAT, wsPath: /onebot/bot1/ws, accessToken: `+napcatToken+`}
  bot2: {name: Secondary Bot, wsPort: NAPCAT, wsPath: /onebot/bot2/ws, accessToken: `+koishiToken+`}
`)
	first := callNapCat(t, simulator.Options{Token: napcatToken}, fmt.Sprintf("ws://127.0.0.1:%d/onebot/bot1/ws", b.napcat))
	second := callNapCat(t, simulator.Options{Token: koishiToken, SelfID: otherBot}, fmt.Sprintf("ws://127.0.0.1:%d/onebot/bot2/ws", b.napcat))
	first.linked(t)
	second.linked(t)
	b.account(t, "bot1", true)
	b.account(t, "bot2", true)
	one, two := dialProbe(t, b, "/?self_id=10001", probeToken), dialProbe(t, b, "/qq/bot2/onebot/v11", probeToken)
	one.first(t)
	two.first(t)
	first.tell(ann, "to the first")
	second.tell(ann, "to the second")
	one.text(t, "to the first")
	two.text(t, "to the second")
	silent(t, one, "to the second")
	silent(t, two, "to the first")
	two.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "from the second"})
	second.hears(t, 0, ann, "from the second", 1)
	if sent := first.Sent(); len(sent) > 0 {
		t.Errorf("the first account sent %+v", sent)
	}
}

func TestSeed_openclaw_accounts_name(t *testing.T) {
	t.Parallel()
	b := startBox(t, `
accounts:
  bot1: {name: Primary Bot, wsPort: NAPCAT, wsPath: /onebot/bot1/ws, accessToken: `+napcatToken+`}
`)
	s := b.status(t)
	if len(s.Accounts) != 1 || s.Accounts[0].Name != "bot1" || s.Accounts[0].Title != "Primary Bot" {
		t.Errorf("status shows %+v", s.Accounts)
	}
}

func TestSeed_openclaw_name(t *testing.T) {
	t.Parallel()
	b := startBox(t, `name: My QQ Bot`)
	if s := b.status(t); len(s.Accounts) != 1 || s.Accounts[0].Title != "My QQ Bot" {
		t.Errorf("status shows %+v", s.Accounts)
	}
}
