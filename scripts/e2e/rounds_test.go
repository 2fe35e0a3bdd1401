package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// bothApps serves a NoneBot that catflap dials and a Koishi that dials catflap.
const bothApps = `
allowFrom: [20002]
groups: {"30003": {}}
apps:
  nonebot: {protocol: onebot11, connect: "ws://127.0.0.1:NONEBOT/onebot/v11/ws", accessToken: ` + nonebotToken + `}
  koishi: {protocol: onebot11, accessToken: ` + koishiToken + `}
`

// swappedApps is the other way round: NoneBot dials catflap, catflap dials Koishi.
const swappedApps = `
allowFrom: [20002]
groups: {"30003": {}}
apps:
  nonebot: {protocol: onebot11, accessToken: ` + nonebotToken + `}
  koishi: {protocol: onebot11, connect: "ws://127.0.0.1:KOISHI/onebot"}
`

// reverseNoneBot listens; catflap dials it.
func reverseNoneBot(t *testing.T, b *box) *process {
	t.Helper()
	return startNoneBot(t, map[string]any{"driver": "~fastapi", "port": b.nonebot, "onebot_access_token": nonebotToken})
}

// forwardNoneBot dials the gateway with the given driver, websockets or aiohttp.
func forwardNoneBot(t *testing.T, b *box, driver string) *process {
	t.Helper()
	return startNoneBot(t, map[string]any{"driver": "~" + driver, "onebot_access_token": nonebotToken,
		"onebot_ws_urls": []string{fmt.Sprintf("ws://127.0.0.1:%d/", b.gateway)}})
}

// forwardKoishi dials the gateway.
func forwardKoishi(t *testing.T, b *box) *process {
	t.Helper()
	return startKoishi(t, "ws", 0, map[string]any{"endpoint": fmt.Sprintf("ws://127.0.0.1:%d/", b.gateway), "token": koishiToken, "retryInterval": 500})
}

// reverseKoishi listens; catflap dials it.
func reverseKoishi(t *testing.T, b *box) *process {
	t.Helper()
	return startKoishi(t, "ws-reverse", b.koishi, map[string]any{"path": "/onebot"})
}

// round checks that each of the bots answers a private and a mentioned group message.
func round(t *testing.T, n *napcat, word string, bots ...*process) {
	t.Helper()
	marks := make([]int, len(bots))
	for i, p := range bots {
		marks[i] = p.mark()
	}
	n.tell(ann, "ping p-"+word)
	n.mention(ops, ann, "ping g-"+word)
	n.hears(t, 0, ann, "pong p-"+word, len(bots))
	n.hears(t, ops, 0, "pong g-"+word, len(bots))
	for i, p := range bots {
		p.waitTimes(t, marks[i], "SENT", 2)
	}
}

func TestNoneBotReverseAndKoishiForward(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	n := dialNapCat(t, b)
	nonebot, koishi := reverseNoneBot(t, b), forwardKoishi(t, b)
	nonebot.wait(t, "CONNECTED 10001")
	koishi.wait(t, "CONNECTED 10001")
	round(t, n, "one", nonebot, koishi)
	nonebot.alive(t)
	koishi.alive(t)
}

func TestNoneBotForwardAndKoishiReverse(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"websockets", "aiohttp"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			b := startBox(t, swappedApps)
			n := dialNapCat(t, b)
			nonebot, koishi := forwardNoneBot(t, b, driver), reverseKoishi(t, b)
			nonebot.wait(t, "CONNECTED 10001")
			koishi.wait(t, "CONNECTED 10001")
			round(t, n, driver, nonebot, koishi)
		})
	}
}

// NoneBot's aiohttp driver closes a link on which no frame came for 30 s. Three heartbeats at the default interval take
// longer than that, and the link must still be the first one.
func TestSilenceDoesNotDropNoneBot(t *testing.T) {
	t.Parallel()
	b := startBox(t, swappedApps)
	n := dialNapCat(t, b)
	nonebot := forwardNoneBot(t, b, "aiohttp")
	nonebot.wait(t, "CONNECTED 10001")
	mark := nonebot.mark()
	nonebot.waitTimes(t, mark, "BEAT", 3)
	if nonebot.since(mark, "GONE") {
		t.Error("NoneBot lost its link while nobody said anything")
	}
	n.tell(ann, "ping quiet")
	n.hears(t, 0, ann, "pong quiet", 1)
}

var pairingCode = regexp.MustCompile(`\b[A-HJ-NP-Z2-9]{8}\b`)

