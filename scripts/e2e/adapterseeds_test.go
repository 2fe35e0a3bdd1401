package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// NapCat is the WebSocket server and catflap dials it.
func TestSeed_adapters_wsServer_link(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	n := serveNapCat(t, simulator.Options{Token: napcatToken}, port)
	b := startBox(t, fmt.Sprintf("allowFrom: [20002]\nlink: forward\nurl: \"ws://127.0.0.1:%d\"", port)+apps)
	n.linked(t)
	b.account(t, "default", true)
	p := dialProbe(t, b, "/", probeToken)
	p.first(t)
	n.tell(ann, "an event")
	p.text(t, "an event")
	p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "a call"})
	n.hears(t, 0, ann, "a call", 1)
}

// The gateway serves what NapCat's WebSocket server serves: `/` for both, `/event` for events, `/api` for calls.
func TestSeed_adapters_wsServer_app(t *testing.T) {
	b, n, both := setUp(t, admitted)
	calls := dialProbe(t, b, "/api", probeToken)
	n.tell(ann, "on the root")
	both.text(t, "on the root")
	calls.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "a call"})
	n.hears(t, 0, ann, "a call", 1)

	// A second event connection of the same app takes over.
	events := dialProbe(t, b, "/event", probeToken)
	events.first(t)
	n.tell(ann, "an event")
	events.text(t, "an event")
	silent(t, calls, "on the root", "an event")
}

func TestSeed_adapters_wsServer_token_header(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	dialNapCat(t, b)
	conn, err := dialGateway(t, b, "/", "")
	if status := refusal(t, conn, err); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d, want 401", status)
	}
	conn, err = dialGateway(t, b, "/", wrongToken)
	if status := refusal(t, conn, err); status != http.StatusForbidden {
		t.Errorf("with a wrong token: %d, want 403", status)
	}
	dialProbe(t, b, "/", probeToken).first(t)
}

func TestSeed_adapters_wsServer_token_query(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	dialNapCat(t, b)
	conn, err := dialGateway(t, b, "/?access_token="+wrongToken, "")
	if status := refusal(t, conn, err); status != http.StatusForbidden {
		t.Errorf("with a wrong token: %d, want 403", status)
	}
	dialProbe(t, b, "/?access_token="+probeToken, "").first(t)
}

func TestSeed_adapters_wsServer_port(t *testing.T) {
	t.Parallel()
	b := startBox(t, "gateway: {listen: 127.0.0.1:GATEWAY}"+apps)
	dialNapCat(t, b)
	dialProbe(t, b, "/", probeToken).first(t)
}

func TestSeed_adapters_wsServer_host(t *testing.T) {
	t.Parallel()
	b := startBox(t, "gateway: {listen: 127.0.0.2:GATEWAY}"+apps)
	dialNapCat(t, b)
	if conn, err := dialGateway(t, b, "/", probeToken); err == nil {
		conn.Close(1000, "")
		t.Error("the gateway listens on 127.0.0.1 too")
	}
	conn, err := dialAt(t, fmt.Sprintf("ws://127.0.0.2:%d/", b.gateway), probeToken, nil)
	if err != nil {
		t.Fatal(err)
	}
	serveProbe(t, conn).first(t)
}

func TestSeed_adapters_wsServer_enable(t *testing.T) {
	t.Parallel()
	config := "apps: {probe: {protocol: onebot11, enabled: ENABLED, accessToken: " + probeToken + "}}"
	b := startBox(t, strings.Replace(config, "ENABLED", "false", 1))
	dialNapCat(t, b)
	conn, err := dialGateway(t, b, "/", probeToken)
	if err == nil {
		conn.Close(1000, "")
		t.Error("a disabled app was let in")
	}
	b.write(t, strings.Replace(config, "ENABLED", "true", 1))
	b.reload(t)
	dialProbe(t, b, "/", probeToken).first(t)
}

