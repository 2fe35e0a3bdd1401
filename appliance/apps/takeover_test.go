package apps

import (
	"fmt"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/store"
)

func TestFault_T10_TakeOverKeepsTheOrder(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
	g := open(t, a)
	p := come(t, g, "/", token)
	p.greeting(botQQ)
	const rounds, each = 15, 200
	total := rounds * each
	var want []string
	var peers []*peer
	told := make(chan struct{})
	go func() {
		defer close(told)
		for range total {
			want = append(want, h.tell(b, 0))
		}
	}()
	for range rounds {
		peers = append(peers, p)
		next := come(t, g, "/", token)
		next.greeting(botQQ)
		if code := p.closed(); code != 1000 {
			t.Fatalf("the older connection was closed with %d", code)
		}
		p = next
	}
	peers = append(peers, p)
	<-told
	until(t, "all is written", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
	h.tell(b, 0) // the last frame of the last connection
	// First arrivals are in order over all connections, and nothing is missing.
	seen := make(map[string]bool)
	var got []string
	for i, q := range peers {
		for len(q.frames) > 0 || i == len(peers)-1 && len(got) <= total {
			f := q.next()
			if !seen[f] {
				seen[f] = true
				got = append(got, f)
			}
		}
	}
	if len(got) != total+1 {
		t.Fatalf("%d events arrived of %d", len(got), total+1)
	}
	for i, w := range want {
		if got[i] != w {
			t.Fatalf("event %d is %s, want %s", i, got[i], w)
		}
	}
}

func TestFault_T11_TakeOverFromAStalledConnection(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token, Ack: "written"}, b)
	g := open(t, a)
	block := make(chan struct{})
	old := comeTo(t, g, "/", token, block)
	old.greeting(botQQ) // it reads no more
	const total = 150
	filler := strings.Repeat("x", 200<<10)
	want := make([]string, total)
	for i := range want {
		want[i] = fmt.Sprintf(`{"n":%d,"filler":"%s"}`, i, filler)
		h.journal.Append(store.Event{For: 1, Class: store.ClassNotice, Raw: []byte(want[i])})
	}
	before := uint64(0)
	until(t, "writing has stalled", func() bool { // the first events are out, and there is no room for the last ones
		acked := status(t, a, "bot1").Cursor.Acked
		stalled := acked != 0 && acked == before && status(t, a, "bot1").Cursor.Backlog < total
		before = acked
		return stalled
	})
	fresh := come(t, g, "/", token)
	fresh.greeting(botQQ)
	at := 0
	for ; fresh.next() != want[total-1]; at++ {
	}
	if at == 0 || at >= total {
		t.Fatalf("%d events came over the new connection", at)
	}
	close(block)
	old.closed()
	// Both together have everything: the old one what was written whole, the new one the rest.
	have := make(map[string]bool)
	for len(old.frames) > 0 {
		have[old.next()] = true
	}
	if got := len(have) + at + 1; got < total {
		t.Errorf("%d events of %d arrived", got, total)
	}
}

func TestThreeConnectionsAtOnce(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
	g := open(t, a)
	for range 15 {
		var peers []*peer
		for range 3 {
			peers = append(peers, come(t, g, "/event", token))
		}
		ended := func() (n int) {
			for _, p := range peers {
				n += len(p.ended)
			}
			return n
		}
		until(t, "two are closed", func() bool { return ended() == 2 })
		for _, p := range peers {
			if len(p.ended) == 0 {
				p.greeting(botQQ)
				p.expect(h.tell(b, 0))
				until(t, "it is acknowledged", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
				p.conn.Close(1000, "")
				p.closed()
			}
		}
		until(t, "nobody is connected", func() bool { return !status(t, a, "bot1").Connected })
	}
}

func TestFault_T15_EachEventOnceOver100Connections(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
	g := open(t, a)
	for range 100 {
		p := come(t, g, "/", token)
		p.greeting(botQQ)
		p.expect(h.tell(b, 0))
		until(t, "it is acknowledged", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
		p.conn.Close(1000, "")
		p.closed()
		if len(p.frames) != 0 {
			t.Fatalf("more came: %s", <-p.frames)
		}
		until(t, "the end is seen", func() bool { return !status(t, a, "bot1").Connected })
	}
	if st := status(t, a, "bot1"); st.Cursor.Repeated != 0 || st.Cursor.Dropped != 0 {
		t.Errorf("cursor %+v", st.Cursor)
	}
}
