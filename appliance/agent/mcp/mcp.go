// Package mcp is the client of tool servers: their tools under names that tell whose they are, and calls to them.
package mcp

import (
	"context"
	"encoding/json"
)

// Tool is a tool of a server.
type Tool struct {
	Name        string // server__tool
	Description string
	Schema      json.RawMessage
	Call        func(ctx context.Context, args json.RawMessage) (string, error)
}
