package apps

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
)

// taking is an app of this process that keeps what it is handed.
func taking() (*Inside, chan Handed) {
	handed := make(chan Handed, 100)
	return &Inside{
		Take:    func(e Handed) { handed <- e },
		Trouble: func() (time.Time, error) { return time.Time{}, nil },
	}, handed
}

func TestAnAppInsideFinishesInAnyOrder(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	inside, handed := taking()
	a := h.inside(0, config.App{Name: "brain"}, inside, b)
	a.Start()
	until(t, "the app is up", func() bool { return status(t, a, "bot1").Connected })
	first, second := h.tell(b, 0), h.tell(b, 0)
	one, two := receive(t, "the first event", handed), receive(t, "the second", handed)
	if string(one.Raw) != first || string(two.Raw) != second || one.Self != botQQ || one.Account != "bot1" {
		t.Fatalf("handed %s and %s", one.Raw, two.Raw)
	}
	two.Done(true)
	two.Done(true)
	if n := status(t, a, "bot1").Cursor.Backlog; n != 1 {
		t.Errorf("%d events wait, want 1", n)
	}
	go func() {
		<-one.Context.Done()
		one.Done(false)
	}()
	a.Close(1012, false)

	// What was not taken comes again, and what was taken does not.
	third := h.tell(b, 0)
	again, rest := taking()
	a = h.inside(0, config.App{Name: "brain"}, again, b)
	a.Start()
	for _, want := range []string{first, third} {
		e := receive(t, "an event again", rest)
		if string(e.Raw) != want {
			t.Errorf("handed %s, want %s", e.Raw, want)
		}
		e.Done(true)
	}
	if n := status(t, a, "bot1").Cursor.Backlog; n != 0 {
		t.Errorf("%d events wait, want none", n)
	}
}

func TestAnAppInsideHoldsABoundedNumber(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	inside, handed := taking()
	a := h.inside(0, config.App{Name: "brain"}, inside, b)
	a.Start()
	until(t, "the app is up", func() bool { return status(t, a, "bot1").Connected })
	var want []string
	for range maxHeld + 2 {
		want = append(want, h.tell(b, 0))
	}
	var held []Handed
	for i := range maxHeld {
		held = append(held, receive(t, "an event", handed))
		if string(held[i].Raw) != want[i] {
			t.Fatalf("event %d is %s", i, held[i].Raw)
		}
	}
	if n := status(t, a, "bot1").Cursor.Unread; n != 2 {
		t.Errorf("%d events are in the queue, want 2", n)
	}
	for i, e := range held {
		e.Done(true)
		if i < 2 {
			if next := receive(t, "the next", handed); string(next.Raw) != want[maxHeld+i] {
				t.Errorf("handed %s, want %s", next.Raw, want[maxHeld+i])
			} else {
				next.Done(true)
			}
		}
	}
}

func TestAnAppInsideTellsItsTrouble(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, 0)
	inside, handed := taking()
	inside.Trouble = func() (time.Time, error) { return time.Unix(0, 0), errors.New("the model does not answer") }
	a := h.inside(0, config.App{Name: "brain"}, inside, b)
	a.Start()
	until(t, "it waits for the account", func() bool { return strings.Contains(status(t, a, "bot1").LastError, "waiting for NapCat") })
	b.self.Store(botQQ)
	a.AccountChanged("bot1")
	until(t, "it says what is wrong", func() bool { return strings.Contains(status(t, a, "bot1").LastError, "the model does not answer") })
	a.Pause(true)
	text := h.tell(b, 0)
	a.Pause(false)
	e := receive(t, "the event", handed)
	if string(e.Raw) != text {
		t.Errorf("handed %s", e.Raw)
	}
	e.Done(true)
}
