package agent

import (
	"context"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/catflap/catflap/appliance/agent/mcp"
	"github.com/catflap/catflap/appliance/config"
)

// newServers are the tool servers that an agent's settings name; nil without any.
func newServers(c config.Agent, now func() time.Time) *mcp.Servers {
	if len(c.MCP) == 0 {
		return nil
	}
	var list []mcp.Server
	for _, name := range slices.Sorted(maps.Keys(c.MCP)) {
		s := c.MCP[name]
		list = append(list, mcp.Server{Name: name, URL: s.URL, Headers: s.Headers, Include: s.Include})
	}
	return mcp.New(list, &http.Transport{MaxIdleConns: 4, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true}, now)
}

// sameServers reports whether two settings name the same ones.
func sameServers(a, b config.Agent) bool { return reflect.DeepEqual(a.MCP, b.MCP) }

// remote lists the tools of the servers.
func (a *Agent) remote(ctx context.Context) []*mcp.Tool {
	servers := a.servers.Load()
	if servers == nil {
		return nil
	}
	tools, err := servers.Tools(ctx)
	if err != nil {
		a.Log.Warn("some tools cannot be used", "app", a.Name, "err", err)
	}
	return tools
}
