package appliance

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/napcat"
)

// openedListeners are those that a configuration needs and that are not open yet.
type openedListeners struct {
	listeners map[string]*napcat.Listener
	gateways  map[string]*apps.Gateway
}

// listenError is an address that could not be had: the file may be right, and the machine is not ready for it.
type listenError struct {
	key string // what the address is for
	err error
}

func (e *listenError) Error() string { return e.key + ": " + e.err.Error() }

func (e *listenError) Unwrap() error { return e.err }

func (o openedListeners) close() {
	for _, l := range o.listeners {
		l.Close()
	}
	for _, g := range o.gateways {
		g.Close()
	}
}

func (a *Appliance) openListeners(next *config.Config) (openedListeners, error) {
	o := openedListeners{make(map[string]*napcat.Listener), make(map[string]*apps.Gateway)}
	for address, key := range napcatAddresses(next) {
		if a.listeners[address] != nil {
			continue
		}
		l, err := napcat.Listen(address, a.Log, a.now)
		if err != nil {
			return o, &listenError{key, err}
		}
		o.listeners[address] = l
	}
	for address, key := range gatewayAddresses(next) {
		if a.gateways[address] != nil {
			continue
		}
		g, err := apps.OpenGateway(address, next.Gateway.Platform, &a.seats, a.Log, a.now)
		switch {
		case err != nil && key == mediaAlone:
			a.Log.Warn("the address for media cannot be had, so media keep QQ's own addresses; choose another gateway.listen, or say media.rewrite: false", "err", err)
			continue
		case err != nil:
			return o, &listenError{key, err}
		}
		g.SetMedia(a.shelf())
		o.gateways[address] = g
	}
	return o, nil
}

// routeListeners tells the listeners whom they serve and closes those that serve nobody any more.
func (a *Appliance) routeListeners(next *config.Config) {
	byListener := make(map[string][]*napcat.Account)
	for _, acc := range next.Accounts {
		if running := a.accounts[acc.Name]; running != nil && napcatComes(acc) {
			byListener[napcatAddress(acc)] = append(byListener[napcatAddress(acc)], running)
		}
	}
	wanted := napcatAddresses(next)
	for address, l := range a.listeners {
		l.Set(byListener[address])
		if wanted[address] == "" {
			l.Close()
			delete(a.listeners, address)
		}
	}
	byGateway := make(map[string][]*apps.App)
	for _, app := range next.Apps {
		running := a.apps[app.Name]
		if running == nil || !comes(app) {
			continue
		}
		address := app.Listen
		if address == "" {
			address = next.Gateway.Listen
		}
		byGateway[address] = append(byGateway[address], running)
	}
	open := gatewayAddresses(next)
	for address, g := range a.gateways {
		g.Set(byGateway[address])
		if open[address] == "" {
			g.Close()
			delete(a.gateways, address)
		}
	}
}

// napcatComes reports whether an account's NapCat comes to catflap: with its WebSocket, or to post events.
func napcatComes(acc config.Account) bool { return acc.Link == "reverse" || acc.Link == "http" }

// napcatAddress is where an account's NapCat connects to. Accounts may share it, so one address has one spelling.
func napcatAddress(acc config.Account) string {
	host := acc.WSHost
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(int(acc.WSPort)))
}

// napcatAddresses are where NapCat connects to, with a name for errors.
func napcatAddresses(c *config.Config) map[string]string {
	out := make(map[string]string)
	for _, acc := range c.Accounts {
		if acc.Enabled && napcatComes(acc) {
			out[napcatAddress(acc)] = fmt.Sprintf("account %s (wsHost, wsPort)", acc.Name)
		}
	}
	return out
}

// napcatURL is what NapCat's entry for an account must name, where catflap listens on one address only.
func napcatURL(acc config.Account, l *napcat.Listener) string {
	scheme := "ws://"
	if acc.Link == "http" {
		scheme = "http://"
	}
	return scheme + l.Address() + napcat.Path(acc)
}

// mediaAlone is what gateway.listen is for when no app comes there by itself.
const mediaAlone = "gateway.listen (media)"

// gatewayAddresses are where apps connect to, and where they read media. Without an app that comes by itself, and without
// media, there is no gateway.
func gatewayAddresses(c *config.Config) map[string]string {
	out := make(map[string]string)
	if rewrites(c) {
		out[c.Gateway.Listen] = mediaAlone
	}
	for _, app := range c.Apps {
		switch {
		case !app.Enabled:
		case app.Listen != "":
			out[app.Listen] = fmt.Sprintf("apps.%s.listen", app.Name)
		case comes(app):
			out[c.Gateway.Listen] = "gateway.listen"
		}
	}
	return out
}

// comes reports whether an app may come to a gateway: one that is dialled has no business there, and one that is posted to
// calls actions there, by its token.
func comes(app config.App) bool {
	return app.Protocol != "agent" && app.Connect == "" && (app.Post == "" || app.AccessToken != "")
}

// Addresses says what listens where, by name.
func (a *Appliance) Addresses() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make(map[string]string)
	for address, l := range a.listeners {
		for _, acc := range a.cfg.Accounts {
			if acc.Enabled && napcatComes(acc) && napcatAddress(acc) == address {
				out["napcat."+acc.Name] = napcatURL(acc, l)
			}
		}
	}
	for address, g := range a.gateways {
		if address == a.cfg.Gateway.Listen {
			out["gateway"] = "ws://" + g.Address()
			continue
		}
		for _, app := range a.cfg.Apps {
			if app.Enabled && app.Listen == address {
				out["app."+app.Name] = "ws://" + g.Address()
			}
		}
	}
	if url := a.consoleURL(); url != "" {
		out["console"] = url
	}
	if a.admin != nil {
		out["admin"] = filepath.Join(a.cfg.DataDir, AdminSocket)
	}
	return out
}
