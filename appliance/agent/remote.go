package agent

import (
	"context"

	"github.com/catflap/catflap/appliance/agent/mcp"
	"github.com/catflap/catflap/appliance/config"
)

// remote lists the tools of the servers.
func (a *Agent) remote(ctx context.Context, app *config.App) []*mcp.Tool { return nil }
