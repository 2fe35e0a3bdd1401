package apps

import (
	"testing"

	"github.com/catflap/catflap/appliance/config"
)

func TestAPausedAppKeepsItsLinkAndItsEvents(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
	g := open(t, a)
	p := come(t, g, "/", token)
	p.greeting(botQQ)
	first := h.tell(b, 0)
	if got := p.next(); got != first {
		t.Fatalf("got %s, want %s", got, first)
	}
	a.Pause(true)
	if !status(t, a, "bot1").Paused {
		t.Error("status does not say that it is paused")
	}
	waiting := []string{h.tell(b, 0), h.tell(b, 0)}
	p.send(`{"action":"get_status"}`) // calls go on
	receive(t, "the action", h.actions)
	if len(p.frames) != 0 {
		t.Fatalf("a paused app got %s", p.next())
	}
	if n := status(t, a, "bot1").Cursor.Backlog; n < 2 {
		t.Errorf("%d events wait, want 2", n)
	}
	a.Pause(false)
	for _, want := range waiting {
		if got := p.next(); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}