// What the account itself says, on another device, reaches the apps that ask for it and no other.
func reportsSelf(t *testing.T) {
	t.Helper()
	t.Parallel()
	b := startBox(t, `
allowFrom: [20002]
apps:
  probe: {protocol: onebot11, reportSelf: true, accessToken: `+probeToken+`}
  other: {protocol: onebot11, accessToken: `+koishiToken+`}
`)
	n := dialNapCat(t, b)
	p, other := dialProbe(t, b, "/", probeToken), dialProbe(t, b, "/", koishiToken)
	p.first(t)
	other.first(t)
	n.Say(n.OwnTo(ann), simulator.Text("said by myself"))
	p.wait(t, "message_sent", func(f frame) bool {
		return f.is("post_type", "message_sent") && strings.Contains(plain(f), "said by myself")
	})
	n.tell(ann, "marker")
	other.text(t, "marker")
	other.mu.Lock()
	defer other.mu.Unlock()
	for _, f := range other.frames {
		if f.is("post_type", "message_sent") {
			t.Errorf("an app without reportSelf received %+v", f)
		}
	}
}

func TestSeed_adapters_wsServer_reportSelf(t *testing.T) { reportsSelf(t) }

func TestSeed_adapters_wsServer_heartInterval(t *testing.T) {
	t.Parallel()
	b := startBox(t, "apps: {probe: {protocol: onebot11, heartbeat: 1000, accessToken: "+probeToken+"}}")
	dialNapCat(t, b)
	p := dialProbe(t, b, "/", probeToken)
	p.wait(t, "a heartbeat", func(f frame) bool { return f.is("meta_event_type", "heartbeat") && f.is("interval", "1000") })
}

// Every event connection gets events at once; none has to ask first.
func TestSeed_adapters_wsServer_forcePush(t *testing.T) {
	_, n, p := setUp(t, admitted)
	n.tell(ann, "pushed")
	p.text(t, "pushed")
}

func TestSeed_adapters_wsClient_link(t *testing.T) {
	t.Parallel()
	b := startBox(t, "")
	dialNapCat(t, b)
	b.account(t, "default", true)
}

func TestSeed_adapters_wsClient_app(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, "allowFrom: [20002]\napps: {own: {protocol: onebot11, connect: \""+l.address()+"/ws\"}}")
	n := dialNapCat(t, b)
	p := serveProbe(t, l.next(t).conn)
	n.tell(ann, "an event")
	p.text(t, "an event")
	p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "a call"})
	n.hears(t, 0, ann, "a call", 1)
}

func TestSeed_adapters_wsClient_enable(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	config := "apps: {own: {protocol: onebot11, enabled: ENABLED, connect: \"" + l.address() + "/ws\"}}"
	b := startBox(t, strings.Replace(config, "ENABLED", "true", 1))
	dialNapCat(t, b)
	a := l.next(t)
	p := serveProbe(t, a.conn)
	p.first(t)
	b.write(t, strings.Replace(config, "ENABLED", "false", 1))
	b.reload(t)
	ctx, cancel := deadline(t)
	defer cancel()
	select {
	case <-a.conn.Done():
	case <-ctx.Done():
		t.Error("the link of the disabled app is still up")
	}
}

func TestSeed_adapters_wsClient_url(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, "apps: {own: {protocol: onebot11, connect: \""+l.address()+"/some/path?key=1\"}}")
	dialNapCat(t, b)
	if a := l.next(t); a.path != "/some/path" {
		t.Errorf("dialled %s, want /some/path", a.path)
	}
	out, err := newBox(t, "apps: {own: {protocol: onebot11, connect: \"ftp://127.0.0.1/\"}}").try("config", "check")
	if err == nil || !strings.Contains(out, "connect") {
		t.Errorf("a foreign scheme passed: %v\n%s", err, out)
	}
}

func TestSeed_adapters_wsClient_token(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, "apps: {own: {protocol: onebot11, accessToken: "+nonebotToken+", connect: \""+l.address()+"/ws\"}}")
	dialNapCat(t, b)
	if got := l.next(t).header.Get("Authorization"); got != "Bearer "+nonebotToken {
		t.Errorf("Authorization is %q", got)
	}
}

// A refused dial is tried again and again, with the delays of the configuration.
func TestSeed_adapters_wsClient_reconnectInterval(t *testing.T) {
	t.Parallel()
	l := listen(t, http.StatusForbidden)
	b := startBox(t, "apps: {own: {protocol: onebot11, reconnect: {retryDelay: 100, maxDelay: 200}, connect: \""+l.address()+"/ws\"}}")
	dialNapCat(t, b)
	for range 5 {
		l.next(t)
	}
}

