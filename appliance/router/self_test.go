package router

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/simulator"
)

// envelope is an answer, taken apart.
type envelope struct {
	Status  string
	Retcode int
	Data    json.RawMessage
	Wording string
	Echo    json.RawMessage
}

func (h *house) envelope(app, frame string) envelope {
	h.t.Helper()
	answer := h.answer(app, frame)
	var e envelope
	if err := json.Unmarshal([]byte(answer), &e); err != nil {
		h.t.Fatalf("%s: %v", answer, err)
	}
	return e
}

func TestAnswersAboutItself(t *testing.T) {
	h := newHouse(t, quiet+`apps:
  bot: {protocol: onebot11, accessToken: token-of-the-bot}
  mute: {protocol: onebot11, accessToken: token-of-mute, actions: {deny: ["@send"]}}
  one: {protocol: onebot11, accessToken: token-of-one, actions: {allow: [get_supported_actions, send_private_msg, get_group_list, xyzzy]}}
`)
	h.link(account(t), simulator.Options{})
	data := func(app, action string) string {
		t.Helper()
		e := h.envelope(app, `{"action":"`+action+`","echo":{"x":1}}`)
		if e.Status != "ok" || e.Retcode != 0 || string(e.Echo) != `{"x":1}` {
			t.Errorf("%s: %+v", action, e)
		}
		return string(e.Data)
	}
	linked := map[string]string{"get_status": data("bot", "get_status"), "get_version_info": data("bot", "get_version_info")}
	var status struct{ Online, Good bool }
	if err := json.Unmarshal([]byte(linked["get_status"]), &status); err != nil || !status.Online || !status.Good {
		t.Errorf("while linked: %s", linked["get_status"])
	}
	for action, want := range map[string]string{"can_send_image": `{"yes":true}`, "can_send_record": `{"yes":true}`} {
		if got := data("bot", action); got != want {
			t.Errorf("%s: %s", action, got)
		}
		if got := data("mute", action); got != `{"yes":false}` {
			t.Errorf("%s of an app that may not send: %s", action, got)
		}
	}
	if got := data("one", "get_supported_actions"); got != `["get_group_list","get_supported_actions","send_private_msg"]` {
		t.Errorf("supported: %s", got)
	}
	var all []string
	if err := json.Unmarshal([]byte(data("bot", "get_supported_actions")), &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"send_msg", "get_supported_actions", onebot.QuickOperation} {
		if !slices.Contains(all, name) {
			t.Errorf("%s is not supported", name)
		}
	}
	for _, name := range []string{"send_packet", "get_cookies", "set_group_anonymous"} { // denied, denied, not in NapCat
		if slices.Contains(all, name) {
			t.Errorf("%s is supported", name)
		}
	}

	h.hangUp()
	until(t, "NapCat is away", func() bool { return !h.lane.State().Linked })
	if got := data("bot", "get_status"); got != `{"online":false,"good":false,"stat":{}}` {
		t.Errorf("get_status while away: %s", got)
	}
	if got := data("bot", "get_version_info"); got != linked["get_version_info"] {
		t.Errorf("get_version_info while away: %s", got)
	}
	if e := h.envelope("bot", `{"action":"can_send_image"}`); e.Retcode != 1503 {
		t.Errorf("can_send_image while away: %+v", e)
	}
}

func TestUnawaitedActions(t *testing.T) {
	h := newHouse(t, quiet+`apps:
  bot: {protocol: onebot11, accessToken: token-of-the-bot, actions: {deny: [set_group_kick]}}
`)
	h.link(account(t), simulator.Options{Latency: simulator.Latency{Min: 20 * time.Millisecond, Max: 20 * time.Millisecond}})
	const async = `{"status":"async","retcode":1,"data":null,"message":"","wording":"","echo":{"a":1}}`
	tests := []struct{ name, frame, want string }{
		{"async", `{"action":"get_login_info_async","echo":{"a":1}}`, async},
		{"catflap's own", `{"action":"get_supported_actions_async","echo":{"a":1}}`, async},
		{"rate limited", `{"action":"send_private_msg_rate_limited","params":{"user_id":20002,"message":"x"},"echo":{"a":1}}`, async},
		{"a quick operation", `{"action":".handle_quick_operation_async","params":{"context":{"time":1,"self_id":10001,"post_type":"message","message_type":"private","user_id":20002},"operation":{"reply":"x"}},"echo":{"a":1}}`, async},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answers := h.call("bot", tt.frame)
			if got := <-answers; got != tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
	refused := []struct {
		name, frame string
		code        int
	}{
		{"firewall", `{"action":"set_group_kick_async","params":{"group_id":1,"user_id":2}}`, 1403},
		{"no message", `{"action":"send_msg_async","params":{"user_id":2}}`, 1400},
		{"nobody knows it", `{"action":"no_such_async"}`, 1404},
	}
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			if e := h.envelope("bot", tt.frame); e.Retcode != tt.code || e.Status != "failed" {
				t.Errorf("%+v", e)
			}
		})
	}
	// Nothing comes behind: an answer that NapCat gives later is nobody's.
	answers := h.call("bot", `{"action":"get_status_async","echo":{"a":1}}`)
	if got := <-answers; got != async {
		t.Errorf("got %s", got)
	}
	h.answer("bot", `{"action":"get_status"}`)
	select {
	case got := <-answers:
		t.Errorf("then came %s", got)
	default:
	}
	h.hangUp()
	until(t, "NapCat is away", func() bool { return !h.lane.State().Linked })
	if got := h.answer("bot", `{"action":"get_status_async","echo":{"a":1}}`); got != async {
		t.Errorf("an answer that is there at once: %s", got)
	}
	if e := h.envelope("bot", `{"action":"send_private_msg_async","params":{"user_id":20002,"message":"x"}}`); e.Retcode != 1503 {
		t.Errorf("while NapCat is away: %+v", e)
	}
}
