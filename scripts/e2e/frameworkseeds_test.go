package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// answers checks that a bot answers a private message.
func answers(t *testing.T, n *napcat, p *process, word string) {
	t.Helper()
	p.wait(t, "CONNECTED 10001")
	n.tell(ann, "ping "+word)
	n.hears(t, 0, ann, "pong "+word, 1)
}

// dialsNoneBot starts a NoneBot and a catflap that dials it at a path.
func dialsNoneBot(t *testing.T, path string) {
	t.Helper()
	t.Parallel()
	b := startBox(t, "allowFrom: [20002]\napps: {nonebot: {protocol: onebot11, connect: \"ws://127.0.0.1:NONEBOT"+path+"\", accessToken: "+nonebotToken+"}}")
	n := dialNapCat(t, b)
	answers(t, n, reverseNoneBot(t, b), "path")
}

func TestSeed_nonebot_v11_reverse_root(t *testing.T) { dialsNoneBot(t, "/onebot/v11/") }

func TestSeed_nonebot_v11_reverse_ws(t *testing.T) { dialsNoneBot(t, "/onebot/v11/ws") }

func TestSeed_nonebot_v11_reverse_wsSlash(t *testing.T) { dialsNoneBot(t, "/onebot/v11/ws/") }

// One link carries events and calls.
func TestSeed_nonebot_v11_reverse_universal(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, "allowFrom: [20002]\napps: {own: {protocol: onebot11, connect: \""+l.address()+"/onebot/v11/ws\", accessToken: "+nonebotToken+"}}")
	n := dialNapCat(t, b)
	a := l.next(t)
	for key, want := range map[string]string{"X-Self-Id": "10001", "X-Client-Role": "Universal", "Authorization": "Bearer " + nonebotToken, "Sec-Websocket-Protocol": ""} {
		if got := a.header.Get(key); got != want {
			t.Errorf("header %s is %q, want %q", key, got, want)
		}
	}
	p := serveProbe(t, a.conn)
	if f := p.first(t); !f.is("meta_event_type", "lifecycle") || !f.is("sub_type", "connect") {
		t.Errorf("the first frame is %+v, want lifecycle connect", f)
	}
	n.tell(ann, "an event")
	p.text(t, "an event")
	p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "a call"})
	n.hears(t, 0, ann, "a call", 1)
}

func TestSeed_nonebot_v11_forward(t *testing.T) {
	t.Parallel()
	b := startBox(t, swappedApps)
	n := dialNapCat(t, b)
	answers(t, n, forwardNoneBot(t, b, "websockets"), "forward")
}

func TestSeed_integration_nonebot_reverse(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	n := dialNapCat(t, b)
	nonebot := reverseNoneBot(t, b)
	nonebot.wait(t, "CONNECTED 10001")
	round(t, n, "default", nonebot)
}

// NoneBot has a token and catflap another one: NoneBot answers 403, and status says what to set. Once it is set, all is
// well without a restart of either.
func TestSeed_integration_nonebot_403(t *testing.T) {
	t.Parallel()
	config := "allowFrom: [20002]\napps: {nonebot: {protocol: onebot11, connect: \"ws://127.0.0.1:NONEBOT/onebot/v11/ws\", accessToken: TOKEN}}"
	b := startBox(t, strings.Replace(config, "TOKEN", wrongToken, 1))
	n := dialNapCat(t, b)
	nonebot := reverseNoneBot(t, b)
	nonebot.wait(t, "READY")
	eventually(t, "status names ONEBOT_ACCESS_TOKEN", func() (bool, string) {
		s := b.status(t)
		for _, a := range s.Apps {
			if strings.Contains(a.LastError, "403") && a.Hint.says("ONEBOT_ACCESS_TOKEN") {
				return true, ""
			}
		}
		return false, printed(s)
	})
	b.write(t, strings.Replace(config, "TOKEN", nonebotToken, 1))
	b.reload(t)
	answers(t, n, nonebot, "mended")
}

func TestSeed_integration_nonebot_token(t *testing.T) {
	t.Parallel()
	b := startBox(t, "allowFrom: [20002]\napps: {nonebot: {protocol: onebot11, connect: \"ws://127.0.0.1:NONEBOT/onebot/v11/ws\", accessToken: "+nonebotToken+"}}")
	n := dialNapCat(t, b)
	answers(t, n, reverseNoneBot(t, b), "token")
	if s := b.status(t); s.Apps[0].LastError != "" {
		t.Errorf("connected, and the last error is %q", s.Apps[0].LastError)
	}
}

func TestSeed_integration_koishi_wsReverse(t *testing.T) {
	t.Parallel()
	b := startBox(t, swappedApps)
	n := dialNapCat(t, b)
	koishi := reverseKoishi(t, b)
	koishi.wait(t, "CONNECTED 10001")
	round(t, n, "reverse", koishi)
}

func TestSeed_integration_koishi_ws(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	n := dialNapCat(t, b)
	koishi := forwardKoishi(t, b)
	koishi.wait(t, "CONNECTED 10001")
	round(t, n, "forward", koishi)
}

// Koishi closes a link whose X-Self-ID is not its selfId; status shows what it said.
func TestSeed_integration_koishi_selfId(t *testing.T) {
	t.Parallel()
	b := startBox(t, swappedApps)
	dialNapCat(t, b)
	startKoishi(t, "ws-reverse", b.koishi, map[string]any{"path": "/onebot", "selfId": fmt.Sprint(otherBot)})
	eventually(t, "status shows that Koishi refused the id", func() (bool, string) {
		s := b.status(t)
		for _, a := range s.Apps {
			if a.Name == "koishi" && strings.Contains(a.LastError, "1008") {
				return true, ""
			}
		}
		return false, printed(s)
	})
}

// The gateway lets Koishi in by its token and by no other.
func TestSeed_integration_koishi_token(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	n := dialNapCat(t, b)
	stranger := startKoishi(t, "ws", 0, map[string]any{"endpoint": fmt.Sprintf("ws://127.0.0.1:%d/", b.gateway), "token": wrongToken, "retryInterval": 500})
	stranger.wait(t, "READY")
	koishi := forwardKoishi(t, b)
	answers(t, n, koishi, "token")
	if stranger.since(0, "CONNECTED") {
		t.Error("a Koishi with a wrong token was let in")
	}
}

func TestSeed_integration_ws_forward(t *testing.T) {
	_, n, p := setUp(t, admitted)
	n.tell(ann, "an event")
	p.text(t, "an event")
}

func TestSeed_integration_ws_reverse(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, "allowFrom: [20002]\napps: {own: {protocol: onebot11, connect: \""+l.address()+"/onebot/v11/ws\"}}")
	n := dialNapCat(t, b)
	a := l.next(t)
	if a.path != "/onebot/v11/ws" || a.header.Get("Authorization") != "" {
		t.Errorf("dialled %s with Authorization %q, want no such header without a token", a.path, a.header.Get("Authorization"))
	}
	p := serveProbe(t, a.conn)
	n.tell(ann, "an event")
	p.text(t, "an event")
}
