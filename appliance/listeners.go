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
	for address, key := range reverseAddresses(next) {
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
		if err != nil {
			return o, &listenError{key, err}
		}
		o.gateways[address] = g
	}
	return o, nil
}

// routeListeners tells the listeners whom they serve and closes those that serve nobody any more.
func (a *Appliance) routeListeners(next *config.Config) {
	byListener := make(map[string][]*napcat.Account)
	for _, acc := range next.Accounts {
		if running := a.accounts[acc.Name]; running != nil && acc.Link == "reverse" {
			byListener[reverseAddress(acc)] = append(byListener[reverseAddress(acc)], running)
		}
	}
	wanted := reverseAddresses(next)
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
		if running == nil || running.Dials() {
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

// reverseAddress is where an account's NapCat connects to. Accounts may share it, so one address has one spelling.
func reverseAddress(acc config.Account) string {
	host := acc.WSHost
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(int(acc.WSPort)))
}

// reverseAddresses are where NapCat connects to, with a name for errors.
func reverseAddresses(c *config.Config) map[string]string {
	out := make(map[string]string)
	for _, acc := range c.Accounts {
		if acc.Enabled && acc.Link == "reverse" {
			out[reverseAddress(acc)] = fmt.Sprintf("account %s (wsHost, wsPort)", acc.Name)
		}
	}
	return out
}

// gatewayAddresses are where apps connect to. Without an app that comes by itself there is no gateway.
func gatewayAddresses(c *config.Config) map[string]string {
	out := make(map[string]string)
	for _, app := range c.Apps {
		switch {
		case !app.Enabled || !served(app):
		case app.Listen != "":
			out[app.Listen] = fmt.Sprintf("apps.%s.listen", app.Name)
		case app.Connect == "":
			out[c.Gateway.Listen] = "gateway.listen"
		}
	}
	return out
}

// served reports whether this version has the app's protocol and transport.
func served(app config.App) bool { return app.Protocol == "onebot11" && app.Post == "" }

// Addresses says what listens where, by name.
func (a *Appliance) Addresses() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make(map[string]string)
	for address, l := range a.listeners {
		for _, acc := range a.cfg.Accounts {
			if acc.Enabled && acc.Link == "reverse" && reverseAddress(acc) == address {
				out["napcat."+acc.Name] = "ws://" + l.Address() + acc.WSPath
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
	if a.admin != nil {
		out["admin"] = filepath.Join(a.cfg.DataDir, AdminSocket)
	}
	return out
}
