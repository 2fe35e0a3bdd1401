package apps

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/link"
)

// Gateway accepts the forward WebSockets of apps on one address: the shared gateway, or an app's own port.
// The token says which app it is. Connections that are up belong to their apps.
type Gateway struct {
	*gate.Door
	platform string
	seats    *gate.Seats

	mu   sync.Mutex
	apps []*App
}

// OpenGateway binds an address; serving begins with Set, so that nobody is turned away before. Platform is the first element of the onebots layout.
func OpenGateway(address, platform string, seats *gate.Seats, log *slog.Logger, now func() time.Time) (*Gateway, error) {
	g := &Gateway{platform: platform, seats: seats}
	door, err := gate.Open(address, log, now, g.answer)
	if err != nil {
		return nil, err
	}
	g.Door = door
	return g, nil
}

// Set replaces the apps that the gateway admits, and begins to serve when it is called first. Connections that
// are up are not touched.
func (g *Gateway) Set(apps []*App) {
	g.mu.Lock()
	g.apps = apps
	g.mu.Unlock()
	g.Serve()
}

// answer decides about one connection of an app.
func (g *Gateway) answer(k *gate.Knock) {
	app, refusal := g.app(k.Request)
	if refusal != nil {
		k.Refuse(refusal)
		return
	}
	k.Who = app.Name()
	k.Trust()
	f, role, refusal := g.place(app, k.Request)
	if refusal != nil {
		k.Refuse(refusal)
		return
	}
	events := role == roleBoth
	seat, refusal := g.seat(f, events)
	if refusal != nil {
		k.Refuse(refusal)
		return
	}
	conn := k.Accept(app.linkOptions())
	if conn == nil {
		seat.leave()
		return
	}
	s := newSession(f, conn, events)
	s.unnamed = role == roleUnnamed
	s.alone = seat.settle
	serve := func() {
		defer seat.leave()
		_ = f.serve(s)
	}
	if !f.spawn(serve) {
		seat.leave()
		conn.Close(link.CloseRestart, closing)
	}
}

// seat is one connection's place among limits.links.
type seat struct {
	settle func() // the connection is not above the limit any more; nil if it never was
	leave  func() // the connection has ended
}

// seat takes a place for a connection. When all are taken, an event connection still comes in if it takes over from an
// elder one, one at a time: the elder may be half-dead and hold the very place that the app needs to come back.
func (g *Gateway) seat(f *feed, events bool) (seat, *gate.Refusal) {
	refusal := g.seats.Take()
	if refusal == nil {
		return seat{leave: g.seats.Leave}, nil
	}
	if !events || f.current.Load() == nil || !f.heir.CompareAndSwap(false, true) {
		return seat{}, refusal
	}
	g.seats.Exceed()
	settle := sync.OnceFunc(func() { f.heir.Store(false) }) // once: by its end there may be an heir of its own
	return seat{settle: settle, leave: func() {
		settle()
		g.seats.Leave()
	}}, nil
}

// app finds whose token the request carries. All tokens are compared, in a time that tells nothing.
func (g *Gateway) app(r *http.Request) (*App, *gate.Refusal) {
	g.mu.Lock()
	apps := g.apps
	g.mu.Unlock()
	refusal := &gate.Refusal{Status: http.StatusUnauthorized, Reason: "access token missing"}
	var found *App
	for _, a := range apps {
		if a.Dials() {
			continue // its token is presented to it and opens nothing here
		}
		switch no := gate.CheckToken(r, a.settings().AccessToken); {
		case no == nil:
			found = a
		case no.Status == http.StatusForbidden:
			refusal = no
		}
	}
	if found == nil {
		return nil, refusal
	}
	if no := gate.CheckOrigin(r, found.settings().CORS); no != nil {
		return nil, no
	}
	return found, nil
}

// role is what a connection is for.
type role uint8

const (
	roleBoth    role = iota // events and calls of one account
	roleCalls               // calls of one account
	roleUnnamed             // calls that name their account by self_id, each for itself
)

// place finds which account a path means and what the connection is for.
func (g *Gateway) place(app *App, r *http.Request) (*feed, role, *gate.Refusal) {
	account, kind, ok := g.route(r.URL.Path)
	if !ok {
		return nil, 0, &gate.Refusal{Status: http.StatusNotFound, Reason: fmt.Sprintf("no such path %q: WebSockets go to /, /event, /api or /%s/ACCOUNT/onebot/v11", r.URL.Path, g.platform)}
	}
	if !link.IsUpgrade(r) {
		return nil, 0, &gate.Refusal{Status: http.StatusUpgradeRequired, Reason: "this version serves WebSocket connections here; the HTTP API comes later"}
	}
	if !app.admits("ws") {
		return nil, 0, &gate.Refusal{Status: http.StatusForbidden, Reason: fmt.Sprintf("apps.%s.transports does not list ws", app.Name())}
	}
	if account == "" {
		account = r.URL.Query().Get("self_id")
	}
	if feeds := app.list(); account == "" && kind == "api" && len(feeds) > 1 {
		return feeds[0], roleUnnamed, nil
	}
	f, refusal := app.choose(account)
	if kind == "api" {
		return f, roleCalls, refusal
	}
	return f, roleBoth, refusal
}

// route reads a path: an account's name ("" at root level) and the role "", "event" or "api". Doubled and
// trailing slashes are tolerated, as some clients build them.
func (g *Gateway) route(p string) (account, role string, ok bool) {
	parts := strings.FieldsFunc(p, func(c rune) bool { return c == '/' })
	if len(parts) >= 4 && parts[0] == g.platform && parts[2] == "onebot" && parts[3] == "v11" {
		account, parts = parts[1], parts[4:]
		if len(parts) > 0 && parts[0] == "ws" {
			parts = parts[1:]
		}
	}
	switch {
	case len(parts) == 0:
		return account, "", true
	case len(parts) == 1 && (parts[0] == "event" || parts[0] == "api"):
		return account, parts[0], true
	}
	return "", "", false
}

// choose finds the feed for an account's name or self id; with none given, the app's only account.
func (a *App) choose(account string) (*feed, *gate.Refusal) {
	feeds := a.list()
	if account == "" && len(feeds) == 1 {
		return feeds[0], nil
	}
	names := make([]string, 0, len(feeds))
	for _, f := range feeds {
		self := strconv.FormatUint(f.account.Self(), 10)
		if account != "" && (f.account.Name == account || self == account && self != "0") {
			return f, nil
		}
		names = append(names, fmt.Sprintf("%s (self_id %s)", f.account.Name, self))
	}
	list := strings.Join(names, ", ")
	switch {
	case len(feeds) == 0:
		return nil, &gate.Refusal{Status: http.StatusNotFound, Reason: fmt.Sprintf("this app serves no account: see apps.%s.accounts", a.Name())}
	case account == "":
		return nil, &gate.Refusal{Status: http.StatusBadRequest, Reason: "several accounts: add ?self_id= with one of " + list}
	}
	return nil, &gate.Refusal{Status: http.StatusNotFound, Reason: fmt.Sprintf("no account %q for this app; it serves %s", account, list)}
}

// admits reports whether the app's token may use a transport of the gateway.
func (a *App) admits(transport string) bool {
	list := a.settings().Transports
	return len(list) == 0 || slices.Contains(list, transport)
}
