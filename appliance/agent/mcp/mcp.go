// Package mcp is a client of tool servers that speak the Model Context Protocol over streamable HTTP: their tools, under
// names that tell whose they are, and calls to them. No process is ever started.
//
// The official SDK does the same and more. It weighs a tenth of catflap's binary and as much memory as everything here, so
// that the tests speak to its server and the program does without it.
package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what a server may make catflap hold.
const (
	maxMessage = 1 << 20 // one answer, bytes
	maxPages   = 16      // of a list of tools
	maxTools   = 64      // of one server
	maxAbout   = 1 << 10 // description of a tool, bytes
	maxSchema  = 16 << 10
	maxName    = 64 // of a tool as the model sees it: what endpoints take
)

const (
	listTime  = 15 * time.Second // for opening a session and listing the tools
	callTime  = 60 * time.Second // for one call
	listAgain = 10 * time.Minute // a list is believed that long
	failAgain = time.Minute      // a server that failed is asked again after that
)

// Server is where tools come from.
type Server struct {
	Name    string // of the tools: <name>__<tool>
	URL     string
	Headers map[string]string // such as Authorization; never in an error
	Include []string          // names of the server's tools; empty = all
}

// Tool is a tool of a server.
type Tool struct {
	Name        string // server__tool, at most 64 characters that endpoints take
	Description string
	Schema      json.RawMessage // of the arguments
	Call        func(ctx context.Context, args json.RawMessage) (string, error)
}

// Servers are all tool servers of one agent. It is safe for use by several goroutines and starts none.
type Servers struct {
	client *http.Client
	now    func() time.Time
	known  []*known
}

// known is a server and what is known of its tools.
type known struct {
	Server
	owner *Servers

	mu      sync.Mutex // held while its tools are listed: one asks, the others wait for the answer
	session *session
	tools   []*Tool
	until   time.Time // what is known is believed
}

// New makes the clients of servers. Nothing is dialled.
func New(servers []Server, transport http.RoundTripper, now func() time.Time) *Servers {
	s := &Servers{now: now, client: &http.Client{
		Transport: transport,
		// A redirect would carry the headers to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, server := range servers {
		s.known = append(s.known, &known{Server: server, owner: s})
	}
	return s
}

// Tools lists the tools of all servers that answer. The error tells of the others.
func (s *Servers) Tools(ctx context.Context) ([]*Tool, error) {
	var all []*Tool
	var faults []error
	for _, k := range s.known {
		tools, err := k.list(ctx)
		if err != nil {
			faults = append(faults, fmt.Errorf("tool server %s: %w", k.Name, err))
		}
		all = append(all, tools...)
	}
	return all, errors.Join(faults...)
}

// Close ends the sessions.
func (s *Servers) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, k := range s.known {
		k.mu.Lock()
		if k.session != nil {
			k.session.end(ctx)
			k.session = nil
		}
		k.until = time.Time{}
		k.mu.Unlock()
	}
	s.client.CloseIdleConnections()
}

// list returns the tools of one server, from memory while they are believed.
func (k *known) list(ctx context.Context) ([]*Tool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.owner.now(); !k.until.IsZero() && now.Before(k.until) {
		return k.tools, nil // a fault has been told when it came
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	tools, err := k.ask(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil, err // nobody waits any more; that says nothing about the server
	}
	again := listAgain
	if err != nil {
		again = failAgain
	}
	k.tools, k.until = tools, k.owner.now().Add(again)
	return tools, err
}

// ask opens a session if there is none and lists the tools. The caller holds the lock.
func (k *known) ask(ctx context.Context) ([]*Tool, error) {
	var list []listed
	err := k.inSession(ctx, func(s *session) (err error) {
		list, err = s.tools(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []*Tool
	for _, l := range list {
		if len(k.Include) > 0 && !slices.Contains(k.Include, l.Name) || len(out) == maxTools {
			continue
		}
		tool, ok := k.tool(l)
		if ok && !slices.ContainsFunc(out, func(o *Tool) bool { return o.Name == tool.Name }) {
			out = append(out, tool)
		}
	}
	return out, nil
}

// inSession does something in the session, and once more in a new one if the server has forgotten the old one. The caller
// holds the lock.
func (k *known) inSession(ctx context.Context, do func(*session) error) error {
	for try := 0; ; try++ {
		if k.session == nil {
			s, err := open(ctx, k.owner.client, k.Server)
			if err != nil {
				return err
			}
			k.session = s
		}
		err := do(k.session)
		if !errors.Is(err, errForgotten) || try > 0 {
			return err
		}
		k.session = nil
	}
}

// tool gives a listed tool the name under which the model sees it; false if it cannot be offered.
func (k *known) tool(l listed) (*Tool, bool) {
	name := k.Name + "__" + l.Name
	schema := l.Schema
	if len(schema) == 0 || string(schema) == "null" {
		schema = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	if l.Name == "" || len(name) > maxName || strings.ContainsFunc(name, unfit) || len(schema) > maxSchema {
		return nil, false
	}
	about := l.Description
	if len(about) > maxAbout {
		about = strings.ToValidUTF8(about[:maxAbout], "") + "…"
	}
	return &Tool{Name: name, Description: about, Schema: schema, Call: func(ctx context.Context, args json.RawMessage) (string, error) {
		return k.call(ctx, l.Name, args)
	}}, true
}

// unfit reports whether endpoints refuse a character in the name of a tool.
func unfit(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
}

// call calls a tool and returns what it says as text.
func (k *known) call(ctx context.Context, tool string, args json.RawMessage) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	k.mu.Lock()
	s := k.session
	k.mu.Unlock()
	var text string
	err := errForgotten
	if s != nil {
		text, err = s.call(ctx, tool, args)
	}
	if errors.Is(err, errForgotten) { // nothing was done: the server did not know who asked
		k.mu.Lock()
		if k.session == s {
			k.session = nil
		}
		err = k.inSession(ctx, func(fresh *session) error { s = fresh; return nil })
		k.mu.Unlock()
		if err == nil {
			text, err = s.call(ctx, tool, args)
		}
	}
	if err != nil {
		return "", fmt.Errorf("tool server %s: %w", k.Name, err)
	}
	return text, nil
}
