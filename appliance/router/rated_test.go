package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/simulator"
)

func TestRatedCallsAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		q := &rated{now: time.Now}
		var mu sync.Mutex
		var went []string
		call := func(name string, size int) ratedCall {
			return ratedCall{size: size, keep: func() {}, run: func(err error) {
				mu.Lock()
				defer mu.Unlock()
				word := fmt.Sprint(time.Since(start).Milliseconds())
				switch {
				case errors.Is(err, napcat.ErrBusy):
					word = "busy"
				case errors.Is(err, napcat.ErrAway):
					word = "away"
				}
				went = append(went, name+" "+word)
			}}
		}
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(went, want) {
				t.Errorf("went %q, want %q", went, want)
			}
			went = nil
		}
		for _, name := range []string{"a", "b", "c"} {
			q.do(call(name, 1))
		}
		expect("a 0")
		time.Sleep(10 * time.Second)
		expect("b 500", "c 1000")
		q.do(call("d", 1))
		time.Sleep(100 * time.Millisecond)
		q.do(call("e", ratedBytes)) // alone it may be large
		q.do(call("f", 1))
		expect("d 10000", "f busy")
		time.Sleep(400 * time.Millisecond)
		expect("e 10500")
		for range maxRated + 1 {
			q.do(call("g", 0))
		}
		expect("g busy")
		q.close()
		q.do(call("h", 0))
		expect(append(slices.Repeat([]string{"g away"}, maxRated), "h away")...)
	})
}

// With pacing off, and for actions that send nothing: the spacing is a promise of the name's own.
func TestRateLimitedActions(t *testing.T) {
	h := newHouse(t, quiet+quickApps)
	sim := h.link(account(t), simulator.Options{})
	obey(sim)
	began := time.Now()
	before := len(sim.Calls())
	for _, frame := range []string{
		`{"action":"set_group_card_rate_limited","params":{"group_id":30003,"user_id":20002,"card":"1"}}`,
		`{"action":"set_group_card_rate_limited","params":{"group_id":30003,"user_id":20002,"card":"2"}}`,
		`{"action":".handle_quick_operation_rate_limited","params":{"context":` + groupEvent + `,"operation":{"kick":true}}}`,
	} {
		answered := make(chan string, 1)
		h.router.Action(apps.Action{App: "bot", Account: "default", Frame: []byte(frame), Reply: func(b []byte) { answered <- string(b) }})
		if got := <-answered; !strings.Contains(got, `"status":"async","retcode":1`) {
			t.Errorf("%s: %s", frame, got)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := sim.WaitCall(ctx, func(c simulator.Call) bool { return c.Action == "set_group_kick" }); err != nil {
		t.Fatal(err)
	}
	want := `set_group_card_rate_limited {"group_id":30003,"user_id":20002,"card":"1"}
set_group_card_rate_limited {"group_id":30003,"user_id":20002,"card":"2"}
set_group_kick {"group_id":30003,"user_id":20002}`
	if got := callsOf(sim, before); got != want {
		t.Errorf("NapCat got\n%s", got)
	}
	if took := time.Since(began); took < 2*ratedEvery {
		t.Errorf("three calls within %v", took)
	}
}
