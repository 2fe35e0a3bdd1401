package endpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Reply is what the model answered.
type Reply struct {
	Model     string // which model of the configuration it was
	Text      string
	Reasoning string     // never for the chat; at most 64 KiB of it
	Calls     []ToolCall // at most 16; each has an ID, a name and arguments that are a JSON object
	Finish    string     // stop, length, tool_calls, content_filter, ...; "" when the server did not say
	Usage     Usage

	ToolsDropped  bool // the answer came without tools: the model's server refuses them, or its calls were broken
	ImagesDropped bool // the pictures were replaced by their notes: the model's server refuses them

	broken bool // calls came that cannot be used
}

// Usage is what a turn cost, in tokens.
type Usage struct {
	Prompt, Completion int64
	Estimated          bool // the server did not say, so it is counted from the text
}

func (u Usage) plus(other Usage) Usage {
	return Usage{u.Prompt + other.Prompt, u.Completion + other.Completion, u.Estimated || other.Estimated}
}

// finish checks an answer that came to its end.
func (r Reply) finish(c *Client, model string) (Reply, error) {
	if r.broken && strings.TrimSpace(r.Text) == "" {
		return r, &Error{Kind: Garbled, Model: model, text: c.at(model) + "it calls tools in a way that cannot be read: use a model that is made for tools, or allow it none"}
	}
	if strings.TrimSpace(r.Text) == "" && len(r.Calls) == 0 {
		text := "the answer is empty"
		switch {
		case r.Finish == "length":
			text = "the answer's tokens were used up before a word of it came: raise maxTokens"
		case r.Finish == "content_filter":
			text = "the endpoint's content filter withheld the answer"
		}
		return r, &Error{Kind: Empty, Model: model, text: c.at(model) + text}
	}
	return r, nil
}

// chunk is one event of a stream, or a whole answer. Everything is read
// leniently: one field of a wrong type must not cost the answer.
type chunk struct {
	Choices []choice        `json:"choices"`
	Usage   json.RawMessage `json:"usage"`
	Error   json.RawMessage `json:"error"`
}

type choice struct {
	Index   json.RawMessage `json:"index"`
	Delta   *message        `json:"delta"`
	Message *message        `json:"message"`
	Finish  json.RawMessage `json:"finish_reason"`
}

type message struct {
	Content   json.RawMessage   `json:"content"`
	Refusal   json.RawMessage   `json:"refusal"`
	Reasoning json.RawMessage   `json:"reasoning"`         // Ollama, vLLM, OpenRouter
	Thinking  json.RawMessage   `json:"reasoning_content"` // DeepSeek, llama.cpp
	Calls     []json.RawMessage `json:"tool_calls"`
}

