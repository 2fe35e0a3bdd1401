package router

import (
	"context"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// Who wrote a message is known of what came and of what was sent.
func TestAuthor(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{})
	id := sim.Say(simulator.InGroup(30003, 20002), simulator.Text("hi"))
	for _, ok := h.router.Author("default", id); !ok; _, ok = h.router.Author("default", id) {
		if t.Context().Err() != nil {
			t.Fatal("the author was never known")
		}
	}
	if user, ok := h.router.Author("default", id); user != 20002 || !ok {
		t.Errorf("%d %t", user, ok)
	}
	h.answer("bot", `{"action":"send_group_msg","params":{"group_id":30003,"message":"hi"},"echo":1}`)
	sent := sim.Sent()
	if user, ok := h.router.Author("default", sent[len(sent)-1].MessageID); user != 10001 || !ok {
		t.Errorf("of what was sent: %d %t", user, ok)
	}
	for _, account := range []string{"default", "none"} {
		if user, ok := h.router.Author(account, 1); ok {
			t.Errorf("%s knows that %d wrote a message that nobody saw", account, user)
		}
	}
}

func TestUpstream(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.link(account(t), simulator.Options{})
	if name, version := h.router.Upstream(t.Context(), "default"); name != "NapCat.Onebot" || version != simulator.Version {
		t.Errorf("%q %q", name, version)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if name, _ := h.router.Upstream(over, "default"); name != "NapCat.Onebot" {
		t.Errorf("remembered is %q", name)
	}
	if name, _ := h.router.Upstream(t.Context(), "none"); name != "" {
		t.Errorf("an account that is none has %q", name)
	}
}

func TestAllowedAndDenied(t *testing.T) {
	h := newHouse(t, quiet+"apps:\n  any: {protocol: onebot12, accessToken: token-of-any}\n  some: {protocol: onebot12, accessToken: token-of-some, actions: {deny: [upload_*, get_file, \"@destructive\"]}}\n  none: {protocol: onebot12, accessToken: token-of-none, actions: {allow: []}}\n  few: {protocol: onebot12, accessToken: token-of-few, actions: {allow: [send_group_msg]}}\n")
	for _, c := range []struct {
		app, action string
		allowed     bool
		denied      string
	}{
		{"any", "send_group_msg", true, ""},
		{"any", "send_packet", false, ""},
		{"any", "upload_file", true, ""},
		{"some", "upload_file", false, `"upload_file" is denied: actions.deny lists upload_* (apps.some.actions)`},
		{"some", "upload_file_fragmented", false, `"upload_file_fragmented" is denied: actions.deny lists upload_* (apps.some.actions)`},
		{"some", "get_file", false, `"get_file" is denied: actions.deny lists get_file (apps.some.actions)`},
		{"some", "get_file_fragmented", false, ""},
		{"none", "send_group_msg", false, `"send_group_msg" is not allowed: actions.allow is empty, which allows nothing (apps.none.actions)`},
		{"few", "upload_file", false, ""},
		{"few", "send_group_msg", true, ""},
		{"nobody", "get_file", false, "app nobody is not enabled (apps.nobody.enabled)"},
	} {
		if got := h.router.Allowed(c.app, c.action); got != c.allowed {
			t.Errorf("%s may %s: %t", c.app, c.action, got)
		}
		if got := h.router.Denied(c.app, c.action); got != c.denied {
			t.Errorf("%s %s: %q, want %q", c.app, c.action, got, c.denied)
		}
	}
}
