package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs a page's command to its end and returns what it printed.
func shell(t *testing.T, b *box, command string) string {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", b.gatewayed(t, command))
	cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// gatewayed puts the box's gateway and token into a page's text.
func (b *box) gatewayed(t *testing.T, text string) string {
	t.Helper()
	return adapt(t, text, "127.0.0.1:6700", fmt.Sprintf("127.0.0.1:%d", b.gateway), "a-random-word", probeToken)
}

func TestCurlPage(t *testing.T) {
	t.Parallel()
	p := readPage(t, "curl.md")
	b, n := startPage(t, p, "", 0)
	if out := shell(t, b, p.snippet(t, "Calls", "sh", 0)); !strings.Contains(out, `"user_id":10001`) {
		t.Errorf("get_login_info printed %s", out)
	}
	for i, want := range []struct {
		group, user uint64
		text        string
	}{{0, ann, "hello by JSON"}, {ops, 0, "hello by form "}, {0, ann, "hello by query"}} {
		if out := shell(t, b, p.snippet(t, "Calls", "sh", i+1)); !strings.Contains(out, `"retcode":0`) {
			t.Errorf("%q printed %s", want.text, out)
		}
		n.hears(t, want.group, want.user, want.text, 1)
	}

	for _, c := range []struct {
		name, path, token, body string
		headers                 []string
		status, retcode         int
	}{
		{"failed at NapCat", "/set_group_ban", probeToken, `{"group_id":1,"user_id":2,"duration":60}`, nil, 200, -1},
		{"refused by the rules", "/get_cookies", probeToken, "{}", nil, 200, 1403},
		{"no JSON", "/send_private_msg", probeToken, "{", nil, 400, 1400},
		{"no token", "/get_status", "", "{}", nil, 401, -1},
		{"wrong token", "/get_status", wrongToken, "{}", nil, 403, -1},
		{"no such action", "/no_such_action", probeToken, "{}", nil, 404, 1404},
		{"another type", "/get_status", probeToken, "<a/>", []string{"Content-Type", "text/xml"}, 406, 1406},
	} {
		a := ask(t, "POST", b.api(c.path), c.token, c.body, c.headers...)
		if a.status != c.status || c.retcode >= 0 && !strings.Contains(a.body, fmt.Sprintf(`"retcode":%d`, c.retcode)) {
			t.Errorf("%s: answered %d %s, want %d and retcode %d", c.name, a.status, a.body, c.status, c.retcode)
		}
	}

	curl := launch(t, "curl", nil, "sh", "-c", "exec "+b.gatewayed(t, p.snippet(t, "Events", "sh", 0)))
	b.app(t, "shell", true)
	n.tell(ann, "first to curl")
	curl.wait(t, "first to curl")
	n.tell(ann, "second to curl")
	curl.wait(t, "second to curl")
	id := idBefore(t, curl, "first to curl")
	curl.kill()

	// It goes on behind the event that it names.
	resumed := adapt(t, p.snippet(t, "Events", "sh", 0), "curl -s -N ", "curl -s -N -H 'Last-Event-ID: "+id+"' ")
	again := launch(t, "curl", nil, "sh", "-c", "exec "+b.gatewayed(t, resumed))
	again.wait(t, "second to curl")
	if again.since(0, "first to curl") {
		t.Error("the event that was named came again")
	}
}

// idBefore is the number of the event that holds the text.
func idBefore(t *testing.T, p *process, text string) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, line := range p.lines {
		if strings.HasPrefix(line, "data: ") && strings.Contains(line, text) && i > 0 {
			if id, ok := strings.CutPrefix(p.lines[i-1], "id: "); ok {
				return id
			}
		}
	}
	t.Fatalf("no id before %q", text)
	return ""
}

// recovers checks that a program answers, and answers again after a restart of catflap without having lost what was said
// meanwhile.
func recovers(t *testing.T, b *box, n *napcat, app string) {
	t.Helper()
	b.app(t, app, true)
	chats(t, n, "one")
	b.restart(t)
	b.account(t, "default", true)
	n.linked(t)
	n.tell(ann, "ping meanwhile")
	n.hears(t, 0, ann, "pong meanwhile", 1)
	b.app(t, app, true)
	chats(t, n, "two")
	for _, text := range []string{"pong p-one", "pong meanwhile", "pong p-two"} {
		if times := len(n.saying(0, ann, text)); times != 1 {
			t.Errorf("%q was sent %d times", text, times)
		}
	}
}

func TestNodePage(t *testing.T) {
	t.Parallel()
	p := readPage(t, "node.md")
	for _, c := range []struct{ name, heading, file string }{{"sse", "With nothing but Node", "bot.mjs"}, {"websocket", "With WebSocket", "bot.cjs"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, n := startPage(t, p, "", 0)
			text := b.gatewayed(t, p.snippet(t, c.heading, "js", 0))
			launch(t, "node", []string{"NODE_PATH=" + filepath.Join(cache(t), "node", "node_modules")}, "node", file(t, c.file, text))
			recovers(t, b, n, "node")
		})
	}
}

func TestPythonPage(t *testing.T) {
	t.Parallel()
	p := readPage(t, "python.md")
	t.Run("sse", func(t *testing.T) {
		t.Parallel()
		b, n := startPage(t, p, "Events by SSE", 0)
		text := b.gatewayed(t, p.snippet(t, "Events by SSE", "python", 0))
		python(t, "python", file(t, "bot.py", text))
		recovers(t, b, n, "script")
	})
	t.Run("post", func(t *testing.T) {
		t.Parallel()
		port := freePort(t)
		b, n := startPage(t, p, "Events by HTTP POST", port)
		text := adapt(t, p.snippet(t, "Events by HTTP POST", "python", 0), "8080", fmt.Sprint(port), "another-random-word", hookSecret)
		python(t, "python", file(t, "hook.py", text))
		recovers(t, b, n, "script")
	})
}
