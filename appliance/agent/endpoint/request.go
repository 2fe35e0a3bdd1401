package endpoint

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Roles of a message.
const (
	System    = "system"
	User      = "user"
	Assistant = "assistant"
	ToolRole  = "tool"
)

// Request is one turn. Ask reads it only, so it may be asked again.
type Request struct {
	Messages  []Message
	Tools     []Tool
	MaxTokens int    // longest answer; 0 = the server's choice
	Session   string // backend OpenClaw: which conversation the turn belongs to; others ignore it
}

// Message is one message of a request.
type Message struct {
	Role      string
	Text      string
	Reasoning string     // Assistant with calls: what DeepSeek wants to have back
	Images    []Image    // User only
	Calls     []ToolCall // Assistant only
	CallID    string     // ToolRole: which call this is the result of
}

// Image is one picture of a message. The bytes stay the caller's.
type Image struct {
	Type string // such as image/png
	Data []byte
	Note string // stands for the picture where the model takes none, such as "[image]"
}

// Tool is one that the model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON schema of an object; nil = no parameters
}

// ToolCall is a call that the model wants. It has been neither checked nor
// allowed; Arguments is a JSON object unless Reply says otherwise.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string
}

// dialect is what a model's server turned out to want.
type dialect struct {
	completionTokens bool // max_completion_tokens instead of max_tokens
	noMaxTokens      bool // neither
	noUsage          bool // no stream_options
	noTools          bool
	noImages         bool
}

// appendRequest appends the request's body. It is built by hand so that a
// picture exists once as text, not once per encoder's buffer.
func appendRequest(dst []byte, model string, d dialect, req *Request) []byte {
	dst = appendString(append(dst, `{"model":`...), model)
	dst = append(dst, `,"messages":[`...)
	for i := range req.Messages {
		dst = appendMessage(dst, &req.Messages[i], d)
	}
	if dst[len(dst)-1] == ',' {
		dst = dst[:len(dst)-1]
	}
	dst = append(dst, ']')
	if len(req.Tools) > 0 && !d.noTools {
		dst = append(dst, `,"tools":[`...)
		for i, t := range req.Tools {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(append(dst, `{"type":"function","function":{"name":`...), t.Name)
			dst = appendString(append(dst, `,"description":`...), t.Description)
			dst = append(dst, `,"parameters":`...)
			if len(t.Parameters) == 0 {
				dst = append(dst, `{"type":"object","properties":{}}`...)
			}
			dst = append(append(dst, t.Parameters...), '}', '}')
		}
		dst = append(dst, ']')
	}
	if req.MaxTokens > 0 && !d.noMaxTokens {
		name := `,"max_tokens":`
		if d.completionTokens {
			name = `,"max_completion_tokens":`
		}
		dst = strconv.AppendInt(append(dst, name...), int64(req.MaxTokens), 10)
	}
	dst = append(dst, `,"stream":true`...)
	if !d.noUsage {
		dst = append(dst, `,"stream_options":{"include_usage":true}`...)
	}
	return append(dst, '}')
}

// appendMessage appends one message and a comma, or nothing.
func appendMessage(dst []byte, m *Message, d dialect) []byte {
	role, calls := m.Role, m.Calls
	if d.noTools {
		// A server without tools knows neither calls nor results: what was said stays, and a result is told as text.
		calls = nil
		if role == ToolRole {
			role = User
		}
		if m.Text == "" && len(m.Images) == 0 {
			return dst
		}
	}
	dst = appendString(append(dst, `{"role":`...), role)
	dst = append(dst, `,"content":`...)
	switch {
	case len(m.Images) > 0:
		dst = appendParts(dst, m, d)
	case m.Text == "" && len(calls) > 0:
		dst = append(dst, `null`...)
	default:
		dst = appendString(dst, m.Text)
	}
	if role == ToolRole {
		dst = appendString(append(dst, `,"tool_call_id":`...), m.CallID)
	}
	if len(calls) > 0 {
		if m.Reasoning != "" {
			dst = appendString(append(dst, `,"reasoning_content":`...), m.Reasoning)
		}
		dst = append(dst, `,"tool_calls":[`...)
		for i, call := range calls {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(append(dst, `{"id":`...), call.ID)
			dst = appendString(append(dst, `,"type":"function","function":{"name":`...), call.Name)
			dst = appendString(append(dst, `,"arguments":`...), call.Arguments)
			dst = append(dst, '}', '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}', ',')
}

func appendParts(dst []byte, m *Message, d dialect) []byte {
	if d.noImages {
		text := m.Text
		for _, image := range m.Images {
			if image.Note != "" {
				text += "\n" + image.Note
			}
		}
		return appendString(dst, text)
	}
	dst = append(dst, '[')
	if m.Text != "" {
		dst = appendString(append(dst, `{"type":"text","text":`...), m.Text)
		dst = append(dst, '}', ',')
	}
	for i, image := range m.Images {
		if i > 0 {
			dst = append(dst, ',')
		}
		head := appendString(nil, "data:"+image.Type+";base64,")
		dst = append(append(dst, `{"type":"image_url","image_url":{"url":`...), head[:len(head)-1]...)
		dst = slices.Grow(dst, base64.StdEncoding.EncodedLen(len(image.Data)))
		dst = append(base64.StdEncoding.AppendEncode(dst, image.Data), `"}}`...)
	}
	return append(dst, ']')
}

// size is about how many bytes the body will have; the check against maxBody
// comes before the bytes do.
func (req *Request) size() int64 {
	var n int64
	for _, m := range req.Messages {
		n += int64(len(m.Text) + len(m.Reasoning))
		for _, image := range m.Images {
			n += int64(base64.StdEncoding.EncodedLen(len(image.Data)))
		}
		for _, call := range m.Calls {
			n += int64(len(call.Arguments))
		}
	}
	for _, t := range req.Tools {
		n += int64(len(t.Description) + len(t.Parameters))
	}
	return n
}

func (req *Request) hasImages() bool {
	return slices.ContainsFunc(req.Messages, func(m Message) bool { return len(m.Images) > 0 })
}

const hex = "0123456789abcdef"

// appendString appends a JSON string. What is no UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		b := s[i]
		switch {
		case b == '"' || b == '\\':
			dst = append(append(dst, s[from:i]...), '\\', b)
		case b == '\n':
			dst = append(append(dst, s[from:i]...), '\\', 'n')
		case b < ' ':
			dst = append(append(dst, s[from:i]...), '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		case b < utf8.RuneSelf:
			i++
			continue
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			dst = append(append(dst, s[from:i]...), "\ufffd"...)
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
