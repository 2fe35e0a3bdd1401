package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// modelKey is the key of the scripted model. Like every secret it may stand in no output of catflap.
const modelKey = "e2e-model-key-81b3"

// turn is one answer of a scripted model. Without any field it is an empty answer.
type turn struct {
	text      string // streamed in pieces of a few characters
	reasoning string // as reasoning_content
	calls     []toolCall
	rawCalls  string        // a JSON array instead of calls
	usage     int           // tokens of the answer, as the endpoint says; 0 = 40, negative = it does not say
	whole     bool          // one JSON object instead of a stream
	body      string        // not "": this instead of an answer
	status    int           // not 0: refused with the body
	retry     string        // Retry-After of that
	cut       bool          // the connection is cut after the text
	mute      bool          // nothing comes after the text, until the other side gives up
	beats     bool          // with mute: but for comments, again and again
	before    chan struct{} // the answer begins when it is closed
	middle    chan struct{} // the second half comes when it is closed
}

// toolCall is one that the model wants.
type toolCall struct{ name, arguments string }

// asking is what a model was asked.
type asking struct {
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
	raw    string
	header http.Header
	left   <-chan struct{} // closed when the other side has gone, or has its answer
}

// text is what message i says, counted from the end if i is negative.
func (a asking) text(i int) string {
	if i < 0 {
		i += len(a.Messages)
	}
	if i < 0 || i >= len(a.Messages) {
		return ""
	}
	var s string
	if json.Unmarshal(a.Messages[i].Content, &s) == nil {
		return s
	}
	for _, p := range a.parts(i) {
		s += p.Text
	}
	return s
}

// part is one of a message that has pictures.
type part struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Image struct {
		URL string `json:"url"`
	} `json:"image_url"`
}

func (a asking) parts(i int) []part {
	if i < 0 {
		i += len(a.Messages)
	}
	var list []part
	_ = json.Unmarshal(a.Messages[i].Content, &list)
	return list
}

// tools are the names of those that the model was offered.
func (a asking) tools() string {
	var names []string
	for _, tool := range a.Tools {
		names = append(names, tool.Function.Name)
	}
	return strings.Join(names, " ")
}

// models is a scripted chat-completions endpoint. Each of its models has turns of its own.
type models struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	turns  map[string][]turn
	asked  map[string]chan asking
	busy   map[string]int // answers being made
	most   map[string]int // the most there ever were at once
	quitme chan struct{}
}

func serveModels(t *testing.T) *models {
	t.Helper()
	m := &models{t: t, turns: make(map[string][]turn), asked: make(map[string]chan asking), busy: make(map[string]int), most: make(map[string]int), quitme: make(chan struct{})}
	m.server = httptest.NewServer(m)
	t.Cleanup(func() {
		close(m.quitme)
		m.server.Close()
	})
	return m
}

// say gives a model its next turns.
func (m *models) say(model string, turns ...turn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turns[model] = append(m.turns[model], turns...)
}

func (m *models) questions(model string) chan asking {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked[model] == nil {
		m.asked[model] = make(chan asking, 1000)
	}
	return m.asked[model]
}

// question waits for the next thing that a model is asked.
func (m *models) question(t *testing.T, model string) asking {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case q := <-m.questions(model):
		return q
	case <-late.C:
		t.Fatalf("model %s was asked nothing within %v", model, limit)
		return asking{}
	}
}

// unasked checks that a model was asked nothing more. What comes later in the order of things must have been seen before.
func (m *models) unasked(t *testing.T, model string) {
	t.Helper()
	select {
	case q := <-m.questions(model):
		t.Errorf("model %s was asked:\n%s", model, q.raw)
	default:
	}
}

