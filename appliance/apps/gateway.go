package apps

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
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
// The token says which app it is.
type Gateway struct {
	platform string
	server   *http.Server
	listener net.Listener
	ledger   gate.Ledger
	seats    *gate.Seats
	start    sync.Once
	done     chan struct{}
	requests sync.WaitGroup

	mu     sync.Mutex
	closed bool
	apps   []*App
}

// OpenGateway binds an address; serving begins with Set, so that nobody is turned away before. Platform is the first element of the onebots layout.
func OpenGateway(address, platform string, seats *gate.Seats, log *slog.Logger, now func() time.Time) (*Gateway, error) {
	l, err := gate.Listen(address)
	if err != nil {
		return nil, err
	}
	g := &Gateway{platform: platform, seats: seats, listener: l, done: make(chan struct{}), ledger: gate.Ledger{Log: log, Now: now}}
	g.server = gate.NewServer(g)
	return g, nil
}

// Address is where the gateway really listens.
func (g *Gateway) Address() string { return g.listener.Addr().String() }

// Refused returns the connections that were refused lately, newest last.
func (g *Gateway) Refused() []gate.Refused { return g.ledger.Last() }

// Set replaces the apps that the gateway admits, and begins to serve when it is called first. Connections that
// are up are not touched.
func (g *Gateway) Set(apps []*App) {
	g.mu.Lock()
	g.apps = apps
	g.mu.Unlock()
	g.start.Do(func() {
		go func() {
			defer close(g.done)
			_ = g.server.Serve(g.listener)
		}()
	})
}

// Close stops accepting and waits for requests that are being decided. Connections belong to their apps and are
// closed there.
func (g *Gateway) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	_ = g.server.Close()
	_ = g.listener.Close()
	g.start.Do(func() { close(g.done) })
	<-g.done
	g.requests.Wait()
}

// enter counts a request until g.requests.Done. It is false once the gateway is closed.
func (g *Gateway) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.requests.Add(1)
	return true
}

// ServeHTTP decides about one connection of an app.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.enter() {
		http.Error(w, "catflap is going away", http.StatusServiceUnavailable)
		return
	}
	defer g.requests.Done()
	app, refusal := g.app(r)
	if refusal != nil {
		g.ledger.Answer(w, r, "", refusal)
		return
	}
	g.ledger.Delays.Succeeded(r.RemoteAddr)
	f, events, refusal := g.place(app, r)
	if refusal != nil {
		g.ledger.Answer(w, r, app.Name(), refusal)
		return
	}
	if refusal := g.seats.Take(); refusal != nil {
		g.ledger.Answer(w, r, app.Name(), refusal)
		return
	}
	leave := sync.OnceFunc(g.seats.Leave)
	conn, err := link.Accept(w, r, app.linkOptions())
	if err != nil {
		leave()
	}
	switch {
	case errors.Is(err, link.ErrVersion):
		w.Header().Set("Sec-WebSocket-Version", "13")
		g.ledger.Answer(w, r, app.Name(), &gate.Refusal{Status: http.StatusUpgradeRequired, Reason: err.Error()})
		return
	case errors.Is(err, link.ErrNotUpgrade):
		g.ledger.Answer(w, r, app.Name(), &gate.Refusal{Status: http.StatusBadRequest, Reason: err.Error()})
		return
	case err != nil: // the connection is closed already
		g.ledger.Note(r.RemoteAddr, app.Name(), &gate.Refusal{Status: http.StatusBadRequest, Reason: fmt.Sprintf("upgrade failed: %v", err)})
		return
	}
	serve := func() {
		defer leave()
		_ = f.serve(newSession(f, conn, events))
	}
	if !f.spawn(serve) {
		leave()
		conn.Close(link.CloseRestart, closing)
	}
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

// place finds which account a path means and whether the connection takes events.
func (g *Gateway) place(app *App, r *http.Request) (f *feed, events bool, refusal *gate.Refusal) {
	account, role, ok := g.route(r.URL.Path)
	if !ok {
		return nil, false, &gate.Refusal{Status: http.StatusNotFound, Reason: fmt.Sprintf("no such path %q: WebSockets go to /, /event, /api or /%s/ACCOUNT/onebot/v11", r.URL.Path, g.platform)}
	}
	if !link.IsUpgrade(r) {
		return nil, false, &gate.Refusal{Status: http.StatusUpgradeRequired, Reason: "this version serves WebSocket connections here; the HTTP API comes later"}
	}
	if !app.admits("ws") {
		return nil, false, &gate.Refusal{Status: http.StatusForbidden, Reason: fmt.Sprintf("apps.%s.transports does not list ws", app.Name())}
	}
	if account == "" {
		account = r.URL.Query().Get("self_id")
	}
	f, refusal = app.choose(account)
	return f, role != "api", refusal
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
