package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

// joinNapCat is dialNapCat and waits until catflap takes calls for it: a call by HTTP has no event before it to wait for.
func joinNapCat(t *testing.T, b *box) *napcat {
	t.Helper()
	n := dialNapCat(t, b)
	b.account(t, "default", true)
	return n
}

// hello is a message to ann, as JSON parameters.
const hello = `{"user_id":20002,"message":"hello by HTTP"}`

// calls checks that an HTTP call at the address reaches NapCat.
func calls(t *testing.T, n *napcat, address, token string) {
	t.Helper()
	if a := ask(t, "POST", address+"/send_private_msg", token, hello); a.status != http.StatusOK || !strings.Contains(a.body, `"retcode":0`) || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("answered %+v", a)
	}
	n.hears(t, 0, ann, "hello by HTTP", 1)
}

// twice checks that a name that is used twice is refused, with that name.
func twice(t *testing.T, app string) {
	t.Helper()
	t.Parallel()
	b := newBox(t, "apps:\n  same: {protocol: onebot11, "+app+"}\n  same: {protocol: onebot11, "+app+"}\n")
	if out, err := b.try("config", "check"); err == nil || !strings.Contains(out, "same") {
		t.Errorf("a name used twice passed: %v\n%s", err, out)
	}
}

// debugs checks that debug: true on an app logs what it gets and asks for, and that nothing of an app without it is logged.
func debugs(t *testing.T, app string, ready func(*box, *napcat), lines ...string) {
	t.Helper()
	t.Parallel()
	b := startBox(t, "log: {level: info}\n"+everybody+"apps:\n  own: {protocol: onebot11, debug: true, "+app+"}\n  other: {protocol: onebot11, accessToken: "+koishiToken+"}\n")
	n := joinNapCat(t, b)
	dialProbe(t, b, "/", koishiToken).first(t)
	if ready != nil {
		ready(b, n)
	}
	n.tell(ann, "an event")
	for _, line := range append(lines, `msg="event for an app" app=own`) {
		b.wait(t, line)
	}
	for _, level := range []string{"app=other account=default kind", "msg=event "} {
		if b.since(0, level) {
			t.Errorf("more than the app's own lines are logged: %s", level)
		}
	}
}

func TestSeed_adapters_httpServer_app(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	n := joinNapCat(t, b)
	calls(t, n, b.api(""), probeToken)
}

func TestSeed_adapters_httpServer_name(t *testing.T) {
	twice(t, "transports: [http], accessToken: "+probeToken)
}

// A switch acts at once, without a restart.
func TestSeed_adapters_httpServer_enable(t *testing.T) {
	t.Parallel()
	config := everybody + "apps: {probe: {protocol: onebot11, enabled: ENABLED, accessToken: " + probeToken + "}, other: {protocol: onebot11, accessToken: " + koishiToken + "}}"
	b := startBox(t, strings.Replace(config, "ENABLED", "false", 1))
	n := joinNapCat(t, b)
	if a := ask(t, "POST", b.api("/send_private_msg"), probeToken, hello); a.status != http.StatusForbidden {
		t.Errorf("a disabled app was answered %+v", a)
	}
	b.write(t, strings.Replace(config, "ENABLED", "true", 1))
	b.reload(t)
	calls(t, n, b.api(""), probeToken)
}

// An app may have a port of its own.
func TestSeed_adapters_httpServer_port(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps: {legacy: {protocol: onebot11, listen: 127.0.0.1:KOISHI, accessToken: "+probeToken+"}}")
	n := joinNapCat(t, b)
	calls(t, n, fmt.Sprintf("http://127.0.0.1:%d", b.koishi), probeToken)
}

func TestSeed_adapters_httpServer_host(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+"\ngateway: {listen: 127.0.0.2:GATEWAY}"+apps)
	n := joinNapCat(t, b)
	calls(t, n, fmt.Sprintf("http://127.0.0.2:%d", b.gateway), probeToken)
	if resp, err := http.Get(b.api("/get_status")); err == nil {
		_ = resp.Body.Close()
		t.Error("the gateway listens on 127.0.0.1 too")
	}
}

