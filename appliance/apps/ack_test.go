package apps

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/store"
)

func TestAckerAsksForOneThingAtATime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var later time.Duration
	a := newAcker(func() time.Time { return now }, &pongs{}, func(d time.Duration) { later = d })
	if _, due := a.next(); due {
		t.Error("a ping is due before any event")
	}
	a.took(7, 1)
	first, due := a.next()
	if !due || binary.BigEndian.Uint64(first[:]) != 7 {
		t.Fatalf("the ping after event 7: %v, %v", first, due)
	}
	a.took(9, 1)
	if _, due := a.next(); due {
		t.Error("a second ping is on its way")
	}
	for _, foreign := range [][]byte{nil, []byte("x"), {0, 0, 0, 0, 0, 0, 0, 9}, make([]byte, 8), bytes.Repeat([]byte{255}, 8)} {
		if seq, _ := a.pong(foreign); seq != 0 {
			t.Errorf("a pong %v proved %d", foreign, seq)
		}
	}
	if seq, _ := a.pong(first[:]); seq != 7 || !a.more() {
		t.Errorf("the pong proved %d", seq)
	}
	if seq, _ := a.pong(first[:]); seq != 0 {
		t.Errorf("the same pong again proved %d", seq)
	}
	if _, due := a.next(); due || later != ackEvery {
		t.Errorf("a ping at once after the last one, later %v", later)
	}
	now = now.Add(ackEvery)
	second, due := a.next()
	if !due || binary.BigEndian.Uint64(second[:]) != 9 {
		t.Errorf("the ping for the rest: %v, %v", second, due)
	}
	a.pong(second[:])
	a.careful = 10
	a.took(10, 1)
	if _, due := a.next(); !due {
		t.Error("an event that travels alone has to wait for its ping")
	}
}

// What is unproven is bounded in events and bytes, once the app is known to answer on this connection; one that has not
// answered yet gets more after a while, since it may ignore pings.
func TestFlightIsBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var later time.Duration
	a := newAcker(func() time.Time { return now }, &pongs{}, func(d time.Duration) { later = d })
	seq := uint64(0)
	fill := func(bytes int) (n int) {
		for room := a.room(); room.events > 0; room = a.room() {
			for range room.events {
				seq++
				n++
				a.took(seq, bytes)
				if room.bytes -= int64(bytes); room.bytes <= 0 {
					break
				}
			}
			if n > 10*flightEvents {
				return n
			}
		}
		return n
	}
	a.took(1, 1)
	seq++
	first, _ := a.next()
	if n := fill(1); n != flightEvents-1 || later != flowPatience {
		t.Errorf("%d events went out before any pong, later %v", n, later)
	}
	now = now.Add(flowPatience)
	if n := fill(1); n <= flightEvents {
		t.Errorf("%d more went to an app that may ignore pings", n)
	}
	a.pong(first[:])
	if n := fill(1); n != 0 || !a.more() {
		t.Errorf("%d more went to one that answers", n)
	}
	second, due := a.next()
	a.pong(second[:])
	if n := fill(16 << 10); !due || n != flightBytes>>14 {
		t.Errorf("%d events of 16 KiB went out", n)
	}
}

