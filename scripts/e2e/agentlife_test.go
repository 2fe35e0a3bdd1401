package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

// kill9 kills catflap as kill -9 does, and starts it again.
func (h *house) kill9(t *testing.T) {
	t.Helper()
	links := h.n.Links()
	h.process.kill()
	h.start(h.t) // it outlives the part of the test
	ctx, cancel := deadline(t)
	defer cancel()
	if err := h.n.WaitLinks(ctx, links+1); err != nil {
		t.Fatal("NapCat was not linked again")
	}
	h.account(t, "default", true)
}

// What an agent survives: the death of catflap in the middle of an answer, a pause, a new configuration.
func TestAgentLife(t *testing.T) {
	t.Parallel()
	a := agents{lines: "store: {queueSync: 10ms}", apps: map[string]string{
		"brain": "budgets: {userTokensPerDay: 1000}, " + serves(person, person+1, person+2, person+3, circle, circle+1),
	}}
	h := furnish(t, a)

	// The message had not been answered when catflap was killed, so it is answered afterwards, once.
	t.Run("killed in the middle", func(t *testing.T) {
		p := h.with(person)
		h.say("brain", turn{text: "before"}, turn{text: "never said", middle: make(chan struct{})}, turn{text: "after all"}, turn{text: "once"})
		p.say("answered before")
		h.question(t, "brain")
		p.hears(t, "before")
		id := p.say("answered after")
		h.question(t, "brain")
		eventually(t, "the message is on the disk", func() (bool, string) {
			data, err := os.ReadFile(filepath.Join(h.dir, "data", "journal.db"))
			return bytes.Contains(data, []byte("answered after")), fmt.Sprint(err)
		})
		h.kill9(t)
		q := h.question(t, "brain")
		holds(t, "the question", q.text(-1), "answered after")
		if s := p.hears(t, "after all"); quotes(s) != id {
			t.Errorf("the answer quotes %d, not %d", quotes(s), id)
		}
		p.say("and now?")
		q = h.question(t, "brain")
		if n := strings.Count(q.raw, "answered after"); n != 1 {
			t.Errorf("it is told %d times: %s", n, q.raw)
		}
		p.hears(t, "once")
		if n := len(p.said()); n != 3 {
			t.Errorf("%d messages were sent: %+v", n, p.said())
		}
	})

	// What was answered just before is not answered again, though neither the queue nor the history may know of it.
	t.Run("killed after the answer", func(t *testing.T) {
		p := h.with(person + 3)
		h.say("brain", turn{text: "settled"})
		id := p.say("settle this")
		h.question(t, "brain")
		p.hears(t, "settled")
		eventually(t, "that it was answered is on the disk", func() (bool, string) {
			data, err := os.ReadFile(filepath.Join(h.dir, "data", "state.db"))
			return bytes.Contains(data, fmt.Appendf(nil, "default:%d", id)), fmt.Sprint(err)
		})
		h.kill9(t)
		h.say("brain", turn{text: "yes?"})
		p.say("another thing")
		q := h.question(t, "brain")
		holds(t, "the question", q.text(-1), "another thing")
		p.hears(t, "yes?")
		p.say("/whoami")
		holds(t, "the chat", p.next(t).Text, "QQ 21003")
	})

	t.Run("killed with a budget", func(t *testing.T) {
		p := h.with(person + 1)
		h.say("brain", turn{text: "that was dear", usage: 1200})
		p.say("hello")
		h.question(t, "brain")
		p.hears(t, "that was dear")
		h.kill9(t)
		p.say("hello again")
		holds(t, "the chat", p.next(t).Text, "Your budget for today is used up")
		h.unasked(t, "brain")
	})

	t.Run("paused", func(t *testing.T) {
		p := h.with(person + 2)
		h.cli(t, "app", "pause", "brain")
		p.say("while it was paused")
		h.explained(t, fmt.Sprintf("user:%d", p.user), "delivered")
		h.unasked(t, "brain")
		h.say("brain", turn{text: "I am back"})
		h.cli(t, "app", "resume", "brain")
		holds(t, "the question", h.question(t, "brain").text(-1), "while it was paused")
		p.hears(t, "I am back")
	})

	t.Run("replayed", func(t *testing.T) {
		p := h.in(circle, ann)
		h.say("brain", turn{text: "first"}, turn{text: "again"})
		id := p.say("tell me")
		h.question(t, "brain")
		p.hears(t, "first")
		h.cli(t, "app", "replay", "brain", "--last", "1", "--yes")
		holds(t, "the question", h.question(t, "brain").text(-1), "tell me")
		if s := p.hears(t, "again"); quotes(s) != id {
			t.Errorf("the answer quotes %d, not %d", quotes(s), id)
		}
	})

	// A new prompt and another model hold from the next message on; the conversation goes on.
	t.Run("reconfigured", func(t *testing.T) {
		p := h.in(circle+1, ann)
		h.say("brain", turn{text: "one"})
		p.say("first")
		h.question(t, "brain")
		p.hears(t, "one")
		b := a
		b.apps = map[string]string{"brain": a.apps["brain"] + ", systemPrompt: Be a cat., historyMessages: 10"}
		h.write(t, strings.Replace(b.text(h.models), "model: brain", "model: mind", 1))
		h.reload(t)
		h.say("mind", turn{text: "meow"})
		p.say("second")
		q := h.question(t, "mind")
		if !strings.HasPrefix(q.text(0), "Be a cat.\n\n") {
			t.Errorf("the system prompt is %s", q.text(0))
		}
		if len(q.Messages) != 4 || q.text(2) != "one" {
			t.Errorf("the conversation was forgotten: %s", q.raw)
		}
		p.hears(t, "meow")
	})
}

