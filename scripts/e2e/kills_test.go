package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// quiet is a configuration with one app, which hears everything that is admitted.
func quiet(app string) string {
	return "allowFrom: [20002]\napps:\n  bot: {protocol: onebot11, requireMention: false, " + app + "}\n"
}

// heardBursts returns the numbers of the burst messages that a bot printed, in order.
func (p *process) heardBursts() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []int
	for _, line := range p.lines {
		if text, ok := strings.CutPrefix(line, "GOT burst "); ok {
			if n, err := strconv.Atoi(text); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}

// A bot that is killed in the middle of a burst and started again misses nothing that its WebSocket had not read, or that it had
// not answered a POST for. What it had read and not handled is its own loss: a pong proves no more, and NoneBot answers a POST
// before it handles the event. Everything arrives in order.
func TestKilledBotsMissNothing(t *testing.T) {
	t.Parallel()
	const dials = "accessToken: " + nonebotToken
	for _, c := range []struct {
		name, app string
		start     func(*testing.T, *box) *process
	}{
		{"nonebot-fastapi", `connect: "ws://127.0.0.1:NONEBOT/onebot/v11/ws", ` + dials, reverseNoneBot},
		{"nonebot-websockets", dials, func(t *testing.T, b *box) *process { return forwardNoneBot(t, b, "websockets") }},
		{"nonebot-aiohttp", dials, func(t *testing.T, b *box) *process { return forwardNoneBot(t, b, "aiohttp") }},
		{"nonebot-post", `post: "http://127.0.0.1:NONEBOT/onebot/v11/http", secret: ` + hookSecret + `, reconnect: {retryDelay: 200, maxDelay: 1000}, ` + dials, postNoneBot},
		{"aiocqhttp-ws", `connect: "ws://127.0.0.1:NONEBOT/ws", ` + dials, aiocqhttpBot},
		{"aiocqhttp-post", `post: "http://127.0.0.1:NONEBOT/", secret: ` + hookSecret + `, reconnect: {retryDelay: 200, maxDelay: 1000}, ` + dials, aiocqhttpBot},
		{"koishi-ws-reverse", `connect: "ws://127.0.0.1:KOISHI/onebot"`, reverseKoishi},
		{"koishi-ws", "accessToken: " + koishiToken, forwardKoishi},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := startBox(t, quiet(c.app))
			n := dialNapCat(t, b)
			bot := c.start(t, b)
			bot.wait(t, "CONNECTED 10001")

			var said, every atomic.Int64 // how many messages were said, and how long after each other
			every.Store(int64(8 * time.Millisecond))
			ctx, quiet := context.WithCancel(t.Context())
			var talk sync.WaitGroup
			talk.Go(func() {
				for ctx.Err() == nil {
					pace := time.NewTimer(time.Duration(every.Load()))
					n.tell(ann, fmt.Sprintf("burst %d", said.Load()))
					said.Add(1)
					<-pace.C
				}
			})
			defer talk.Wait()
			defer quiet()

			var heard []int
			killedAt := make(map[int]bool) // the newest message that a killed bot had printed
			for range 2 {
				// A bot that is behind has read more than it handled, so it is killed when it keeps up. On a busy machine
				// that takes slower talk.
				since := time.Now()
				eventually(t, "the bot keeps up", func() (bool, string) {
					if time.Since(since) > 10*time.Second {
						since = time.Now()
						every.Store(every.Load() * 2)
					}
					list := bot.heardBursts()
					return len(list) >= 60 && int64(slices.Max(list)) >= said.Load()-5, fmt.Sprintf("%d heard of %d", len(list), said.Load())
				})
				bot.kill()
				list := bot.heardBursts()
				heard = append(heard, list...)
				killedAt[slices.Max(list)] = true
				bot = c.start(t, b)
			}
			bot.waitTimes(t, 0, "GOT burst", 60)
			quiet()
			talk.Wait()
			messages := int(said.Load())
			bot.wait(t, fmt.Sprintf("GOT burst %d", messages-1))
			heard = append(heard, bot.heardBursts()...)

			first := make([]int, 0, messages)
			seen := make(map[int]bool)
			for _, i := range heard {
				if !seen[i] {
					first = append(first, i)
				}
				seen[i] = true
			}
			if !slices.IsSorted(first) {
				t.Errorf("first arrivals are out of order: %v", first)
			}
			unhandled := 0
			for i, run := 0, false; i < messages; i++ {
				if seen[i] {
					run = killedAt[i]
					continue
				}
				if !run { // only what follows directly on the last printed one can have been read and not handled
					t.Errorf("message %d was never heard", i)
				}
				unhandled++
			}
			if unhandled > 2*maxUnhandled {
				t.Errorf("%d messages were read and not handled at two kills", unhandled)
			}
			t.Logf("%d of %d messages heard, %d again, %d read by a killed bot and not handled", len(first), messages, len(heard)-len(first), unhandled)
		})
	}
}

// aiocqhttpBot takes WebSockets and posts, and calls the gateway when it was posted to.
func aiocqhttpBot(t *testing.T, b *box) *process {
	t.Helper()
	return python(t, "aiocqhttp", "bots/echo_aiocqhttp.py", fmt.Sprint(b.nonebot),
		encode(t, map[string]any{"access_token": nonebotToken, "secret": hookSecret, "api_root": b.api("/")}))
}

// maxUnhandled is how many messages a framework may have read from its socket and not yet given to its handlers.
const maxUnhandled = 32

// Events bring pings that carry their number. 35 s of them must not cost a framework its link: NoneBot's aiohttp driver
// closes links on which no frame came for 30 s, and counts no ping as one.
func TestPingsDisturbNobody(t *testing.T) {
	t.Parallel()
	b := startBox(t, swappedApps)
	n := dialNapCat(t, b)
	nonebot, koishi := forwardNoneBot(t, b, "aiohttp"), reverseKoishi(t, b)
	nonebot.wait(t, "CONNECTED 10001")
	koishi.wait(t, "CONNECTED 10001")
	pace := time.NewTicker(500 * time.Millisecond)
	defer pace.Stop()
	for i := range 70 {
		n.tell(ann, fmt.Sprintf("quietly %d", i))
		<-pace.C
	}
	for _, p := range []*process{nonebot, koishi} {
		p.wait(t, "GOT quietly 69")
		if p.since(0, "GONE") {
			t.Errorf("%s lost its link", p.name)
		}
	}
}
