package endpoint

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The refusals are what the servers named beside them answer.
func TestAskLearnsDialects(t *testing.T) {
	type step = func(http.ResponseWriter, *http.Request)
	tools := []Tool{{Name: "f"}}
	images := []Image{{Type: "image/png", Data: []byte("x"), Note: "[image]"}}
	for _, tc := range []struct {
		name  string
		step  step
		has   []string // in the second request's body
		not   []string
		tools bool // dropped
		image bool
	}{
		{"OpenAI's newer models", refusal(400, "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
			[]string{`"max_completion_tokens":9`, `"tools"`, `"image_url"`, `"stream_options"`}, []string{`"max_tokens"`}, false, false},
		{"a strict server", refusal(422, "extra inputs are not permitted: max_tokens"), []string{`"tools"`}, []string{`"max_tokens"`, `"max_completion_tokens"`}, false, false},
		{"no usage", refusal(400, "Unrecognized request argument supplied: stream_options"), []string{`"max_tokens":9`, `"stream":true`}, []string{`"stream_options"`}, false, false},
		{"Ollama without tools", refusal(400, "registry.ollama.ai/library/gemma:2b does not support tools"), []string{`"max_tokens":9`}, []string{`"tools"`, `"tool_calls"`, `"role":"tool"`}, true, false},
		{"llama.cpp without a template", refusal(500, "tools param requires --jinja flag"), nil, []string{`"tools"`}, true, false},
		{"vLLM", refusal(400, `"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set`), nil, []string{`"tools"`}, true, false},
		{"in the stream", answer(200, sse, "data: {\"error\":{\"message\":\"this model does not support tools\"}}\n\n"), nil, []string{`"tools"`}, true, false},
		{"llama.cpp without eyes", refusal(500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"), []string{`[image]`, `"tools"`}, []string{`"image_url"`}, false, true},
		{"DeepSeek", refusal(400, "Failed to deserialize the JSON body into the target type: messages[1]: unknown variant `image_url`, expected `text`"), []string{`[image]`}, []string{`"image_url"`}, false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			now := time.Unix(1767225600, 0)
			c, s := serve(t, Config{Now: func() time.Time { return now }}, tc.step, good())
			req := &Request{MaxTokens: 9, Tools: tools, Messages: []Message{
				{Role: User, Text: "hi", Images: images},
				{Role: Assistant, Calls: []ToolCall{{"c", "f", "{}"}}}, {Role: ToolRole, CallID: "c", Text: "x"},
			}}
			got, err := c.Ask(t.Context(), req)
			if err != nil || got.Text != "hi" || got.ToolsDropped != tc.tools || got.ImagesDropped != tc.image {
				t.Fatalf("%+v, %v", got, err)
			}
			if c.TakesImages() == tc.image {
				t.Error("what was learned about pictures is not told")
			}
			if _, err := c.Ask(t.Context(), req); err != nil { // the lesson stays
				t.Fatal(err)
			}
			now = now.Add(forgetAfter)
			if _, err := c.Ask(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			all := s.requests()
			if len(all) != 4 {
				t.Fatalf("%d requests, want 2, 1 and 1", len(all))
			}
			if all[1].raw != all[2].raw {
				t.Error("the second turn asks differently than the first ended")
			}
			if forgot := all[3].raw == all[0].raw; forgot != (tc.tools || tc.image) {
				t.Errorf("after %v it asks as at first: %v", forgetAfter, forgot)
			}
			for _, text := range tc.has {
				if !strings.Contains(all[1].raw, text) {
					t.Errorf("no %s in %s", text, all[1].raw)
				}
			}
			for _, text := range tc.not {
				if strings.Contains(all[1].raw, text) {
					t.Errorf("%s in %s", text, all[1].raw)
				}
			}
		})
	}
}

func TestAskLearnsSeveralLessons(t *testing.T) {
	c, s := serve(t, Config{}, refusal(400, "'max_tokens' is not supported, use 'max_completion_tokens'"), refusal(400, "unknown field max_completion_tokens"), refusal(400, "stream_options: unknown"), refusal(400, "does not support tools"),
		refusal(400, "does not support tools"))
	req := hello()
	req.MaxTokens, req.Tools = 9, []Tool{{Name: "f"}}
	_, err := c.Ask(t.Context(), req)
	const want = "model m at HOST: it answered 400: does not support tools"
	if c.message(err) != want || len(s.requests()) != 5 {
		t.Errorf("%q after %d requests, want %q after 5", c.message(err), len(s.requests()), want)
	}
}

func TestAskRepeatsBrokenCallsWithoutTools(t *testing.T) {
	type step = func(http.ResponseWriter, *http.Request)
	garbled := stream200(calls(`{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":"}}`), stops("tool_calls"), usage, done)
	const unreadable = "model m at HOST: it calls tools in a way that cannot be read: use a model that is made for tools, or allow it none"
	for _, tc := range []struct {
		name  string
		cfg   Config
		steps []step
		usage Usage
		err   string
		tools []bool // offered, in each request
	}{
		{"once", Config{}, []step{garbled, good()}, Usage{Prompt: 14, Completion: 6}, "", []bool{true, false}},
		{"no name", Config{}, []step{stream200(calls(`{"index":0,"function":{"arguments":"{}"}}`), stops("tool_calls"), usage, done), good()}, Usage{Prompt: 14, Completion: 6}, "", []bool{true, false}},
		{"no object", Config{}, []step{stream200(calls(`{"index":0,"function":{"name":"f","arguments":"[]"}}`), stops("tool_calls"), usage, done), good()}, Usage{Prompt: 14, Completion: 6}, "", []bool{true, false}},
		{"the server's parser gives up", Config{}, []step{refusal(400, "Failed to call a function. Please adjust your prompt."), good()}, seven, "", []bool{true, false}},
		{"again and again", Config{}, []step{garbled}, Usage{Prompt: 14, Completion: 6}, unreadable, []bool{true, false}},
		{"words beside it", Config{Backend: OpenClaw}, []step{stream200(says("hi"), calls(`{"index":0,"function":{"name":"f","arguments":"{"}}`), stops("tool_calls"), usage, done)}, seven, "", []bool{true}},
		{"OpenClaw would run twice", Config{Backend: OpenClaw}, []step{garbled}, seven, unreadable, []bool{true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, s := serve(t, tc.cfg, tc.steps...)
			req := hello()
			req.Tools = []Tool{{Name: "f"}}
			got, err := c.Ask(t.Context(), req)
			if c.message(err) != tc.err || got.Usage != tc.usage || got.Calls != nil {
				t.Errorf("%+v, %q, want %q and usage %v", got, c.message(err), tc.err, tc.usage)
			}
			var offered []bool
			for _, r := range s.requests() {
				_, has := r.body["tools"]
				offered = append(offered, has)
			}
			if !slices.Equal(offered, tc.tools) {
				t.Errorf("tools were offered %v, want %v", offered, tc.tools)
			}
			// A slip of the model is no property of its server.
			if err == nil {
				if _, err := c.Ask(t.Context(), req); err != nil {
					t.Fatal(err)
				}
				all := s.requests()
				if _, has := all[len(all)-1].body["tools"]; !has {
					t.Error("the next turn has no tools")
				}
			}
		})
	}
}