// crossOrigin checks that a page of a listed origin may call a path, and that a page of another may not.
func crossOrigin(t *testing.T, method, path, body string) {
	t.Helper()
	t.Parallel()
	b := startBox(t, everybody+"apps: {page: {protocol: onebot11, cors: [\"https://example.org\"], accessToken: "+probeToken+"}}")
	joinNapCat(t, b)
	asks := []string{"Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization"}
	a := ask(t, "OPTIONS", b.api(path), "", "", append(asks, "Origin", "https://example.org")...)
	if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != "https://example.org" || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("the preflight was answered %+v", a)
	}
	if a := ask(t, "OPTIONS", b.api(path), "", "", append(asks, "Origin", "https://evil.example")...); a.status != http.StatusForbidden || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("the preflight of another origin was answered %+v", a)
	}
	if a := ask(t, method, b.api(path), probeToken, body, "Origin", "https://evil.example"); a.status != http.StatusForbidden {
		t.Errorf("another origin was answered %+v", a)
	}
	if method == "POST" {
		if a := ask(t, method, b.api(path), probeToken, body, "Origin", "https://example.org"); a.status != http.StatusOK || a.header.Get("Access-Control-Allow-Origin") != "https://example.org" {
			t.Errorf("the listed origin was answered %+v", a)
		}
		return
	}
	s := follow(t, b.api(path), probeToken, "Origin", "https://example.org")
	if got := s.header.Get("Access-Control-Allow-Origin"); got != "https://example.org" {
		t.Errorf("Access-Control-Allow-Origin is %q", got)
	}
}

func TestSeed_adapters_httpServer_cors(t *testing.T) {
	crossOrigin(t, "POST", "/send_private_msg", hello)
}

func TestSeed_adapters_httpServer_websocket(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps: {legacy: {protocol: onebot11, listen: 127.0.0.1:KOISHI, accessToken: "+probeToken+"}}")
	n := joinNapCat(t, b)
	conn, err := dialAt(t, fmt.Sprintf("ws://127.0.0.1:%d/", b.koishi), probeToken, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := serveProbe(t, conn)
	p.first(t)
	n.tell(ann, "an event")
	p.text(t, "an event")
	calls(t, n, fmt.Sprintf("http://127.0.0.1:%d", b.koishi), probeToken)
}

// A call may hold its message in either form.
func TestSeed_adapters_httpServer_format(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	n := joinNapCat(t, b)
	for i, message := range []string{`"with a face [CQ:face,id=14]"`, `[{"type":"text","data":{"text":"with a face "}},{"type":"face","data":{"id":"14"}}]`} {
		if a := ask(t, "POST", b.api("/send_group_msg"), probeToken, fmt.Sprintf(`{"group_id":%d,"message":%s}`, ops, message)); a.status != http.StatusOK {
			t.Errorf("answered %+v", a)
		}
		n.hears(t, ops, 0, "with a face ", i+1)
	}
	for _, s := range n.saying(ops, 0, "with a face ") {
		if len(s.Segments) != 2 || s.Segments[1].Type != "face" {
			t.Errorf("sent %+v, want a text and a face", s.Segments)
		}
	}
}

func TestSeed_adapters_httpServer_token(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	n := joinNapCat(t, b)
	for _, c := range []struct {
		name, token, path string
		headers           []string
		status            int
	}{
		{"none", "", "/get_login_info", nil, http.StatusUnauthorized},
		{"wrong", wrongToken, "/get_login_info", nil, http.StatusForbidden},
		{"wrong in the query", "", "/get_login_info?access_token=" + wrongToken, nil, http.StatusForbidden},
		{"Bearer", probeToken, "/get_login_info", nil, http.StatusOK},
		{"Token, as Koishi writes it", "", "/get_login_info", []string{"Authorization", "Token " + probeToken}, http.StatusOK},
		{"in the query", "", "/get_login_info?access_token=" + probeToken, nil, http.StatusOK},
	} {
		if a := ask(t, "GET", b.api(c.path), c.token, "", c.headers...); a.status != c.status {
			t.Errorf("token %s: %d, want %d: %s", c.name, a.status, c.status, a.body)
		}
	}
	calls(t, n, b.api(""), probeToken)
}

func TestSeed_adapters_httpServer_debug(t *testing.T) {
	debugs(t, "accessToken: "+probeToken, func(b *box, n *napcat) {
		follow(t, b.api("/_events"), probeToken) // an app that only calls gets no events
		calls(t, n, b.api(""), probeToken)
	}, "msg=action app=own account=default action=send_private_msg chat=user:20002 code=0")
}

// events is an open stream of server-sent events.
type events struct {
	header http.Header
	mu     sync.Mutex
	list   []sent
	news   chan struct{}
	ended  chan struct{}
}

// sent is one event of a stream.
type sent struct {
	id    string
	event frame
}

// follow opens a stream of events.
func follow(t *testing.T, address, token string, headers ...string) *events {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		_ = resp.Body.Close()
		t.Fatalf("the stream was answered %s, %v", resp.Status, resp.Header)
	}
	s := &events{header: resp.Header, news: make(chan struct{}), ended: make(chan struct{})}
	go s.read(bufio.NewScanner(resp.Body))
	t.Cleanup(func() {
		_ = resp.Body.Close()
		<-s.ended
	})
	return s
}

