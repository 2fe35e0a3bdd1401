package agent

import (
	"testing"
	"time"
)

// A backend that keeps conversations is not led back into one that was left: by /new, by silence, by a restart.
func TestSessionsOfOpenClaw(t *testing.T) {
	m := newModel(t)
	h := newHome(t, m, "apps: {brain: {$MODEL, backend: openclaw, apiKey: k3y, sessions: {idle: 4h}}}\n")
	session := func(words string) string {
		t.Helper()
		receive(t, "the end", h.says(false, ann, "Ann", words))
		return receive(t, "the question", m.asked).url.Get("X-Openclaw-Session-Key")
	}
	restart := func() {
		o := h.agent.Options
		h.agent.Close()
		o.Kept = h.kept
		h.agent = New(o)
	}
	first := session("first")
	restart()
	if got := session("second"); got != first {
		t.Errorf("after a restart the session is %q, it was %q", got, first)
	}

	receive(t, "the end", h.says(false, ann, "Ann", "/new"))
	h.pass(time.Minute)
	restart() // before anything was asked
	fresh := session("third")
	if fresh == first {
		t.Error("after /new and a restart the session that was left goes on")
	}

	h.pass(5 * time.Hour)
	rested := session("fourth")
	if rested == fresh || rested == first {
		t.Errorf("after 5 hours the session is %q still", rested)
	}
	if got := session("fifth"); got != rested {
		t.Errorf("the session is %q, it was %q", got, rested)
	}
	h.pass(24 * time.Hour) // the tokens of the day are forgotten, this is not
	restart()
	if got := session("sixth"); got != rested {
		t.Errorf("a day later the session is %q, it was %q", got, rested)
	}
}

func TestBeginningsAreBounded(t *testing.T) {
	now := time.Unix(1700000000, 0)
	u := newUsage("", func() time.Time { return now }, func(string) error { return nil })
	for i := range maxTalks + 2 {
		if err := u.begin(string(rune('a'+i)), now.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if len(u.day.Began) != maxTalks || !u.began("b").IsZero() || u.began("c").IsZero() {
		t.Errorf("%d are kept", len(u.day.Began))
	}
}

// OpenClaw has the question already when it is told what a tool has said.
func TestToolResultsForOpenClaw(t *testing.T) {
	m := newModel(t, turn{calls: `[{"index":0,"id":"c1","type":"function","function":{"name":"get_group_member_info","arguments":"{\"user_id\":\"20003\"}"}}]`}, turn{text: "a member"})
	h := newHome(t, m, "groups: {'30003': {requireMention: false}}\napps: {brain: {$MODEL, backend: openclaw, apiKey: k3y, tools: {allow: [qq_read]}}}\n")
	h.answers["get_group_member_info"] = `{"user_id":20003,"nickname":"Ben","role":"member"}`
	receive(t, "the end", h.says(true, ann, "Ann", "who is Ben?"))
	receive(t, "the question", m.asked)
	q := receive(t, "the second request", m.asked)
	var roles []string
	for _, message := range q.Messages {
		roles = append(roles, message.Role)
	}
	if len(roles) != 3 || roles[0] != "system" || roles[1] != "assistant" || roles[2] != "tool" {
		t.Errorf("the roles are %q in %s", roles, q.raw)
	}
}
