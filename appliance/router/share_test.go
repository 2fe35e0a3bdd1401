package router

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/store"
)

func told(d store.Decision) string {
	out := d.Outcome + " " + d.Reason
	for _, app := range d.Apps {
		out += fmt.Sprintf(" %s=%s/%s", app.App, app.Outcome, app.Reason)
		if app.Away {
			out += "/away"
		}
	}
	return out
}

// A decision has what the account's rules say, and beside it what each app got.
func TestDecisionHasTheRulesAndEachApp(t *testing.T) {
	const app = "apps:\n  bot: {protocol: onebot11, accessToken: token-of-the-bot%s}\n"
	for _, tt := range []struct {
		name, rules, frame, want string
		history                  int
	}{
		{"the app wants a mention, the group does not", ", requireMention: true", group(30005, 20002, hello),
			"deliver delivered bot=drop/app.mention-required", 1},
		{"both want one", ", requireMention: true", group(30003, 20002, hello), "context mention.required bot=drop/mention.required", 1},
		{"the app has no use for it", ", only: {commands: [/weather]}", group(30005, 20002, hello), "deliver delivered bot=drop/app.not-in-only", 1},
		{"the group wants a mention, the app does not", ", requireMention: false", group(30003, 20002, hello), "context mention.required bot=deliver/delivered", 1},
		{"a notice that no app wants", ", only: {types: [message]}",
			`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"group_increase","sub_type":"approve","group_id":30003,"user_id":20002,"operator_id":20002}`,
			"deliver delivered bot=drop/app.not-in-only", 0},
		{"nobody may", "", group(30004, 20002, atBot), "drop group.not-listed bot=drop/group.not-listed", 0},
	} {
		h := newHouse(t, quiet+fmt.Sprintf(app, tt.rules))
		if got := told(h.event(tt.frame)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if n := len(h.store.History().List("default")); n != tt.history {
			t.Errorf("%s: %d chats in history, want %d", tt.name, n, tt.history)
		}
		outcome, _, _ := strings.Cut(tt.want, " ")
		if n := h.router.Counts()[0].Events[outcome]; n != 1 {
			t.Errorf("%s: %d events count as %s", tt.name, n, outcome)
		}
	}
}

// An app that nothing is kept for did not get the event, and nothing can be told to it.
func TestDecisionSaysThatAnAppIsNotThere(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.store.Journal().CloseCursor(h.cursors["bot"])
	if got, want := told(h.event(private(20002, hello))), "deliver delivered bot=deliver/delivered/away all=deliver/delivered"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	h.store.Journal().CloseCursor(h.cursors["all"])
	const want = "deliver delivered bot=deliver/delivered/away all=deliver/delivered/away"
	if got := told(h.event(private(20002, hello))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	v, apps, _ := h.router.Rehearse("default", Rehearsal{User: 20002})
	if got := told(store.Decision{Outcome: v.Outcome.String(), Reason: string(v.Reason), Apps: apps}); got != want {
		t.Errorf("a rehearsal: %s, want %s", got, want)
	}
	h.event(`{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","interval":1,"status":{"online":true,"good":true}}`)
	type count struct{ Events, Missed int64 }
	got := map[string]count{}
	for _, app := range h.router.Counts()[0].Apps {
		got[app.App] = count{app.Events, app.Missed}
	}
	if diff := cmp.Diff(map[string]count{"bot": {0, 2}, "all": {1, 1}}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	const refusal = "app bot is not connected to account default: nothing is kept for it before it connects for events"
	if n, err := h.router.Replay("bot", "default", time.Time{}, 5); n != 0 || !errors.Is(err, ErrNotThere) || err.Error() != refusal {
		t.Errorf("a replay: %d %v", n, err)
	}
	if n, err := h.router.Knock("bot"); n != 0 || !errors.Is(err, ErrNotThere) || err.Error() != refusal {
		t.Errorf("a test event: %d %v", n, err)
	}
}