func (s *events) read(lines *bufio.Scanner) {
	defer close(s.ended)
	lines.Buffer(nil, 16<<20)
	id := ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "":
			id = ""
		case "id":
			id = value
		case "data":
			d := json.NewDecoder(strings.NewReader(value))
			d.UseNumber()
			var f frame
			if d.Decode(&f) != nil {
				f = frame{"broken": value}
			}
			s.mu.Lock()
			s.list = append(s.list, sent{id, f})
			close(s.news)
			s.news = make(chan struct{})
			s.mu.Unlock()
		}
	}
}

// wait waits for an event that match accepts, received at any time.
func (s *events) wait(t *testing.T, what string, match func(frame) bool) sent {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		s.mu.Lock()
		for _, e := range s.list {
			if match(e.event) {
				s.mu.Unlock()
				return e
			}
		}
		news, list := s.news, s.list
		s.mu.Unlock()
		select {
		case <-news:
		case <-s.ended:
			t.Fatalf("the stream ended before %s came: %+v", what, list)
		case <-late.C:
			t.Fatalf("%s did not come within %v: %+v", what, limit, list)
		}
	}
}

// text waits for a message with the text.
func (s *events) text(t *testing.T, text string) sent {
	t.Helper()
	return s.wait(t, fmt.Sprintf("a message with %q", text), func(f frame) bool { return f.is("post_type", "message") && strings.Contains(plain(f), text) })
}

// heard tells whether such a message has come.
func (s *events) heard(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.list {
		if strings.Contains(plain(e.event), text) {
			return true
		}
	}
	return false
}

// Events come as they happen; who comes back gets what it missed, and goes on behind the event that it names.
func TestSeed_adapters_sse_app(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	n := joinNapCat(t, b)
	first := follow(t, b.api("/_events"), probeToken)
	first.wait(t, "lifecycle connect", func(f frame) bool { return f.is("sub_type", "connect") })
	for i := range 3 {
		n.tell(ann, fmt.Sprintf("event %d", i))
	}
	id := first.text(t, "event 1").id
	first.text(t, "event 2")
	// The newer connection takes over.
	again := follow(t, b.api("/_events"), probeToken, "Last-Event-ID", id)
	again.text(t, "event 2")
	<-first.ended
	if again.heard("event 1") {
		t.Error("the event that was named came again")
	}
}

func TestSeed_adapters_sse_name(t *testing.T) {
	twice(t, "transports: [sse], accessToken: "+probeToken)
}

