package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

// waiting is one entry of `catflap pairing list --json`.
type waiting struct {
	Account string
	UserID  uint64 `json:"user_id"`
	Code    string
	State   string
	Created time.Time
	Expires *time.Time
}

func (b *box) pairings(t *testing.T) []waiting {
	t.Helper()
	var list []waiting
	b.query(t, &list, "pairing", "list", "--json")
	return list
}

func TestSeed_openclaw_pairing_codeReply(t *testing.T) {
	b, n, _ := setUp(t, "")
	n.tell(bob, "hello")
	code := n.code(t, bob)
	s := n.sends(t, "the pairing reply", func(s simulator.Sent) bool { return strings.Contains(s.Text, code) })
	for _, want := range []string{"20003", "catflap pairing approve " + code} {
		if !strings.Contains(s.Text, want) {
			t.Errorf("the reply lacks %q:\n%s", want, s.Text)
		}
	}
	list := b.pairings(t)
	if len(list) != 1 || list[0].UserID != bob || list[0].Code != code || list[0].State != "pending" || list[0].Expires == nil {
		t.Errorf("pairing list shows %+v", list)
	}
}

func TestSeed_openclaw_pairing_oneReply(t *testing.T) {
	b, n, p := setUp(t, "allowFrom: [20002]")
	for i := range 3 {
		n.tell(bob, fmt.Sprintf("hello %d", i))
	}
	n.tell(ann, "marker")
	p.text(t, "marker")
	code := n.code(t, bob)
	p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "marker"})
	n.hears(t, 0, ann, "marker", 1)
	replies := 0
	for _, s := range n.Sent() {
		if s.User == bob {
			replies++
		}
	}
	if replies != 1 {
		t.Errorf("the stranger got %d replies to three messages, want 1", replies)
	}
	if list := b.pairings(t); len(list) != 1 || list[0].Code != code {
		t.Errorf("pairing list shows %+v, want the one code %s", list, code)
	}
}

func TestSeed_openclaw_pairing_approveCode(t *testing.T) {
	b, n, p := setUp(t, "")
	n.tell(bob, "hello")
	b.cli(t, "pairing", "approve", strings.ToLower(n.code(t, bob)))
	n.tell(bob, "may I")
	p.text(t, "may I")
}

func TestSeed_openclaw_pairing_approveUser(t *testing.T) {
	b, n, p := setUp(t, "")
	n.tell(bob, "hello")
	n.code(t, bob)
	b.cli(t, "pairing", "approve", "napcatqq", "20003")
	n.tell(bob, "may I")
	p.text(t, "may I")
}

// The approved user is told, is answered, and is a stranger in groups as before.
func TestSeed_openclaw_pairing_afterApproval(t *testing.T) {
	b, n, p := setUp(t, "groups: {\"30003\": {allowFrom: [20002]}}")
	n.tell(bob, "hello")
	code := n.code(t, bob)
	b.cli(t, "pairing", "approve", code)
	n.sends(t, "the notice of the approval", func(s simulator.Sent) bool { return s.User == bob && !strings.Contains(s.Text, code) })
	n.mention(ops, bob, "in a group")
	n.tell(bob, "in private")
	p.text(t, "in private")
	silent(t, p, "in a group")
	p.must(t, "send_private_msg", map[string]any{"user_id": bob, "message": "welcome"})
	n.hears(t, 0, bob, "welcome", 1)
}

func TestSeed_openclaw_pairing_survivesRestart(t *testing.T) {
	b, n, _ := setUp(t, "")
	n.tell(bob, "hello")
	n.tell(ann, "hello")
	approved, pending := n.code(t, bob), n.code(t, ann)
	b.cli(t, "pairing", "approve", approved)
	b.restart(t)
	b.account(t, "default", true)
	p := dialProbe(t, b, "/", probeToken)
	p.first(t)
	n.tell(bob, "still in")
	p.text(t, "still in")
	b.cli(t, "pairing", "approve", pending)
	n.tell(ann, "now in")
	p.text(t, "now in")
}
