package apps

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
)

// slowBody makes a call whose body never comes whole, and returns the answer when the connection has been closed.
func slowBody(t *testing.T, g *Gateway, token string) string {
	t.Helper()
	conn, err := net.Dial("tcp", g.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	fmt.Fprintf(conn, "POST /send_like HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n{", token)
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestFault_S06_SlowBody(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	answering(a, h, `{"status":"ok","retcode":0}`)
	g := open(t, a)
	g.bodies.start = 50 * time.Millisecond
	for _, tt := range []struct{ name, token, want string }{
		{"of an app", token, `HTTP/1.1 400 Bad Request`},
		{"of a stranger", "guess", `HTTP/1.1 403 Forbidden`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := slowBody(t, g, tt.token)
			if got, _, _ := strings.Cut(answer, "\r\n"); got != tt.want {
				t.Errorf("answer %s", answer)
			}
		})
	}
	// Others are not touched meanwhile.
	if resp, body := do(t, g, request{method: "GET", path: "/get_status"}); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// Large bodies pass one at a time: one that stalls costs the others a refusal, not memory.
func TestFault_S06_LargeBodiesTakeTurns(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	a.MaxFrame = 4 << 20
	answering(a, h, `{"status":"ok","retcode":0}`)
	g := open(t, a)
	g.bodies.turn = 50 * time.Millisecond
	conn, err := net.Dial("tcp", g.Address())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /send_like HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n{", token, 2<<20)
	until(t, "the first has its turn", func() bool { return len(g.bodies.large) == 1 })
	big := request{method: "POST", path: "/send_private_msg", body: `{"message":"` + strings.Repeat("x", 2<<20) + `"}`}
	if resp, body := do(t, g, big); resp.StatusCode != 200 || body != failed(1429, errManyBodies.Error()) {
		t.Errorf("a second large one: %d %s", resp.StatusCode, body)
	}
	if resp, body := do(t, g, request{method: "POST", path: "/send_like", body: `{"user_id":1}`}); resp.StatusCode != 200 || body != `{"status":"ok","retcode":0}` {
		t.Errorf("a small one: %d %s", resp.StatusCode, body)
	}
	conn.Close()
	until(t, "the first has gone", func() bool { return len(g.bodies.large) == 0 && len(g.bodies.medium) == 0 })
	if resp, body := do(t, g, big); resp.StatusCode != 200 || body != `{"status":"ok","retcode":0}` {
		t.Errorf("after it: %d %s", resp.StatusCode, body)
	}
	until(t, "all turns are given back", func() bool { return len(g.bodies.large) == 0 && len(g.bodies.medium) == 0 })
}

// The bounds of a body's time end with the body: an answer may take longer.
func TestHTTPAnswerMayTakeLongerThanTheBody(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	g := open(t, a)
	g.bodies.start = 200 * time.Millisecond
	answer := make(chan string, 1)
	go func() {
		_, body := do(t, g, request{method: "POST", path: "/send_like", body: `{"user_id":1}`})
		answer <- body
	}()
	act := receive(t, "the action", h.actions)
	slowBody(t, g, token) // began later, and has been cut by the same bound
	act.Reply([]byte(`{"late":1}`))
	if got := receive(t, "the answer", answer); got != `{"late":1}` {
		t.Errorf("got %s", got)
	}
}