func TestSeed_adapters_sse_enable(t *testing.T) {
	t.Parallel()
	config := everybody + "apps: {probe: {protocol: onebot11, transports: [TRANSPORTS], accessToken: " + probeToken + "}}"
	b := startBox(t, strings.Replace(config, "TRANSPORTS", "ws, http", 1))
	n := joinNapCat(t, b)
	if a := ask(t, "GET", b.api("/_events"), probeToken, ""); a.status != http.StatusForbidden || !strings.Contains(a.body, "transports") {
		t.Errorf("without sse among the transports: %+v", a)
	}
	b.write(t, strings.Replace(config, "TRANSPORTS", "sse", 1))
	b.reload(t)
	s := follow(t, b.api("/_events"), probeToken)
	n.tell(ann, "an event")
	s.text(t, "an event")
	if a := ask(t, "POST", b.api("/send_private_msg"), probeToken, hello); a.status != http.StatusForbidden {
		t.Errorf("without http among the transports: %+v", a)
	}
}

func TestSeed_adapters_sse_port(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps: {legacy: {protocol: onebot11, listen: 127.0.0.1:KOISHI, accessToken: "+probeToken+"}}")
	n := joinNapCat(t, b)
	s := follow(t, fmt.Sprintf("http://127.0.0.1:%d/_events", b.koishi), probeToken)
	n.tell(ann, "an event")
	s.text(t, "an event")
}

func TestSeed_adapters_sse_host(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+"\ngateway: {listen: 127.0.0.2:GATEWAY}"+apps)
	n := joinNapCat(t, b)
	s := follow(t, fmt.Sprintf("http://127.0.0.2:%d/_events", b.gateway), probeToken)
	n.tell(ann, "an event")
	s.text(t, "an event")
}

func TestSeed_adapters_sse_cors(t *testing.T) { crossOrigin(t, "GET", "/_events", "") }

func TestSeed_adapters_sse_format(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps: {probe: {protocol: onebot11, messageFormat: string, accessToken: "+probeToken+"}}")
	n := joinNapCat(t, b)
	s := follow(t, b.api("/_events"), probeToken)
	n.Say(simulator.Private(ann), simulator.Text("a [b] "), simulator.Face("14"))
	if e := s.text(t, "a ").event; !strings.HasPrefix(plain(e), "a &#91;b&#93; [CQ:face,id=14") || !e.is("message_format", "string") {
		t.Errorf("received %+v", e)
	}
}

func TestSeed_adapters_sse_token(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	n := joinNapCat(t, b)
	if a := ask(t, "GET", b.api("/_events"), "", ""); a.status != http.StatusUnauthorized {
		t.Errorf("without a token: %+v", a)
	}
	if a := ask(t, "GET", b.api("/_events"), wrongToken, ""); a.status != http.StatusForbidden {
		t.Errorf("with a wrong token: %+v", a)
	}
	// A browser's EventSource can set no header.
	s := follow(t, b.api("/_events?access_token="+probeToken), "")
	n.tell(ann, "an event")
	s.text(t, "an event")
}

func TestSeed_adapters_sse_reportSelf(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps:\n  probe: {protocol: onebot11, reportSelf: true, accessToken: "+probeToken+"}\n  other: {protocol: onebot11, accessToken: "+koishiToken+"}\n")
	n := joinNapCat(t, b)
	s, other := follow(t, b.api("/_events"), probeToken), follow(t, b.api("/_events"), koishiToken)
	n.Say(n.OwnTo(ann), simulator.Text("said by myself"))
	s.wait(t, "message_sent", func(f frame) bool {
		return f.is("post_type", "message_sent") && strings.Contains(plain(f), "said by myself")
	})
	n.tell(ann, "marker")
	other.text(t, "marker")
	if other.heard("said by myself") {
		t.Error("an app without reportSelf received it")
	}
}

