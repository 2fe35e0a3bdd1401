package endpoint

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestRequestOnTheWire(t *testing.T) {
	req := &Request{
		MaxTokens: 1024,
		Messages: []Message{
			{Role: System, Text: "be \"brief\"\n\t\x00<&>你\xff"},
			{Role: User, Text: "look", Images: []Image{{Type: "image/png", Data: []byte("PNG"), Note: "[image]"}, {Type: "image/gif", Data: []byte{0xfb, 0xff}}}},
			{Role: Assistant, Reasoning: "hm", Calls: []ToolCall{{"c1", "f", `{"a":1}`}, {"c2", "g", `{}`}}},
			{Role: ToolRole, CallID: "c1", Text: "done"},
			{Role: User, Images: []Image{{Type: "image/png", Data: []byte("x")}}},
		},
		Tools: []Tool{{Name: "f", Description: "does f", Parameters: json.RawMessage(`{"type":"object"}`)}, {Name: "g"}},
	}
	const system = `{"model":"m","messages":[{"role":"system","content":"be \"brief\"\n\u0009\u0000<&>你` + "\ufffd" + `"},`
	for _, tc := range []struct {
		name    string
		dialect dialect
		want    string
	}{
		{"first", dialect{}, system +
			`{"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:image/png;base64,UE5H"}},{"type":"image_url","image_url":{"url":"data:image/gif;base64,+/8="}}]},` +
			`{"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},` +
			`{"role":"tool","content":"done","tool_call_id":"c1"},` +
			`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,eA=="}}]}],` +
			`"tools":[{"type":"function","function":{"name":"f","description":"does f","parameters":{"type":"object"}}},{"type":"function","function":{"name":"g","description":"","parameters":{"type":"object","properties":{}}}}],` +
			`"max_tokens":1024,"stream":true,"stream_options":{"include_usage":true}}`},
		{"all that can be refused", dialect{completionTokens: true, noUsage: true, noTools: true, noImages: true}, system +
			`{"role":"user","content":"look\n[image]"},{"role":"user","content":"done"},{"role":"user","content":""}],"max_completion_tokens":1024,"stream":true}`},
		{"no bound", dialect{completionTokens: true, noMaxTokens: true, noUsage: true, noTools: true, noImages: true}, system +
			`{"role":"user","content":"look\n[image]"},{"role":"user","content":"done"},{"role":"user","content":""}],"stream":true}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := appendRequest(nil, "m", tc.dialect, req)
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Error(diff)
			}
			if !json.Valid(got) {
				t.Error("no JSON")
			}
		})
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "\"\\\n\t\x00\x1f\x7f", "你\xff😀\u2028\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); utf8.ValidString(s) && got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestRequestGoesWhereItShould(t *testing.T) {
	for _, tc := range []struct{ base, want string }{
		{"/v1", "/v1/chat/completions"},
		{"/v1/", "/v1/chat/completions"},
		{"", "/chat/completions"},
		{"/v1/chat/completions", "/v1/chat/completions"},
		{"/openai?api-version=3", "/openai/chat/completions?api-version=3"},
	} {
		c, s := serve(t, Config{}, good())
		other := c.cfg
		other.BaseURL = "http://" + c.host + tc.base
		c, err := New(other)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Ask(t.Context(), hello()); err != nil {
			t.Error(err)
		}
		c.Close()
		if got := s.requests()[0].path; got != tc.want {
			t.Errorf("%q leads to %q, want %q", tc.base, got, tc.want)
		}
	}
}

func TestRequestHeaders(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  Config
		want map[string]string
	}{
		{"a key", Config{Key: "sk-1"}, map[string]string{"Authorization": "Bearer sk-1", "X-Openclaw-Session-Key": ""}},
		{"none", Config{}, map[string]string{"Authorization": "", "Content-Type": "application/json", "Accept-Encoding": ""}},
		{"OpenClaw", Config{Backend: OpenClaw, Key: "k"}, map[string]string{"Authorization": "Bearer k", "X-Openclaw-Session-Key": "qq:10001:group:3"}},
	} {
		c, s := serve(t, tc.cfg, good())
		req := hello()
		req.Session = "qq:10001:group:3"
		if _, err := c.Ask(t.Context(), req); err != nil {
			t.Error(err)
		}
		for name, want := range tc.want {
			if got := s.requests()[0].header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", tc.name, name, got, want)
			}
		}
	}
}

// A proxy in the environment is not asked, since tests run with one that nobody answers at.
func TestRequestIgnoresProxies(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	c, _ := serve(t, Config{}, good())
	if c.http.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy is looked up")
	}
	if _, err := c.Ask(t.Context(), hello()); err != nil {
		t.Error(err)
	}
}

func TestRequestThatIsTooLarge(t *testing.T) {
	c, s := serve(t, Config{}, good())
	req := hello()
	req.Messages[0].Images = []Image{{Type: "image/png", Data: make([]byte, 25<<20)}}
	_, err := c.Ask(t.Context(), req)
	const want = "model m at HOST: the request has more than 32 MiB: send fewer or smaller pictures"
	if c.message(err) != want || KindOf(err) != TooLong || len(s.requests()) != 0 {
		t.Errorf("%q, want %q", c.message(err), want)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tc := range []struct {
		cfg  Config
		want string
	}{
		{Config{BaseURL: "127.0.0.1:11434", Model: "m"}, "baseUrl: expected an address such as http://127.0.0.1:11434/v1"},
		{Config{BaseURL: "ftp://a/v1", Model: "m"}, "baseUrl: expected an address such as http://127.0.0.1:11434/v1"},
		{Config{BaseURL: "http://u:secret@a/v1", Model: "m"}, "baseUrl: expected an address without a password: write it as apiKey"},
		{Config{BaseURL: "http://a/v1"}, "model: name the model to ask"},
		{Config{BaseURL: "http://a/v1", Model: "m", Key: "sk-1\n"}, "apiKey: expected printable ASCII only: a line break or a full-width character came along when it was copied"},
		{Config{BaseURL: "http://a/v1", Model: "m", Backend: "x"}, "backend: expected openai or openclaw"},
	} {
		if _, err := New(tc.cfg); err == nil || err.Error() != tc.want {
			t.Errorf("%+v: %v, want %q", tc.cfg, err, tc.want)
		}
	}
}
