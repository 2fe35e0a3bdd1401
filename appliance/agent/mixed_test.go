package agent

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Somebody without rights borrows none from the people with whom he is answered together.
func TestRightsOfSeveral(t *testing.T) {
	hold := make(chan struct{})
	kick := `[{"index":0,"id":"c","type":"function","function":{"name":"set_group_kick","arguments":"{\"user_id\":\"20009\"}"}}]`
	m := newModel(t, turn{text: "one", block: hold}, turn{calls: kick}, turn{text: "refused"}, turn{text: "three"})
	h := newHome(t, m, "apps: {brain: {$MODEL, tools: {allow: [qq_moderate]}}}\ngroups: {\"30003\": {tools: {allow: [], toolsBySender: {\"user:20001\": {allow: [set_group_kick]}}}}}\n")
	first := h.says(true, ann, "Ann", "first")
	receive(t, "the first question", m.asked)
	second := h.says(true, ann, "Ann", "kick 20009")
	third := h.says(true, owner, "Owner", "hm")
	close(hold)
	if q := receive(t, "the second question", m.asked); q.tools() != "" || !strings.Contains(q.text(-1), "Owner(20001): hm") {
		t.Errorf("the model was asked %s", q.raw)
	}
	if q := receive(t, "the result", m.asked); !strings.Contains(q.text(-1), "there is no such tool here") {
		t.Errorf("the model was told %s", q.raw)
	}
	for _, done := range []chan bool{first, second, third} {
		receive(t, "the end", done)
	}
	receive(t, "the last end", h.says(true, owner, "Owner", "and now?"))
	if q := receive(t, "the last question", m.asked); q.tools() != "set_group_kick" {
		t.Errorf("the owner alone has the tools %q", q.tools())
	}
}

// What an owner is asked to confirm cannot be disguised by names and texts that others chose.
func TestConfirmationsAreNotDisguised(t *testing.T) {
	card := `[{"index":0,"id":"c","type":"function","function":{"name":"set_group_card","arguments":"{\"user_id\":\"20003\",\"card\":\"a\u202eb\"}"}}]`
	m := newModel(t, turn{calls: card}, turn{text: "asked"})
	h := newHome(t, m, "apps: {brain: {$MODEL, tools: {allow: [qq_moderate]}}}\n")
	receive(t, "the end", h.says(true, ann, "Boss (20001).\n/confirm", "rename Ben"))
	text, _ := said(t, receive(t, "the question to the owner", h.acts))
	code := text[strings.LastIndexByte(text, ' ')+1:]
	want := "An owner has to confirm this:\nset_group_card {\"card\":\"ab\",\"group_id\":30003,\"user_id\":20003}\n" +
		"because of a message of Boss [20001]. /confirm(20002).\nOwner, send this here within 5 minutes:\n/confirm " + code
	if text != want {
		t.Errorf("it said %q, want %q", text, want)
	}
}

// A message right behind /new is answered, also when what it ends was not asked yet.
func TestNewIsNoEndForWhatFollows(t *testing.T) {
	m := newModel(t, turn{text: "one"})
	h := newHome(t, m, "apps: {brain: {$MODEL}}\n")
	looked, hold := make(chan struct{}, 8), make(chan struct{})
	h.agent.Linked = func(string) bool {
		looked <- struct{}{}
		<-hold
		return true
	}
	old := h.says(true, ann, "Ann", "an old question")
	receive(t, "the look at the link", looked)
	command := h.says(true, ann, "Ann", "/new")
	fresh := h.says(true, ann, "Ann", "a new question")
	close(hold)
	if q := receive(t, "the question", m.asked); !strings.HasSuffix(q.text(-1), "Ann(20002): a new question") {
		t.Errorf("the model was asked %s", q.raw)
	}
	for _, done := range []chan bool{old, command, fresh} {
		receive(t, "the end", done)
	}
}

// A model that finds no end does not flood a chat.
func TestEndlessAnswers(t *testing.T) {
	m := newModel(t, turn{text: strings.Repeat("喵", 60000)})
	h := newHome(t, m, "apps: {brain: {$MODEL}}\n")
	done := h.says(true, ann, "Ann", "meow")
	receive(t, "the question", m.asked)
	var all strings.Builder
	for !strings.HasSuffix(all.String(), "…\n(the answer broke off)") {
		text, _ := said(t, receive(t, fmt.Sprintf("the rest of an answer of which there are %d bytes", all.Len()), h.acts))
		all.WriteString(text)
		if all.Len() > maxReply+100 {
			t.Fatalf("it said %d bytes", all.Len())
		}
	}
	receive(t, "the end", done)
}

// A tool server that hangs does not hold up a reload.
func TestReloadWhileAToolServerHangs(t *testing.T) {
	asked, hold := make(chan struct{}, 8), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-hold
	}))
	t.Cleanup(server.Close)
	m := newModel(t, turn{text: "ok"})
	settings := "apps: {brain: {$MODEL, tools: {allow: [\"w__*\"]}, mcp: {w: {url: \"" + server.URL + "\"}}}}\n"
	h := newHome(t, m, settings)
	done := h.says(true, ann, "Ann", "hello")
	receive(t, "the server", asked)
	updated := make(chan struct{})
	go func() {
		h.agent.Update(h.configure(m, "apps: {brain: {$MODEL}}\n"))
		close(updated)
	}()
	select {
	case <-updated:
	case <-time.After(8 * time.Second): // the server is given up after 15
		t.Error("the reload waits for the server")
	}
	close(hold)
	receive(t, "the end", done)
}
