package apps

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/onebot12"
	"github.com/catflap/catflap/store"
)

// poll calls get_latest_events until an event has the text, "" = once, and returns all events.
func poll(t *testing.T, g *Gateway, params, text string) (events []map[string]any) {
	t.Helper()
	for {
		resp, body := do(t, g, request{method: "POST", path: "/", contentType: "application/json", body: `{"action":"get_latest_events","params":{` + params + `}}`})
		var answer struct {
			Status string           `json:"status"`
			Data   []map[string]any `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != 200 || answer.Status != "ok" || answer.Data == nil {
			t.Fatalf("answered %d %s (%v)", resp.StatusCode, body, err)
		}
		events = append(events, answer.Data...)
		if text == "" || slices.ContainsFunc(answer.Data, func(e map[string]any) bool { return e["alt_message"] == text }) {
			return events
		}
	}
}

func texts(events []map[string]any) (out []string) {
	for _, e := range events {
		out = append(out, fmt.Sprint(e["alt_message"]))
	}
	return out
}

// get_latest_events has a queue of its own: from the first call on, bounded like any, emptied by reading, and no WebSocket
// takes from it.
func TestTwelveLatestEvents(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	g := open(t, a)
	h.say(b, "friend", "before", 0)
	if list := poll(t, g, "", ""); len(list) != 0 {
		t.Errorf("the first call gives %v", list)
	}
	p := come(t, g, "/", token)
	p.still(connect12) // from here on it hears of everything
	h.raw(b, store.ClassMeta, `{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","status":{},"interval":1}`, 0)
	for _, text := range []string{"a", "b", "c", "d"} {
		h.say(b, "friend", text, 0)
		p.text(text)
	}
	if diff := cmp.Diff([]string{"a", "b"}, texts(poll(t, g, `"limit":2`, ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c", "d"}, texts(poll(t, g, `"limit":0`, ""))); diff != "" {
		t.Error(diff)
	}
	if list := poll(t, g, "", ""); len(list) != 0 {
		t.Errorf("an empty queue gives %v", list)
	}

	// A long poll ends with the first event.
	waiting := make(chan []string)
	go func() { waiting <- texts(poll(t, g, `"timeout":60`, "")) }()
	until(t, "somebody waits", func() bool {
		a.polled.mu.Lock()
		defer a.polled.mu.Unlock()
		return a.polled.news != nil
	})
	h.say(b, "friend", "e", 0)
	if diff := cmp.Diff([]string{"e"}, receive(t, "the long poll", waiting)); diff != "" {
		t.Error(diff)
	}

	// The oldest fall out at the bound.
	c := *a.settings()
	c.Queue.MaxEvents = 3
	a.Update(c)
	for i := range 5 {
		h.say(b, "friend", fmt.Sprint(i), 0)
	}
	if diff := cmp.Diff([]string{"2", "3", "4"}, texts(poll(t, g, "", ""))); diff != "" {
		t.Error(diff)
	}

	// Who asks on a WebSocket is told that this is none of its actions.
	p.send(`{"action":"get_latest_events","params":{},"echo":"l"}`)
	for {
		if frame := p.next(); strings.Contains(frame, `"echo":"l"`) {
			if !strings.Contains(frame, `"retcode":10002`) {
				t.Errorf("answered %s", frame)
			}
			break
		}
	}
}

// An app with several bots gets the events of all, in their order, or of the one that it names.
func TestTwelveLatestEventsOfSeveralBots(t *testing.T) {
	h, one, two := newHouse(t), newBot("bot1", 0, botQQ), newBot("bot2", 1, 10002)
	a := h.twelve(0, config.App{AccessToken: token}, two, one)
	g := open(t, a)
	poll(t, g, "", "")
	for i, b := range []*bot{one, two, one, two} {
		h.say(b, "friend", fmt.Sprint(i), 0)
	}
	if diff := cmp.Diff([]string{"0", "1", "2", "3"}, texts(poll(t, g, "", ""))); diff != "" {
		t.Error(diff)
	}
	h.say(one, "friend", "mine", 0)
	h.say(two, "friend", "yours", 0)
	_, body := do(t, g, request{method: "POST", path: "/", contentType: "application/json", body: `{"action":"get_latest_events","params":{},"self":{"platform":"qq","user_id":"10002"}}`})
	if !strings.Contains(body, "yours") || strings.Contains(body, "mine") {
		t.Errorf("bot2 has %s", body)
	}
	if diff := cmp.Diff([]string{"mine"}, texts(poll(t, g, "", ""))); diff != "" {
		t.Error(diff)
	}
	if got := status(t, a, "bot1"); !got.Subscribed || got.Cursor.Backlog != 0 {
		t.Errorf("status says %+v", got)
	}
	// Nobody asks any more: nothing is kept.
	c := *a.settings()
	c.Queue.MaxAge.Request = time.Millisecond
	a.Update(c)
	poll(t, g, "", "")
	until(t, "the queue has ended", func() bool { return !status(t, a, "bot1").Subscribed })
	poll(t, g, "", "")

	// What was subscribed to before a restart goes on without a call.
	b := h.twelve(0, config.App{Name: "other", AccessToken: "tk-other"}, one)
	if app, polls := AppOf("other" + latestMark); app != "other" || !polls || !b.ResumePolls("bot1") || b.ResumePolls("bot2") {
		t.Error("the queue of bot1 is not resumed, or one of bot2 is")
	}
	h.say(one, "friend", "kept", 0)
	if got := status(t, b, "bot1").Cursor.Backlog; got != 1 {
		t.Errorf("%d events wait", got)
	}
}

// An answer that did not go out is taken back.
func TestTwelveLatestEventsComeAgain(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	g := open(t, a)
	poll(t, g, "", "")
	h.say(b, "friend", "a", 0)
	h.say(b, "friend", "b", 0)
	events, from := a.speech.(*twelve).collect(a.list(), 1)
	if len(events) != 1 || !strings.Contains(string(events[0]), `"alt_message":"a"`) {
		t.Fatalf("collected %s", events)
	}
	settle(from, false)
	if diff := cmp.Diff([]string{"a", "b"}, texts(poll(t, g, "", ""))); diff != "" {
		t.Error(diff)
	}
	if got := status(t, a, "bot1").Cursor.Repeated; got != 1 {
		t.Errorf("%d events came again", got)
	}
}

// Two who ask at once never get the same event.
func TestTwelveLatestEventsAreGivenOnce(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	g := open(t, h.twelve(0, config.App{AccessToken: token}, b))
	poll(t, g, "", "")
	const all = 300
	got := make(chan []string)
	for range 3 {
		go func() {
			var mine []string
			for len(mine) == 0 || mine[len(mine)-1] != "end" {
				mine = append(mine, texts(poll(t, g, `"limit":7,"timeout":5`, ""))...)
			}
			got <- mine
		}()
	}
	for i := range all {
		h.say(b, "friend", fmt.Sprint(i), 0)
	}
	seen := make(map[string]int)
	for i := range 3 {
		h.say(b, "friend", "end", 0)
		for _, text := range receive(t, fmt.Sprintf("reader %d", i), got) {
			seen[text]++
		}
	}
	for i := range all {
		if n := seen[fmt.Sprint(i)]; n != 1 {
			t.Errorf("event %d was given %d times", i, n)
		}
	}
}

// Who has hung up while he waited does not get what comes then: the socket would take it all the same.
func TestTwelveLatestEventsOfOneWhoHasLeft(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	g := open(t, a)
	poll(t, g, "", "")
	h.say(b, "friend", "a", 0)
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	r, err := http.NewRequestWithContext(gone, http.MethodPost, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	d := a.speech.(*twelve)
	c := &httpTwelve{gateway: g, knock: &gate.Knock{Request: r}, app: a, d: d} // nothing to write to
	c.latest(&demand{d: d, plan: &onebot12.Plan{Kind: onebot12.LatestEvents}}, a.list())
	if diff := cmp.Diff([]string{"a"}, texts(poll(t, g, "", ""))); diff != "" {
		t.Error(diff)
	}
}
