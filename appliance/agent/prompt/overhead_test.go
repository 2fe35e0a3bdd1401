package prompt_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/agent/endpoint"
	"github.com/catflap/catflap/appliance/agent/prompt"
	"github.com/catflap/catflap/appliance/onebot"
)

// What goes over the wire for "hello" decides whether a 1-4 B model on the
// board can answer: everything but the word itself stays below 1.5 kB.
func TestOverheadOfHello(t *testing.T) {
	sizes := make(chan int, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sizes <- len(body)
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"hi"}}]}`)
	}))
	defer s.Close()
	c, err := endpoint.New(endpoint.Config{BaseURL: s.URL, Model: "qwen3:1.7b"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, language := range []prompt.Language{prompt.English, prompt.Chinese} {
		for kind, chat := range map[string]*prompt.Chat{
			"private": {Language: language, Self: prompt.Speaker{QQ: 3000000001, Name: "Catflap"}, Peer: prompt.Speaker{QQ: 3000000002, Name: "Somebody"}},
			"group":   {Language: language, Self: prompt.Speaker{QQ: 3000000001, Name: "Catflap"}, Group: 900000001, GroupName: "A group with a longer name"},
		} {
			turn := prompt.Turn{Now: time.Unix(1767225600, 0).UTC(), From: prompt.Speaker{QQ: 3000000002, Name: "Somebody"}, Segments: []onebot.Segment{{Type: "text", Data: map[string]any{"text": "hello"}}}}
			if _, err := c.Ask(t.Context(), &endpoint.Request{MaxTokens: 1024, Messages: []endpoint.Message{
				{Role: endpoint.System, Text: chat.System("", "", "")},
				{Role: endpoint.User, Text: chat.Turn(&turn)},
			}}); err != nil {
				t.Fatal(err)
			}
			n := <-sizes - len("hello")
			t.Logf("%s, %s: %d bytes", language, kind, n)
			if n >= 1500 {
				t.Errorf("%s, %s: %d bytes around hello", language, kind, n)
			}
		}
	}
}