// Pacing holds back what an agent says as it does with every app, and the audit log has it.
func TestAgentIsPacedAndAudited(t *testing.T) {
	t.Parallel()
	h := furnish(t, agents{lines: "textChunkLimit: 20\npacing: {chat: 20/s, chatBurst: 1, account: 100/s, accountBurst: 1000}",
		apps: map[string]string{"brain": "tools: {allow: [qq_account]}"}})
	p := h.with(person)
	h.say("brain", turn{text: strings.Repeat("This is a sentence. ", 12)})
	p.say("talk")
	h.question(t, "brain")
	for range 12 {
		p.hears(t, "This is a sentence.")
	}
	var sent []simulator.Call
	for _, c := range h.n.Calls() {
		if c.Name == "send_private_msg" {
			sent = append(sent, c)
		}
	}
	if took := sent[len(sent)-1].At.Sub(sent[0].At); took < 400*time.Millisecond {
		t.Errorf("12 messages went out within %v, though pacing lets pass one in 50 ms", took)
	}
	h.say("brain", turn{calls: []toolCall{{"delete_friend", `{"user_id":"21040"}`}}}, turn{text: "NO_REPLY"})
	p = h.with(boss)
	p.say("forget 21040")
	h.question(t, "brain")
	h.question(t, "brain")
	var text string
	for confirmCode.FindString(text) == "" { // it comes in parts
		text += p.next(t).Text + " "
		text = strings.TrimSuffix(text, " ")
	}
	p.say(confirmCode.FindString(text))
	p.hears(t, "Done.")
	var list []struct{ App, Action, Outcome string }
	h.query(t, &list, "audit", "--json")
	for _, e := range list {
		if e.App == "brain" && e.Action == "delete_friend" && e.Outcome == "allowed" {
			return
		}
	}
	t.Errorf("the audit log has only %+v", list)
}

// One turn in the terminal: QQ hears nothing of it, and no catflap has to run.
func TestAgentTry(t *testing.T) {
	t.Parallel()
	m := serveModels(t)
	a := agents{lines: "store: {queueSync: 10ms}", apps: map[string]string{"one": "systemPrompt: Be a cat.", "other": "fallbackModels: [spare]"}}
	b := newBox(t, a.text(m))
	m.say("one", turn{text: "**meow**", reasoning: "hm"}, turn{text: "<think>hm</think>NO_REPLY"})
	if out := b.cli(t, "agent", "try", "--app", "one", "hello cat"); out != "meow\n" {
		t.Errorf("it printed %q", out)
	}
	q := m.question(t, "one")
	holds(t, "the question", q.text(-1), "hello cat")
	holds(t, "the system prompt", q.text(0), "Be a cat.")
	var got struct {
		Model  string
		Text   string
		Prompt int64 `json:"prompt_tokens"`
	}
	b.query(t, &got, "agent", "try", "--app", "one", "--json", "hello cat")
	if got.Text != "" || got.Model != "one" || got.Prompt != 30 {
		t.Errorf("it printed %+v", got)
	}
	m.question(t, "one")
	m.say("other", turn{status: 404, body: "{}"})
	m.say("spare", turn{status: 401, body: `{"error":"no"}`})
	if out, err := b.try("agent", "try", "--app", "other", "hello"); err == nil || !strings.Contains(out, "check apiKey") {
		t.Errorf("a wrong key: %v, it printed %q", err, out)
	}
	if out, err := b.try("agent", "try", "hello"); err == nil || !strings.Contains(out, "--app one or other") {
		t.Errorf("two agents and no name: %v, it printed %q", err, out)
	}
	if out, err := b.try("agent", "try", "--app", "nobody", "hello"); err == nil || !strings.Contains(out, "there is no agent called nobody") {
		t.Errorf("no such agent: %v, it printed %q", err, out)
	}
}
