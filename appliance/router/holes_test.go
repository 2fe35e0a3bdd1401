package router

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/simulator"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

var atMe = simulator.Segment{Type: "at", Data: map[string]any{"qq": "10001"}}

// redial links again and waits until catflap has taken the link.
func (h *house) redial(sim *simulator.NapCat) {
	h.t.Helper()
	links := sim.Links()
	h.dial()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	if err := sim.WaitLinks(ctx, links+1); err != nil {
		h.t.Fatal(err)
	}
	if err := sim.WaitConnected(ctx); err != nil {
		h.t.Fatal(err)
	}
}

// failing makes an action fail while the returned switch is on.
func failing(sim *simulator.NapCat, action string) *atomic.Bool {
	var on atomic.Bool
	on.Store(true)
	sim.OnAction(action, func(simulator.Call) simulator.Answer {
		if on.Load() {
			return simulator.Answer{Retcode: 1200, Message: "not yet"}
		}
		return simulator.Answer{}
	})
	return &on
}

// Chats that are not admitted must not hide those that are, however many of them are livelier.
func TestChatsThatAreNotAdmittedHideNothing(t *testing.T) {
	for _, others := range []int{70, maxContacts + 20} {
		t.Run(fmt.Sprint(others), func(t *testing.T) {
			h := newHouse(t, quiet+apps2)
			var ticks atomic.Int64 // NapCat lists the chats by the second
			began := time.Now().Add(-time.Hour)
			sim := h.link(account(t), simulator.Options{ReconnectInterval: 1, Now: func() time.Time { return began.Add(time.Duration(ticks.Add(1)) * time.Second) }})
			room := simulator.From{Group: 30003, User: 20002}
			sim.Say(room, atMe, text("first"))
			h.collect("bot", "first")
			h.hangUp()
			sim.Say(room, atMe, text("missed one"))
			sim.Say(room, atMe, text("missed two"))
			for i := range others {
				sim.Say(simulator.From{Group: 40000 + uint64(i), User: 20002}, text("noise"))
			}
			h.redial(sim)
			h.collect("bot", "missed one", "missed two")
		})
	}
}

func TestWhatNapCatCouldNotSayIsAskedAgain(t *testing.T) {
	for _, action := range []string{"get_recent_contact", "get_friend_msg_history", "get_group_system_msg"} {
		t.Run(action, func(t *testing.T) {
			h := newHouse(t, quiet+apps2)
			sim := h.link(account(t), simulator.Options{ReconnectInterval: 1})
			friend := simulator.From{User: 20002}
			sim.Say(friend, text("first"))
			h.collect("bot", "first")
			h.hangUp()
			sim.Say(friend, text("missed"))
			flag := sim.Request(simulator.Request{Type: "group", SubType: "add", Group: 30003, User: 20009, Comment: "hi"})
			fails := failing(sim, action)
			h.redial(sim)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if _, err := sim.WaitCall(ctx, func(c simulator.Call) bool { return c.Action == action }); err != nil {
				t.Fatal(err)
			}
			fails.Store(false)
			var got []string
			until(t, "all has come", func() bool { got = append(got, h.got("bot")...); return len(got) >= 2 })
			if all := strings.Join(got, "\n"); len(got) > 2 || !strings.Contains(all, `"missed"`) || !strings.Contains(all, flag) {
				t.Errorf("got %s", all)
			}
		})
	}
}

// Live messages move the mark of a chat, but not the hole behind it: the next link fills that.
func TestUnfinishedCatchUpGoesOnAtTheNextLink(t *testing.T) {
	for _, action := range []string{"get_recent_contact", "get_friend_msg_history"} {
		t.Run(action, func(t *testing.T) {
			h := newHouse(t, quiet+apps2)
			sim := h.link(account(t), simulator.Options{ReconnectInterval: 1})
			friend := simulator.From{User: 20002}
			sim.Say(friend, text("first"))
			h.collect("bot", "first")
			h.hangUp()
			sim.Say(friend, text("missed one"))
			sim.Say(friend, text("missed two"))
			fails := failing(sim, action)
			h.redial(sim)
			sim.Say(friend, text("live"))
			h.collect("bot", "live")
			h.hangUp()
			sim.Say(friend, text("missed three"))
			fails.Store(false)
			h.redial(sim)
			h.collect("bot", "missed one", "missed two", "missed three")
		})
	}
}

