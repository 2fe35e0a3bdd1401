package apps

import (
	"net/http"

	"github.com/catflap/catflap/appliance/gate"
)

// isPreflight tells a browser's question before a call from the call itself.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight answers a browser that asks whether a page may call. It cannot show a token then, so any app here whose
// `cors` lists the page's origin will do; the call itself is checked against the app that its token names. All other
// origins are refused (design: FAULTS, S05).
func (g *Gateway) preflight(k *gate.Knock) {
	if refusal := g.foreign(k.Request); refusal != nil {
		k.Refuse(refusal)
		return
	}
	h := k.Plain().Header()
	setOrigin(h, k.Request)
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	if k.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true") // a page of the internet reaches a box at home: listed, so meant
	}
	k.Plain().WriteHeader(http.StatusNoContent)
}

// foreign refuses an origin that no app here lists.
func (g *Gateway) foreign(r *http.Request) *gate.Refusal {
	g.mu.Lock()
	apps := g.apps
	g.mu.Unlock()
	for _, a := range apps {
		if !a.Dials() && gate.CheckOrigin(r, a.settings().CORS) == nil {
			return nil
		}
	}
	return gate.CheckOrigin(r, nil)
}

// showTokenRefusal lets a page read that its token is missing or wrong, where the preflight has let it ask. A page that
// shows the token of an app which does not list it reads nothing.
func (g *Gateway) showTokenRefusal(k *gate.Knock) {
	g.mu.Lock()
	apps := g.apps
	g.mu.Unlock()
	if k.Header.Get("Origin") == "" || g.foreign(k.Request) != nil {
		return
	}
	for _, a := range apps {
		if !a.Dials() && gate.CheckToken(k.Request, a.settings().AccessToken) == nil {
			return
		}
	}
	setOrigin(k.Plain().Header(), k.Request)
}

// allowOrigin lets the page read the answers of an app that admits it.
func (a *App) allowOrigin(k *gate.Knock) {
	if k.Header.Get("Origin") != "" {
		setOrigin(k.Plain().Header(), k.Request)
	}
}

// setOrigin names the one origin that asked, also where `cors` is "*", and keeps caches from giving the answer to another.
func setOrigin(h http.Header, r *http.Request) {
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Add("Vary", "Origin")
}