func TestSeed_adapters_sse_debug(t *testing.T) {
	debugs(t, "accessToken: "+probeToken, func(b *box, _ *napcat) { follow(t, b.api("/_events"), probeToken) })
}

func TestSeed_adapters_wsServer_name(t *testing.T) { twice(t, "accessToken: "+probeToken) }

func TestSeed_adapters_wsServer_debug(t *testing.T) {
	debugs(t, "accessToken: "+probeToken, func(b *box, _ *napcat) {
		p := dialProbe(t, b, "/", probeToken)
		p.first(t)
		p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "a call"})
	}, "msg=action app=own account=default action=send_private_msg chat=user:20002 code=0")
}

func TestSeed_adapters_wsClient_name(t *testing.T) { twice(t, `connect: "ws://127.0.0.1:NONEBOT/"`) }

func TestSeed_adapters_wsClient_debug(t *testing.T) {
	l := listen(t, 0)
	debugs(t, `connect: "`+l.address()+`/"`, func(*box, *napcat) { serveProbe(t, l.next(t).conn).first(t) })
}

func TestSeed_adapters_httpClient_app(t *testing.T) {
	t.Parallel()
	h := receive(t, hookSecret)
	b := startBox(t, everybody+"apps: {hook: {protocol: onebot11, post: \""+h.URL+"\", secret: "+hookSecret+"}}")
	n := joinNapCat(t, b)
	n.Say(simulator.Private(ann), simulator.Text("<a & b> 猫 😀"))
	if p := h.text(t, "<a & b> 猫 😀"); p.header.Get("X-Self-Id") != "10001" || p.header.Get("Content-Type") != "application/json" {
		t.Errorf("posted with %v", p.header)
	}
}

func TestSeed_adapters_httpClient_name(t *testing.T) { twice(t, `post: "http://127.0.0.1:NONEBOT/"`) }

// Lifecycle tells a posted app when it begins, and when it ends.
func hookLifecycle(t *testing.T) {
	t.Helper()
	t.Parallel()
	h := receive(t, "")
	config := everybody + "apps: {hook: {protocol: onebot11, enabled: ENABLED, post: \"" + h.URL + "\"}}"
	b := startBox(t, strings.Replace(config, "ENABLED", "true", 1))
	n := joinNapCat(t, b)
	lifecycle := func(word string) func(post) bool {
		return func(p post) bool {
			return p.event.is("meta_event_type", "lifecycle") && p.event.is("sub_type", word) && p.event.is("self_id", "10001")
		}
	}
	h.wait(t, "lifecycle enable", lifecycle("enable"))
	b.write(t, strings.Replace(config, "ENABLED", "false", 1))
	b.reload(t)
	h.wait(t, "lifecycle disable", lifecycle("disable"))
	n.tell(ann, "said to nobody")
	b.explained(t, "user:20002", "delivered")
	if h.count(func(p post) bool { return strings.Contains(p.raw, "said to nobody") }) > 0 {
		t.Error("an app that is switched off was posted to")
	}
	b.write(t, strings.Replace(config, "ENABLED", "true", 1))
	b.reload(t)
	n.tell(ann, "said to it again")
	h.text(t, "said to it again")
	if times := h.count(lifecycle("enable")); times != 2 {
		t.Errorf("lifecycle enable came %d times, want 2", times)
	}
}

func TestSeed_adapters_httpClient_enable(t *testing.T) { hookLifecycle(t) }

func TestSeed_openclaw_meta_lifecycle_enable(t *testing.T) {
	t.Parallel()
	h := receive(t, "")
	b := startBox(t, everybody+"apps: {hook: {protocol: onebot11, post: \""+h.URL+"\"}}")
	n := joinNapCat(t, b)
	n.tell(ann, "first message")
	h.text(t, "first message")
	h.mu.Lock()
	defer h.mu.Unlock()
	if first := h.posts[0].event; !first.is("meta_event_type", "lifecycle") || !first.is("sub_type", "enable") {
		t.Errorf("the first post is %+v, want lifecycle enable", first)
	}
}

