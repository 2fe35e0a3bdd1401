// Package bare is a relay on gws alone: its reader writes each frame to each app and does nothing else. It is what
// catflap is measured against.
package bare

import (
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/lxzan/gws"
)

// Serve relays what arrives on /napcat to every connection of /app, one WriteMessage per frame and app, until the
// listener is closed.
func Serve(l net.Listener) error {
	r := &relay{}
	up := gws.NewUpgrader(r, &gws.ServerOption{})
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c, err := up.Upgrade(w, req)
		if err != nil {
			return
		}
		if req.URL.Path == "/app" {
			r.join(c)
		}
		go c.ReadLoop()
	}))
}

type relay struct {
	gws.BuiltinEventHandler
	mu   sync.Mutex
	apps []*gws.Conn // replaced as a whole
}

func (r *relay) join(c *gws.Conn) {
	r.mu.Lock()
	r.apps = append(slices.Clip(r.apps), c)
	r.mu.Unlock()
}

// OnMessage is called by NapCat's one reader; apps send nothing.
func (r *relay) OnMessage(_ *gws.Conn, m *gws.Message) {
	r.mu.Lock()
	apps := r.apps
	r.mu.Unlock()
	for _, app := range apps {
		_ = app.WriteMessage(gws.OpcodeText, m.Bytes())
	}
	_ = m.Close()
}
