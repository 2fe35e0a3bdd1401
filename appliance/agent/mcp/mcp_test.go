package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// official is a server made with the official SDK.
func official(pages int) *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: "weather", Version: "1"}, &sdk.ServerOptions{PageSize: pages})
	type place struct {
		City string `json:"city" jsonschema:"where"`
	}
	sdk.AddTool(s, &sdk.Tool{Name: "forecast", Description: "The weather of tomorrow"}, func(_ context.Context, _ *sdk.CallToolRequest, p place) (*sdk.CallToolResult, any, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "sunny in " + p.City}, &sdk.ImageContent{Data: []byte{1}, MIMEType: "image/png"}}}, nil, nil
	})
	sdk.AddTool(s, &sdk.Tool{Name: "fails"}, func(context.Context, *sdk.CallToolRequest, struct{}) (*sdk.CallToolResult, any, error) {
		return nil, nil, errors.New("no\nstation")
	})
	sdk.AddTool(s, &sdk.Tool{Name: "counts"}, func(context.Context, *sdk.CallToolRequest, struct{}) (*sdk.CallToolResult, map[string]int, error) {
		return nil, map[string]int{"n": 3}, nil
	})
	return s
}

// serve puts a handler on loopback behind a check of the token.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer s3cret" {
			http.Error(w, "who is there?", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func connect(t *testing.T, s ...Server) *Servers {
	t.Helper()
	all := New(s, &http.Transport{}, time.Now)
	t.Cleanup(all.Close)
	return all
}

func named(t *testing.T, tools []*Tool, name string) *Tool {
	t.Helper()
	for _, tool := range tools {
		if tool.Name == name {
			return tool
		}
	}
	t.Fatalf("there is no %s among %d tools", name, len(tools))
	return nil
}

var key = map[string]string{"Authorization": "Bearer s3cret"}

// Against servers of the official SDK in each of their ways.
func TestOfficialServer(t *testing.T) {
	for _, c := range []struct {
		name  string
		o     sdk.StreamableHTTPOptions
		pages int
	}{
		{"events", sdk.StreamableHTTPOptions{}, 100},
		{"JSON", sdk.StreamableHTTPOptions{JSONResponse: true}, 100},
		{"without sessions", sdk.StreamableHTTPOptions{Stateless: true}, 100},
		{"a list of several pages", sdk.StreamableHTTPOptions{}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := official(c.pages)
			url := serve(t, sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, &c.o))
			tools, err := connect(t, Server{Name: "weather", URL: url, Headers: key}).Tools(t.Context())
			if err != nil || len(tools) != 3 {
				t.Fatalf("%d tools, %v", len(tools), err)
			}
			forecast := named(t, tools, "weather__forecast")
			var schema struct {
				Properties map[string]any `json:"properties"`
			}
			if err := json.Unmarshal(forecast.Schema, &schema); err != nil || schema.Properties["city"] == nil || forecast.Description != "The weather of tomorrow" {
				t.Errorf("%q, %s, %v", forecast.Description, forecast.Schema, err)
			}
			if text, err := forecast.Call(t.Context(), json.RawMessage(`{"city":"上海"}`)); err != nil || text != "sunny in 上海\n[image image/png]" {
				t.Errorf("%q, %v", text, err)
			}
			if text, err := named(t, tools, "weather__counts").Call(t.Context(), nil); err != nil || text != `{"n":3}` {
				t.Errorf("%q, %v", text, err)
			}
			if text, err := named(t, tools, "weather__fails").Call(t.Context(), json.RawMessage(`{}`)); err == nil || err.Error() != "tool server weather: no station" {
				t.Errorf("%q, %v", text, err)
			}
			if _, err := forecast.Call(t.Context(), json.RawMessage(`{"city":5}`)); err == nil {
				t.Error("a wrong argument was taken")
			}
		})
	}
}

// A server that was restarted knows no session: a new one is opened, and the call is made once.
func TestForgottenSession(t *testing.T) {
	var handler atomic.Pointer[sdk.StreamableHTTPHandler]
	restart := func() {
		server := official(100)
		handler.Store(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, nil))
	}
	restart()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.Load().ServeHTTP(w, r) }))
	tools, err := connect(t, Server{Name: "weather", URL: url, Headers: key}).Tools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	restart()
	if text, err := named(t, tools, "weather__forecast").Call(t.Context(), json.RawMessage(`{"city":"x"}`)); err != nil || !strings.HasPrefix(text, "sunny in x") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestIncludeAndSeveralServers(t *testing.T) {
	server := official(100)
	url := serve(t, sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, nil))
	all := connect(t, Server{Name: "a", URL: url, Headers: key, Include: []string{"counts", "none"}},
		Server{Name: "b", URL: url + "/?token=hidden", Headers: map[string]string{"Authorization": "Bearer wrong-one"}},
		Server{Name: "c", URL: url, Headers: key, Include: []string{"fails"}})
	tools, err := all.Tools(t.Context())
	var names []string
	for _, tool := range tools {
		names = append(names, tool.Name)
	}
	if fmt.Sprint(names) != "[a__counts c__fails]" {
		t.Errorf("the tools are %v", names)
	}
	if err == nil || err.Error() != "tool server b: opening a session: it answers 401: who is there?" {
		t.Errorf("got %v", err)
	}
	if again, err := all.Tools(t.Context()); err != nil || len(again) != 2 {
		t.Errorf("the fault is told twice, or the others are lost: %d, %v", len(again), err)
	}
}