// It is the last word before catflap stops.
func TestSeed_openclaw_meta_lifecycle_disable(t *testing.T) {
	t.Parallel()
	h := receive(t, "")
	b := startBox(t, everybody+"apps: {hook: {protocol: onebot11, post: \""+h.URL+"\"}}")
	n := joinNapCat(t, b)
	n.tell(ann, "a message")
	h.text(t, "a message")
	b.stop(t)
	h.mu.Lock()
	defer h.mu.Unlock()
	if last := h.posts[len(h.posts)-1].event; !last.is("meta_event_type", "lifecycle") || !last.is("sub_type", "disable") {
		t.Errorf("the last post is %+v, want lifecycle disable", last)
	}
}

func TestSeed_adapters_httpClient_url(t *testing.T) {
	t.Parallel()
	h := receive(t, "")
	b := startBox(t, everybody+"apps: {hook: {protocol: onebot11, post: \""+h.URL+"/some/where\"}}")
	n := joinNapCat(t, b)
	n.tell(ann, "an event")
	if p := h.text(t, "an event"); p.path != "/some/where" {
		t.Errorf("posted to %s", p.path)
	}
	out, err := newBox(t, "apps: {hook: {protocol: onebot11, post: \"ws://127.0.0.1/\"}}").try("config", "check")
	if err == nil || !strings.Contains(out, "http") {
		t.Errorf("a foreign scheme passed: %v\n%s", err, out)
	}
}

func TestSeed_adapters_httpClient_format(t *testing.T) {
	t.Parallel()
	text, array := receive(t, hookSecret), receive(t, "")
	b := startBox(t, everybody+"apps:\n  text: {protocol: onebot11, messageFormat: string, secret: "+hookSecret+", post: \""+text.URL+"\"}\n  array: {protocol: onebot11, post: \""+array.URL+"\"}\n")
	n := joinNapCat(t, b)
	n.Say(simulator.Private(ann), simulator.Text("a [b] "), simulator.Face("14"))
	if e := text.text(t, "a ").event; !strings.HasPrefix(plain(e), "a &#91;b&#93; [CQ:face,id=14") {
		t.Errorf("posted %+v", e)
	}
	if s := segments(array.text(t, "a [b] ").event); len(s) != 2 || !s[1].is("type", "face") {
		t.Errorf("posted %+v, want a text and a face", s)
	}
}

func TestSeed_adapters_httpClient_reportSelf(t *testing.T) {
	t.Parallel()
	h, other := receive(t, ""), receive(t, "")
	b := startBox(t, everybody+"apps:\n  own: {protocol: onebot11, reportSelf: true, post: \""+h.URL+"\"}\n  other: {protocol: onebot11, post: \""+other.URL+"\"}\n")
	n := joinNapCat(t, b)
	n.Say(n.OwnTo(ann), simulator.Text("said by myself"))
	h.wait(t, "message_sent", func(p post) bool {
		return p.event.is("post_type", "message_sent") && strings.Contains(plain(p.event), "said by myself")
	})
	n.tell(ann, "marker")
	other.text(t, "marker")
	if other.count(func(p post) bool { return p.event.is("post_type", "message_sent") }) > 0 {
		t.Error("an app without reportSelf received it")
	}
}

func TestSeed_adapters_httpClient_token(t *testing.T) {
	t.Parallel()
	h := receive(t, "")
	b := startBox(t, everybody+"apps: {hook: {protocol: onebot11, accessToken: "+probeToken+", post: \""+h.URL+"\"}}")
	n := joinNapCat(t, b)
	n.tell(ann, "an event")
	if got := h.text(t, "an event").header.Get("Authorization"); got != "Bearer "+probeToken {
		t.Errorf("Authorization is %q", got)
	}
}

func TestSeed_adapters_httpClient_debug(t *testing.T) {
	h := receive(t, "")
	debugs(t, `post: "`+h.URL+`"`, nil)
}

