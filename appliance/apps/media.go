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
	// Dialled are the apps that catflap dials: they come to no gateway but for this. Nil = there are none.
	Dialled func() []*App
}

// uploader finds whose token an upload carries. The token of an app that is dialled counts here, and only here, if it is
// its alone: nobody else may have been given it.
func (g *Gateway) uploader(r *http.Request, shelf *MediaShelf) (*App, *gate.Refusal) {
	app, refusal := g.app(r)
	if _, carries := gate.Token(r); refusal == nil || !carries || shelf.Dialled == nil {
		return app, refusal
	}
	var found []*App
	for _, a := range shelf.Dialled() {
		if want := a.settings().AccessToken; want != "" && gate.CheckToken(r, want) == nil {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 0:
		if refusal.Status == http.StatusUnauthorized { // no app comes to this gateway
			refusal = &gate.Refusal{Status: http.StatusForbidden, Reason: "access token wrong"}
		}
		return nil, refusal
	case 1:
		if no := gate.CheckOrigin(r, found[0].settings().CORS); no != nil {
			return nil, no
		}
		return found[0], nil
	}
	return nil, &gate.Refusal{Status: http.StatusForbidden, Reason: "several apps have this access token: give each its own"}
}

// mediaBuffer is how far the system reads ahead of those who read media, bytes. Half of it in the time that one write may
// take is what a reader has to read.
const mediaBuffer = 64 << 10

// SetMedia makes the gateway serve media, nil to end it. Without it the paths are no paths.
func (g *Gateway) SetMedia(shelf *MediaShelf) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shelf = shelf
}

// medium answers a request that is about media, false if it is not.
func (g *Gateway) medium(k *gate.Knock) bool {
	rest, ok := strings.CutPrefix("/"+strings.TrimLeft(k.URL.Path, "/"), "/media") // some join addresses with two slashes
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
		k.Narrow(mediaBuffer)
		shelf.Read.ServeHTTP(k.Plain(), k.Request)
		return true
	}
	app, refusal := g.uploader(k.Request, shelf)
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
