package endpoint

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func event(delta string) string {
	return `data: {"choices":[{"index":0,"delta":` + delta + `}]}` + "\n\n"
}

func calls(list string) string { return event(`{"tool_calls":[` + list + `]}`) }

func TestAskReadsAnswers(t *testing.T) {
	tool := &Request{Messages: hello().Messages, Tools: []Tool{{Name: "f"}}}
	for _, tc := range []struct {
		name string
		req  *Request
		step func(http.ResponseWriter, *http.Request)
		want Reply
		err  string
		kind Kind
	}{
		{name: "stream", step: good(), want: Reply{Text: "hi", Finish: "stop", Usage: seven}},
		{name: "pieces", step: stream200("da", "ta: {\"choices\":[{\"delta\":{\"content\":\"你", "好\"}}]}\n", "\n"+stops("stop"), usage, done),
			want: Reply{Text: "你好", Finish: "stop", Usage: seven}},
		{name: "line ends and comments", step: stream200("\ufeff: hi\r\n\r\nevent: x\r\nid: 4\r\n", strings.ReplaceAll(says("a"), "\n", "\r\n"), ": keep-alive\r\r", strings.ReplaceAll(says("b"), "\n", "\r"), "\n"+stops("stop"), usage, done),
			want: Reply{Text: "ab", Finish: "stop", Usage: seven}},
		{name: "data over several lines", step: stream200("data: {\"choices\":[{\"delta\":\ndata:{\"content\":\"a\"}}]}\n\n" + stops("stop") + usage + done),
			want: Reply{Text: "a", Finish: "stop", Usage: seven}},
		{name: "no space behind data", step: stream200("data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata:[DONE]\n\n"),
			want: Reply{Text: "a", Usage: Usage{Prompt: 6, Completion: 1, Estimated: true}}},
		{name: "end without DONE", step: stream200(says("a"), stops("length")),
			want: Reply{Text: "a", Finish: "length", Usage: Usage{Prompt: 6, Completion: 1, Estimated: true}}},
		{name: "end without the empty line", step: stream200(says("a") + strings.TrimSpace(stops("stop"))),
			want: Reply{Text: "a", Finish: "stop", Usage: Usage{Prompt: 6, Completion: 1, Estimated: true}}},
		{name: "broken after the finish", step: broken(says("a"), stops("stop")),
			want: Reply{Text: "a", Finish: "stop", Usage: Usage{Prompt: 6, Completion: 1, Estimated: true}}},
		{name: "reasoning of DeepSeek and of Ollama", step: stream200(event(`{"content":null,"reasoning_content":"x"}`), event(`{"content":"","reasoning":"y"}`), says("a"), stops("stop"), usage, done),
			want: Reply{Text: "a", Reasoning: "xy", Finish: "stop", Usage: seven}},
		{name: "parts of Mistral", step: stream200(event(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"x"}]},{"type":"text","text":"a"}]}`), stops("stop"), usage, done),
			want: Reply{Text: "a", Reasoning: "x", Finish: "stop", Usage: seven}},
		{name: "refusal", step: stream200(event(`{"refusal":"no"}`), stops("stop"), usage, done), want: Reply{Text: "no", Finish: "stop", Usage: seven}},
		{name: "other choices are not ours", step: stream200(says("a"), `data: {"choices":[{"index":1,"delta":{"content":"b"}}]}`+"\n\n", stops("stop"), usage, done),
			want: Reply{Text: "a", Finish: "stop", Usage: seven}},
		{name: "odd types", step: stream200(`data: {"choices":[{"index":"0","delta":{"content":5,"tool_calls":"x"},"finish_reason":7}],"usage":"x"}`+"\n\n", says("a"), stops("stop"), usage, done),
			want: Reply{Text: "a", Finish: "stop", Usage: seven}},
		{name: "whole answer in plain JSON", step: answer(200, "application/json", ` {"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3.0}}`),
			want: Reply{Text: "a", Finish: "stop", Usage: seven}},
		{name: "JSON that says it is a stream", step: answer(200, sse, `{"choices":[{"message":{"content":"a"}}]}`),
			want: Reply{Text: "a", Usage: Usage{Prompt: 6, Completion: 1, Estimated: true}}},
		{name: "stream that says it is a page", step: answer(200, "text/html", says("a")+stops("stop")+usage+done),
			want: Reply{Text: "a", Finish: "stop", Usage: seven}},

		{name: "call in pieces", req: tool, step: stream200(calls(`{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}`), calls(`{"index":0,"function":{"arguments":"{\"a\""}}`), calls(`{"index":0,"function":{"arguments":":1}"}}`), stops("tool_calls"), usage, done),
			want: Reply{Calls: []ToolCall{{"c1", "f", `{"a":1}`}}, Finish: "tool_calls", Usage: seven}},
		{name: "two calls, mixed", req: tool, step: stream200(calls(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}},{"index":1,"id":"c2","function":{"name":"g","arguments":"{"}}`), calls(`{"index":1,"function":{"arguments":"}"}}`), calls(`{"index":0,"function":{"arguments":"}"}}`), stops("tool_calls"), usage, done),
			want: Reply{Calls: []ToolCall{{"c1", "f", `{}`}, {"c2", "g", `{}`}}, Finish: "tool_calls", Usage: seven}},
		{name: "two calls of one index", req: tool, step: stream200(calls(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}`), calls(`{"index":0,"id":"c2","function":{"name":"g","arguments":"{}"}}`), stops("tool_calls"), usage, done),
			want: Reply{Calls: []ToolCall{{"c1", "f", `{}`}, {"c2", "g", `{}`}}, Finish: "tool_calls", Usage: seven}},
		{name: "no index, no id, arguments as an object", req: tool, step: answer(200, "application/json", `{"choices":[{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g","arguments":null}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}`),
			want: Reply{Calls: []ToolCall{{"call_0", "f", `{"a":1}`}, {"call_1", "g", `{}`}}, Finish: "tool_calls", Usage: seven}},
		{name: "two calls of one index, as objects without ids", req: tool, step: stream200(calls(`{"index":0,"function":{"name":"f","arguments":{}}}`), calls(`{"index":0,"function":{"name":"f","arguments":{"a":1}}}`), stops("tool_calls"), usage, done),
			want: Reply{Calls: []ToolCall{{"call_0", "f", `{}`}, {"call_1", "f", `{"a":1}`}}, Finish: "tool_calls", Usage: seven}},
		{name: "pieces without an index", req: tool, step: stream200(calls(`{"id":"c1","function":{"name":"f","arguments":"{"}}`), calls(`{"function":{"arguments":"}"}}`), stops("tool_calls"), usage, done),
			want: Reply{Calls: []ToolCall{{"c1", "f", `{}`}}, Finish: "tool_calls", Usage: seven}},

		{name: "cut mid-stream", step: broken(says("half an ")), kind: Cut, want: Reply{Text: "half an ", Usage: Usage{Prompt: 6, Completion: 2, Estimated: true}},
			err: "model m at HOST: the connection ended in the middle of the answer"},
		{name: "ended mid-stream", step: stream200(says("half")), kind: Cut, want: Reply{Text: "half", Usage: Usage{Prompt: 6, Completion: 1, Estimated: true}},
			err: "model m at HOST: the connection ended in the middle of the answer"},
		{name: "ended in an event", step: stream200(says("half"), `data: {"choices":[{"delta":{"cont`), kind: Cut, want: Reply{Text: "half", Usage: Usage{Prompt: 6, Completion: 1, Estimated: true}},
			err: "model m at HOST: the connection ended in the middle of the answer"},
		{name: "JSON that ends early", step: answer(200, "application/json", `{"choices":[{"mess`), kind: Cut, want: Reply{Usage: Usage{Prompt: 6, Estimated: true}},
			err: "model m at HOST: the connection ended in the middle of the answer"},
		{name: "nothing at all", step: answer(200, sse, ""), kind: Cut, want: Reply{Usage: Usage{Prompt: 6, Estimated: true}},
			err: "model m at HOST: the connection ended in the middle of the answer"},
		{name: "error inside the stream", step: stream200(says("half"), `data: {"error":{"message":"out of memory","type":"api_error"}}`+"\n\n", done), kind: Refused,
			want: Reply{Text: "half", Usage: Usage{Prompt: 6, Completion: 1, Estimated: true}}, err: "model m at HOST: it answered with an error: out of memory"},
		{name: "error with status 200", step: answer(200, "application/json", `{"error":"model is loading"}`), kind: Refused,
			want: Reply{Usage: Usage{Prompt: 6, Estimated: true}}, err: "model m at HOST: it answered with an error: model is loading"},
		{name: "web page", step: answer(200, "text/html", "<!DOCTYPE html><title>x</title>"), kind: Garbled, want: Reply{Usage: Usage{Prompt: 6, Estimated: true}},
			err: "model m at HOST: it answered with a web page: baseUrl is the API's address, which often ends in /v1"},
		{name: "another API", step: answer(200, "application/x-ndjson", `{"message":{"content":"a"},"done":false}`+"\n"), kind: Garbled, want: Reply{Usage: Usage{Prompt: 6, Estimated: true}},
			err: "model m at HOST: what it answered is no chat completion: baseUrl is the API's address, which often ends in /v1"},
		{name: "prose", step: answer(200, "text/plain", "Ollama is running"), kind: Garbled, want: Reply{Usage: Usage{Prompt: 6, Estimated: true}},
			err: "model m at HOST: what it answered is no chat completion: baseUrl is the API's address, which often ends in /v1"},
		{name: "garbage in the stream", step: stream200(says("a"), "data: {]\n\n"), kind: Garbled, want: Reply{Text: "a", Usage: Usage{Prompt: 6, Completion: 1, Estimated: true}},
			err: "model m at HOST: what it answered is no chat completion: baseUrl is the API's address, which often ends in /v1"},
		{name: "empty answer", step: stream200(says(" "), stops("stop"), usage, done), kind: Empty, want: Reply{Text: " ", Finish: "stop", Usage: seven},
			err: "model m at HOST: the answer is empty"},
		{name: "thought until the tokens were gone", step: stream200(event(`{"reasoning_content":"hm"}`), stops("length"), usage, done), kind: Empty, want: Reply{Reasoning: "hm", Finish: "length", Usage: seven},
			err: "model m at HOST: the answer's tokens were used up before a word of it came: raise maxTokens"},
		{name: "filtered", step: stream200(event(`{"content":""}`), stops("content_filter"), usage, done), kind: Empty, want: Reply{Finish: "content_filter", Usage: seven},
			err: "model m at HOST: the endpoint's content filter withheld the answer"},

		{name: "endless line", step: stream200("data: " + strings.Repeat("x", maxLine)), kind: TooLong, want: Reply{Usage: Usage{Prompt: 6, Estimated: true}},
			err: "model m at HOST: a line of the stream is too long"},
		{name: "endless event", step: stream200(strings.Repeat("data: "+strings.Repeat("x", 1<<10)+"\n", 600)), kind: TooLong, want: Reply{Usage: Usage{Prompt: 6, Estimated: true}},
			err: "model m at HOST: a line of the stream is too long"},
		{name: "endless keep-alives", step: stream200(strings.Repeat(": x\n", maxAnswer/4+2)), kind: TooLong, want: Reply{Usage: Usage{Prompt: 6, Estimated: true}},
			err: "model m at HOST: the answer is too long"},
		{name: "endless calls", req: tool, step: stream200(strings.Repeat(calls(`{"index":0,"function":{"name":"f","arguments":"`+strings.Repeat("x", 1<<10)+`"}}`), 80)), kind: TooLong,
			err: "model m at HOST: the answer is too long"},
		{name: "too many calls", req: tool, step: stream200(calls(strings.Repeat(`{"function":{"name":"f","arguments":"{}"}},`, 16) + `{"function":{"name":"f","arguments":"{}"}}`)), kind: TooLong,
			err: "model m at HOST: the answer is too long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, s := serve(t, Config{}, tc.step)
			if tc.req == nil {
				tc.req = hello()
			}
			got, err := c.Ask(t.Context(), tc.req)
			if c.message(err) != tc.err || KindOf(err) != tc.kind {
				t.Fatalf("error %q of kind %q\nwant  %q of kind %q", c.message(err), KindOf(err), tc.err, tc.kind)
			}
			if n := len(s.requests()); n != 1 {
				t.Errorf("%d requests: nothing is repeated after the first byte", n)
			}
			if tc.kind == TooLong && tc.req == tool {
				return // what had come is large, and of no use
			}
			tc.want.Model = "m"
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreUnexported(Reply{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAskBoundsTheText(t *testing.T) {
	c, _ := serve(t, Config{}, stream200(strings.Repeat(says(strings.Repeat("x", 1<<10)), 300)))
	got, err := c.Ask(t.Context(), hello())
	if KindOf(err) != TooLong || len(got.Text) != maxText {
		t.Errorf("%v with %d bytes of text, want %d", err, len(got.Text), maxText)
	}
}

func TestAskBoundsTheReasoning(t *testing.T) {
	c, _ := serve(t, Config{}, stream200(strings.Repeat(event(`{"reasoning_content":"想`+strings.Repeat("x", 1<<10)+`"}`), 100), says("a"), stops("stop"), usage, done))
	got, err := c.Ask(t.Context(), hello())
	if err != nil || len(got.Reasoning) > maxReasoning || len(got.Reasoning) < maxReasoning-4 || got.Text != "a" {
		t.Errorf("%v, %q with %d bytes of reasoning", err, got.Text, len(got.Reasoning))
	}
}