func TestAppsThatMishandlePings(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	later := func(time.Duration) {}
	t.Run("one that dies of its first ping, twice", func(t *testing.T) {
		trust := &pongs{}
		a := newAcker(clock, trust, later)
		a.took(1, 1)
		a.next()
		if a.ended() || !trust.usable() {
			t.Fatal("given up too early: it may have died of the event")
		}
		b := newAcker(clock, trust, later)
		if _, due := b.first(); !due || b.room() != (load{}) {
			t.Fatal("an event goes out before the bare ping is answered")
		}
		if !b.ended() || trust.usable() {
			t.Fatal("a ping alone killed it, and it is to be pinged again")
		}
		for i := 1; i < probeConnections; i++ {
			if _, due := newAcker(clock, trust, later).first(); due {
				t.Fatalf("connection %d is pinged", i)
			}
		}
		c := newAcker(clock, trust, later)
		ping, due := c.first()
		if !due {
			t.Fatal("it is never asked again")
		}
		if _, news := c.pong(ping[:]); !news || !trust.usable() {
			t.Error("its answer does not bring ack: ping back")
		}
	})
	t.Run("one that crashes at its first event and answers", func(t *testing.T) {
		trust := &pongs{}
		a := newAcker(clock, trust, later)
		a.took(1, 1)
		a.next()
		a.ended()
		b := newAcker(clock, trust, later)
		ping, _ := b.first()
		b.pong(ping[:])
		b.took(1, 1)
		if _, due := b.next(); !due || b.ended() || !trust.usable() {
			t.Error("it lost its acknowledgement")
		}
	})
	t.Run("one that is killed long after a bare ping", func(t *testing.T) {
		trust := &pongs{deaths: 1}
		a := newAcker(clock, trust, later)
		a.first()
		now = now.Add(promptly + 1)
		if a.ended() || !trust.usable() {
			t.Error("it is taken for one that closes at pings")
		}
	})
	t.Run("one that has answered and dies later", func(t *testing.T) {
		trust := &pongs{}
		a := newAcker(clock, trust, later)
		a.took(1, 1)
		ping, _ := a.next()
		a.pong(ping[:])
		for range 5 {
			b := newAcker(clock, trust, later)
			b.took(2, 1)
			b.next()
			b.ended()
		}
		if !trust.usable() {
			t.Error("a good app lost its acknowledgement by being killed")
		}
	})
	t.Run("one that ignores them", func(t *testing.T) {
		trust := &pongs{}
		a := newAcker(clock, trust, later)
		a.took(1, 1)
		ping, _ := a.next()
		now = now.Add(ackPatience + time.Second)
		if a.silent() {
			t.Error("it sends nothing at all: it may hang")
		}
		a.alive()
		if !a.silent() || trust.usable() || !a.wrote(1) {
			t.Error("it works, and has had time enough")
		}
		b := newAcker(clock, trust, later)
		if _, due := b.first(); !due || b.room().events == 0 {
			t.Error("the next connection is not asked, or waits for the answer")
		}
		if _, news := a.pong(ping[:]); !news || !trust.usable() || a.wrote(1) {
			t.Error("a late answer does not bring ack: ping back")
		}
	})
	t.Run("one that is silent for long", func(t *testing.T) {
		a := newAcker(clock, &pongs{}, later)
		a.took(1, 1)
		a.next()
		now = now.Add(deafPatience + time.Second)
		if !a.silent() {
			t.Error("it waits for ever")
		}
	})
}

// raw is an app whose WebSocket answers nothing by itself.
type raw struct {
	net.Conn
	in *bufio.Reader
}

func dialRaw(t *testing.T, g *Gateway) *raw {
	t.Helper()
	c, err := net.Dial("tcp", g.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(limit))
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer "+token+"\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	r := &raw{c, bufio.NewReader(c)}
	resp, err := http.ReadResponse(r.in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the gateway answered %v, %v", resp, err)
	}
	return r
}

// frame reads one frame: its opcode and payload.
func (r *raw) frame(t *testing.T) (opcode byte, payload string) {
	t.Helper()
	var h [2]byte
	if _, err := io.ReadFull(r.in, h[:]); err != nil {
		t.Fatal(err)
	}
	n := int(h[1])
	if n == 126 {
		var l [2]byte
		if _, err := io.ReadFull(r.in, l[:]); err != nil {
			t.Fatal(err)
		}
		n = int(binary.BigEndian.Uint16(l[:]))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		t.Fatal(err)
	}
	return h[0] & 15, string(b)
}

const opText, opPing = 1, 9

// What was not answered by a pong comes again after a reconnect, in order and before anything newer.
func TestUnacknowledgedEventsComeAgain(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token, Ack: "ping"}, b)
	g := open(t, a)
	first := dialRaw(t, g)
	if _, payload := first.frame(t); !strings.Contains(payload, "lifecycle") {
		t.Fatalf("the first frame is %s", payload)
	}
	want := []string{h.tell(b, 0), h.tell(b, 0), h.tell(b, 0)}
	for got := 0; got < len(want); {
		switch op, payload := first.frame(t); {
		case op == opText && payload == want[got]:
			got++
		case op != opPing:
			t.Fatalf("frame %d is %s", got, payload)
		}
	}
	_ = first.Close()
	until(t, "the app is away", func() bool { return !status(t, a, "bot1").Connected })
	if n := status(t, a, "bot1").Cursor.Backlog; n != len(want) {
		t.Errorf("%d events wait, want %d", n, len(want))
	}
	want = append(want, h.tell(b, 0))
	p := come(t, g, "/", token) // this one answers pings
	p.greeting(botQQ)
	for i, w := range want {
		if got := p.next(); got != w {
			t.Fatalf("event %d of the second connection is %s, want %s", i, got, w)
		}
	}
	until(t, "everything is acknowledged", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
	if n := status(t, a, "bot1").Cursor.Repeated; n != 3 {
		t.Errorf("%d repeats are counted, want 3", n)
	}
}