// code waits for the pairing reply to a stranger and returns the code in it.
func (n *napcat) code(t *testing.T, user uint64) string {
	t.Helper()
	s := n.sends(t, "a pairing reply", func(s simulator.Sent) bool {
		return s.Group == 0 && s.User == user && pairingCode.MatchString(s.Text)
	})
	for line := range strings.Lines(s.Text) {
		if line = strings.TrimSpace(line); pairingCode.FindString(line) == line && line != "" {
			return line
		}
	}
	t.Fatalf("the pairing reply has no code on a line of its own:\n%s", s.Text)
	return ""
}

// A stranger is told how to get in, is not heard by the apps before, and is answered by both after the approval.
func TestStrangerIsPaired(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	n := dialNapCat(t, b)
	nonebot, koishi := reverseNoneBot(t, b), forwardKoishi(t, b)
	nonebot.wait(t, "CONNECTED 10001")
	koishi.wait(t, "CONNECTED 10001")

	n.tell(bob, "ping before")
	code := n.code(t, bob)
	if !strings.Contains(b.cli(t, "pairing", "list"), code) {
		t.Error("`catflap pairing list` does not show the code")
	}
	b.cli(t, "pairing", "approve", code)
	n.tell(bob, "ping after")
	n.hears(t, 0, bob, "pong after", 2)

	// Events are delivered in order: what was said before would have come before.
	for _, p := range []*process{nonebot, koishi} {
		if p.since(0, "ping before") {
			t.Errorf("%s heard the stranger before the approval", p.name)
		}
	}
	if again := n.saying(0, bob, "pong before"); len(again) > 0 {
		t.Errorf("the stranger was answered before the approval: %+v", again)
	}
	b.explained(t, "user:20003", "dm.pairing-required")
}

// A group that is not listed is silent; a message that mentions nobody is context.
func TestUnlistedAndUnmentionedAreSilent(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	n := dialNapCat(t, b)
	nonebot, koishi := reverseNoneBot(t, b), forwardKoishi(t, b)
	nonebot.wait(t, "CONNECTED 10001")
	koishi.wait(t, "CONNECTED 10001")

	n.mention(fun, ann, "ping unlisted")
	n.Say(simulator.InGroup(ops, ann), simulator.Text("ping unmentioned"))
	n.mention(ops, ann, "ping mentioned")
	n.hears(t, ops, 0, "pong mentioned", 2)

	for _, p := range []*process{nonebot, koishi} {
		for _, word := range []string{"ping unlisted", "ping unmentioned"} {
			if p.since(0, word) {
				t.Errorf("%s heard %q", p.name, word)
			}
		}
	}
	b.remembers(t, "group:30003", "ping unmentioned")
	b.remembers(t, "group:30003", "ping mentioned")
	b.explained(t, "group:30003", "mention.required")
	b.explained(t, "group:30004", "group.not-listed")
	for _, m := range b.history(t, "group:30004") {
		t.Errorf("a message of an unlisted group is in the history: %+v", m)
	}
}

func TestNoneBotRecoversFromARestartOfCatflap(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	n := dialNapCat(t, b)
	nonebot := reverseNoneBot(t, b)
	nonebot.wait(t, "CONNECTED 10001")
	mark := nonebot.mark()
	b.restart(t)
	nonebot.after(t, mark, "GONE 10001")
	nonebot.after(t, mark, "CONNECTED 10001")
	n.linked(t)
	b.account(t, "default", true)
	round(t, n, "again", nonebot)
}

func TestForwardNoneBotRecoversFromARestartOfCatflap(t *testing.T) {
	t.Parallel()
	b := startBox(t, swappedApps)
	n := dialNapCat(t, b)
	nonebot := forwardNoneBot(t, b, "websockets")
	nonebot.wait(t, "CONNECTED 10001")
	mark := nonebot.mark()
	b.restart(t)
	nonebot.after(t, mark, "GONE 10001")
	nonebot.after(t, mark, "CONNECTED 10001")
	n.linked(t)
	b.account(t, "default", true)
	round(t, n, "again", nonebot)
}

// When NapCat goes away and comes back the apps stay connected: Koishi's forward link would never come back.
func TestFault_T07_RealBotsStayWhenNapCatRestarts(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	first := dialNapCat(t, b)
	nonebot, koishi := reverseNoneBot(t, b), forwardKoishi(t, b)
	nonebot.wait(t, "CONNECTED 10001")
	koishi.wait(t, "CONNECTED 10001")
	nm, km := nonebot.mark(), koishi.mark()

	first.stop()
	b.account(t, "default", false)
	b.app(t, "nonebot", true)
	b.app(t, "koishi", true)
	second := dialNapCat(t, b)
	b.account(t, "default", true)
	round(t, second, "second", nonebot, koishi)
	if nonebot.since(nm, "GONE") {
		t.Error("NoneBot lost its link")
	}
	if koishi.since(km, "GONE") {
		t.Error("Koishi lost its link")
	}
}
