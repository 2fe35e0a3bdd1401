package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"
)

// versions of the protocol whose streamable HTTP this is, the newest first.
var versions = []string{"2025-11-25", "2025-06-18", "2025-03-26"}

// errForgotten: the server does not know the session any more.
var errForgotten = errors.New("the server has ended the session")

// session is one session with a server.
type session struct {
	server  Server
	client  *http.Client
	id      string // "" = the server keeps no sessions
	version string
	next    atomic.Int64
}

// listed is a tool as a server lists it.
type listed struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"inputSchema"`
}

type request struct {
	Version string `json:"jsonrpc"`
	ID      int64  `json:"id,omitempty"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

type response struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int64  `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// open begins a session.
func open(ctx context.Context, client *http.Client, server Server) (*session, error) {
	s := &session{server: server, client: client}
	var hello struct {
		Version      string `json:"protocolVersion"`
		Capabilities struct {
			Tools *struct{} `json:"tools"`
		} `json:"capabilities"`
	}
	err := s.ask(ctx, "initialize", map[string]any{
		"protocolVersion": versions[0], "capabilities": struct{}{}, "clientInfo": map[string]string{"name": "catflap", "version": "1"},
	}, &hello)
	if err != nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
	if !slices.Contains(versions, hello.Version) {
		return nil, fmt.Errorf("opening a session: the server speaks version %s of the protocol, and not %s", strconv.Quote(short(hello.Version)), strings.Join(versions, ", "))
	}
	s.version = hello.Version
	if hello.Capabilities.Tools == nil {
		return nil, errors.New("opening a session: the server offers no tools")
	}
	if err := s.send(ctx, request{Version: "2.0", Method: "notifications/initialized"}, nil); err != nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
	return s, nil
}

// tools lists the tools, page by page.
func (s *session) tools(ctx context.Context) ([]listed, error) {
	var all []listed
	params := map[string]string{}
	for range maxPages {
		var page struct {
			Tools []listed `json:"tools"`
			Next  string   `json:"nextCursor"`
		}
		if err := s.ask(ctx, "tools/list", params, &page); err != nil {
			return nil, fmt.Errorf("listing the tools: %w", err)
		}
		all = append(all, page.Tools...)
		if page.Next == "" || len(all) >= 4*maxTools {
			break
		}
		params["cursor"] = page.Next
	}
	return all, nil
}

// call calls a tool. What it says that is no text is named, not shown. An error of the tool itself is an error.
func (s *session) call(ctx context.Context, tool string, args json.RawMessage) (string, error) {
	if len(bytes.TrimSpace(args)) == 0 {
		args = json.RawMessage("{}")
	}
	var result struct {
		Content []struct {
			Type     string `json:"type"`
			Text     string `json:"text"`
			MIME     string `json:"mimeType"`
			URI      string `json:"uri"`
			Name     string `json:"name"`
			Resource struct {
				URI  string `json:"uri"`
				Text string `json:"text"`
			} `json:"resource"`
		} `json:"content"`
		Structured json.RawMessage `json:"structuredContent"`
		IsError    bool            `json:"isError"`
	}
	if err := s.ask(ctx, "tools/call", map[string]any{"name": tool, "arguments": args}, &result); err != nil {
		return "", err
	}
	var parts []string
	for _, c := range result.Content {
		switch {
		case c.Type == "text":
			parts = append(parts, c.Text)
		case c.Type == "resource" && c.Resource.Text != "":
			parts = append(parts, c.Resource.Text)
		case c.Type == "resource_link":
			parts = append(parts, c.Name+" "+c.URI)
		default:
			parts = append(parts, "["+c.Type+" "+c.MIME+"]")
		}
	}
	text := strings.Join(parts, "\n")
	if text == "" && len(result.Structured) > 0 {
		text = string(result.Structured)
	}
	if result.IsError {
		return "", errors.New(short(text))
	}
	return text, nil
}

// end tells the server that the session is over. Many do not listen.
func (s *session) end(ctx context.Context) {
	if s.id == "" {
		return
	}
	r, err := s.request(ctx, http.MethodDelete, nil)
	if err != nil {
		return
	}
	if answer, err := s.client.Do(r); err == nil {
		_ = answer.Body.Close()
	}
}

// ask sends a request and decodes its result.
func (s *session) ask(ctx context.Context, method string, params, into any) error {
	return s.send(ctx, request{"2.0", s.next.Add(1), method, params}, into)
}

func (s *session) request(ctx context.Context, method string, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.server.URL, body)
	if err != nil {
		return nil, errors.New("its url cannot be used")
	}
	for name, value := range s.server.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if s.id != "" {
		r.Header.Set("Mcp-Session-Id", s.id)
	}
	if s.version != "" {
		r.Header.Set("Mcp-Protocol-Version", s.version)
	}
	return r, nil
}

// send sends one message. Its answer comes as JSON, or as the events of a stream among which it is found.
func (s *session) send(ctx context.Context, q request, into any) error {
	body, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("composing %s: %w", q.Method, err)
	}
	r, err := s.request(ctx, http.MethodPost, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		var fault *url.Error
		if errors.As(err, &fault) {
			err = fault.Err // its text holds the address, and that may hold a key
		}
		return err
	}
	defer answer.Body.Close()
	if id := answer.Header.Get("Mcp-Session-Id"); id != "" && q.Method == "initialize" {
		s.id = id
	}
	switch {
	case answer.StatusCode == http.StatusNotFound && s.id != "" && q.Method != "initialize":
		return errForgotten
	case answer.StatusCode/100 != 2:
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
		return fmt.Errorf("it answers %d: %s", answer.StatusCode, short(string(text)))
	case into == nil:
		return nil
	}
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind == "text/event-stream" {
		return readEvents(answer.Body, q.ID, into)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxMessage+1))
	if err != nil {
		return fmt.Errorf("reading its answer: %w", err)
	}
	if len(data) > maxMessage {
		return errTooLarge
	}
	done, err := take(data, q.ID, into)
	if err == nil && !done {
		return errors.New("it did not answer the question")
	}
	return err
}

var errTooLarge = fmt.Errorf("its answer has more than %d KiB", maxMessage>>10)

// readEvents looks for the answer among server-sent events.
func readEvents(from io.Reader, id int64, into any) error {
	lines := bufio.NewScanner(io.LimitReader(from, 4*maxMessage))
	lines.Buffer(nil, maxMessage)
	var data []byte
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) == 0 {
			if done, err := take(data, id, into); done || err != nil {
				return err
			}
			data = data[:0]
			continue
		}
		rest, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		if len(data)+len(rest) > maxMessage {
			return errTooLarge
		}
		if len(data) > 0 {
			data = append(data, '\n')
		}
		data = append(data, bytes.TrimPrefix(rest, []byte(" "))...)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return errTooLarge
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading its answer: %w", err)
	}
	return fmt.Errorf("reading its answer: %w", io.ErrUnexpectedEOF)
}

// take decodes a message, and reports whether it is the answer to a question. Others are what the server has to say or to
// ask meanwhile; it may do without an answer.
func take(data []byte, id int64, into any) (bool, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return false, nil
	}
	var m response
	if err := json.Unmarshal(data, &m); err != nil {
		return false, errors.New("its answer is no message of the protocol")
	}
	if m.Method != "" || string(m.ID) != strconv.FormatInt(id, 10) {
		return false, nil
	}
	if m.Error != nil {
		return true, fmt.Errorf("it answers %d: %s", m.Error.Code, short(m.Error.Message))
	}
	if err := json.Unmarshal(m.Result, into); err != nil {
		return true, errors.New("its answer has another shape than the protocol says")
	}
	return true, nil
}

// short makes one line of a server's words.
func short(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(strings.TrimSpace(text), ""))
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}