var realSeq = regexp.MustCompile(`"real_seq":"(\d+)"`)

func TestUnfinishedCatchUpGoesOnAfterARestart(t *testing.T) {
	cfg, err := config.Parse("catflap.yaml", []byte(quiet+apps2), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var first string
	t.Run("before", func(t *testing.T) {
		h := openHouse(t, cfg, dir)
		sim := h.link(account(t), simulator.Options{ReconnectInterval: 1})
		friend := simulator.From{User: 20002}
		sim.Say(friend, text("first"))
		first = h.collect("bot", "first")[0]
		h.hangUp()
		sim.Say(friend, text("missed"))
		failing(sim, "get_friend_msg_history")
		h.redial(sim)
		sim.Say(friend, text("live"))
		h.collect("bot", "live")
	})
	h := openHouse(t, cfg, dir)
	var seq uint64
	if _, err := fmt.Sscan(realSeq.FindStringSubmatch(first)[1], &seq); err != nil {
		t.Fatal(err)
	}
	missed := strings.Replace(realSeq.ReplaceAllString(first, fmt.Sprintf(`"real_seq":"%d"`, seq+1)), "first", "missed", -1)
	h.catchUpWith(t, []string{first, missed})
	h.collect("bot", "first", "live", "missed") // nobody acknowledged the others
}

// catchUpWith links a NapCat whose history of the friend 20002 is the frames.
func (h *house) catchUpWith(t *testing.T, frames []string) *simulator.NapCat {
	t.Helper()
	h.prepare = func(sim *simulator.NapCat) {
		sim.OnAction("get_friend_msg_history", func(simulator.Call) simulator.Answer {
			return simulator.Answer{Data: rawJSON(`{"messages":[` + strings.Join(frames, ",") + `]}`)}
		})
	}
	return h.link(account(t), simulator.Options{ReconnectInterval: 1})
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func TestALongGapIsClosed(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{ReconnectInterval: 1})
	friend := simulator.From{User: 20002}
	sim.Say(friend, text("first"))
	h.collect("bot", "first")
	h.hangUp()
	var words []string
	for i := range 250 {
		words = append(words, fmt.Sprintf("missed %d.", i))
		sim.Say(friend, text(words[i]))
	}
	h.redial(sim)
	h.collect("bot", words...)
	if n := h.router.CutShort("default"); n != 0 {
		t.Errorf("%d chats were cut short", n)
	}
}

func TestAGapBeyondTheBoundIsCountedAsCut(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	first := private(20002, hello)
	h.event(first)
	h.collect("bot", "hello")
	var frames []string
	for range firstPage {
		frame := private(20002, `[{"type":"text","data":{"text":"`+strings.Repeat("x", missedBytes/firstPage)+`"}}]`)
		frames = append(frames, strings.Replace(frame, `"time":1767225600`, fmt.Sprintf(`"time":%d`, time.Now().Unix()), 1))
	}
	h.event(private(20002, hello)) // what came live lies behind
	h.collect("bot", "hello")
	var seq uint64
	h.lane.mu.Lock()
	if _, err := fmt.Sscan(realSeq.FindStringSubmatch(first)[1], &seq); err != nil {
		t.Fatal(err)
	}
	h.lane.dig(policy.Chat{ID: 20002}, mark{seq: seq - 1}, time.Now().Unix())
	h.lane.mu.Unlock()
	h.catchUpWith(t, frames)
	var got []string
	until(t, "the newest have come", func() bool { got = append(got, h.got("bot")...); return len(got) >= firstPage })
	until(t, "the cut is counted", func() bool { return h.router.CutShort("default") == 1 })
}

// An event waits for an app before history has it. After a kill it comes from the queue, and must not come from NapCat's
// history too.
func TestWhatWaitsForAnAppIsKnownAfterAKill(t *testing.T) {
	cfg, err := config.Parse("catflap.yaml", []byte(quiet+apps2), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	dir, copied := t.TempDir(), t.TempDir()
	h := openHouse(t, cfg, dir, func(o *store.Options) { o.QueueSync = time.Millisecond })
	frame := private(20002, hello)
	h.event(frame)
	until(t, "the event is on the disk", func() bool {
		n := 0
		if err := h.store.Journal().Waiting("default", 10, func([]byte) { n++ }); err != nil {
			t.Fatal(err)
		}
		return n == 1
	})
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again := openHouse(t, cfg, copied)
	if chats := again.store.History().List("default"); len(chats) != 0 {
		t.Fatalf("history has %v: the test proves nothing", chats)
	}
	if d := again.event(frame); d.Reason != "duplicate" {
		t.Errorf("after a kill: %s (%s)", d.Outcome, d.Reason)
	}
	if got := again.got("bot"); len(got) != 1 {
		t.Errorf("the app gets it %d times", len(got))
	}
}

func TestAbsurdNumbersDoNotMoveTheMark(t *testing.T) {
	chat := policy.Chat{Group: true, ID: 30003}
	for _, tt := range []struct {
		name string
		seqs []string
		want uint64
	}{
		{"in order", []string{"5", "6", "7"}, 7},
		{"late", []string{"5", "7", "6"}, 7},
		{"no number", []string{"5", "x", ""}, 5},
		{"one that is absurd", []string{"5", "18446744073709551615", "6"}, 6},
		{"absurd ones that disagree", []string{"5", "18446744073709551615", "9000000000"}, 5},
		{"a leap that goes on", []string{"5", "900000", "900001"}, 900001},
		{"an absurd first one", []string{"18446744073709551615", "5", "6"}, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := New(Options{Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
			l := r.Lane("default", 0)
			for i, seq := range tt.seqs {
				l.markChat(chat, []byte(seq), int64(i))
			}
			if got := l.marks[chat].seq; got != tt.want {
				t.Errorf("known up to %d, want %d", got, tt.want)
			}
		})
	}
}

func TestHolesAreBounded(t *testing.T) {
	r := New(Options{Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	l := r.Lane("default", 0)
	l.missing = 1
	for i := range uint64(maxHoles + 10) {
		l.markChat(policy.Chat{ID: i + 1}, []byte("7"), int64(i))
	}
	if n := len(l.holes); n != maxHoles || l.cut.Load() != 10 {
		t.Errorf("%d holes, %d given up", n, l.cut.Load())
	}
	if _, ok := l.holes[policy.Chat{ID: maxHoles + 10}]; !ok {
		t.Error("the newest hole was given up")
	}
}

func TestHolesAreKept(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	now := time.Now().Unix()
	room, friend := policy.Chat{Group: true, ID: 30003}, policy.Chat{ID: 20002}
	h.lane.mu.Lock()
	h.lane.dig(room, mark{seq: 7, at: now - 60, leap: 9}, now)
	h.lane.dig(friend, mark{at: now - 50}, now-10)
	h.lane.mu.Unlock()
	h.lane.saveHoles()
	load := func() map[policy.Chat]hole {
		l := New(h.router.Options).Lane("default", 0)
		l.loadHoles()
		return l.holes
	}
	want := map[policy.Chat]hole{
		room:   {after: mark{seq: 7, at: now - 60}, last: now, since: now},
		friend: {after: mark{at: now - 50}, last: now - 10, since: now},
	}
	compare := cmp.AllowUnexported(hole{}, mark{})
	if diff := cmp.Diff(want, load(), compare); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	old := now - int64(catchUpActive/time.Second) - 1
	text := fmt.Sprintf("\nx\ngroup:0 1 2 3 4\nuser:5 -1 2 3 4\nuser:6 1 2 3 %d\nuser:7 1 2 3 %d\nuser:8 1 2", old, now)
	if err := h.store.Settings().Set(holesKey+"default", text); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[policy.Chat]hole{{ID: 7}: {after: mark{seq: 1, at: 2}, last: 3, since: now}}, load(), compare); diff != "" {
		t.Errorf("of what is damaged or old (-want +got):\n%s", diff)
	}
}
