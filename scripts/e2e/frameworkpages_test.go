package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
	"go.yaml.in/yaml/v3"
)

// everybody is the policy of these tests: ann in private, and the group ops.
const everybody = "allowFrom: [20002]\ngroups: {\"30003\": {}}\npacing: off\n"

// startPage starts catflap with the page's block of apps.
func startPage(t *testing.T, p page, heading string, port int, pairs ...string) (*box, *napcat) {
	t.Helper()
	text := p.apps(t, heading)
	for _, pair := range [][2]string{{"a-random-word", probeToken}, {"another-random-word", hookSecret}, {"127.0.0.1:8080", fmt.Sprintf("127.0.0.1:%d", port)}} {
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	b := startBox(t, everybody+adapt(t, text, pairs...))
	return b, joinNapCat(t, b)
}

// chats checks that ann is answered in private and, where she mentions the bot, in the group.
func chats(t *testing.T, n *napcat, word string) {
	t.Helper()
	n.tell(ann, "ping p-"+word)
	n.mention(ops, ann, "ping g-"+word)
	n.hears(t, 0, ann, "pong p-"+word, 1)
	n.hears(t, ops, 0, "pong g-"+word, 1)
}

// python starts a program with the frameworks' interpreter.
func python(t *testing.T, name, program string, args ...string) *process {
	t.Helper()
	return launch(t, name, []string{"PYTHONUNBUFFERED=1"}, filepath.Join(cache(t), "python", "bin", "python"), append([]string{program}, args...)...)
}

// pagedNoneBot starts NoneBot with the page's .env.
func pagedNoneBot(t *testing.T, b *box, p page, heading string, pairs ...string) *process {
	t.Helper()
	env := strings.ReplaceAll(adapt(t, p.snippet(t, heading, "dotenv", 0), pairs...), "a-random-word", probeToken)
	return startNoneBot(t, map[string]any{"env_file": file(t, ".env", env)})
}

func TestNoneBotPage(t *testing.T) {
	t.Parallel()
	p := readPage(t, "nonebot.md")
	port := func(n int) string { return fmt.Sprintf("PORT=%d", n) }
	t.Run("reverse", func(t *testing.T) {
		t.Parallel()
		at := freePort(t)
		b, n := startPage(t, p, "catflap dials NoneBot", at)
		bot := pagedNoneBot(t, b, p, "catflap dials NoneBot", "PORT=8080", port(at))
		bot.wait(t, "CONNECTED 10001")
		chats(t, n, "reverse")
	})
	t.Run("forward", func(t *testing.T) {
		t.Parallel()
		b, n := startPage(t, p, "NoneBot dials catflap", 0)
		bot := pagedNoneBot(t, b, p, "NoneBot dials catflap", "127.0.0.1:6700", fmt.Sprintf("127.0.0.1:%d", b.gateway))
		bot.wait(t, "CONNECTED 10001")
		chats(t, n, "forward")
	})
	t.Run("post", func(t *testing.T) {
		t.Parallel()
		at := freePort(t)
		b, n := startPage(t, p, "HTTP POST", at)
		bot := pagedNoneBot(t, b, p, "HTTP POST", "PORT=8080", port(at), "another-random-word", hookSecret, "127.0.0.1:6700", fmt.Sprintf("127.0.0.1:%d", b.gateway))
		bot.wait(t, "CONNECTED 10001")
		chats(t, n, "post")
		if s := b.status(t).Apps[0]; !s.Connected || s.LastError != "" || s.Dropped+s.Skipped != 0 {
			t.Errorf("status says %+v", s)
		}
	})
}

// koishiPage starts Koishi with the page's koishi.yml.
func koishiPage(t *testing.T, b *box, p page, heading string, port int, env ...string) *process {
	t.Helper()
	text := p.snippet(t, heading, "yaml", 0)
	for _, pair := range [][2]string{{"another-random-word", hookSecret}, {"a-random-word", probeToken}, {"127.0.0.1:6700", fmt.Sprintf("127.0.0.1:%d", b.gateway)}} {
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	var settings struct {
		Plugins struct {
			HTTP    map[string]any `yaml:"http"`
			Server  map[string]any
			Adapter map[string]any `yaml:"adapter-onebot"`
		}
	}
	if err := yaml.Unmarshal([]byte(text), &settings); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	mode, _ := settings.Plugins.Adapter["protocol"].(string)
	if mode != "ws" && settings.Plugins.Server["port"] != 5140 {
		t.Fatalf("%s: the server plugin is not on port 5140, which catflap's block names: %v", p.name, settings.Plugins.Server)
	}
	env = append(env, "NODE_PATH="+filepath.Join(cache(t), "node", "node_modules"), fmt.Sprintf("PORT=%d", port))
	return launch(t, "koishi", env, "node", "bots/echo_koishi.js", mode, encode(t, settings.Plugins.Adapter))
}

func TestKoishiPage(t *testing.T) {
	t.Parallel()
	p := readPage(t, "koishi.md")
	at := func(port int) []string { return []string{"127.0.0.1:5140", fmt.Sprintf("127.0.0.1:%d", port)} }
	t.Run("ws-reverse", func(t *testing.T) {
		t.Parallel()
		port := freePort(t)
		b, n := startPage(t, p, "catflap dials Koishi", 0, at(port)...)
		koishiPage(t, b, p, "catflap dials Koishi", port).wait(t, "CONNECTED 10001")
		chats(t, n, "reverse")
	})
	t.Run("ws", func(t *testing.T) {
		t.Parallel()
		b, n := startPage(t, p, "Koishi dials catflap", 0)
		koishiPage(t, b, p, "Koishi dials catflap", 0).wait(t, "CONNECTED 10001")
		chats(t, n, "forward")
	})
	// The adapter as it is, and with the plugin of the page.
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		port := freePort(t)
		b, n := startPage(t, p, "HTTP", 0, at(port)...)
		mend := file(t, "mend.js", p.snippet(t, "HTTP", "js", 0))
		koishi := koishiPage(t, b, p, "HTTP", port, "MEND="+mend)
		koishi.wait(t, "CONNECTED 10001")
		chats(t, n, "http")
		koishi.alive(t)
	})
}

