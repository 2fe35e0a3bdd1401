package apps

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/gate"
)

// Sockets that say nothing keep no app out, and end no link.
func TestFault_S06_IdleSocketsAtTheGateway(t *testing.T) {
	h, b := newHouse(t), newBot("default", 0, botQQ)
	g := open(t, h.app(0, config.App{Name: "koishi", AccessToken: token, Heartbeat: time.Hour}, b),
		h.app(1, config.App{Name: "nonebot", AccessToken: "tk-2", Heartbeat: time.Hour}, b))
	early := come(t, g, "/", token)
	early.greeting(botQQ)
	for range 400 {
		c, err := net.Dial("tcp", g.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	late := come(t, g, "/", "tk-2")
	late.greeting(botQQ)
	event := h.tell(b, 0, 1)
	early.expect(event)
	late.expect(event)
}

// limits.links counts every accepted link, of events and of calls, until it has ended.
func TestFault_S06_LinksAreBounded(t *testing.T) {
	h, b := newHouse(t), newBot("default", 0, botQQ)
	app := h.app(0, config.App{Name: "koishi", AccessToken: token, Heartbeat: time.Hour}, b)
	var places gate.Seats
	places.SetLimit(2)
	g := openWith(t, &places, app)
	events, calls := come(t, g, "/", token), come(t, g, "/api", token)
	events.greeting(botQQ)

	full := func() {
		t.Helper()
		status, body := knock(t, g, "GET", "/api", func(*http.Request) {})
		if status != http.StatusServiceUnavailable || body != "2 links are open already (limits.links)" {
			t.Fatalf("a third link: %d %q", status, body)
		}
	}
	full()
	if used, limit := places.Used(), places.Limit(); used != 2 || limit != 2 {
		t.Errorf("%d of %d links", used, limit)
	}
	if last := g.Refused(); len(last) != 1 || last[0].Who != "koishi" || last[0].Status != http.StatusServiceUnavailable {
		t.Errorf("refused %+v", last)
	}
	// What is refused for another reason takes no place, and neither does a failed upgrade.
	for range 3 {
		knock(t, g, "GET", "/nowhere", func(*http.Request) {})
	}
	events.expect(h.tell(b, 0))

	calls.conn.Close(1000, "")
	calls.closed()
	until(t, "the place is free", func() bool { return places.Used() == 1 })
	for range 3 {
		if status, _ := knock(t, g, "POST", "/api", func(*http.Request) {}); status != http.StatusBadRequest {
			t.Fatalf("a failed upgrade: %d", status)
		}
	}
	if n := places.Used(); n != 1 {
		t.Fatalf("%d places are taken after failed upgrades", n)
	}
	come(t, g, "/api", token)
	full()

	// A lower limit ends no link; a higher one lets the next in.
	places.SetLimit(1)
	events.expect(h.tell(b, 0))
	places.SetLimit(3)
	come(t, g, "/api", token)
	app.Close(1012, false)
	until(t, "all places are free", func() bool { return places.Used() == 0 })
}

// An app whose link is half-dead comes back although its old link still holds the last place.
func TestFault_S06_AReconnectNeedsNoPlaceOfItsOwn(t *testing.T) {
	h, b := newHouse(t), newBot("default", 0, botQQ)
	app := h.app(0, config.App{Name: "koishi", AccessToken: token, Heartbeat: time.Hour}, b)
	var places gate.Seats
	places.SetLimit(1)
	g := openWith(t, &places, app, h.app(1, config.App{Name: "nonebot", AccessToken: "tk-2", Heartbeat: time.Hour}, b))
	full := func(path, token string) {
		t.Helper()
		status, body := knock(t, g, "GET", path, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
		if status != http.StatusServiceUnavailable || body != "1 links are open already (limits.links)" {
			t.Fatalf("a second link to %s: %d %q", path, status, body)
		}
	}
	block := make(chan struct{})
	p := comeTo(t, g, "/", token, block) // reads nothing after its first frame
	revive := sync.OnceFunc(func() { close(block) })
	t.Cleanup(revive)
	p.greeting(botQQ)
	for range 3 {
		next := come(t, g, "/", token)
		next.greeting(botQQ)
		revive()
		p.closed()
		until(t, "the old link's place is free", func() bool { return places.Used() == 1 })
		p = next
		full("/api", token) // calls take nothing over
		full("/", "tk-2")   // nobody is there whose place it could have
	}
	p.expect(h.tell(b, 0))
	app.Close(1012, false)
	until(t, "all places are free", func() bool { return places.Used() == 0 })
}

// While one connection waits for its elder's end, no other comes in above the limit.
func TestOneHeirAtATime(t *testing.T) {
	h, b := newHouse(t), newBot("default", 0, botQQ)
	app := h.app(0, config.App{Name: "koishi", AccessToken: token, Heartbeat: time.Hour}, b)
	var places gate.Seats
	places.SetLimit(1)
	g := openWith(t, &places, app)
	p := come(t, g, "/", token)
	p.greeting(botQQ)
	f := app.feed("default")
	take := func() seat {
		t.Helper()
		s, refusal := g.seat(f, true)
		if refusal != nil {
			t.Fatalf("an heir was refused: %v", refusal)
		}
		return s
	}
	refused := func(events bool) {
		t.Helper()
		if _, refusal := g.seat(f, events); refusal == nil {
			t.Fatal("a link above the limit came in")
		}
	}
	refused(false)
	first := take()
	refused(true)
	first.settle()
	second := take()
	first.leave() // the heir of the first is on its way still
	refused(true)
	second.leave() // it never came up
	take().leave()
	if n := places.Used(); n != 1 {
		t.Errorf("%d places are taken", n)
	}
}
