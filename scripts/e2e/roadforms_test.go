package e2e

import (
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// NapCat set to string format: mentions are seen, history is kept, and each app gets the form that it asked for, of events and
// of the message that it looks up.
func TestNapCatInStringFormat(t *testing.T) {
	t.Parallel()
	b := startBox(t, "allowFrom: [20002]\ngroups: {\"30003\": {}}\napps:\n  array: {protocol: onebot11, accessToken: "+probeToken+"}\n  text: {protocol: onebot11, messageFormat: string, accessToken: "+koishiToken+"}\n")
	n := callNapCat(t, simulator.Options{Token: napcatToken, Format: simulator.String}, b.napcatAddress("/onebot/v11/ws"))
	n.linked(t)
	array, text := dialProbe(t, b, "/", probeToken), dialProbe(t, b, "/", koishiToken)
	array.first(t)
	text.first(t)
	n.mention(ops, ann, "a [b] & c")
	f := array.text(t, "a [b] & c")
	if s := segments(f); len(s) != 2 || !s[0].is("type", "at") {
		t.Errorf("received %+v, want a mention and a text", f["message"])
	}
	g := text.text(t, "a &#91;b&#93; &amp; c")
	if !strings.HasPrefix(plain(g), "[CQ:at,qq=10001") {
		t.Errorf("received %+v, want a CQ string", g["message"])
	}
	b.remembers(t, "group:30003", "a [b] & c")

	id := map[string]any{"message_id": f["message_id"]}
	if s := segments(array.must(t, "get_msg", id).data()); len(s) != 2 {
		t.Errorf("get_msg is answered %+v, want segments", s)
	}
	if s, ok := text.must(t, "get_msg", id).data()["message"].(string); !ok || !strings.HasPrefix(s, "[CQ:at,qq=10001") {
		t.Errorf("get_msg is answered %q, want a CQ string", s)
	}
}

// NoneBot refuses what is signed with another secret: it is counted, status says what to set, and nothing is repeated once the
// secret is right.
func TestNoneBotPostWithAnotherSecret(t *testing.T) {
	t.Parallel()
	config := everybody + "apps: {nonebot: {protocol: onebot11, post: \"http://127.0.0.1:NONEBOT/onebot/v11/\", secret: SECRET, accessToken: " + nonebotToken + "}}"
	b := startBox(t, strings.Replace(config, "SECRET", wrongToken, 1))
	n := dialNapCat(t, b)
	nonebot := postNoneBot(t, b)
	nonebot.wait(t, "READY")
	n.tell(ann, "ping refused")
	eventually(t, "status shows the refusal and ONEBOT_SECRET", func() (bool, string) {
		s := b.status(t)
		a := s.Apps[0]
		return strings.Contains(a.LastError, "403") && a.Hint.says("ONEBOT_SECRET") && a.Skipped > 0, printed(s)
	})
	b.write(t, strings.Replace(config, "SECRET", hookSecret, 1))
	b.reload(t)
	chats(t, n, "mended")
	if nonebot.since(0, "ping refused") {
		t.Error("an event that was refused for good came again")
	}
}