// Koishi's adapter as it is published: calls work, and status says why events do not.
func TestSeed_integration_koishi_http(t *testing.T) {
	t.Parallel()
	p := readPage(t, "koishi.md")
	port := freePort(t)
	b, n := startPage(t, p, "HTTP", 0, "127.0.0.1:5140", fmt.Sprintf("127.0.0.1:%d", port))
	koishi := koishiPage(t, b, p, "HTTP", port, "HELLO=hello by HTTP")
	koishi.wait(t, "CONNECTED 10001")
	n.hears(t, 0, ann, "hello by HTTP", 1)
	n.tell(ann, "ping in vain")
	eventually(t, "status shows that Koishi answers 500", func() (bool, string) {
		s := b.status(t)
		return strings.Contains(s.Apps[0].LastError, "500"), printed(s)
	})
	koishi.alive(t)
}

func TestAiocqhttpPage(t *testing.T) {
	t.Parallel()
	p := readPage(t, "aiocqhttp.md")
	program := func(t *testing.T, port int) string {
		t.Helper()
		return adapt(t, p.snippet(t, "catflap dials aiocqhttp", "python", 0), "port=8080", fmt.Sprintf("port=%d", port))
	}
	// both checks the answer by a call and the answer by a quick operation.
	both := func(t *testing.T, n *napcat, word string) {
		t.Helper()
		chats(t, n, word)
		n.tell(ann, "quick p-"+word)
		n.mention(ops, ann, "quick g-"+word)
		n.hears(t, 0, ann, "done p-"+word, 1)
		n.hears(t, ops, 0, "done g-"+word, 1)
	}
	t.Run("reverse", func(t *testing.T) {
		t.Parallel()
		port := freePort(t)
		b, n := startPage(t, p, "catflap dials aiocqhttp", port)
		python(t, "aiocqhttp", file(t, "bot.py", adapt(t, program(t, port), "a-random-word", probeToken)))
		b.app(t, "aiocqhttp", true)
		both(t, n, "reverse")
	})
	t.Run("post", func(t *testing.T) {
		t.Parallel()
		port := freePort(t)
		b, n := startPage(t, p, "HTTP POST", port)
		made := adapt(t, p.snippet(t, "HTTP POST", "python", 0), "127.0.0.1:6700", fmt.Sprintf("127.0.0.1:%d", b.gateway), "another-random-word", hookSecret, "a-random-word", probeToken)
		text := adapt(t, program(t, port), "bot = CQHttp(access_token=\"a-random-word\")\n", made)
		python(t, "aiocqhttp", file(t, "bot.py", text))
		b.app(t, "aiocqhttp", true)
		both(t, n, "post")
		if s := b.status(t).Apps[0]; s.LastError != "" || s.Dropped+s.Skipped != 0 {
			t.Errorf("status says %+v", s)
		}
	})
}

// What AstrBot's platform does, done by the library that it is made of.
func TestAstrBotPage(t *testing.T) {
	t.Parallel()
	p := readPage(t, "astrbot.md")
	port := freePort(t)
	b, n := startPage(t, p, "catflap dials AstrBot", 0, "127.0.0.1:6199", fmt.Sprintf("127.0.0.1:%d", port))
	entry := adapt(t, p.snippet(t, "catflap dials AstrBot", "json", 0), "6199", fmt.Sprint(port), "a-random-word", probeToken)
	if !json.Valid([]byte(entry)) {
		t.Fatalf("%s: the platform's entry is not JSON:\n%s", p.name, entry)
	}
	python(t, "astrbot", "bots/astrbot_wire.py", entry)
	b.app(t, "astrbot", true)
	chats(t, n, "wire")
	said := n.tell(ann, "something to quote")
	n.Say(simulator.Private(ann), simulator.Reply(said), simulator.Text("ping quoted"))
	n.hears(t, 0, ann, "pong quoted", 1)
}

