package apps

import (
	"net"
	"net/http"
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