// What a plugin of NapCat would do, an app does: it sees the events that it asked for, whoever may talk, and acts.
func TestSeed_adapters_plugin(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps: {plugin: {protocol: onebot11, only: {types: [notice.*]}, accessToken: "+probeToken+"}}")
	n := joinNapCat(t, b)
	p := dialProbe(t, b, "/", probeToken)
	p.first(t)
	n.tell(ann, "not for a plugin of notices")
	n.Notice(simulator.GroupPoke(ops, ann, bot)...)
	p.wait(t, "the poke", func(f frame) bool { return f.is("sub_type", "poke") })
	p.must(t, "group_poke", map[string]any{"group_id": ops, "user_id": ann})
	silent(t, p, "not for a plugin of notices")
}

func TestSeed_integration_http_listening(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps: {legacy: {protocol: onebot11, listen: 127.0.0.1:KOISHI, accessToken: "+probeToken+"}}")
	n := joinNapCat(t, b)
	calls(t, n, fmt.Sprintf("http://localhost:%d", b.koishi), probeToken)
}

func TestSeed_integration_http_reporting(t *testing.T) {
	t.Parallel()
	h := receive(t, "")
	b := startBox(t, everybody+"apps: {hook: {protocol: onebot11, post: \""+h.URL+"/\"}}")
	n := joinNapCat(t, b)
	n.tell(ann, "reported")
	h.text(t, "reported")
	n.Notice(simulator.GroupPoke(ops, ann, bot)...)
	h.wait(t, "the poke", func(p post) bool { return p.event.is("sub_type", "poke") })
	out, err := newBox(t, "apps: {hook: {protocol: onebot11, post: \"127.0.0.1:8080\"}}").try("config", "check")
	if err == nil || !strings.Contains(out, "http://") {
		t.Errorf("an address without http:// passed: %v\n%s", err, out)
	}
}

// postsToNoneBot starts a NoneBot and a catflap that posts to it at a path.
func postsToNoneBot(t *testing.T, path string) {
	t.Helper()
	t.Parallel()
	b := startBox(t, everybody+"apps: {nonebot: {protocol: onebot11, post: \"http://127.0.0.1:NONEBOT"+path+"\", secret: "+hookSecret+", accessToken: "+nonebotToken+"}}")
	n := joinNapCat(t, b)
	postNoneBot(t, b).wait(t, "CONNECTED 10001")
	chats(t, n, "path")
}

// postNoneBot takes posts and calls the gateway.
func postNoneBot(t *testing.T, b *box) *process {
	t.Helper()
	return startNoneBot(t, map[string]any{"driver": "~fastapi+~httpx", "port": b.nonebot, "onebot_secret": hookSecret, "onebot_access_token": nonebotToken,
		"onebot_api_roots": map[string]string{"10001": b.api("/")}})
}

func TestSeed_nonebot_v11_post_root(t *testing.T) { postsToNoneBot(t, "/onebot/v11/") }

func TestSeed_nonebot_v11_post_http(t *testing.T) { postsToNoneBot(t, "/onebot/v11/http") }

func TestSeed_nonebot_v11_post_httpSlash(t *testing.T) { postsToNoneBot(t, "/onebot/v11/http/") }

// The root may be the gateway's, as the page writes it, or that of one account.
func TestSeed_nonebot_v11_apiRoots(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"/", "/qq/default/onebot/v11"} {
		t.Run(root, func(t *testing.T) {
			t.Parallel()
			b := startBox(t, everybody+"apps: {nonebot: {protocol: onebot11, accessToken: "+nonebotToken+", post: \"http://127.0.0.1:NONEBOT/onebot/v11/\"}}")
			n := joinNapCat(t, b)
			startNoneBot(t, map[string]any{"driver": "~fastapi+~httpx", "port": b.nonebot, "onebot_access_token": nonebotToken, "onebot_api_roots": map[string]string{"10001": b.api(root)}})
			chats(t, n, "root")
		})
	}
}

