package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

func (b *box) napcatAddress(path string) string {
	return fmt.Sprintf("ws://127.0.0.1:%d%s", b.napcat, path)
}

func TestSeed_openclaw_reverseWs(t *testing.T) {
	_, n, p := setUp(t, `allowFrom: [20002]`)
	n.tell(ann, "an event")
	p.text(t, "an event")
	p.must(t, "send_private_msg", map[string]any{"user_id": ann, "message": "a call"})
	n.hears(t, 0, ann, "a call", 1)
}

// The page's first example: two keys. What else the box needs here is only where this test keeps its files and ports.
func TestSeed_openclaw_quickStart(t *testing.T) {
	t.Parallel()
	b := newBox(t, "")
	pasted := `{
  "wsPort": NAPCAT,
  "accessToken": "` + napcatToken + `",
  gateway: {listen: "127.0.0.1:GATEWAY"}, // beside the page's two keys
  console: {listen: "127.0.0.1:CONSOLE"},
  dataDir: "` + b.dir + `/data",
}`
	if err := os.WriteFile(b.path(), []byte(b.fill(pasted)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.start(t)
	n := dialNapCat(t, b) // at /onebot/v11/ws
	b.account(t, "default", true)
	n.tell(bob, "hello")
	n.code(t, bob)
}

func TestSeed_openclaw_gatewayRun(t *testing.T) {
	t.Parallel()
	b := startBox(t, "")
	n := dialNapCat(t, b)
	b.stop(t)
	if b.err != nil {
		t.Errorf("catflap ended with %v after SIGTERM, want success", b.err)
	}
	ctx, cancel := deadline(t)
	defer cancel()
	if err := n.WaitDisconnected(ctx); err != nil {
		t.Errorf("NapCat's link is still up: %v", err)
	}
}

func TestSeed_openclaw_default_accessToken(t *testing.T) {
	t.Parallel()
	b := newBox(t, `wsHost: 0.0.0.0`)
	text, err := os.ReadFile(b.path())
	if err != nil {
		t.Fatal(err)
	}
	open := strings.Replace(string(text), "accessToken: "+napcatToken, "", 1)
	if err := os.WriteFile(b.path(), []byte(open), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := b.try("config", "check")
	if err == nil || !strings.Contains(out, "accessToken") {
		t.Errorf("a listener for the whole network without a token passed: %v\n%s", err, out)
	}
}

func TestSeed_openclaw_wsPort(t *testing.T) {
	t.Parallel()
	b := startBox(t, "wsPort: NAPCAT")
	dialNapCat(t, b)
	b.account(t, "default", true)

	text, err := os.ReadFile(b.path())
	if err != nil {
		t.Fatal(err)
	}
	bare := strings.Replace(string(text), fmt.Sprintf("wsPort: %d", b.napcat), "", 1)
	if err := os.WriteFile(b.path(), []byte(bare), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := b.cli(t, "config", "show"); !strings.Contains(out, "wsPort: 3001") {
		t.Errorf("the default port is not 3001:\n%s", out)
	}
}

func TestSeed_openclaw_wsHost(t *testing.T) {
	t.Parallel()
	b := startBox(t, "wsHost: 127.0.0.2")
	if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.napcat)); err == nil {
		_ = c.Close()
		t.Error("catflap listens on 127.0.0.1 too")
	}
	n := callNapCat(t, simulator.Options{Token: napcatToken}, fmt.Sprintf("ws://127.0.0.2:%d/onebot/v11/ws", b.napcat))
	n.linked(t)
}

func TestSeed_openclaw_wsPath(t *testing.T) {
	t.Parallel()
	b := startBox(t, "wsPath: /onebot/own/ws")
	conn, err := dialAt(t, b.napcatAddress("/onebot/v11/ws"), napcatToken, http.Header{"X-Self-Id": {"10001"}})
	if status := refusal(t, conn, err); status != http.StatusNotFound {
		t.Errorf("another path was answered with %d, want 404", status)
	}
	n := callNapCat(t, simulator.Options{Token: napcatToken}, b.napcatAddress("/onebot/own/ws"))
	n.linked(t)
}

func TestSeed_openclaw_accessToken(t *testing.T) {
	t.Parallel()
	b := startBox(t, "")
	for _, c := range []struct {
		name, path, token string
		status            int
	}{
		{"missing", "/onebot/v11/ws", "", http.StatusUnauthorized},
		{"wrong", "/onebot/v11/ws", wrongToken, http.StatusForbidden},
		{"wrong in the query", "/onebot/v11/ws?access_token=" + wrongToken, "", http.StatusForbidden},
	} {
		conn, err := dialAt(t, b.napcatAddress(c.path), c.token, http.Header{"X-Self-Id": {"10001"}})
		if status := refusal(t, conn, err); status != c.status {
			t.Errorf("token %s: status %d, want %d", c.name, status, c.status)
		}
	}
	dialNapCat(t, b)
	b.account(t, "default", true)
}

// After maxRetries failures catflap raises an alert and goes on dialling.
func TestSeed_openclaw_reconnect_maxRetries(t *testing.T) {
	t.Parallel()
	away := listen(t, http.StatusServiceUnavailable)
	b := startBox(t, "link: forward\nurl: \""+away.address()+"\"\nreconnect: {maxRetries: 2, retryDelay: 100, maxDelay: 200}")
	for range 6 {
		away.next(t)
	}
	eventually(t, "status tells what is wrong", func() (bool, string) {
		s := b.status(t)
		return s.Accounts[0].LastError != "" || s.Accounts[0].Hint != "", printed(s)
	})
}

// A NapCat that comes up late is found by itself.
func TestSeed_openclaw_reconnect_retryDelay(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	b := startBox(t, fmt.Sprintf("link: forward\nurl: \"ws://127.0.0.1:%d\"\nreconnect: {enabled: true, retryDelay: 100, maxDelay: 500}", port))
	eventually(t, "the first dial has failed", func() (bool, string) {
		s := b.status(t)
		return s.Accounts[0].LastError != "" || s.Accounts[0].Hint != "", printed(s)
	})
	n := serveNapCat(t, simulator.Options{Token: napcatToken}, port)
	n.linked(t)
	b.account(t, "default", true)
}

// race lets two accounts dial NapCats that are away until the eager one has dialled so often that nobody who waits longer
// and longer could have come half as far: the lower end of each wait stays retryDelay/2, so only the number tells.
func race(t *testing.T, eager, patient string) {
	t.Helper()
	t.Parallel()
	const often, seldom = 40, 15
	first, second := listen(t, http.StatusServiceUnavailable), listen(t, http.StatusServiceUnavailable)
	startBox(t, `
accounts:
  eager: {link: forward, url: "`+first.address()+`", accessToken: `+napcatToken+`, reconnect: {maxRetries: 0, retryDelay: 100, `+eager+`}}
  patient: {link: forward, url: "`+second.address()+`", accessToken: `+koishiToken+`, reconnect: {maxRetries: 0, retryDelay: 100, `+patient+`}}
`)
	second.next(t)
	for range often {
		first.next(t)
	}
	if dials := 1 + len(second.came); dials > seldom {
		t.Errorf("%d dials with {%s} and %d with {%s}: the delay does not grow as it should", often, eager, dials, patient)
	}
}

func TestSeed_openclaw_reconnect_backoffMultiplier(t *testing.T) {
	race(t, "backoffMultiplier: 1, maxDelay: 3600000", "backoffMultiplier: 10, maxDelay: 3600000")
}

func TestSeed_openclaw_reconnect_maxDelay(t *testing.T) {
	race(t, "backoffMultiplier: 10, maxDelay: 150", "backoffMultiplier: 10, maxDelay: 3600000")
}

func TestSeed_openclaw_heartbeat_interval(t *testing.T) {
	t.Parallel()
	b := startBox(t, "heartbeat: {enabled: true, interval: 1000, timeout: 1000}")
	n := dialNapCat(t, b)
	probed(t, n, 3)
}

// probed waits until NapCat was asked for its status so many times.
func probed(t *testing.T, n *napcat, times int) {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	_, err := n.WaitCall(ctx, func(simulator.Call) bool {
		probes := 0
		for _, c := range n.Calls() {
			if c.Action == "get_status" {
				probes++
			}
		}
		return probes >= times
	})
	if err != nil {
		t.Fatalf("NapCat was not asked %d times for its status: %v; calls: %+v", times, err, n.Calls())
	}
}

// A NapCat that answers nothing any more is half dead: its link is closed so that it dials again.
func TestSeed_openclaw_heartbeat_timeout(t *testing.T) {
	t.Parallel()
	b := startBox(t, "heartbeat: {enabled: true, interval: 1000, timeout: 500}")
	n := dialNapCat(t, b)
	probed(t, n, 1)
	n.Silence(true)
	before := n.Links()
	ctx, cancel := deadline(t)
	defer cancel()
	if err := n.WaitLinks(ctx, before+1); err != nil {
		t.Fatalf("the half-dead link was not closed: %v", err)
	}
	n.Silence(false)
	b.account(t, "default", true)
}

// The page's whole configuration, pasted as it stands there.
func TestSeed_openclaw_configurationReference(t *testing.T) {
	t.Parallel()
	b := newBox(t, "")
	pasted := `{
  "enabled": true,
  "name": "My QQ Bot",
  "wsPort": NAPCAT,
  "wsHost": "127.0.0.1",
  "wsPath": "/onebot/v11/ws",
  "accessToken": "your-token",
  "dmPolicy": "pairing",
  "allowFrom": [123456789],
  "groupPolicy": "allowlist",
  "groupAllowFrom": [987654321],
  "groups": {
    "987654321": {
      "enabled": true,
      "requireMention": false,
      "systemPrompt": "Custom prompt",
      "skills": ["skill1", "skill2"],
      "allowFrom": [111111111]
    }
  },
  "historyLimit": 100,
  "textChunkLimit": 2000,
  "mediaMaxMb": 50
}`
	if err := os.WriteFile(b.path(), []byte(b.fill(pasted)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.cli(t, "config", "check")
	shown := b.cli(t, "config", "show")
	for _, want := range []string{"My QQ Bot", "987654321", "Custom prompt", "skill2"} {
		if !strings.Contains(shown, want) {
			t.Errorf("config show lacks %q:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "your-token") {
		t.Errorf("config show prints the token:\n%s", shown)
	}
}

func TestSeed_openclaw_enabled(t *testing.T) {
	t.Parallel()
	b := startBox(t, `
accounts:
  on: {wsPort: NAPCAT, wsPath: /on, accessToken: `+napcatToken+`}
  off: {enabled: false, wsPort: NAPCAT, wsPath: /off, accessToken: `+koishiToken+`}
`)
	conn, err := dialAt(t, b.napcatAddress("/off"), koishiToken, http.Header{"X-Self-Id": {"10002"}})
	if status := refusal(t, conn, err); status < 400 {
		t.Errorf("a disabled account was answered with %d", status)
	}
	n := callNapCat(t, simulator.Options{Token: napcatToken, ReconnectInterval: 100 * time.Millisecond}, b.napcatAddress("/on"))
	n.linked(t)
}

// beats waits for so many of the probe's heartbeats, a second apart: the clock of tests that nothing happens.
func beats(t *testing.T, p *probe, times int) {
	t.Helper()
	p.wait(t, fmt.Sprintf("%d heartbeats", times), func(frame) bool { // called with the frames locked
		seen := 0
		for _, f := range p.frames {
			if f.is("meta_event_type", "heartbeat") {
				seen++
			}
		}
		return seen >= times
	})
}

func TestSeed_openclaw_heartbeat_enabled(t *testing.T) {
	t.Parallel()
	b := startBox(t, "heartbeat: {enabled: false, interval: 1000, timeout: 500}\napps: {probe: {protocol: onebot11, heartbeat: 1000, accessToken: "+probeToken+"}}")
	n := dialNapCat(t, b)
	p := dialProbe(t, b, "/", probeToken)
	beats(t, p, 4)
	for _, c := range n.Calls() {
		if c.Action == "get_status" {
			t.Errorf("heartbeat is off and NapCat was asked: %+v", c)
		}
	}
}

func TestSeed_openclaw_reconnect_enabled(t *testing.T) {
	t.Parallel()
	away := listen(t, http.StatusServiceUnavailable)
	b := startBox(t, `
apps: {probe: {protocol: onebot11, heartbeat: 1000, accounts: [there], accessToken: `+probeToken+`}}
accounts:
  there: {wsPort: NAPCAT, accessToken: `+napcatToken+`}
  away: {link: forward, url: "`+away.address()+`", accessToken: `+koishiToken+`, reconnect: {enabled: false, retryDelay: 100, maxDelay: 200}}
`)
	dialNapCat(t, b)
	p := dialProbe(t, b, "/", probeToken)
	away.next(t)
	beats(t, p, 4)
	if again := len(away.came); again > 0 {
		t.Errorf("reconnect is off and catflap dialled %d times more", again)
	}
	s := b.status(t)
	for _, a := range s.Accounts {
		if a.Name == "away" && a.LastError == "" && a.Hint == "" {
			t.Errorf("status says nothing about the failed dial: %+v", a)
		}
	}
}
