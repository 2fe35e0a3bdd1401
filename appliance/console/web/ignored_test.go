package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/store"
)

// What was not answered is what no app got, whatever the account's own rules say of it.
func TestNotAnsweredIsWhatNoAppGot(t *testing.T) {
	r := newRig(t)
	r.furnish()
	r.site.API.Accounts = func() []console.AccountInfo { return []console.AccountInfo{{Name: "bot1"}, {Name: "bot2"}} }
	r.site.API.Rehearse = nil // the rules are still as they were
	add := func(user uint64, outcome, reason string, apps ...store.AppDecision) {
		r.store.Decisions().Add(store.Decision{Time: r.site.Now(), Account: "bot2", Chat: "group:30009", User: user, Kind: "message.group.normal",
			Outcome: outcome, Reason: reason, Apps: apps})
	}
	got := store.AppDecision{App: "all", Outcome: "deliver", Reason: "delivered"}
	add(1, "deliver", "delivered", got, store.AppDecision{App: "one", Outcome: "drop", Reason: "mention.required"})
	add(2, "deliver", "delivered", store.AppDecision{App: "one", Outcome: "drop", Reason: "app.mention-required"})
	add(3, "deliver", "delivered", store.AppDecision{App: "one", Outcome: "deliver", Reason: "delivered", Away: true})
	add(4, "deliver", "delivered") // no app serves the account
	add(5, "context", "mention.required", got)
	seen := map[uint64]string{}
	for _, row := range r.site.decisions(true).Rows {
		if row.Account == "bot2" {
			seen[row.User] = row.Outcome + " " + row.Reason + " " + row.Allow
		}
	}
	want := map[uint64]string{2: "context app.mention-required config", 3: "context app.away apps", 4: "context app.none apps"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("not answered (-want +got):\n%s", diff)
	}
	page := r.logIn().do("GET", "/decisions", "", "Accept-Language", "en").body
	for _, want := range []string{"bot2 · ", "one: not there", "/#apps"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}
