package endpoint

import (
	"testing"
	"testing/synctest"
	"time"
)

// The gateway takes the agent from the session's key: scripts/openclaw shows it with a real one.
func TestOpenClawSessionKey(t *testing.T) {
	for _, tc := range []struct{ model, want string }{
		{"openclaw", "qq:1"},
		{"openclaw/default", "qq:1"},
		{"OpenClaw/Default", "qq:1"},
		{"openclaw/qq", "agent:qq:qq:1"},
		{"openclaw:QQ", "agent:qq:qq:1"},
		{"agent:qq_2", "agent:qq_2:qq:1"},
		{"openclaw/", "qq:1"},
		{"gpt-5", "qq:1"},
	} {
		if got := sessionKey(tc.model, "qq:1"); got != tc.want {
			t.Errorf("%s: the key is %q, want %q", tc.model, got, tc.want)
		}
	}
}

func TestOpenClawIsAskedForNoLength(t *testing.T) {
	for _, tc := range []struct {
		backend string
		want    any
	}{{OpenAI, 1024.0}, {OpenClaw, nil}} {
		c, s := serve(t, Config{Backend: tc.backend}, good())
		req := hello()
		req.MaxTokens = 1024
		if _, err := c.Ask(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if got := s.requests()[0].body["max_tokens"]; got != tc.want {
			t.Errorf("%s: max_tokens is %v, want %v", tc.backend, got, tc.want)
		}
	}
}

// Its agent works in silence. Only the whole answer has a limit.
func TestOpenClawMayBeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, end := bubble(t, Config{Backend: OpenClaw, Idle: 10 * time.Second, Total: 5 * time.Minute}, slow(4*time.Minute, says("done"), stops("stop")+usage+done))
		defer end()
		began := time.Now()
		reply, err := c.Ask(t.Context(), hello())
		const want = "model m at HOST: no whole answer in 5m0s: timeouts.total is how long is waited"
		if c.message(err) != want || KindOf(err) != Overdue || reply.Text != "done" || time.Since(began) != 5*time.Minute {
			t.Errorf("after %v: %q, %v", time.Since(began), reply.Text, err)
		}
	})
}
