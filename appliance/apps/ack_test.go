package apps

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
)

func TestAckerAsksForOneThingAtATime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	trust := &pongs{}
	var later time.Duration
	a := &acker{now: func() time.Time { return now }, trust: trust, later: func(d time.Duration) { later = d }}
	if _, due := a.next(0); due {
		t.Error("a ping is due before any event")
	}
	first, due := a.next(7)
	if !due || binary.BigEndian.Uint64(first[:]) != 7 {
		t.Fatalf("the ping after event 7: %v, %v", first, due)
	}
	if _, due := a.next(9); due {
		t.Error("a second ping is on its way")
	}
	for _, foreign := range [][]byte{nil, []byte("x"), {0, 0, 0, 0, 0, 0, 0, 9}, make([]byte, 8)} {
		if seq, _ := a.pong(foreign); seq != 0 {
			t.Errorf("a pong %v proved %d", foreign, seq)
		}
	}
	seq, more := a.pong(first[:])
	if seq != 7 || !more {
		t.Errorf("the pong proved %d, more %v", seq, more)
	}
	if seq, _ := a.pong(first[:]); seq != 0 {
		t.Errorf("the same pong again proved %d", seq)
	}
	if _, due := a.next(0); due || later != ackEvery {
		t.Errorf("a ping at once after the last one, later %v", later)
	}
	now = now.Add(ackEvery)
	if second, due := a.next(0); !due || binary.BigEndian.Uint64(second[:]) != 9 {
		t.Errorf("the ping for the rest: %v, %v", second, due)
	}
}

func TestAppsThatMishandlePings(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	t.Run("one that dies of its first ping, twice", func(t *testing.T) {
		trust := &pongs{}
		for range maxPingDeaths {
			if !trust.usable() {
				t.Fatal("given up too early: a client that was killed looks the same once")
			}
			a := &acker{now: clock, trust: trust}
			a.next(1)
			a.ended()
		}
		if trust.usable() {
			t.Error("it is pinged again")
		}
	})
	t.Run("one that has answered and dies later", func(t *testing.T) {
		trust := &pongs{}
		a := &acker{now: clock, trust: trust}
		ping, _ := a.next(1)
		a.pong(ping[:])
		for range 5 {
			b := &acker{now: clock, trust: trust}
			b.next(2)
			b.ended()
		}
		if !trust.usable() {
			t.Error("a good app lost its acknowledgement by being killed")
		}
	})
	t.Run("one that ignores them", func(t *testing.T) {
		trust := &pongs{}
		a := &acker{now: clock, trust: trust}
		a.next(1)
		now = now.Add(ackPatience)
		if a.silent() {
			t.Error("too early")
		}
		now = now.Add(time.Second)
		if !a.silent() {
			t.Error("it has had time enough")
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
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
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
	for range maxPingDeaths {
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
	event = h.tell(b, 0)
	if op, payload := c.frame(t); op != opText || payload != event {
		t.Fatalf("the next frame is %d %s", op, payload)
	}
}
