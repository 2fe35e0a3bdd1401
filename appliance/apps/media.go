package apps

import (
	"net/http"
	"strings"

	"github.com/catflap/catflap/appliance/gate"
)

// MediaShelf is what a gateway needs of the media cache.
type MediaShelf struct {
	Read   http.Handler     // below /media/: the key in the path is all the permission that is needed
	Upload http.HandlerFunc // POST /media of an app whose token has been checked
}

// SetMedia makes the gateway serve media, nil to end it. Without it the paths are no paths.
func (g *Gateway) SetMedia(shelf *MediaShelf) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shelf = shelf
}

// medium answers a request that is about media, false if it is not.
func (g *Gateway) medium(k *gate.Knock) bool {
	rest, ok := strings.CutPrefix(k.URL.Path, "/media")
	if !ok || rest != "" && rest[0] != '/' {
		return false
	}
	g.mu.Lock()
	shelf := g.shelf
	g.mu.Unlock()
	if shelf == nil {
		return false
	}
	if !g.enter() {
		http.Error(k.Plain(), closing, http.StatusServiceUnavailable)
		return true
	}
	defer g.plain.Done()
	if strings.Trim(rest, "/") != "" {
		defer k.Hold()()
		shelf.Read.ServeHTTP(k.Plain(), k.Request)
		return true
	}
	app, refusal := g.app(k.Request)
	if refusal != nil {
		k.Refuse(refusal)
		return true
	}
	k.Who = app.Name()
	k.Trust()
	app.allowOrigin(k)
	defer app.calling.Add(-1)
	if app.calling.Add(1) > maxCalling {
		http.Error(k.Plain(), "too many HTTP calls of this app are in progress", http.StatusTooManyRequests)
		return true
	}
	defer k.Hold()()
	shelf.Upload(k.Plain(), k.Request)
	return true
}
