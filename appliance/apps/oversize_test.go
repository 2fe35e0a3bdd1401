package apps

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/config"
)

// An app that sends a file in its frame hears why that fails, and keeps its link and its other calls.
func TestFault_T27_OversizeActionIsAnswered(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
	a.MaxFrame = 8 << 20
	var log logText
	a.Log = slog.New(slog.NewTextHandler(&log, nil))
	g := open(t, a)

	file := strings.Repeat(`A\"`, 10<<20/3)
	const wording = ` bytes is above the limit of 8388608 (limits.maxFrameMb: 8): send the file by http URL or by file upload (upload_file_stream), or raise limits.maxFrameMb`
	sent := 0
	for _, path := range []string{"/", "/api"} {
		p := come(t, g, path, token)
		if path == "/" {
			p.greeting(botQQ)
		}
		for _, c := range []struct{ before, after, name, echo string }{
			{`{"action":"send_group_msg","params":{"message":"`, `"},"echo":"17"}`, "send_group_msg", `,"echo":"17"`},
			{`{"action":"send_group_msg","params":{"message":"`, `"},"echo":{"seq":17}}`, "send_group_msg", `,"echo":{"seq":17}`},
			{`{"echo":1.50,"params":{"message":"`, `"},"action":"send_group_msg"}`, "an action", `,"echo":1.50`},
			{`{"action":"send_group_msg","params":{"echo":1,"message":"`, `","echo":2}}`, "send_group_msg", ``},
			{`{"action":"` + strings.Repeat("a", 65) + `","params":{"message":"`, `"},"echo":null}`, "an action", `,"echo":null`},
			{`not JSON`, `"echo":1}`, "an action", ``},
		} {
			action := c.before + file + c.after
			p.send(action)
			text := c.name + " of " + strconv.Itoa(len(action)) + wording
			p.expect(`{"status":"failed","retcode":1400,"data":null,"message":"` + text + `","wording":"` + text + `"` + c.echo + `}`)
			sent++
			// The next call goes its way on the same link.
			const next = `{"action":"get_status","echo":"next"}`
			p.send(next)
			got := receive(t, "the next action", h.actions)
			if got.text != next {
				t.Fatalf("got action %.100s", got.text)
			}
			got.Reply([]byte(`{"status":"ok","echo":"next"}`))
			p.expect(`{"status":"ok","echo":"next"}`)
		}
	}
	if n := status(t, a, "bot1").TooLarge; n != uint64(sent) {
		t.Errorf("%d are counted of %d", n, sent)
	}
	if n := strings.Count(log.String(), "above limits.maxFrameMb"); n != 2 {
		t.Errorf("%d lines for 2 links:\n%s", n, &log)
	}
	if len(h.actions) != 0 {
		t.Errorf("action %.100s went on", (<-h.actions).text)
	}
}

// Until lifecycle is out, a refusal waits like any answer: the first frame is taken for the handshake.
func TestOversizeActionBeforeLifecycle(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, 0)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
	g := open(t, a)
	p := come(t, g, "/", token)
	p.send(`{"action":"a","params":"` + strings.Repeat("x", 2<<20) + `","echo":1}`)
	until(t, "it is counted", func() bool { return status(t, a, "bot1").TooLarge == 1 })
	b.self.Store(botQQ)
	a.AccountChanged("bot1")
	p.greeting(botQQ)
	for frame := p.next(); ; frame = p.next() {
		if strings.Contains(frame, `"retcode":1400`) && strings.HasSuffix(frame, `"echo":1}`) {
			return
		}
		readMeta(t, frame)
	}
}

// What is too large to be read through ends the link as before.
func TestActionAboveAllLimitsClosesTheLink(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	g := open(t, h.app(0, config.App{Name: "koishi", AccessToken: token}, b))
	p := come(t, g, "/api", token)
	p.send(strings.Repeat("x", swallowUpTo+1))
	if code := p.closed(); code != 1009 {
		t.Errorf("closed with %d", code)
	}
}
