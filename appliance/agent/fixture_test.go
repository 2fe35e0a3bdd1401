package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds every wait of these tests; reaching it is a failure, never a result.
const limit = 20 * time.Second

const (
	bot   = 10001
	ann   = 20002
	ben   = 20003
	group = 30003
	owner = 20001
)

// turn is one answer of the scripted model: text, or the frames of a tool call, or a refusal.
type turn struct {
	text   string
	calls  string // raw JSON array of tool calls
	status int
	block  chan struct{} // answered once it is closed
}

// model is a scripted chat-completions endpoint.
type model struct {
	t      *testing.T
	server *httptest.Server
	asked  chan request

	mu    sync.Mutex
	turns []turn
}

// request is what the model was asked.
type request struct {
	Model    string `json:"model"`
	Messages []struct {
		Role       string          `json:"role"`
		Content    json.RawMessage `json:"content"`
		ToolCallID string          `json:"tool_call_id"`
	} `json:"messages"`
	Tools []struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	} `json:"tools"`
	raw string
	url http.Header
}

// text is the content of message i, from the end if i is negative.
func (r request) text(i int) string {
	if i < 0 {
		i += len(r.Messages)
	}
	var s string
	if json.Unmarshal(r.Messages[i].Content, &s) == nil {
		return s
	}
	var parts []struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(r.Messages[i].Content, &parts)
	for _, p := range parts {
		s += p.Text
	}
	return s
}

func (r request) tools() string {
	var names []string
	for _, t := range r.Tools {
		names = append(names, t.Function.Name)
	}
	return strings.Join(names, " ")
}

func newModel(t *testing.T, turns ...turn) *model {
	m := &model{t: t, turns: turns, asked: make(chan request, 100)}
	m.server = httptest.NewServer(m)
	t.Cleanup(m.server.Close)
	return m
}

// ServeHTTP answers with the next turn; after the last one it says so.
func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var q request
	if err := json.Unmarshal(raw, &q); err != nil {
		m.t.Errorf("the request is no JSON: %v\n%s", err, raw)
	}
	q.raw, q.url = string(raw), r.Header.Clone()
	m.mu.Lock()
	next := turn{text: "no more turns"}
	if len(m.turns) > 0 {
		next, m.turns = m.turns[0], m.turns[1:]
	}
	m.mu.Unlock()
	m.asked <- q
	if next.block != nil {
		select {
		case <-next.block:
		case <-r.Context().Done():
			return
		}
	}
	if next.status != 0 {
		http.Error(w, `{"error":{"message":"not today"}}`, next.status)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	delta := map[string]any{"content": next.text}
	finish := "stop"
	if next.calls != "" {
		delta, finish = map[string]any{"tool_calls": json.RawMessage(next.calls)}, "tool_calls"
	}
	chunk, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"index": 0, "delta": delta}}})
	fmt.Fprintf(w, "data: %s\n\n", chunk)
	fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":%q}]}\n\n", finish)
	fmt.Fprint(w, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":10}}\n\ndata: [DONE]\n\n")
}

// acted is an action that the agent asked for.
type acted struct {
	Action string         `json:"action"`
	Params map[string]any `json:"params"`
}

func (a acted) String() string {
	raw, _ := json.Marshal(a.Params)
	return a.Action + " " + string(raw)
}

// home is what an agent lives in.
type home struct {
	t       *testing.T
	agent   *Agent
	history *store.History
	path    string
	acts    chan acted // without those that only show that something is being written
	kept    string

	mu      sync.Mutex
	now     time.Time
	away    bool              // NapCat
	answers map[string]string // raw data of the answers, by action
	refuse  map[string]string // wording of refusals, by action
	media   map[string][]byte
	sent    int64
	events  int64
	feed    context.Context
	leave   context.CancelFunc
}

