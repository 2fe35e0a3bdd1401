package appliance

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/console/login"
	"github.com/catflap/catflap/appliance/console/web"
)

// browser is the console as people reach it. Apart from site and logins it changes with the configuration, under the
// appliance's lock.
type browser struct {
	logins *login.Keeper
	site   *web.Site

	server  *web.Server // nil while the console is closed
	at      string      // console.listen of server
	cert    *web.Certificate
	closed  []console.Text // why it is closed although the configuration has it
	retired []*web.Server  // may still be answering
}

// newSite makes what stays of the console whatever the configuration says, and tells the API of it.
func (a *Appliance) newSite() {
	a.browser.logins = login.New(a.store, login.Options{Now: a.now})
	a.api.Logins, a.api.Console, a.api.PasswordSet, a.api.Metrics = a.browser.logins, a.consoleStatus, a.passwordSet, a.measure
	a.browser.site = web.New(web.Options{API: a.api, Logins: a.browser.logins, Log: a.Log, Now: a.now, Media: a.media.cache})
}

// FirstLink is a link that lets somebody into the console once, for a terminal; "" where the console is closed, has a
// password, or somebody is in already.
func (a *Appliance) FirstLink() string {
	url := a.consoleStatus().URL
	if url == "" || a.browser.logins.HasPassword() || a.browser.logins.Sessions() > 0 {
		return ""
	}
	key, err := a.browser.logins.NewLink("the terminal of catflap run")
	if err != nil {
		a.Log.Warn("a link to the console could not be made", "err", err)
		return ""
	}
	return url + "login?key=" + key
}

// closedError is a console that cannot be opened as the configuration stands.
type closedError struct{ why console.Text }

func (e *closedError) Error() string { return e.why.EN }

// consoleChange is what a configuration does to the console.
type consoleChange struct {
	cfg    *config.Config
	opened *web.Server // new; nil if the one that runs stays, or none is wanted
	cert   *web.Certificate
	err    *closedError // nothing can be open
}

// prepareConsole opens what a configuration needs and the running console is not. At the start a console that must not be
// opened stays closed and says so, for the bots' sake; a reload that asks for one is refused.
func (a *Appliance) prepareConsole(next *config.Config) (consoleChange, error) {
	change := consoleChange{cfg: next}
	if next.Console.Listen == config.Off {
		return change, nil
	}
	err := a.mayOpen(next)
	if err == nil {
		change.cert, err = a.certificate(next)
		if err != nil && a.browser.cert != nil && a.browser.server != nil && a.cfg.Console.TLS == next.Console.TLS {
			a.Log.Warn("the console's renewed certificate cannot be used, the old one serves on", "err", err)
			change.cert, err = a.browser.cert, nil
		}
	}
	if err != nil {
		changed := a.cfg != nil && (a.browser.server != nil || a.cfg.Console.Listen != next.Console.Listen || a.cfg.Console.TLS != next.Console.TLS)
		if changed {
			return change, err
		}
		change.err = err
		return change, nil
	}
	if a.browser.server != nil && a.browser.at == next.Console.Listen {
		return change, nil
	}
	server, busy := web.Listen(next.Console.Listen, change.cert, a.browser.site, a.Log)
	if busy != nil && a.browser.server != nil && port(a.browser.at) == port(next.Console.Listen) {
		// From 127.0.0.1:6750 to 0.0.0.0:6750, say: the console is in its own way.
		server, busy = a.moveConsole(next.Console.Listen, change.cert)
	}
	if busy != nil {
		return change, &listenError{"console.listen", busy}
	}
	change.opened = server
	return change, nil
}

// moveConsole closes the running console to open it elsewhere on the same port, and opens it again if that fails.
func (a *Appliance) moveConsole(address string, cert *web.Certificate) (*web.Server, error) {
	a.retireConsole()
	server, err := web.Listen(address, cert, a.browser.site, a.Log)
	if err == nil {
		return server, nil
	}
	old, again := a.certificate(a.cfg)
	if again == nil {
		if back, failed := web.Listen(a.browser.at, old, a.browser.site, a.Log); failed == nil {
			a.browser.server = back
			back.Serve()
		}
	}
	return nil, err
}

// retireConsole stops accepting; the request that asked for it may still be answered.
func (a *Appliance) retireConsole() {
	if a.browser.server == nil {
		return
	}
	a.browser.server.Retire()
	a.browser.retired = append(slices.DeleteFunc(a.browser.retired, (*web.Server).Ended), a.browser.server)
	a.browser.server = nil
}

