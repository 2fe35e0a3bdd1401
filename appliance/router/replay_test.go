package router

import (
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

func TestReplayTellsAgainWhatTheAppMayHave(t *testing.T) {
	h := newHouse(t, quiet+"catchUp: false\n"+apps2)
	if _, err := h.router.Replay("bot", "default", time.Time{}, 0); err == nil {
		t.Error("an account without a number was told again")
	}
	h.link(account(t), simulator.Options{})
	h.event(private(20002, `[{"type":"text","data":{"text":"one"}}]`))
	h.event(group(30003, 20002, atBot))
	h.event(group(30003, 20002, `[{"type":"text","data":{"text":"context"}}]`))
	h.event(private(20009, `[{"type":"text","data":{"text":"stranger"}}]`))
	h.got("bot")
	h.got("all")
	n, err := h.router.Replay("bot", "default", time.Time{}, 0)
	if err != nil || n != 2 {
		t.Fatalf("%d events were told again, %v: %q", n, err, h.got("bot"))
	}
	got := h.got("bot")
	if len(got) != 2 || !strings.Contains(got[0], `"text":"one"`) || !strings.Contains(got[1], `"qq":"10001"`) {
		t.Fatalf("the app got %s", strings.Join(got, "\n"))
	}
	for _, frame := range got {
		if !strings.Contains(frame, `"catflap_late":true`) {
			t.Errorf("%s is not marked", frame)
		}
	}
	if other := h.got("all"); len(other) != 0 {
		t.Errorf("another app got %q", other)
	}
	if n, _ := h.router.Replay("all", "default", time.Time{}, 1); n != 1 {
		t.Errorf("the last message alone: %d", n)
	}
	if n, _ := h.router.Replay("all", "default", time.Now(), 0); n != 0 {
		t.Errorf("since now: %d", n)
	}
	if _, err := h.router.Replay("nobody", "default", time.Time{}, 0); err == nil {
		t.Error("an app that is not there was told something")
	}
	if _, err := h.router.Replay("bot", "other", time.Time{}, 0); err == nil {
		t.Error("an account that is not there was told again")
	}
	if d := h.event(private(20002, `[{"type":"text","data":{"text":"new"}}]`)); d.Outcome != "deliver" {
		t.Errorf("a new message after a replay: %s (%s)", d.Outcome, d.Reason)
	}
}
