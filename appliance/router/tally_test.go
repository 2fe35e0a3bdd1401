package router

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/policy"
)

func TestCallsAreCountedByTheirEnd(t *testing.T) {
	for _, tt := range []struct {
		err     error
		retcode int64
		want    string
	}{
		{nil, 0, "done"}, {nil, 1200, "failed"}, {nil, -1, "failed"}, {errPaced, 0, "paced"}, {fmt.Errorf("x: %w", napcat.ErrTimeout), 0, "uncertain"},
		{napcat.ErrDropped, 0, "uncertain"}, {napcat.ErrAway, 0, "away"}, {napcat.ErrBusy, 0, "away"}, {&handoverError{errors.New("x")}, 0, "refused"},
	} {
		var c appTally
		c.ended(tt.err, tt.retcode)
		for end, name := range callNames {
			if got := c.calls[end].Load(); (got == 1) != (name == tt.want) {
				t.Errorf("%v %d: %s is %d, want %s", tt.err, tt.retcode, name, got, tt.want)
			}
		}
	}
}

// A slot that goes to another app does not take the counts along; that of an app that stays keeps them over a reload.
func TestCountsFollowTheApp(t *testing.T) {
	r := New(Options{})
	defer r.Close()
	plan := func(names ...string) *Plan {
		p := &Plan{accounts: map[string]*accountPlan{"bot1": {}}, apps: make(map[string]*appPlan)}
		for i, name := range names {
			app := &appPlan{name: name, slot: uint8(i)}
			p.apps[name] = app
			p.accounts["bot1"].apps = append(p.accounts["bot1"].apps, app)
		}
		return p
	}
	l := r.Lane("bot1", 0)
	r.SetPlan(plan("a", "b"))
	for slot := range 2 {
		l.tally.apps[slot].events.Add(5)
	}
	l.tally.events[policy.Deliver].Add(10)
	r.SetPlan(plan("a", "c"))
	got := make(map[string]int64)
	for _, c := range r.Counts() {
		got["deliver"] = c.Events["deliver"]
		for _, app := range c.Apps {
			got[app.App] = app.Events
		}
	}
	if diff := cmp.Diff(map[string]int64{"a": 5, "c": 0, "deliver": 10}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimited(t *testing.T) {
	r := New(Options{})
	defer r.Close()
	if r.Limited("nobody") || func() bool { r.Lane("bot1", 0); return r.Limited("bot1") }() {
		t.Error("limited although nothing was sent")
	}
}
