package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func refusal(status int, message string, header ...string) func(http.ResponseWriter, *http.Request) {
	return answer(status, "application/json", fmt.Sprintf(`{"error":{"message":%s}}`, appendString(nil, message)), header...)
}

func TestAskTriesAgain(t *testing.T) {
	type step = func(http.ResponseWriter, *http.Request)
	busy := refusal(429, "slow down")
	for _, tc := range []struct {
		name   string
		cfg    Config
		steps  []step
		models string        // those asked, in order
		took   time.Duration // between the first request and the answer
		err    string
		kind   Kind
	}{
		{"429 once", Config{}, []step{busy, good()}, "m m", time.Second, "", ""},
		{"jitter", Config{Random: func() float64 { return 0.5 }}, []step{busy, good()}, "m m", 750 * time.Millisecond, "", ""},
		{"429 with seconds", Config{}, []step{refusal(429, "x", "Retry-After", "7"), good()}, "m m", 7 * time.Second, "", ""},
		{"429 with a date", Config{}, []step{func(w http.ResponseWriter, r *http.Request) {
			refusal(429, "x", "Retry-After", time.Now().Add(9*time.Second).UTC().Format(http.TimeFormat))(w, r)
		}, good()}, "m m", 9 * time.Second, "", ""},
		{"429 for an hour", Config{Total: 3 * time.Hour, Fallbacks: []string{"n"}}, []step{refusal(429, "x", "Retry-After", "3600"), good()}, "m n", 0, "", ""},
		{"429 for an hour, and no other model", Config{}, []step{refusal(429, "x", "Retry-After", "3600")}, "m", 0,
			"model m at box:1: it answered 429: x: too many requests, or the quota is used up", Limited},
		{"500 for ever", Config{}, []step{answer(500, "text/html", "<h1>oops</h1>")}, "m m m", 3 * time.Second,
			"model m at box:1: it answered 500: a web page", Refused},
		{"503, then the fallbacks", Config{Fallbacks: []string{"n", "o"}}, []step{refusal(503, "x"), refusal(503, "x"), refusal(503, "x"), refusal(404, "no such model"), good()}, "m m m n o", 3 * time.Second, "", ""},
		{"the last one's word", Config{Fallbacks: []string{"n"}}, []step{refusal(404, "model 'm' not found")}, "m n", 0,
			"model n at box:1: it answered 404: model 'm' not found: check model and baseUrl, which often ends in /v1", Refused},
		{"a key that is wrong is wrong for all", Config{Key: "secret-key", Fallbacks: []string{"n"}}, []step{refusal(401, "bad key secret-key")}, "m", 0,
			"model m at box:1: it answered 401: bad key ***: check apiKey", Denied},
		{"no money", Config{}, []step{refusal(402, "Insufficient Balance")}, "m", 0,
			"model m at box:1: it answered 402: Insufficient Balance: the account with the provider is empty", Limited},
		{"too long for one, not for the other", Config{Fallbacks: []string{"n"}}, []step{refusal(400, "maximum context length is 2048 tokens"), good()}, "m n", 0, "", ""},
		{"a redirect", Config{}, []step{answer(308, "text/plain", "", "Location", "http://elsewhere/v1")}, "m", 0,
			"model m at box:1: it answered 308: it points to another address: write that one as baseUrl", Refused},
		{"an error in the stream before a word", Config{Fallbacks: []string{"n"}}, []step{stream200(`data: {"error":"overloaded"}` + "\n\n"), good()}, "m n", 0, "", ""},
		{"cut before a word: nothing is repeated", Config{Fallbacks: []string{"n"}}, []step{stream200(": hi\n\n"), good()}, "m", 0,
			"model m at box:1: what it answered is no chat completion: baseUrl is the API's address, which often ends in /v1", Garbled},
		{"closed before the header", Config{}, []step{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, good()}, "m m", time.Second, "", ""},
		{"OpenClaw may have run", Config{Backend: OpenClaw, Fallbacks: []string{"n"}}, []step{refusal(500, "internal error"), good()}, "m", 0,
			"model m at box:1: it answered 500: internal error", Refused},
		{"OpenClaw may have run, unheard", Config{Backend: OpenClaw}, []step{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, good()}, "m", 0,
			"model m at box:1: no connection: EOF: is the server running, and is baseUrl right?", Unreachable},
		{"no time for the pause", Config{Total: 5 * time.Second}, []step{refusal(429, "x", "Retry-After", "30")}, "m", 0,
			"model m at box:1: it answered 429: x: too many requests, or the quota is used up", Limited},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.cfg.Now = time.Now // the bubble's
				c, s, stop := bubble(t, tc.cfg, tc.steps...)
				defer stop()
				start := time.Now()
				got, err := c.Ask(t.Context(), hello())
				if c.message(err) != strings.ReplaceAll(tc.err, "box:1", "HOST") || KindOf(err) != tc.kind {
					t.Errorf("error %q of kind %q\nwant  %q of kind %q", c.message(err), KindOf(err), tc.err, tc.kind)
				}
				if err == nil && got.Text != "hi" {
					t.Errorf("answer %q", got.Text)
				}
				if took := time.Since(start); took != tc.took {
					t.Errorf("it took %v, want %v", took, tc.took)
				}
				var models []string
				for _, r := range s.requests() {
					models = append(models, r.body["model"].(string))
				}
				if got := strings.Join(models, " "); got != tc.models {
					t.Errorf("asked %q, want %q", got, tc.models)
				}
			})
		})
	}
}

func TestAskTriesARefusedConnectionAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, stop := bubble(t, Config{Fallbacks: []string{"n"}}, good())
		defer stop()
		dialled := 0
		dial := c.cfg.Dial
		c.http.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dialled++; dialled < 3 {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			}
			return dial(ctx, network, address)
		}
		start := time.Now()
		if got, err := c.Ask(t.Context(), hello()); err != nil || got.Text != "hi" || time.Since(start) != 3*time.Second {
			t.Errorf("%q, %v after %v, want hi after 3s", got.Text, err, time.Since(start))
		}
		c.Close()
		dialled = -10
		_, err := c.Ask(t.Context(), hello())
		const want = "model m at box:1: no connection: dial tcp: connection refused: is the server running, and is baseUrl right?"
		if err == nil || err.Error() != want || KindOf(err) != Unreachable || dialled != -7 {
			t.Errorf("%v after %d dials, want %q after 3", err, dialled+10, want)
		}
	})
}

func TestAskGivesUpOnSilence(t *testing.T) {
	type step = func(http.ResponseWriter, *http.Request)
	for _, tc := range []struct {
		name string
		cfg  Config
		step step
		text string
		took time.Duration
		err  string
		kind Kind
	}{
		{"slow, but never for long", Config{Idle: 10 * time.Second, Total: time.Hour}, slow(9*time.Second, says("a"), says("b"), says("c"), stops("stop"), usage+done), "abc", 38 * time.Second, "", ""},
		{"no header", Config{Idle: 10 * time.Second}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "", 10 * time.Second,
			"model m at box:1: nothing came for 10s: is the server overloaded? timeouts.idle is how long is waited", Idle},
		{"a word, then nothing", Config{Idle: 10 * time.Second}, slow(4*time.Second, says("a"), ": x\n\n", says("b")), "ab", 12 * time.Second,
			"model m at box:1: the connection ended in the middle of the answer", Cut},
		{"stuck", Config{Idle: 10 * time.Second}, func(w http.ResponseWriter, r *http.Request) { stream200(says("a"))(w, r); <-r.Context().Done() }, "a", 10 * time.Second,
			"model m at box:1: nothing came for 10s: is the server overloaded? timeouts.idle is how long is waited", Idle},
		{"stuck in a refusal", Config{Idle: 10 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "", 10 * time.Second, "model m at box:1: nothing came for 10s: is the server overloaded? timeouts.idle is how long is waited", Idle},
		{"stuck behind the finish", Config{}, func(w http.ResponseWriter, r *http.Request) {
			stream200(says("a"), stops("stop"))(w, r)
			<-r.Context().Done()
		}, "a", linger, "", ""},
		{"keep-alives for ever", Config{Idle: 10 * time.Second, Total: time.Minute}, slow(8*time.Second, strings.Split(strings.Repeat(": x\n\n,", 100), ",")...), "", time.Minute,
			"model m at box:1: no whole answer in 1m0s: timeouts.total is how long is waited", Overdue},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, stop := bubble(t, tc.cfg, tc.step)
				defer stop()
				start := time.Now()
				got, err := c.Ask(t.Context(), hello())
				text := ""
				if err != nil {
					text = err.Error()
				}
				if text != tc.err || KindOf(err) != tc.kind || got.Text != tc.text {
					t.Errorf("%q with error %q of kind %q\nwant %q with %q of kind %q", got.Text, text, KindOf(err), tc.text, tc.err, tc.kind)
				}
				took := time.Since(start)
				if tc.kind == "" && took == tc.took+100*time.Millisecond {
					took -= 100 * time.Millisecond // waited for the body's end, to keep the connection
				}
				if took != tc.took {
					t.Errorf("it took %v, want %v", took, tc.took)
				}
				if n := len(s.requests()); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestAskEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := errors.New("stopped by /stop")
		for name, step := range map[string]func(http.ResponseWriter, *http.Request){
			"while it streams": func(w http.ResponseWriter, r *http.Request) { stream200(says("a"))(w, r); <-r.Context().Done() },
			"while it waits":   refusal(429, "x", "Retry-After", "50"),
		} {
			c, _, stop := bubble(t, Config{Fallbacks: []string{"n"}}, step)
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(3*time.Second, func() { cancel(stopped) })
			start := time.Now()
			_, err := c.Ask(ctx, hello())
			if !errors.Is(err, stopped) || err.Error() != "asking box:1: stopped by /stop" || time.Since(start) != 3*time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
			stop()
		}
	})
}
