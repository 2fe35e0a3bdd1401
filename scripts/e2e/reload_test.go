package e2e

import (
	"strings"
	"testing"
)

// Koishi's forward link never comes back once it is closed: a change of something else must not touch it.
func TestFault_T30_ReloadKeepsKoishi(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	n := dialNapCat(t, b)
	koishi := forwardKoishi(t, b)
	koishi.wait(t, "CONNECTED 10001")
	mark := koishi.mark()

	// Another app comes, another policy is in force, NapCat's link is the old one.
	links := n.Links()
	b.write(t, strings.Replace(bothApps, "allowFrom: [20002]", "allowFrom: [20003]", 1)+
		"  probe: {protocol: onebot11, accessToken: "+probeToken+"}\n")
	b.reload(t)
	p := dialProbe(t, b, "/", probeToken)
	p.first(t)
	n.tell(bob, "ping after the reload")
	n.hears(t, 0, bob, "pong after the reload", 1)
	if koishi.since(mark, "GONE") {
		t.Error("Koishi lost its link at the reload")
	}
	if again := n.Links(); again != links {
		t.Errorf("NapCat linked %d times more at the reload", again-links)
	}
}

// A configuration with a mistake is refused as a whole: the old one serves on, and the command says what is wrong.
func TestBrokenReloadKeepsTheOldConfiguration(t *testing.T) {
	b, n, p := setUp(t, "allowFrom: [20002]")
	b.write(t, "allowFrom: [20003]\ndmPolicy: opne"+apps)
	out, err := b.try("reload")
	if err == nil || !strings.Contains(out, "opne") || !strings.Contains(out, "dmPolicy") {
		t.Errorf("the broken configuration was taken: %v\n%s", err, out)
	}
	n.tell(bob, "not listed in the old one")
	n.tell(ann, "listed in the old one")
	p.text(t, "listed in the old one")
	silent(t, p, "not listed in the old one")
}

// SIGHUP is a reload.
func TestHangUpReloads(t *testing.T) {
	b, n, p := setUp(t, "allowFrom: [20002]")
	b.write(t, "allowFrom: [20002]\ngroups: {\"30003\": {}}"+apps)
	mark := b.mark()
	b.hangUp(t)
	b.after(t, mark, "reload")
	n.mention(ops, ann, "in the new group")
	p.text(t, "in the new group")
}