func TestSeed_onebots_use_http(t *testing.T) {
	t.Parallel()
	config := everybody + "apps: {probe: {protocol: onebot11, transports: [TRANSPORTS], accessToken: " + probeToken + "}}"
	b := startBox(t, strings.Replace(config, "TRANSPORTS", "ws", 1))
	n := joinNapCat(t, b)
	if a := ask(t, "POST", b.api("/send_private_msg"), probeToken, hello); a.status != http.StatusForbidden || !strings.Contains(a.body, "transports") {
		t.Errorf("without http among the transports: %+v", a)
	}
	b.write(t, strings.Replace(config, "TRANSPORTS", "http", 1))
	b.reload(t)
	calls(t, n, b.api(""), probeToken)
}

func TestSeed_onebots_use_ws_reverse(t *testing.T) {
	t.Parallel()
	l := listen(t, 0)
	config := everybody + "apps: {own: {protocol: onebot11, enabled: ENABLED, connect: \"" + l.address() + "/ws\"}}"
	b := startBox(t, strings.Replace(config, "ENABLED", "false", 1))
	joinNapCat(t, b)
	b.write(t, strings.Replace(config, "ENABLED", "true", 1))
	select {
	case a := <-l.came:
		t.Errorf("an app that is off was dialled: %+v", a)
	default:
	}
	b.reload(t)
	serveProbe(t, l.next(t).conn).first(t)
}

// The token is optional where the app has a loopback port of its own, and nowhere else.
func TestSeed_onebots_access_token(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps: {open: {protocol: onebot11, listen: 127.0.0.1:KOISHI, allowNoToken: true}}")
	n := joinNapCat(t, b)
	calls(t, n, fmt.Sprintf("http://127.0.0.1:%d", b.koishi), "")
	out, err := newBox(t, "apps: {open: {protocol: onebot11, allowNoToken: true}}").try("config", "check")
	if err == nil || !strings.Contains(out, "listen") {
		t.Errorf("the shared gateway without a token passed: %v\n%s", err, out)
	}
}

func TestSeed_onebots_http_url(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	joinNapCat(t, b)
	for path, status := range map[string]int{
		"/qq/default/onebot/v11/get_login_info":     http.StatusOK,
		"/qq/10001/onebot/v11/get_login_info/":      http.StatusOK,
		"/qq/10001/onebot/v11/ws/get_login_info":    http.StatusOK,
		"/wechat/default/onebot/v11/get_login_info": http.StatusNotFound,
		"/qq/10002/onebot/v11/get_login_info":       http.StatusNotFound,
		"/qq/default/onebot/v11/no_such_action":     http.StatusNotFound,
	} {
		if a := ask(t, "POST", b.api(path), probeToken, "{}"); a.status != status {
			t.Errorf("%s: %d, want %d: %s", path, a.status, status, a.body)
		}
	}
}

func TestSeed_onebots_http_send_private_msg(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	n := joinNapCat(t, b)
	a := ask(t, "POST", b.api("/qq/default/onebot/v11/send_private_msg"), probeToken, `{"user_id": "20002", "message": "Hello"}`)
	if a.status != http.StatusOK || !strings.Contains(a.body, `"message_id"`) {
		t.Errorf("answered %+v", a)
	}
	n.hears(t, 0, ann, "Hello", 1)
}

// What the SDK does: events by the WebSocket of the endpoint, actions by HTTP below the same path, the token in the query.
func TestSeed_onebots_sdk_connect(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	n := joinNapCat(t, b)
	const endpoint = "/qq/default/onebot/v11/ws"
	p := dialProbe(t, b, endpoint+"?access_token="+probeToken, "")
	p.first(t)
	n.tell(ann, "an event")
	p.text(t, "an event")
	if a := ask(t, "POST", b.api(endpoint+"/send_private_msg?access_token="+probeToken), probeToken, hello); a.status != http.StatusOK {
		t.Errorf("answered %+v", a)
	}
	n.hears(t, 0, ann, "hello by HTTP", 1)
}
