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

// Gateway is where apps come in on one address, the shared gateway or an app's own port: by WebSocket, to call the HTTP
// API, to read events as server-sent events, or for media. The token says which app it is. Connections that are up belong to their
// apps.
type Gateway struct {
	*gate.Door
	platform string
	seats    *gate.Seats
	bodies   bodies
	patience time.Duration // for the answer of an HTTP call
	pace     streamPace

	closing chan struct{} // closed when Close begins: calls and streams end
	close   sync.Once
	plain   sync.WaitGroup // HTTP calls and streams

	mu    sync.Mutex
	over  bool
	apps  []*App
	shelf *MediaShelf // nil: no media
}

// OpenGateway binds an address; serving begins with Set, so that nobody is turned away before. Platform is the first
// element of the onebots layout. MaxFrame of the apps bounds the bodies of HTTP calls, too.
func OpenGateway(address, platform string, seats *gate.Seats, log *slog.Logger, now func() time.Time) (*Gateway, error) {
	over := make(chan struct{})
	g := &Gateway{platform: platform, seats: seats, bodies: newBodies(over), patience: answerTimeout, pace: streamPace{keepAlive, streamTimeout}, closing: over}
	door, err := gate.Open(address, log, now, g.answer)
	if err != nil {
		return nil, err
	}
	g.Door = door
	return g, nil
}

// closeGrace is how long calls and streams may take to say goodbye.
const closeGrace = time.Second

// Close stops accepting, ends HTTP calls and streams, and waits for requests that are being decided. WebSockets belong
// to their apps and are closed there.
func (g *Gateway) Close() {
	g.close.Do(func() {
		g.mu.Lock()
		g.over = true
		g.mu.Unlock()
		close(g.closing)
		ended := make(chan struct{})
		go func() {
			g.plain.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(closeGrace): // the sockets are closed next, which ends them
		}
	})
	g.Door.Close()
}

// enter counts an HTTP call or a stream until plain.Done. It is false once the gateway closes.
func (g *Gateway) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return false
	}
	g.plain.Add(1)
	return true
}

// Set replaces the apps that the gateway admits, and begins to serve when it is called first. Connections that
// are up are not touched.
func (g *Gateway) Set(apps []*App) {
	g.mu.Lock()
	g.apps = apps
	g.mu.Unlock()
	g.Serve()
}

// answer decides about one request.
func (g *Gateway) answer(k *gate.Knock) {
	g.bodies.begin(k)
	if isPreflight(k.Request) {
		g.preflight(k)
		return
	}
	if g.medium(k) {
		return
	}
	app, refusal := g.app(k.Request)
	if refusal != nil {
		if refusal.Status == http.StatusForbidden && g.wantsTwelve(k.Request) {
			refusal = &gate.Refusal{Status: http.StatusUnauthorized, Reason: refusal.Reason}
		}
		g.showTokenRefusal(k)
		k.Refuse(refusal)
		return
	}
	k.Who = app.Name()
	k.Trust()
	app.allowOrigin(k)
	place := g.place
	if app.speaksTwelve() {
		place = g.placeTwelve
	}
	where, refusal := place(app, k.Request)
	if refusal != nil {
		if refusal.Status == http.StatusUpgradeRequired {
			k.Plain().Header().Set("Upgrade", "websocket") // RFC 9110, section 15.5.22
		}
		k.Refuse(refusal)
		return
	}
	switch where.kind {
	case kindCall:
		g.call(k, app, where)
	case kindStream:
		g.stream(k, app, where)
	case kindTwelve:
		g.callTwelve(k, app, where)
	default:
		g.socket(k, app, where)
	}
}

// socket makes a WebSocket of the request.
func (g *Gateway) socket(k *gate.Knock, app *App, where place) {
	f, role, refusal := where.connection(app)
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
	if found.settings().AccessToken == "" {
		if no := gate.CheckLocal(r); no != nil {
			return nil, no
		}
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

// place is what a path means.
type place struct {
	account string // name or self id; "" for none
	byPath  bool   // the path names it, not the query
	kind    kind
	action  string // of kindCall
}

// kind is what is at a path.
type kind uint8

const (
	kindBoth   kind = iota // WebSocket: events and calls
	kindCalls              // WebSocket: calls
	kindCall               // HTTP: one call
	kindStream             // HTTP: server-sent events
	kindTwelve             // HTTP: a request of OneBot 12
)

// transport is the word of `transports` for it.
func (k kind) transport() string {
	switch k {
	case kindCall, kindTwelve:
		return "http"
	case kindStream:
		return "sse"
	}
	return "ws"
}

// place finds which account a request is for and what it wants. An account is named by the path, else by self_id in the
// query.
func (g *Gateway) place(app *App, r *http.Request) (place, *gate.Refusal) {
	where, ok := g.route(r.URL.Path)
	socket := where.kind == kindBoth || where.kind == kindCalls
	switch upgrade := link.IsUpgrade(r); {
	case !ok || upgrade && !socket:
		return place{}, &gate.Refusal{Status: http.StatusNotFound, Reason: fmt.Sprintf(
			"no such path %q: WebSockets go to /, /event or /api, actions to /ACTION, server-sent events come from /_events; all of them also below /%s/ACCOUNT/onebot/v11", r.URL.Path, g.platform)}
	case !upgrade && socket:
		return place{}, &gate.Refusal{Status: http.StatusUpgradeRequired, Reason: "this path takes WebSockets; call actions at /ACTION, read events from /_events"}
	}
	if t := where.kind.transport(); !app.admits(t) {
		return place{}, &gate.Refusal{Status: http.StatusForbidden, Reason: fmt.Sprintf("apps.%s.transports does not list %s", app.Name(), t)}
	}
	if app.Posts() && (where.kind == kindBoth || where.kind == kindStream) {
		return place{}, &gate.Refusal{Status: http.StatusForbidden, Reason: fmt.Sprintf("the events of this app are posted (apps.%s.post): call actions at /api or /ACTION", app.Name())}
	}
	if where.account == "" {
		where.account = r.URL.Query().Get("self_id")
	}
	return where, nil
}

// connection finds the feed that a WebSocket is for and what it is for.
func (p place) connection(app *App) (*feed, role, *gate.Refusal) {
	if feeds := app.list(); p.account == "" && p.kind == kindCalls && len(feeds) > 1 {
		return feeds[0], roleUnnamed, nil
	}
	f, refusal := app.choose(p.account)
	if p.kind == kindCalls {
		return f, roleCalls, refusal
	}
	return f, roleBoth, refusal
}

// route reads a path, at root level or below /PLATFORM/ACCOUNT/onebot/v11 and its /ws (the onebots layout). Doubled and
// trailing slashes are tolerated, as some clients build them.
func (g *Gateway) route(p string) (where place, ok bool) {
	parts := strings.FieldsFunc(p, func(c rune) bool { return c == '/' })
	if len(parts) >= 4 && parts[0] == g.platform && parts[2] == "onebot" && parts[3] == "v11" {
		where.account, where.byPath, parts = parts[1], true, parts[4:]
		if len(parts) > 0 && parts[0] == "ws" {
			parts = parts[1:]
		}
	}
	switch {
	case len(parts) == 0:
		return where, true
	case len(parts) > 1:
		return place{}, false
	}
	switch parts[0] {
	case "event":
	case "api":
		where.kind = kindCalls
	case "_events", "events":
		where.kind = kindStream
	default:
		where.kind, where.action = kindCall, parts[0]
	}
	return where, true
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