func newHome(t *testing.T, m *model, settings string) *home {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t: t, history: s.History(), path: filepath.Join(t.TempDir(), "catflap.yaml"), acts: make(chan acted, 100), now: time.Now(),
		answers: map[string]string{}, refuse: map[string]string{}, media: map[string][]byte{}}
	h.feed, h.leave = context.WithCancel(context.Background())
	cfg := h.configure(m, settings)
	h.agent = New(Options{
		Name: "brain", Config: cfg, Act: h.act, History: h.history,
		Read: func(_ context.Context, m Medium, max int64) ([]byte, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			data, ok := h.media[m.URL]
			if !ok || int64(len(data)) > max {
				return nil, errors.New("no such medium")
			}
			return data, nil
		},
		Linked:   h.linked,
		Own:      func(address string) (string, bool) { return address, strings.HasPrefix(address, "http://box/media/") },
		SelfName: func(string) string { return "猫" },
		Keep:     func(text string) error { h.kept = text; return nil },
		Log:      slog.New(slog.NewTextHandler(t.Output(), nil)), Now: h.clock, Random: func() uint64 { return 0x0123456789abcdef },
	})
	t.Cleanup(func() {
		h.leave()
		h.agent.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// configure reads a configuration with one agent.
func (h *home) configure(m *model, settings string) *config.Config {
	h.t.Helper()
	text := "accessToken: t0ken-of-napcat\ndmPolicy: open\nlanguage: en\nowners: [20001]\n" + strings.ReplaceAll(settings, "$MODEL", "protocol: agent, model: m, baseUrl: \""+m.server.URL+"/v1\"")
	cfg, err := config.Parse(h.path, []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		h.t.Fatalf("%v\n%s", err, text)
	}
	return cfg
}

// linked reports whether NapCat is there.
func (h *home) linked(string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.away
}

// depart lets NapCat go, or come back.
func (h *home) depart(away bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.away = away
}

func (h *home) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *home) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// act answers an action as the router does, and keeps what was sent in the history.
func (h *home) act(a apps.Action) {
	var act acted
	if err := json.Unmarshal(a.Frame, &act); err != nil {
		h.t.Errorf("the agent sent %s: %v", a.Frame, err)
	}
	h.mu.Lock()
	h.sent++
	data, wording, id, away := h.answers[act.Action], h.refuse[act.Action], h.sent, h.away
	h.mu.Unlock()
	if away {
		a.Reply([]byte(`{"status":"failed","retcode":1503,"data":null,"wording":"NapCat is not connected","echo":"agent"}`))
		return
	}
	if act.Action != "set_input_status" {
		h.acts <- act
	}
	switch {
	case wording != "":
		a.Reply(fmt.Appendf(nil, `{"status":"failed","retcode":1403,"data":null,"wording":%q,"echo":"agent"}`, wording))
		return
	case data == "":
		data = fmt.Sprintf(`{"message_id":%d}`, 9000+id)
	}
	if message, ok := act.Params["message"]; ok {
		raw, _ := json.Marshal(message)
		chat := policy.Chat{ID: ann}
		if g, ok := act.Params["group_id"].(float64); ok {
			chat = policy.Chat{Group: true, ID: uint64(g)}
		}
		h.history.Add("default", 100, store.Record{Account: "default", Chat: chat, Time: h.clock().Unix(), User: bot, Sender: "猫", MessageID: 9000 + id, Direction: store.Out, Raw: raw})
	}
	a.Reply([]byte(`{"status":"ok","retcode":0,"data":` + data + `,"echo":"agent"}`))
}

// message is an event with a message, which the history has as well.
func (h *home) message(group bool, user uint64, name, segments string) ([]byte, int64) {
	h.mu.Lock()
	h.events++
	id, now := 500+h.events, h.now.Unix()
	h.mu.Unlock()
	chat := policy.Chat{ID: user}
	place := `"message_type":"private","sub_type":"friend"`
	if group {
		chat = policy.Chat{Group: true, ID: 30003}
		place = `"message_type":"group","sub_type":"normal","group_id":30003,"group_name":"Ops"`
	}
	if !strings.HasPrefix(segments, "[") {
		quoted, _ := json.Marshal(segments)
		segments = `[{"type":"text","data":{"text":` + string(quoted) + `}}]`
	}
	h.history.Add("default", 100, store.Record{Account: "default", Chat: chat, Time: now, User: user, Sender: name, MessageID: id, Raw: []byte(segments)})
	return fmt.Appendf(nil, `{"time":%d,"self_id":10001,"post_type":"message",%s,"message_id":%d,"user_id":%d,"sender":{"nickname":%q,"role":"member"},"message":%s}`, now, place, id, user, name, segments), id
}

// hand gives the agent an event and returns what tells how it ended.
func (h *home) hand(raw []byte) chan bool {
	done := make(chan bool, 1)
	h.agent.Take(apps.Handed{Account: "default", Self: bot, Raw: raw, Context: h.feed, Done: func(taken bool) {
		select {
		case done <- taken:
		default:
		}
	}})
	return done
}

// says hands over a message and returns what tells how it ended.
func (h *home) says(group bool, user uint64, name, segments string) chan bool {
	raw, _ := h.message(group, user, name, segments)
	return h.hand(raw)
}

// overhears puts a message into the history that the agent is not handed.
func (h *home) overhears(user uint64, name, segments string) { h.message(true, user, name, segments) }

func receive[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(limit):
		t.Fatalf("waited in vain: %s", what)
		panic("unreachable")
	}
}

// said is the text of a message that was sent, and what it quotes.
func said(t *testing.T, a acted) (text, quoted string) {
	t.Helper()
	list, ok := a.Params["message"].([]any)
	if !ok {
		t.Fatalf("no message was sent, but %s", a)
	}
	for _, item := range list {
		s := item.(map[string]any)
		data := s["data"].(map[string]any)
		switch s["type"] {
		case "text":
			text += data["text"].(string)
		case "reply":
			quoted = data["id"].(string)
		default:
			t.Errorf("the agent sent a segment %v", s)
		}
	}
	return text, quoted
}

// until waits for something that has no channel of its own.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

var chatAnn = policy.Chat{ID: ann}