var quoted = regexp.MustCompile(`"([^"]*)"`)

// driver is what the page gives to one of ZeroBot's drivers.
func driver(t *testing.T, p page, heading, name string) []string {
	t.Helper()
	for line := range strings.Lines(p.snippet(t, heading, "go", 0)) {
		if strings.Contains(line, "driver."+name+"(") {
			var args []string
			for _, m := range quoted.FindAllStringSubmatch(line, -1) {
				args = append(args, m[1])
			}
			return args
		}
	}
	t.Fatalf("%s makes no %s under %q", p.name, name, heading)
	return nil
}

// zeroBot plays ZeroBot on a WebSocket: it takes the bot's number from the first frame, an integer, numbers its calls from 1, and
// sends a message of one segment as that segment.
func zeroBot(t *testing.T, n *napcat, p *probe, word string) {
	t.Helper()
	first := p.first(t)
	if id, ok := first["self_id"].(json.Number); !ok || id.String() != "10001" {
		t.Fatalf("the first frame is %+v, want an integer self_id", first)
	}
	n.tell(ann, "ping "+word)
	event := p.text(t, "ping "+word)
	if _, ok := event["sender"].(map[string]any); !ok {
		t.Errorf("an event without a sender ends ZeroBot: %+v", event)
	}
	call := map[string]any{"action": "send_private_msg", "echo": 1, "params": map[string]any{
		"user_id": ann, "message": map[string]any{"type": "text", "data": map[string]any{"text": "pong " + word}},
	}}
	if err := p.conn.Send([]byte(encode(t, call))); err != nil {
		t.Fatal(err)
	}
	a := p.wait(t, "the answer", func(f frame) bool { _, has := f["echo"]; return has })
	if echo, ok := a["echo"].(json.Number); !ok || echo.String() != "1" || !a.is("retcode", "0") {
		t.Errorf("answered %+v, want the number 1 as echo", a)
	}
	n.hears(t, 0, ann, "pong "+word, 1)
}

func TestZeroBotPage(t *testing.T) {
	t.Parallel()
	p := readPage(t, "zerobot.md")
	t.Run("forward", func(t *testing.T) {
		t.Parallel()
		args := driver(t, p, "ZeroBot dials catflap", "NewWebSocketClient")
		b, n := startPage(t, p, "ZeroBot dials catflap", 0)
		conn, err := dialAt(t, adapt(t, args[0], "6700", fmt.Sprint(b.gateway)), adapt(t, args[1], "a-random-word", probeToken), map[string][]string{"X-Client-Role": {"Universal"}, "User-Agent": {"ZeroBot/1.6.3"}})
		if err != nil {
			t.Fatal(err)
		}
		zeroBot(t, n, serveProbe(t, conn), "forward")
	})
	t.Run("reverse", func(t *testing.T) {
		t.Parallel()
		l := listen(t, 0)
		args := driver(t, p, "catflap dials ZeroBot", "NewWebSocketServer")
		_, n := startPage(t, p, "catflap dials ZeroBot", 0, "127.0.0.1:0", strings.TrimPrefix(l.URL, "http://"))
		a := l.next(t)
		if got, want := a.header.Get("Authorization"), "Bearer "+adapt(t, args[1], "a-random-word", probeToken); got != want {
			t.Errorf("Authorization is %q, want %q", got, want)
		}
		zeroBot(t, n, serveProbe(t, a.conn), "reverse")
	})
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		args := driver(t, p, "HTTP", "NewHTTPClient")
		h := receive(t, hookSecret)
		if args[1] != "another-random-word" {
			t.Errorf("the secret is %q there", args[1])
		}
		b, n := startPage(t, p, "HTTP", 0, "127.0.0.1:0", strings.TrimPrefix(h.URL, "http://"))
		// The parameters of its first call are null, and no call says what its body is.
		base, token := adapt(t, args[2], "6700", fmt.Sprint(b.gateway)), adapt(t, args[3], "a-random-word", probeToken)
		if a := ask(t, "POST", base+"/get_login_info", token, "null", "Content-Type", ""); a.status != 200 || !strings.Contains(a.body, `"user_id":10001`) {
			t.Errorf("get_login_info: %+v", a)
		}
		n.tell(ann, "ping http")
		event := h.text(t, "ping http")
		if got := event.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type is %q; ZeroBot takes application/json and nothing else", got)
		}
		if a := ask(t, "POST", base+"/send_private_msg", token, `{"user_id":20002,"message":{"type":"text","data":{"text":"pong http"}}}`, "Content-Type", ""); a.status != 200 {
			t.Errorf("send_private_msg: %+v", a)
		}
		n.hears(t, 0, ann, "pong http", 1)
	})
}