// A client that closes at its first ping gets ack: written after its second death, and then its events once.
func TestAPeerThatDiesOfPingsIsNotPinged(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token, Ack: "ping"}, b)
	g := open(t, a)
	c := dialRaw(t, g)
	c.frame(t) // lifecycle
	event := h.tell(b, 0)
	for range 2 {
		if got := status(t, a, "bot1").Ack; got != "ping" {
			t.Errorf("status says ack: %s", got)
		}
		for {
			if op, _ := c.frame(t); op == opPing {
				break
			}
		}
		_ = c.Close()
		until(t, "the app is away", func() bool { return !status(t, a, "bot1").Connected })
		c = dialRaw(t, g)
		c.frame(t) // lifecycle
	}
	if op, payload := c.frame(t); op != opText || payload != event {
		t.Fatalf("the third connection got %d %s", op, payload)
	}
	until(t, "what is written counts", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
	if got := status(t, a, "bot1").Ack; got != "written" {
		t.Errorf("status says ack: %s", got)
	}
	event = h.tell(b, 0)
	if op, payload := c.frame(t); op != opText || payload != event {
		t.Fatalf("the next frame is %d %s", op, payload)
	}
}

// An app that is killed three times with everything unread loses nothing; an event that kills it is given up alone.
func TestDisconnectsCostOnlyThePoisonousEvent(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token, Ack: "ping"}, b)
	g := open(t, a)
	a.Resume("bot1")
	p := come(t, g, "/", token) // it answers pings
	p.greeting(botQQ)
	p.expect(h.tell(b, 0))
	until(t, "that is proven", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
	p.conn.Close(1000, "")
	until(t, "the app is away", func() bool { return !status(t, a, "bot1").Connected })
	var want []string
	for range 100 {
		want = append(want, h.tell(b, 0))
	}
	const poison = 40
	got := map[string]bool{}
	lives := 0
	for len(got) < len(want)-1 {
		if lives++; lives > 6 {
			t.Fatalf("%d events after %d connections", len(got), lives-1)
		}
		c := dialRaw(t, g)
		c.frame(t) // lifecycle
		for n := 0; len(got) < len(want)-1; {
			op, payload := c.frame(t)
			if op == opPing {
				c.pong(t, payload)
				continue
			}
			if payload == want[poison] {
				break
			}
			got[payload] = true
			n++
		}
		_ = c.Close()
		until(t, "the app is away", func() bool { return !status(t, a, "bot1").Connected })
	}
	if lives != 5 {
		t.Errorf("it took %d connections", lives)
	}
	st := status(t, a, "bot1").Cursor
	if st.Poisoned != 1 || st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
}

// Three connections that end before anything is read, and three take-overs, cost nothing that comes behind the first event;
// a request in front is kept, too.
func TestQuickDisconnectsLoseNothing(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token, Ack: "ping"}, b)
	g := open(t, a)
	p := come(t, g, "/", token)
	p.greeting(botQQ)
	p.expect(h.tell(b, 0))
	until(t, "that is proven", func() bool { return status(t, a, "bot1").Cursor.Backlog == 0 })
	p.conn.Close(1000, "")
	until(t, "the app is away", func() bool { return !status(t, a, "bot1").Connected })
	request := `{"time":1,"self_id":10001,"post_type":"request","request_type":"group","flag":"1"}`
	h.journal.Append(store.Event{For: 1, Account: b.index, Class: store.ClassRequest, Raw: []byte(request)})
	want := []string{request}
	for range 5 {
		want = append(want, h.tell(b, 0))
	}
	for range 3 {
		c := dialRaw(t, g)
		c.frame(t)
		c.frame(t)
		_ = c.Close()
		until(t, "the app is away", func() bool { return !status(t, a, "bot1").Connected })
	}
	for range 3 { // take-overs
		c := dialRaw(t, g)
		c.frame(t)
		c.frame(t)
	}
	p = come(t, g, "/", token)
	p.greeting(botQQ)
	for _, w := range want {
		p.expect(w)
	}
}

// pong answers a ping. The mask is zero.
func (r *raw) pong(t *testing.T, payload string) {
	t.Helper()
	if _, err := r.Write(append([]byte{0x8a, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)); err != nil {
		t.Fatal(err)
	}
}