// A list is believed for a while, a fault for a shorter one.
func TestListsAreKept(t *testing.T) {
	now := time.Now()
	var asked atomic.Int32
	server := official(100)
	inner := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, nil)
	down := atomic.Bool{}
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	all := New([]Server{{Name: "w", URL: url, Headers: key}}, &http.Transport{}, func() time.Time { return now })
	t.Cleanup(all.Close)
	list := func(want int) {
		t.Helper()
		if tools, _ := all.Tools(t.Context()); len(tools) != want {
			t.Errorf("%d tools, want %d", len(tools), want)
		}
	}
	list(3)
	n := asked.Load()
	list(3)
	if asked.Load() != n {
		t.Error("a list is asked for each time")
	}
	down.Store(true)
	now = now.Add(listAgain)
	list(0)
	down.Store(false)
	list(0)
	now = now.Add(failAgain)
	list(3)
}

// Servers that are broken or hostile end in an error that names no secret.
func TestHostileServers(t *testing.T) {
	answer := func(kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, text)
		}
	}
	const hello = `{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}}}`
	for _, c := range []struct {
		name string
		h    http.HandlerFunc
		want string
	}{
		{"no protocol", answer("application/json", `<html>`), "opening a session: its answer is no message of the protocol"},
		{"another answer", answer("application/json", `{"jsonrpc":"2.0","id":9,"result":{}}`), "opening a session: it did not answer the question"},
		{"another version", answer("application/json", strings.Replace(hello, "2025-06-18", "2024-11-05", 1)), `opening a session: the server speaks version "2024-11-05" of the protocol, and not 2025-11-25, 2025-06-18, 2025-03-26`},
		{"no tools", answer("application/json", strings.Replace(hello, `{"tools":{}}`, `{}`, 1)), "opening a session: the server offers no tools"},
		{"an error", answer("application/json", `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"go\naway"}}`), "opening a session: it answers -32600: go away"},
		{"a stream that ends", answer("text/event-stream", "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\n: ping\n\n"), "opening a session: reading its answer: unexpected EOF"},
		{"a stream in pieces", answer("text/event-stream; charset=utf-8", "event: message\r\ndata: {\"jsonrpc\":\"2.0\",\r\ndata: \"id\":1,\"error\":{\"code\":1,\"message\":\"read\"}}\r\n\r\n"), "opening a session: it answers 1: read"},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			piece := strings.Repeat("x", 64<<10)
			for range 100 {
				fmt.Fprint(w, piece)
			}
		}, "opening a session: its answer has more than 1024 KiB"},
		{"an endless line", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: ")
			piece := strings.Repeat("x", 64<<10)
			for range 100 {
				fmt.Fprint(w, piece)
			}
		}, "opening a session: its answer has more than 1024 KiB"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:9/", http.StatusTemporaryRedirect)
		}, "opening a session: it answers 307:"},
		{"another shape", answer("application/json", `{"jsonrpc":"2.0","id":1,"result":[]}`), "opening a session: its answer has another shape than the protocol says"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := connect(t, Server{Name: "x", URL: serve(t, c.h) + "/?token=hidden", Headers: key}).Tools(t.Context())
			if want := "tool server x: " + c.want; err == nil || strings.TrimSpace(err.Error()) != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
	_, err := connect(t, Server{Name: "x", URL: "http://127.0.0.1:1/?token=hidden", Headers: key}).Tools(t.Context())
	if err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a server that is away: %v", err)
	}
}

// What endpoints would refuse is not offered.
func TestUnfitTools(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			ID     int64  `json:"id"`
			Method string `json:"method"`
		}
		_ = json.NewDecoder(r.Body).Decode(&q)
		w.Header().Set("Content-Type", "application/json")
		switch q.Method {
		case "initialize":
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%d,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}}}`, q.ID)
		case "tools/list":
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%d,"result":{"tools":[{"name":"good","description":%q},{"name":"good"},{"name":"a b"},{"name":""},{"name":%q},{"name":"wide","inputSchema":%q}]}}`,
				q.ID, strings.Repeat("猫", 1000), strings.Repeat("n", 64), strings.Repeat("x", 17<<10))
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	}
	tools, err := connect(t, Server{Name: "x", URL: serve(t, http.HandlerFunc(page)), Headers: key}).Tools(t.Context())
	if err != nil || len(tools) != 1 || tools[0].Name != "x__good" || len(tools[0].Description) > maxAbout+4 || string(tools[0].Schema) != `{"type":"object","properties":{}}` {
		t.Errorf("%d tools, %v", len(tools), err)
	}
}

// Whatever comes as an answer, reading ends.
func FuzzEvents(f *testing.F) {
	f.Add("data: {\"id\":1,\"result\":{}}\n\n")
	f.Add(": x\r\nevent: y\r\ndata:{\r\ndata: }\r\n\r\n")
	f.Add("data: {\"id\":1,\"error\":{}}\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		var into map[string]any
		if err := readEvents(strings.NewReader(text), 1, &into); err == nil && !strings.Contains(text, "data:") {
			t.Error("an answer without data")
		}
	})
}