// ServeHTTP is the endpoint.
func (m *models) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // the other side has gone
	}
	q := asking{raw: string(raw), header: r.Header.Clone(), left: r.Context().Done()}
	if err := json.Unmarshal(raw, &q); err != nil || r.URL.Path != "/v1/chat/completions" {
		m.t.Errorf("no request for a chat completion: %s: %v\n%s", r.URL.Path, err, raw)
	}
	for _, secret := range secrets {
		if strings.Contains(q.raw, secret) {
			m.t.Errorf("the model was told a secret:\n%s", q.raw)
		}
	}
	if r.Header.Get("Authorization") != "Bearer "+modelKey {
		m.t.Errorf("model %s was asked with the key %q", q.Model, r.Header.Get("Authorization"))
	}
	m.mu.Lock()
	next := turn{text: "no more turns"}
	if turns := m.turns[q.Model]; len(turns) > 0 {
		next, m.turns[q.Model] = turns[0], turns[1:]
	}
	m.busy[q.Model]++
	m.most[q.Model] = max(m.most[q.Model], m.busy[q.Model])
	m.mu.Unlock()
	m.questions(q.Model) <- q
	m.answer(w, r, next)
	m.mu.Lock()
	m.busy[q.Model]--
	m.mu.Unlock()
}

// wait waits for a channel, while the other side is there.
func (m *models) wait(r *http.Request, c <-chan struct{}) bool {
	if c == nil {
		return true
	}
	select {
	case <-c:
		return true
	case <-r.Context().Done():
	case <-m.quitme:
	}
	return false
}

func (m *models) answer(w http.ResponseWriter, r *http.Request, next turn) {
	if !m.wait(r, next.before) {
		return
	}
	if next.status != 0 || next.body != "" {
		if next.retry != "" {
			w.Header().Set("Retry-After", next.retry)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(max(next.status, http.StatusOK))
		_, _ = io.WriteString(w, next.body)
		return
	}
	finish := "stop"
	if next.rawCalls != "" || len(next.calls) > 0 {
		finish = "tool_calls"
	}
	if next.whole {
		w.Header().Set("Content-Type", "application/json")
		message := map[string]any{"role": "assistant", "content": next.text, "reasoning_content": next.reasoning}
		_, _ = fmt.Fprintf(w, `{"choices":[{"index":0,"message":%s,"finish_reason":%q}],"usage":{"prompt_tokens":30,"completion_tokens":10}}`, encoded(message), finish)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(delta any, finish string) {
		choice := map[string]any{"index": 0, "delta": delta}
		if finish != "" {
			choice["finish_reason"] = finish
		}
		_, _ = fmt.Fprintf(w, "data: %s\n\n", encoded(map[string]any{"choices": []any{choice}}))
		_ = http.NewResponseController(w).Flush()
	}
	event(map[string]any{"role": "assistant", "content": ""}, "")
	for piece := range pieces(next.reasoning, 7) {
		event(map[string]any{"reasoning_content": piece}, "")
	}
	half := 0
	for piece := range pieces(next.text, 5) {
		if half++; half == 2 && !m.wait(r, next.middle) {
			return
		}
		event(map[string]any{"content": piece}, "")
	}
	if next.cut {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return
	}
	for next.mute {
		beat := time.NewTimer(20 * time.Millisecond)
		select {
		case <-beat.C:
		case <-r.Context().Done():
			return
		case <-m.quitme:
			return
		}
		if next.beats {
			_, _ = io.WriteString(w, ": still here\n\n")
			_ = http.NewResponseController(w).Flush()
		}
	}
	calls := json.RawMessage(next.rawCalls)
	if len(next.calls) > 0 {
		var list []any
		for i, c := range next.calls {
			list = append(list, map[string]any{"index": i, "id": fmt.Sprintf("call_%d", i), "type": "function", "function": map[string]any{"name": c.name, "arguments": c.arguments}})
		}
		calls = json.RawMessage(encoded(list))
	}
	if calls != nil && string(calls) != "" {
		event(map[string]any{"tool_calls": calls}, "")
	}
	event(map[string]any{}, finish)
	if next.usage >= 0 {
		if next.usage == 0 {
			next.usage = 40
		}
		_, _ = fmt.Fprintf(w, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d}}\n\n", next.usage-next.usage/4, next.usage/4)
	}
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

// pieces cuts a text as a tokenizer would.
func pieces(text string, size int) func(func(string) bool) {
	return func(yield func(string) bool) {
		runes := []rune(text)
		for len(runes) > 0 {
			n := min(size, len(runes))
			if !yield(string(runes[:n])) {
				return
			}
			runes = runes[n:]
		}
	}
}

// encoded is a value as JSON.
func encoded(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // a value of this package's own
	}
	return string(raw)
}