func TestSeed_adapters_wsClient_reportSelf(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, "allowFrom: [20002]\napps: {own: {protocol: onebot11, reportSelf: true, connect: \""+l.address()+"/ws\"}}")
	n := dialNapCat(t, b)
	p := serveProbe(t, l.next(t).conn)
	p.first(t)
	n.Say(n.OwnTo(ann), simulator.Text("said by myself"))
	p.wait(t, "message_sent", func(f frame) bool { return f.is("post_type", "message_sent") })
}

func TestSeed_adapters_wsClient_heartInterval(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, "apps: {own: {protocol: onebot11, heartbeat: 1000, connect: \""+l.address()+"/ws\"}}")
	dialNapCat(t, b)
	p := serveProbe(t, l.next(t).conn)
	p.wait(t, "a heartbeat", func(f frame) bool { return f.is("meta_event_type", "heartbeat") && f.is("interval", "1000") })
}

func TestSeed_adapters_useCase_single(t *testing.T) {
	_, n, p := setUp(t, admitted)
	n.tell(ann, "one application")
	p.text(t, "one application")
}

// Several applications, dialled and dialling, all get the event; an answer goes to the one that asked.
func TestSeed_adapters_useCase_multiple(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, `
allowFrom: [20002]
pacing: off
apps:
  first: {protocol: onebot11, accessToken: `+probeToken+`}
  second: {protocol: onebot11, accessToken: `+koishiToken+`}
  third: {protocol: onebot11, connect: "`+l.address()+`/ws"}
`)
	n := dialNapCat(t, b)
	probes := []*probe{dialProbe(t, b, "/", probeToken), dialProbe(t, b, "/", koishiToken), serveProbe(t, l.next(t).conn)}
	for _, p := range probes {
		p.first(t)
	}
	n.tell(ann, "to all")
	for _, p := range probes {
		p.text(t, "to all")
	}
	for i, p := range probes {
		answer := p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": fmt.Sprintf("from %d", i)})
		sent := n.sends(t, "the message", func(s simulator.Sent) bool { return s.Text == fmt.Sprintf("from %d", i) })
		if !answer.data().is("message_id", fmt.Sprint(sent.MessageID)) {
			t.Errorf("app %d was answered %+v, want message id %d", i, answer, sent.MessageID)
		}
	}
	for i, p := range probes {
		p.mu.Lock()
		answers := 0
		for _, f := range p.frames {
			if _, has := f["echo"]; has {
				answers++
			}
		}
		p.mu.Unlock()
		if answers != 1 {
			t.Errorf("app %d got %d answers to one call", i, answers)
		}
	}
}

// NapCat and the application both listen nowhere that catflap could not reach: it is dialled by one and dials the other.
func TestSeed_adapters_useCase_nat(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, "allowFrom: [20002]\napps: {own: {protocol: onebot11, connect: \""+l.address()+"/ws\"}}")
	n := dialNapCat(t, b)
	p := serveProbe(t, l.next(t).conn)
	p.first(t)
	n.tell(ann, "through")
	p.text(t, "through")
}

func TestSeed_adapters_notes_sameType(t *testing.T) {
	t.Parallel()
	one, two := listen(t, 0), listen(t, 0)
	b := startBox(t, "apps:\n  one: {protocol: onebot11, connect: \""+one.address()+"/\"}\n  two: {protocol: onebot11, connect: \""+two.address()+"/\"}\n")
	dialNapCat(t, b)
	one.next(t)
	two.next(t)
}

func TestSeed_adapters_notes_uniqueNames(t *testing.T) {
	t.Parallel()
	b := newBox(t, "apps:\n  same: {protocol: onebot11, accessToken: "+probeToken+"}\n  same: {protocol: onebot11, accessToken: "+koishiToken+"}\n")
	out, err := b.try("config", "check")
	if err == nil || !strings.Contains(out, "same") {
		t.Errorf("a name used twice passed: %v\n%s", err, out)
	}
}

func TestSeed_onebots_ws_url(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	n := dialNapCat(t, b)
	p := dialProbe(t, b, "/qq/default/onebot/v11", probeToken)
	p.first(t)
	n.tell(ann, "an event")
	p.text(t, "an event")
	p.must(t, "send_private_msg", map[string]any{"user_id": fmt.Sprint(ann), "message": "a call"})
	n.hears(t, 0, ann, "a call", 1)
}

