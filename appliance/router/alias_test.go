package router

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/simulator"
)

var sendFamily = []string{sendAny, sendGroup, sendPrivate, forwardAny, forwardGroup, forwardPrivate}

// sendCall is one way to send a message.
type sendCall struct {
	base, messageType string
	group, user       bool // group_id, user_id are given
	nodes             bool
}

func (c sendCall) params() string {
	var members []string
	if c.messageType != "" {
		members = append(members, fmt.Sprintf(`"message_type":%q`, c.messageType))
	}
	if c.group {
		members = append(members, `"group_id":30003`)
	}
	if c.user {
		members = append(members, `"user_id":"20002"`)
	}
	key, segment := "message", `{"type":"text","data":{"text":"x"}}`
	if strings.Contains(c.base, "forward") {
		key = "messages"
	}
	if c.nodes {
		segment = `{"type":"node","data":{"id":"1"}}`
	}
	return "{" + strings.Join(append(members, fmt.Sprintf(`%q:[%s]`, key, segment)), ",") + "}"
}

// reaches is a model of NapCat (napcat-onebot11.md, trap 13): where the message may end up; nothing if it cannot be sent.
func (c sendCall) reaches() (kinds []string) {
	kind := c.messageType
	if kind != "group" && kind != "private" {
		switch {
		case strings.Contains(c.base, "group"):
			kind = "group"
		case strings.Contains(c.base, "private"):
			kind = "private"
		case c.group:
			kind = "group"
		default:
			kind = "private"
		}
	}
	switch {
	case kind == "group" && c.group:
		return []string{"group"}
	case kind == "private" && c.user && c.group: // the group is where it goes if the user is not to be found
		return []string{"group", "private"}
	case kind == "private" && c.user:
		return []string{"private"}
	}
	return nil
}

// same are the names that could do the same.
func (c sendCall) same() []string {
	out := []string{c.base, "send_msg"}
	for _, kind := range c.reaches() {
		out = append(out, "send_"+kind+"_msg")
		if c.nodes {
			out = append(out, "send_"+kind+"_forward_msg")
		}
	}
	if c.nodes {
		out = append(out, "send_forward_msg")
	}
	return out
}

// What is denied under one name cannot be done under another, and nothing else is denied.
func TestADenialCoversWhatDoesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		deny := rapid.SliceOfNDistinct(rapid.SampledFrom(sendFamily), 0, 3, rapid.ID[string]).Draw(t, "deny")
		c := sendCall{
			base:        rapid.SampledFrom(sendFamily).Draw(t, "base"),
			messageType: rapid.SampledFrom([]string{"", "group", "private", "Group"}).Draw(t, "message_type"),
			group:       rapid.Bool().Draw(t, "group"), user: rapid.Bool().Draw(t, "user"), nodes: rapid.Bool().Draw(t, "nodes"),
		}
		if c.reaches() == nil {
			return
		}
		denials := slices.Clone(deny)
		for i := range denials {
			denials[i] += rapid.SampledFrom([]string{"", "_async", "_rate_limited"}).Draw(t, "denied suffix")
		}
		plan, err := compileApp(config.App{Name: "bot", Actions: config.Actions{Deny: denials}}, 0, &config.Config{})
		if err != nil {
			t.Fatal(err)
		}
		suffix := rapid.SampledFrom([]string{"", "_async", "_rate_limited"}).Draw(t, "suffix")
		why := plan.actions(newOrder(c.base+suffix, []byte(c.params())))
		want := slices.ContainsFunc(c.same(), func(name string) bool { return slices.Contains(deny, name) })
		if want != (why != "") {
			t.Fatalf("deny %q: %s %s is judged %q, refused should be %t", denials, c.base, c.params(), why, want)
		}
	})
}

func TestDenialsByOtherNames(t *testing.T) {
	h := newHouse(t, quiet+`pacing: off
apps:
  groups: {protocol: onebot11, accessToken: token-1, actions: {deny: [send_group_msg]}}
  forwards: {protocol: onebot11, accessToken: token-2, actions: {deny: [send_group_forward_msg]}}
  kicks: {protocol: onebot11, accessToken: token-3, actions: {deny: [set_group_kick]}}
  batch: {protocol: onebot11, accessToken: token-4, actions: {deny: [set_group_kick_members]}}
  allowed: {protocol: onebot11, accessToken: token-5, actions: {allow: [send_group_msg]}}
  prefix: {protocol: onebot11, accessToken: token-6, actions: {deny: ["send_group_*"]}}
`)
	sim := h.link(account(t), simulator.Options{})
	for _, action := range append([]string{"set_group_kick", "set_group_kick_members"}, sendFamily...) {
		called(sim, action)
	}
	const node = `[{"type":"node","data":{"user_id":1,"nickname":"x","content":"y"}}]`
	for _, tt := range []struct{ app, action, params, refused string }{
		{"groups", "send_msg", `{"message_type":"group","group_id":30003,"message":"x"}`, "send_msg does the same as send_group_msg, and send_group_msg is denied: actions.deny lists send_group_msg (apps.groups.actions)"},
		{"groups", "send_msg_async", `{"group_id":30003,"message":"x"}`, "send_msg does the same as send_group_msg"},
		{"groups", "send_private_msg", `{"message_type":"group","group_id":30003,"user_id":1,"message":"x"}`, "send_private_msg does the same as send_group_msg"},
		{"groups", "send_group_forward_msg", `{"group_id":30003,"messages":` + node + `}`, "send_group_forward_msg does the same as send_group_msg"},
		{"groups", "send_msg", `{"message_type":"private","user_id":20002,"message":"x"}`, ""},
		{"groups", "send_private_msg", `{"user_id":20002,"message":"x"}`, ""},
		{"forwards", "send_group_msg", `{"group_id":30003,"message":` + node + `}`, "send_group_msg does the same as send_group_forward_msg"},
		{"forwards", "send_msg", `{"group_id":30003,"message":"[CQ:node,id=1]"}`, "send_msg does the same as send_group_forward_msg"},
		{"forwards", "send_group_msg", `{"group_id":30003,"message":"x"}`, ""},
		{"forwards", "send_private_forward_msg", `{"user_id":20002,"messages":` + node + `}`, ""},
		{"kicks", "set_group_kick_members", `{"group_id":30003,"user_id":[20002]}`, "set_group_kick_members does the same as set_group_kick"},
		{"batch", "set_group_kick", `{"group_id":30003,"user_id":20002}`, ""},
		{"allowed", "send_group_msg", `{"group_id":30003,"message":"x"}`, ""},
		{"allowed", "send_group_msg", `{"message_type":"private","user_id":20002,"message":"x"}`, "send_group_msg with this message_type is send_private_msg, and send_private_msg is not allowed: actions.allow lists neither it nor @send (apps.allowed.actions)"},
		{"allowed", "send_msg", `{"group_id":30003,"message":"x"}`, "send_msg is not allowed"},
		{"prefix", "send_msg", `{"group_id":30003,"message":"x"}`, "send_msg does the same as send_group_msg, and send_group_msg is denied: actions.deny lists send_group_*"},
		{"prefix", "send_msg", `{"group_id":[30003],"user_id":20002,"message":"x"}`, "send_msg does the same as send_group_msg"},
	} {
		got := h.answer(tt.app, fmt.Sprintf(`{"action":%q,"params":%s}`, tt.action, tt.params))
		if tt.refused == "" == strings.Contains(got, `"status":"failed"`) || !strings.Contains(got, tt.refused) {
			t.Errorf("%s: %s %s: got %s, want %q", tt.app, tt.action, tt.params, got, tt.refused)
		}
	}
}