type callDelta struct {
	Index    *int64          `json:"index"`
	ID       json.RawMessage `json:"id"`
	Function struct {
		Name      json.RawMessage `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

// collector puts an answer together.
type collector struct {
	text, reasoning strings.Builder
	calls           []*callPieces
	finish          string
	usage           Usage
	counted         bool   // the server told the usage
	events          int    // that held a choice
	refusal         []byte // raw error object inside the answer
}

type callPieces struct {
	index     int64
	id, name  string
	arguments strings.Builder
	closed    bool // a further piece cannot belong to it
}

// add reads one event's data.
func (a *collector) add(data []byte) error {
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		// A wrong type inside a tool call or a choice is Unmarshal's complaint too, after it has read the rest.
		if _, wrong := err.(*json.UnmarshalTypeError); !wrong {
			return unread("an event", err)
		}
	}
	if len(c.Error) > 0 && string(c.Error) != "null" {
		a.refusal = bytes.Clone(c.Error)
		return nil
	}
	a.count(c.Usage)
	for _, choice := range c.Choices {
		if n, err := strconv.Atoi(string(choice.Index)); err == nil && n != 0 {
			continue
		}
		a.events++
		for _, m := range []*message{choice.Delta, choice.Message} {
			if m == nil {
				continue
			}
			if err := a.message(m); err != nil {
				return err
			}
		}
		if s := text(choice.Finish); s != "" {
			a.finish = s
		}
	}
	return nil
}

// unread is an error of JSON, or errCut when only the end is missing, which
// encoding/json tells by its words only.
func unread(what string, err error) error {
	if syntax, ok := err.(*json.SyntaxError); ok && syntax.Error() == "unexpected end of JSON input" {
		err = fmt.Errorf("%w: %w", errCut, err)
	}
	return fmt.Errorf("reading %s: %w", what, err)
}

func (a *collector) message(m *message) error {
	words, thoughts := content(m.Content)
	if words == "" {
		words = text(m.Refusal)
	}
	if thoughts == "" {
		thoughts = text(m.Thinking)
	}
	if thoughts == "" {
		thoughts = text(m.Reasoning)
	}
	if a.text.Len()+len(words) > maxText {
		return errAnswer
	}
	a.text.WriteString(words)
	if n := maxReasoning - a.reasoning.Len(); n > 0 {
		a.reasoning.WriteString(cut(thoughts, n))
	}
	for i, raw := range m.Calls {
		if err := a.call(raw, i); err != nil {
			return err
		}
	}
	return nil
}

// call adds a piece of a tool call. Most servers send the parts of a call with
// its index; some leave the index out, and some give all calls the index 0,
// which their ids tell apart.
func (a *collector) call(raw json.RawMessage, at int) error {
	var d callDelta
	if err := json.Unmarshal(raw, &d); err != nil {
		if _, wrong := err.(*json.UnmarshalTypeError); !wrong {
			return unread("a tool call", err)
		}
	}
	id, name := text(d.ID), text(d.Function.Name)
	index := int64(at)
	if d.Index != nil {
		index = *d.Index
	} else if id == "" && name == "" && len(a.calls) > 0 {
		index = a.calls[len(a.calls)-1].index
	}
	var into *callPieces
	for i := len(a.calls) - 1; i >= 0; i-- { // the newest of an index
		if a.calls[i].index == index {
			into = a.calls[i]
			break
		}
	}
	anew := into != nil && name != "" && (id != "" && into.id != "" && id != into.id || into.closed)
	if into == nil || anew {
		if len(a.calls) == maxCalls {
			return errAnswer
		}
		into = &callPieces{index: index}
		a.calls = append(a.calls, into)
	}
	if into.id == "" {
		into.id = id
	}
	if into.name == "" {
		into.name = name
	}
	arguments := text(d.Function.Arguments)
	if arguments == "" && bytes.HasPrefix(d.Function.Arguments, []byte("{")) { // an object instead of its text
		arguments, into.closed = string(d.Function.Arguments), true
	}
	if into.arguments.Len()+len(arguments) > maxArguments {
		return errAnswer
	}
	into.arguments.WriteString(arguments)
	return nil
}

func (a *collector) count(raw json.RawMessage) {
	var usage struct {
		Prompt     json.Number `json:"prompt_tokens"`
		Completion json.Number `json:"completion_tokens"`
	}
	if json.Unmarshal(raw, &usage) != nil {
		return
	}
	prompt, completion := tokens(usage.Prompt), tokens(usage.Completion)
	if prompt > 0 || completion > 0 { // some count up from nothing in each event; the last word counts
		a.usage, a.counted = Usage{Prompt: prompt, Completion: completion}, true
	}
}

func tokens(n json.Number) int64 {
	f, err := n.Float64()
	if err != nil || f < 0 {
		return 0
	}
	return int64(min(f, 1<<40))
}

// reply is what has come so far.
func (a *collector) reply(model string, d dialect, req *Request) Reply {
	r := Reply{
		Model: model, Text: a.text.String(), Reasoning: a.reasoning.String(), Finish: a.finish, Usage: a.usage,
		ToolsDropped:  d.noTools && len(req.Tools) > 0,
		ImagesDropped: d.noImages && req.hasImages(),
	}
	var written int64
	for i, pieces := range a.calls {
		call := ToolCall{ID: pieces.id, Name: pieces.name, Arguments: strings.TrimSpace(pieces.arguments.String())}
		written += weigh(call.Name) + weigh(call.Arguments)
		if call.Arguments == "" || call.Arguments == "null" {
			call.Arguments = "{}"
		}
		if call.ID == "" {
			call.ID = fmt.Sprintf("call_%d", i)
		}
		if call.Name == "" || call.Arguments[0] != '{' || !json.Valid([]byte(call.Arguments)) {
			r.broken = true
		}
		r.Calls = append(r.Calls, call)
	}
	if r.broken {
		r.Calls = nil
	}
	if !a.counted {
		r.Usage = Usage{Prompt: req.weigh(d), Completion: weigh(r.Text) + weigh(r.Reasoning) + written, Estimated: true}
	}
	return r
}

// imageTokens is what a picture is taken to cost where nobody says.
const imageTokens = 800

// weigh estimates the tokens of a text: four ASCII bytes, or one character of
// another script. It is for budgets, which must not be dodged by a server that
// does not count.
func weigh(s string) int64 {
	var ascii, others int64
	for _, r := range s {
		if r < utf8.RuneSelf {
			ascii++
		} else {
			others++
		}
	}
	return (ascii+3)/4 + others
}

func (req *Request) weigh(d dialect) int64 {
	var n int64
	for _, m := range req.Messages {
		n += 4 + weigh(m.Text)
		for _, call := range m.Calls {
			n += weigh(call.Name) + weigh(call.Arguments)
		}
		if !d.noImages {
			n += imageTokens * int64(len(m.Images))
		}
	}
	if !d.noTools {
		for _, t := range req.Tools {
			n += 8 + weigh(t.Description) + weigh(string(t.Parameters))
		}
	}
	return n
}

// text is a JSON string's value, else "".
func text(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// content reads a string, or an array of parts as Mistral's thinking models send it.
func content(raw json.RawMessage) (words, thoughts string) {
	if len(raw) == 0 || raw[0] != '[' {
		return text(raw), ""
	}
	var parts []struct {
		Type     string          `json:"type"`
		Text     json.RawMessage `json:"text"`
		Thinking json.RawMessage `json:"thinking"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return "", ""
	}
	for _, p := range parts {
		if p.Type == "thinking" {
			inner, _ := content(p.Thinking)
			thoughts += inner
		} else {
			words += text(p.Text)
		}
	}
	return words, thoughts
}

// cut shortens to at most max bytes, between characters.
func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}