func TestSeed_onebots_ws_url_ws(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	n := dialNapCat(t, b)
	p := dialProbe(t, b, "/qq/10001/onebot/v11/ws?access_token="+probeToken, "")
	p.first(t)
	n.tell(ann, "an event")
	p.text(t, "an event")
}

func TestSeed_onebots_use_ws(t *testing.T) {
	t.Parallel()
	b := startBox(t, "apps: {probe: {protocol: onebot11, transports: [http], accessToken: "+probeToken+"}}")
	dialNapCat(t, b)
	conn, err := dialGateway(t, b, "/", probeToken)
	if status := refusal(t, conn, err); status != http.StatusForbidden {
		t.Errorf("an app without the ws transport: %d, want 403", status)
	}
}

func TestSeed_onebots_ws_reverse_url(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	b := startBox(t, "apps: {own: {protocol: onebot11, connect: \""+l.address()+"/ws\"}}")
	dialNapCat(t, b)
	if a := l.next(t); a.path != "/ws" {
		t.Errorf("dialled %s, want /ws", a.path)
	}
}

func TestSeed_onebots_format_array(t *testing.T) {
	_, n, p := setUp(t, admitted)
	n.Say(simulator.Private(ann), simulator.Text("a "), simulator.Face("14"))
	f := p.text(t, "a ")
	if s := segments(f); len(s) != 2 || !s[1].is("type", "face") {
		t.Errorf("received %+v, want a text and a face", f["message"])
	}
	p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": []any{map[string]any{"type": "text", "data": map[string]any{"text": "as an array"}}}})
	n.hears(t, 0, ann, "as an array", 1)
}

// textForm checks that an app with messageFormat: string gets CQ codes and an app without it segments, of one event.
func textForm(t *testing.T, n *napcat, text, array *probe) {
	t.Helper()
	n.Say(simulator.Private(ann), simulator.Text("a [b] & c "), simulator.Face("14"))
	const want = "a &#91;b&#93; &amp; c [CQ:face,id=14"
	f := text.wait(t, "a message", func(f frame) bool { return f.is("post_type", "message") })
	if s, _ := f["message"].(string); !strings.HasPrefix(s, want) {
		t.Errorf("message is %q, want it to begin with %q", f["message"], want)
	}
	if !f.is("message_format", "string") {
		t.Errorf("message_format is %v, want string", f["message_format"])
	}
	if s := segments(array.text(t, "a [b] & c ")); len(s) != 2 || !s[1].is("type", "face") {
		t.Errorf("the other app received %+v, want a text and a face", s)
	}
}

func TestSeed_adapters_wsServer_format(t *testing.T) {
	t.Parallel()
	b := startBox(t, `
allowFrom: [20002]
apps:
  probe: {protocol: onebot11, messageFormat: string, accessToken: `+probeToken+`}
  other: {protocol: onebot11, messageFormat: array, accessToken: `+koishiToken+`}
`)
	n := dialNapCat(t, b)
	text, array := dialProbe(t, b, "/", probeToken), dialProbe(t, b, "/", koishiToken)
	text.first(t)
	array.first(t)
	textForm(t, n, text, array)
}

func TestSeed_adapters_wsClient_format(t *testing.T) {
	t.Parallel()
	one, two := listen(t, 0), listen(t, 0)
	b := startBox(t, `
allowFrom: [20002]
apps:
  one: {protocol: onebot11, messageFormat: string, connect: "`+one.address()+`/"}
  two: {protocol: onebot11, connect: "`+two.address()+`/"}
`)
	n := dialNapCat(t, b)
	text, array := serveProbe(t, one.next(t).conn), serveProbe(t, two.next(t).conn)
	text.first(t)
	array.first(t)
	textForm(t, n, text, array)
}

// A message in an action may be a CQ string; NapCat gets it as the app wrote it.
func TestSeed_onebots_format_string(t *testing.T) {
	_, n, p := setUp(t, admitted)
	p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "as a string [CQ:face,id=14]"})
	s := n.sends(t, "the message", func(s simulator.Sent) bool { return strings.HasPrefix(s.Text, "as a string") })
	if len(s.Segments) != 2 || s.Segments[1].Type != "face" {
		t.Errorf("sent %+v, want a text and a face", s.Segments)
	}
}
