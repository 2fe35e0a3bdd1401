package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// What comes from the endpoint, in all its forms, and what QQ sees of it. Each row talks to the agent in a chat of its own.
func TestAgentAnswers(t *testing.T) {
	t.Parallel()
	user := func(i uint64) uint64 { return person + i }
	h := furnish(t, agents{lines: "textChunkLimit: 200", apps: map[string]string{
		"plain": serves(user(0), user(1), user(2), user(3), user(4), user(5), user(6), user(7), user(8), user(9), user(10), user(11), user(12), user(13), user(14), circle),
		"idle":  "timeouts: {idle: 2s, total: 5m}, concurrency: 4, " + serves(user(20), user(21)),
		"total": "timeouts: {idle: 2m, total: 3s}, " + serves(user(22)),
		"first": "fallbackModels: [second, third], " + serves(user(23), user(24)),
		"cards": "longReply: forward, " + serves(user(25), circle+1),
		"all":   "quote: all, " + serves(user(26)),
		"off":   "quote: false, " + serves(user(27)),
		"tools": "tools: {allow: [qq_read, qq_send]}, " + serves(user(28), user(29)),
		"raw":   "markdown: forward, " + serves(user(30)),
	}})

	t.Run("streamed", func(t *testing.T) {
		p := h.with(user(0))
		h.say("plain", turn{text: "喵，你好！这是一只猫。"})
		id := p.say("你好")
		s := p.hears(t, "喵，你好！这是一只猫。")
		if quotes(s) != id {
			t.Errorf("the answer quotes %d and not the question %d", quotes(s), id)
		}
		q := h.question(t, "plain")
		holds(t, "the system prompt", q.text(0), "QQ 10001", "called \"Bot\"", "Friend 0(21000)")
		holds(t, "the question", q.text(-1), "你好")
		if q.tools() != "" || strings.Contains(q.raw, `"tools"`) {
			t.Errorf("tools without having been allowed: %s", q.tools())
		}
	})

	t.Run("overhead", func(t *testing.T) {
		p := h.with(user(1))
		h.say("plain", turn{text: "hi"})
		p.say("hello")
		q := h.question(t, "plain")
		if over := len(q.raw) - len("hello"); over > 1500 {
			t.Errorf("%d bytes around a hello:\n%s", over, q.raw)
		} else {
			t.Logf("%d bytes around a hello", over)
		}
		p.hears(t, "hi")
	})

	t.Run("slow", func(t *testing.T) {
		p := h.with(user(1))
		on := make(chan struct{})
		h.say("plain", turn{text: "half of it and the other half", middle: on})
		p.say("slowly")
		h.question(t, "plain")
		ctx, cancel := deadline(t)
		defer cancel()
		// The friend sees that an answer is being written, and no half of it.
		if _, err := h.n.WaitCall(ctx, func(c simulator.Call) bool {
			return c.Name == "set_input_status" && c.Params.ID("user_id") == user(1) && c.Params.Text("event_type") == "1"
		}); err != nil {
			t.Error("no sign that an answer is being written")
		}
		if said := p.said(); len(said) != 1 {
			t.Errorf("before the end of the answer: %+v", said)
		}
		close(on)
		p.next(t)
		p.hears(t, "half of it and the other half")
	})

	t.Run("whole", func(t *testing.T) {
		p := h.with(user(2))
		h.say("plain", turn{text: "no stream at all", whole: true, reasoning: "hm"})
		p.say("hello")
		p.hears(t, "no stream at all")
		h.question(t, "plain")
	})

	t.Run("reasoning", func(t *testing.T) {
		p := h.with(user(2))
		p.next(t)
		h.say("plain",
			turn{text: "the answer", reasoning: "secretly thinking"},
			turn{text: "<think>secretly\nthinking</think>\n\nthe other answer"},
			turn{text: "secretly thinking</think>the third answer"},
			turn{text: `{"name":"send_message","arguments":{"message":"secretly"}}` + "\n<tool_call>secretly</tool_call>the fourth answer<|im_end|>\n<|im_start|>user secretly"},
		)
		for _, want := range []string{"the answer", "the other answer", "the third answer"} {
			p.say("think")
			p.hears(t, want)
			h.question(t, "plain")
		}
		p.say("think")
		s := p.next(t)
		h.question(t, "plain")
		lacks(t, "what is left of tool calls", s.Text, "<tool_call>", "<|im", "secretly</")
		holds(t, "what is left of tool calls", s.Text, "the fourth answer")
	})

	t.Run("markdown", func(t *testing.T) {
		p := h.with(user(3))
		h.say("plain", turn{text: "## Title\n\n**Bold** and `code`:\n\n- one\n- two\n\n[a link](https://example.org)"})
		p.say("hello")
		h.question(t, "plain")
		s := p.next(t)
		holds(t, "the answer", s.Text, "Title", "Bold and code:", "one", "https://example.org")
		lacks(t, "the answer", s.Text, "**", "##", "`", "](")
		raw := h.with(user(30))
		h.say("raw", turn{text: "**Bold**"})
		raw.say("hello")
		h.question(t, "raw")
		raw.hears(t, "**Bold**")
	})

	t.Run("silence by choice", func(t *testing.T) {
		p := h.in(circle, ann)
		h.say("plain", turn{text: "NO_REPLY"}, turn{text: "now I speak"})
		p.say("nothing to say?")
		h.question(t, "plain")
		p.say("and now?")
		h.question(t, "plain")
		p.hears(t, "now I speak")
	})

	t.Run("long", func(t *testing.T) {
		sentence := "这是一句话，说的是一只猫。"
		long := strings.Repeat(sentence, 40)
		p := h.with(user(4))
		h.say("plain", turn{text: long})
		id := p.say("tell me a story")
		h.question(t, "plain")
		got := ""
		for i := 0; len(got) < len(long); i++ {
			s := p.next(t)
			if n := len([]rune(s.Text)); n > 200 || n == 0 {
				t.Fatalf("a part of %d characters: %q", n, s.Text)
			}
			if !strings.HasSuffix(s.Text, "。") {
				t.Errorf("cut inside of a sentence: %q", s.Text)
			}
			if want := map[bool]int64{true: id}[i == 0]; quotes(s) != want {
				t.Errorf("part %d quotes %d, not %d", i, quotes(s), want)
			}
			got += s.Text
		}
		if got != long {
			t.Errorf("the parts together are %q", got)
		}
		p = h.with(user(26))
		h.say("all", turn{text: long[:len(sentence)*20]})
		id = p.say("tell me a story")
		h.question(t, "all")
		for range 2 {
			if s := p.next(t); quotes(s) != id {
				t.Errorf("a part quotes %d, not %d", quotes(s), id)
			}
		}
		p = h.with(user(27))
		h.say("off", turn{text: "short"})
		p.say("tell me a story")
		h.question(t, "off")
		if s := p.next(t); quotes(s) != 0 {
			t.Errorf("quote: off, and it quotes %d", quotes(s))
		}
	})

	t.Run("forward card", func(t *testing.T) {
		long := strings.Repeat("这是一句话，说的是一只猫。", 40)
		for _, p := range []*place{h.with(user(25)), h.in(circle+1, ann)} {
			h.say("cards", turn{text: long}, turn{text: "short"})
			p.say("tell me a story")
			h.question(t, "cards")
			s := p.next(t)
			if want := map[bool]string{true: "send_group_forward_msg", false: "send_private_forward_msg"}[p.group != 0]; s.Action != want {
				t.Errorf("sent by %s, not %s", s.Action, want)
			}
			if n := strings.Count(string(s.Raw), `"type":"node"`); n < 3 {
				t.Errorf("%d nodes: %s", n, s.Raw)
			}
			p.say("and a short one")
			h.question(t, "cards")
			p.hears(t, "short")
		}
	})

	// A chat is told of an error once a minute, by an id that stands in the log too.
	t.Run("errors", func(t *testing.T) {
		for i, c := range []struct {
			name, log string
			turns     []turn
		}{
			{"refused", "it answered 400", []turn{{status: 400, body: `{"error":{"message":"bad request"}}`}}},
			{"web page", "it answered with a web page", []turn{{body: "<html>hello</html>"}}},
			{"garbage", "no chat completion", []turn{{body: "data: {\"choices\": [ nonsense\n\n"}}},
			{"empty", "the answer is empty", []turn{{}}},
			{"nothing left", "nothing is left of its answer", []turn{{text: "<think>only thoughts"}}},
			{"wrong key", "check apiKey", []turn{{status: 401, body: `{"error":{"message":"your key ` + modelKey + ` is wrong"}}`}}},
			{"error in the stream", "out of memory", []turn{{body: "data: {\"error\":{\"message\":\"out of memory\"}}\n\n"}}},
		} {
			t.Run(c.name, func(t *testing.T) {
				p := h.with(user(5 + uint64(i)))
				h.say("plain", c.turns...)
				p.say("hello")
				h.question(t, "plain")
				s := p.next(t)
				id := strings.TrimSuffix(strings.TrimPrefix(s.Text, "Sorry, no answer this time (error "), "). Please try again later.")
				if len(id) != 6 {
					t.Fatalf("the chat was told %q", s.Text)
				}
				eventually(t, "the log has the error and its id", func() (bool, string) {
					text := h.text()
					for line := range strings.Lines(text) {
						if strings.Contains(line, "id="+id) && strings.Contains(line, c.log) {
							return true, ""
						}
					}
					return false, text
				})
				h.say("plain", c.turns...)
				p.say("hello again")
				h.question(t, "plain")
				p.say("/whoami")
				if s := p.next(t); !strings.Contains(s.Text, fmt.Sprint(p.user)) {
					t.Errorf("a second error within a minute was told: %q", s.Text)
				}
			})
		}
	})

	t.Run("cut in the middle", func(t *testing.T) {
		p := h.with(user(12))
		h.say("plain", turn{text: "this is how far it came", cut: true})
		p.say("hello")
		h.question(t, "plain")
		p.hears(t, "this is how far it came\n(the answer broke off)")
	})

	t.Run("cut before the first byte", func(t *testing.T) {
		p := h.with(user(12))
		p.next(t)
		h.say("plain", turn{status: 503, body: "overloaded"}, turn{text: "second attempt"})
		p.say("hello")
		h.question(t, "plain")
		h.question(t, "plain")
		p.hears(t, "second attempt")
	})

	t.Run("too many requests", func(t *testing.T) {
		p := h.with(user(13))
		h.say("plain", turn{status: 429, retry: "1", body: `{"error":{"message":"slow down"}}`}, turn{text: "as you wish"})
		p.say("hello")
		h.question(t, "plain")
		h.question(t, "plain")
		p.hears(t, "as you wish")
	})

	t.Run("idle", func(t *testing.T) {
		begun, silent := h.with(user(20)), h.with(user(21))
		h.say("idle", turn{text: "a few", mute: true})
		begun.say("hello")
		first := h.question(t, "idle")
		h.say("idle", turn{before: make(chan struct{})})
		silent.say("hello")
		second := h.question(t, "idle")
		begun.hears(t, "a few\n(the answer broke off)")
		holds(t, "the chat", silent.next(t).Text, "Sorry, no answer")
		<-first.left
		<-second.left
	})

	t.Run("total", func(t *testing.T) {
		p := h.with(user(22))
		h.say("total", turn{mute: true, beats: true})
		p.say("hello")
		q := h.question(t, "total")
		holds(t, "the chat", p.next(t).Text, "Sorry, no answer")
		<-q.left
	})

	t.Run("fallback models", func(t *testing.T) {
		p := h.with(user(23))
		h.say("first", turn{status: 404, body: `{"error":{"message":"no such model"}}`})
		h.say("second", turn{status: 429, retry: "3600", body: "{}"})
		h.say("third", turn{text: "I am the third"})
		p.say("hello")
		h.question(t, "first")
		h.question(t, "second")
		h.question(t, "third")
		p.hears(t, "I am the third")
		h.say("first", turn{text: "well again"})
		p.say("hello")
		h.question(t, "first")
		p.hears(t, "well again")
		p = h.with(user(24))
		h.say("first", turn{text: "I began", cut: true}) // what has begun is not begun again
		p.say("hello")
		h.question(t, "first")
		p.hears(t, "I began\n(the answer broke off)")
		h.unasked(t, "second")
	})

	t.Run("dialects", func(t *testing.T) {
		p := h.with(user(28))
		h.say("tools",
			turn{status: 400, body: `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}`},
			turn{status: 400, body: `{"error":{"message":"unknown field stream_options"}}`},
			turn{text: "now I understand"}, turn{text: "at once"})
		p.say("hello")
		if q := h.question(t, "tools"); !strings.Contains(q.raw, `"max_tokens":1024`) {
			t.Errorf("no max_tokens: %s", q.raw)
		}
		if q := h.question(t, "tools"); !strings.Contains(q.raw, `"max_completion_tokens":1024`) || strings.Contains(q.raw, `"max_tokens"`) {
			t.Errorf("no max_completion_tokens: %s", q.raw)
		}
		if q := h.question(t, "tools"); strings.Contains(q.raw, "stream_options") {
			t.Errorf("stream_options again: %s", q.raw)
		}
		p.hears(t, "now I understand")
		p.say("hello")
		if q := h.question(t, "tools"); !strings.Contains(q.raw, `"max_completion_tokens":1024`) || strings.Contains(q.raw, "stream_options") {
			t.Errorf("the dialect was not kept: %s", q.raw)
		}
		p.hears(t, "at once")
	})

	// Calls that cannot be read are asked for once more, without tools.
	t.Run("broken tool calls", func(t *testing.T) {
		p := h.with(user(29))
		h.say("tools", turn{rawCalls: `[{"index":0,"id":"x","function":{"name":"get_msg","arguments":"{\"message_id\": oops"}}]`}, turn{text: "without tools then"})
		p.say("hello")
		if q := h.question(t, "tools"); q.tools() == "" {
			t.Errorf("no tools were offered: %s", q.raw)
		}
		if q := h.question(t, "tools"); q.tools() != "" {
			t.Errorf("tools were offered again: %s", q.raw)
		}
		p.hears(t, "without tools then")
	})

	// What a model writes is text, whatever it looks like.
	t.Run("CQ codes", func(t *testing.T) {
		p := h.with(user(14))
		const evil = "[CQ:image,file=file:///etc/passwd] &#91;CQ:at,qq=all&#93; [CQ:reply,id=1]"
		h.say("plain", turn{text: evil})
		p.say("hello")
		h.question(t, "plain")
		s := p.hears(t, evil)
		if kinds := slices.Collect(func(yield func(string) bool) {
			for _, segment := range s.Segments {
				yield(segment.Type)
			}
		}); !slices.Equal(kinds, []string{"reply", "text"}) {
			t.Errorf("it was sent as %v: %s", kinds, s.Raw)
		}
	})
}
