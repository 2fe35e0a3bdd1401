package e2e

import (
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

func TestSeed_openclaw_trouble_notRunning(t *testing.T) {
	t.Parallel()
	b := newBox(t, "")
	out, err := b.try("status")
	if err == nil || !strings.Contains(out, "catflap run") {
		t.Errorf("status of nothing: %v, want a failure that names `catflap run`:\n%s", err, out)
	}
}

// NapCat dials a wrong port: status shows where it should.
func TestSeed_openclaw_trouble_wrongPort(t *testing.T) {
	t.Parallel()
	b := startBox(t, "")
	s := b.status(t)
	if len(s.Accounts) != 1 || s.Accounts[0].Connected {
		t.Fatalf("status shows %+v", s.Accounts)
	}
	if h := s.Accounts[0].Hint; !h.says(b.napcatAddress("/onebot/v11/ws")) {
		t.Errorf("the hint does not say where NapCat should connect: %s", h)
	}
}

func TestSeed_openclaw_trouble_tokenMismatch(t *testing.T) {
	t.Parallel()
	b := startBox(t, "")
	callNapCat(t, simulator.Options{Token: wrongToken}, b.napcatAddress("/onebot/v11/ws"))
	eventually(t, "status says that the token is wrong", func() (bool, string) {
		s := b.status(t)
		return s.Accounts[0].Hint.says("token"), printed(s)
	})
}

func TestSeed_openclaw_trouble_notResponded(t *testing.T) {
	b, n, _ := setUp(t, "dmPolicy: closed")
	n.tell(ann, "anybody there")
	b.explained(t, "user:20002", "dm.closed")
}

func TestSeed_openclaw_trouble_pairingRequired(t *testing.T) {
	b, n, _ := setUp(t, "")
	n.tell(ann, "anybody there")
	b.explained(t, "user:20002", "dm.pairing-required")
}

func TestSeed_openclaw_trouble_groupIgnored(t *testing.T) {
	b, n, _ := setUp(t, "")
	n.mention(ops, ann, "anybody there")
	b.explained(t, "group:30003", "group.not-listed")
}

func TestSeed_openclaw_trouble_groupDisabled(t *testing.T) {
	b, n, _ := setUp(t, `groups: {"30003": {enabled: false}}`)
	n.mention(ops, ann, "anybody there")
	b.explained(t, "group:30003", "group.disabled")
}

func TestSeed_openclaw_trouble_mentionRequired(t *testing.T) {
	b, n, _ := setUp(t, `groups: {"30003": {}}`)
	n.Say(simulator.InGroup(ops, ann), simulator.Text("anybody there"))
	b.explained(t, "group:30003", "mention.required")
}

// debug: true on an account logs every event of it in one line, whatever the level of the rest.
func TestSeed_openclaw_trouble_debugLogging(t *testing.T) {
	t.Parallel()
	b := startBox(t, "log: {level: info}\ndebug: true\n"+admitted)
	n := dialNapCat(t, b)
	n.Notice(simulator.GroupPoke(ops, ann, bot)...)
	b.wait(t, "poke")
}
