package router

import (
	"context"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/simulator"
	"github.com/catflap/catflap/policy"
)

func text(s string) simulator.Segment {
	return simulator.Segment{Type: "text", Data: map[string]any{"text": s}}
}

// collect waits until an app has as many events as there are words, and wants those words in that order.
func (h *house) collect(app string, words ...string) []string {
	h.t.Helper()
	var got []string
	until(h.t, app+" has "+strings.Join(words, ", "), func() bool {
		got = append(got, h.got(app)...)
		return len(got) >= len(words)
	})
	for i, word := range words {
		if i >= len(got) || !strings.Contains(got[i], word) {
			h.t.Fatalf("event %d is %s, want %q; all: %s", i, got[i], word, strings.Join(got, "\n"))
		}
	}
	if len(got) > len(words) {
		h.t.Fatalf("more than %v: %s", words, strings.Join(got, "\n"))
	}
	return got
}

func TestMissedMessagesComeBeforeNewOnes(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{ReconnectInterval: 1})
	friend := simulator.From{User: 20002}
	atMe := simulator.Segment{Type: "at", Data: map[string]any{"qq": "10001"}}
	room := simulator.From{Group: 30003, User: 20002}
	sim.Say(friend, text("first"))
	sim.Say(room, atMe, text("seen in the room"))
	h.collect("bot", "first", "seen in the room")

	links := sim.Links()
	hold := make(chan struct{})
	sim.OnAction("get_recent_contact", func(simulator.Call) simulator.Answer { <-hold; return simulator.Answer{} })
	h.hangUp()
	for _, word := range []string{"missed one", "missed two"} {
		sim.Say(friend, text(word))
	}
	sim.Say(room, atMe, text("missed in the room"))
	sim.Say(simulator.From{Group: 30004, User: 20002}, text("in a group that is not listed"))
	h.dial()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := sim.WaitLinks(ctx, links+1); err != nil {
		t.Fatal(err)
	}
	sim.Say(friend, text("live"))
	close(hold)
	var all []string
	until(t, "everything has come", func() bool { all = append(all, h.got("bot")...); return len(all) >= 4 })
	order := func(chat string, words ...string) {
		t.Helper()
		var got []string
		for _, frame := range all {
			if strings.Contains(frame, chat) {
				got = append(got, frame)
			}
		}
		if len(got) != len(words) {
			t.Fatalf("%d events of %s: %s", len(got), chat, strings.Join(got, "\n"))
		}
		for i, word := range words {
			if !strings.Contains(got[i], word) {
				t.Errorf("event %d of %s is %s, want %q", i, chat, got[i], word)
			}
			if late := strings.Contains(got[i], `"catflap_late":true`); late != strings.HasPrefix(word, "missed") {
				t.Errorf("%q marked late: %v", word, late)
			}
		}
	}
	order(`"message_type":"private"`, "missed one", "missed two", "live")
	order(`"group_id":30003`, "missed in the room")
	records, err := h.store.History().Show("default", policy.Chat{ID: 20002}, 10)
	if err != nil || len(records) != 4 {
		t.Errorf("history has %d messages, %v", len(records), err)
	}
}

func TestMissedStrangersAreNotAnswered(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{ReconnectInterval: 1})
	sim.Say(simulator.From{User: 20002}, text("first"))
	h.collect("bot", "first")
	h.hangUp()
	sim.Say(simulator.From{User: 20003}, text("a stranger"))
	links := sim.Links()
	h.dial()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := sim.WaitLinks(ctx, links+1); err != nil {
		t.Fatal(err)
	}
	if _, err := sim.WaitCall(ctx, func(c simulator.Call) bool { return c.Action == "get_group_system_msg" }); err != nil {
		t.Fatal(err)
	}
	if n := len(h.store.Access().List("default")); n != 0 {
		t.Errorf("%d pairing requests came from the past", n)
	}
}

func TestMissedRequestsCome(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{ReconnectInterval: 1})
	sim.Say(simulator.From{User: 20002}, text("first"))
	h.collect("bot", "first")
	seen := sim.Request(simulator.Request{Type: "group", SubType: "add", Group: 30003, User: 20009, Comment: "seen"})
	h.collect("bot", seen)
	h.hangUp()
	flag := sim.Request(simulator.Request{Type: "group", SubType: "add", Group: 30003, User: 20009, Comment: "missed"})
	h.dial()
	got := h.collect("bot", flag)
	for _, want := range []string{`"catflap_late":true`, `"request_type":"group"`, `"sub_type":"add"`, `"user_id":20009`, `"group_id":30003`, `"comment":"missed"`} {
		if !strings.Contains(got[0], want) {
			t.Errorf("%s has no %s", got[0], want)
		}
	}
}

func TestRequestsAreKnownAfterARestart(t *testing.T) {
	cfg, err := config.Parse("catflap.yaml", []byte(quiet+apps2), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	h := openHouse(t, cfg, dir)
	request := `{"time":1,"self_id":10001,"post_type":"request","request_type":"friend","user_id":20010,"comment":"hi","flag":"1767225600"}`
	h.event(request)
	h.lane.saveRequests()
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	again := openHouse(t, cfg, dir)
	if d := again.event(request); d.Reason != "duplicate" {
		t.Errorf("after a restart: %s (%s)", d.Outcome, d.Reason)
	}
}

func TestCatchUpCanBeOff(t *testing.T) {
	for _, off := range []string{"catchUp: false\n", "historyLimit: 0\n"} {
		h := newHouse(t, quiet+off+apps2)
		sim := h.link(account(t), simulator.Options{})
		sim.Say(simulator.From{User: 20002}, text("first"))
		h.collect("bot", "first")
		for _, c := range sim.Calls() {
			if c.Action == "get_recent_contact" {
				t.Errorf("with %q NapCat was asked for missed messages", off)
			}
		}
	}
}