// discard closes what was opened for a configuration that is not used.
func (c consoleChange) discard() {
	if c.opened != nil {
		c.opened.Close()
	}
}

// showConsole makes a prepared change real. The caller holds the lock.
func (a *Appliance) showConsole(c consoleChange) {
	b := &a.browser
	set := c.cfg.Console
	b.site.Configure(web.Settings{Language: set.Language, Fallback: c.cfg.Language, Hosts: set.Hosts})
	b.closed = nil
	if c.opened != nil || set.Listen == config.Off || c.err != nil {
		a.retireConsole()
	}
	if c.err != nil {
		b.closed = []console.Text{c.err.why}
		a.Log.Warn("the console stays closed", "err", c.err)
		return
	}
	if c.opened != nil {
		b.server, b.at = c.opened, set.Listen
	}
	if b.server != nil {
		b.cert = c.cert
		b.server.Secure(c.cert)
		b.server.Serve()
		if !b.logins.HasPassword() {
			a.Log.Info("the console has no password yet: `catflap console link` lets you in, `catflap console password` sets one")
		}
	}
}

// mayOpen refuses an address that others reach while there is no password. A first password of the configuration is
// taken over here.
func (a *Appliance) mayOpen(next *config.Config) *closedError {
	if err := a.browser.logins.Adopt(next.Console.Password); err != nil {
		return &closedError{console.Text{EN: fmt.Sprintf("console.password: %v; set one with `catflap console password`", err),
			ZH: fmt.Sprintf("console.password 无法使用：至少 %d 个字符；请运行 `catflap console password` 设置", login.MinPassword)}}
	}
	if console.Loopback(next.Console.Listen) || a.browser.logins.HasPassword() {
		return nil
	}
	return &closedError{console.NoPassword(next.Console.Listen)}
}

// certificate reads that of a configuration; nil without TLS. Relative names count from the configuration's folder.
func (a *Appliance) certificate(c *config.Config) (*web.Certificate, *closedError) {
	if c.Console.TLS.Cert == "" {
		return nil, nil
	}
	place := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(filepath.Dir(c.Path), name)
	}
	cert, err := web.LoadCertificate(place(c.Console.TLS.Cert), place(c.Console.TLS.Key), a.Log, a.now)
	if err != nil {
		return nil, &closedError{console.Text{EN: fmt.Sprintf("%v; the console needs a PEM certificate and its key that catflap can read", err),
			ZH: fmt.Sprintf("console.tls 的证书或私钥无法使用（%v）；请提供 catflap 能读取的 PEM 文件", err)}}
	}
	return cert, nil
}

// passwordSet opens a console that was waiting for a password.
func (a *Appliance) passwordSet() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.browser.server != nil || a.cfg.Console.Listen == config.Off {
		return
	}
	change, err := a.prepareConsole(a.cfg)
	if err != nil {
		a.browser.closed = []console.Text{{EN: err.Error(), ZH: err.Error()}}
		a.Log.Warn("the console could not be opened", "err", err)
		return
	}
	a.showConsole(change)
	if a.browser.server != nil {
		a.Log.Info("listening", "name", "console", "address", a.consoleURL())
	}
}

// consoleStatus is where the console is.
func (a *Appliance) consoleStatus() console.ConsoleStatus {
	a.mu.Lock()
	defer a.mu.Unlock()
	return console.ConsoleStatus{Listen: a.cfg.Console.Listen, URL: a.consoleURL(), Closed: a.browser.closed}
}

// consoleURL is how a person reaches the console, "" while it is closed. The caller holds the lock.
func (a *Appliance) consoleURL() string {
	b := &a.browser
	if b.server == nil {
		return ""
	}
	// The port may have been left to the system; the host is told as it was written.
	host, _, err := net.SplitHostPort(b.at)
	if err != nil {
		return ""
	}
	return console.URL(net.JoinHostPort(host, port(b.server.Address())), b.cert != nil, a.cfg.Console.Hosts)
}

// closeConsole ends every request of browsers. The lock must not be held: they may be waiting for it.
func (a *Appliance) closeConsole() {
	a.mu.Lock()
	servers := a.browser.retired
	if a.browser.server != nil {
		servers = append(servers, a.browser.server)
	}
	a.browser.server, a.browser.retired = nil, nil
	a.mu.Unlock()
	for _, s := range servers {
		s.Close()
	}
}

// port is that of host:port.
func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}
