package apps

import (
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
)

// An app that is gone for good must not cost flash for ever.
func TestAnAppThatStaysAwayIsForgotten(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
	c := *a.settings()
	c.Queue.MaxAge.Request = 50 * time.Millisecond
	a.Update(c)
	g := open(t, a)
	p := come(t, g, "/", token)
	p.greeting(botQQ)
	p.conn.Close(1000, "")
	p.closed()
	h.tell(b, 0)
	until(t, "the subscription has ended", func() bool { return !status(t, a, "bot1").Subscribed })
	h.tell(b, 0) // for nobody
	again := come(t, g, "/", token)
	again.greeting(botQQ)
	want := h.tell(b, 0)
	again.expect(want)
	until(t, "it is kept while it is connected", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
	if !status(t, a, "bot1").Subscribed {
		t.Error("a connected app is no subscriber")
	}
}
