package napcat

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/link"
)

// Listener accepts NapCat's reverse WebSockets on one address for the accounts that share it.
type Listener struct {
	server   *http.Server
	listener net.Listener
	ledger   gate.Ledger
	start    sync.Once
	done     chan struct{}
	requests sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	accounts map[string]*Account // by clean path
}

// Listen binds an address. Serving begins with Set: NapCat waits 5 s after a refusal, so nobody is turned away
// before the accounts are known.
func Listen(address string, log *slog.Logger, now func() time.Time) (*Listener, error) {
	nl, err := gate.Listen(address)
	if err != nil {
		return nil, err
	}
	l := &Listener{listener: nl, done: make(chan struct{}), ledger: gate.Ledger{Log: log, Now: now}}
	l.server = gate.NewServer(l)
	return l, nil
}

// Address is where the listener really listens.
func (l *Listener) Address() string { return l.listener.Addr().String() }

// Set replaces the accounts that the listener serves, and begins to serve when it is called first. Links that
// are up are not touched.
func (l *Listener) Set(accounts []*Account) {
	byPath := make(map[string]*Account, len(accounts))
	for _, a := range accounts {
		byPath[path.Clean(a.Config.WSPath)] = a
	}
	l.mu.Lock()
	l.accounts = byPath
	l.mu.Unlock()
	l.start.Do(func() {
		go func() {
			defer close(l.done)
			_ = l.server.Serve(l.listener)
		}()
	})
}

// Refused returns the handshakes that were refused lately, newest last.
func (l *Listener) Refused() []gate.Refused { return l.ledger.Last() }

// Close stops accepting and waits for handshakes that are being decided. Links belong to their accounts and are
// closed there.
func (l *Listener) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	_ = l.server.Close()
	_ = l.listener.Close()
	l.start.Do(func() { close(l.done) })
	<-l.done
	l.requests.Wait()
}

// enter finds the account of a path, nil for none, and counts the request until l.requests.Done. It is false once
// the listener is closed.
func (l *Listener) enter(r *http.Request) (a *Account, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, false
	}
	l.requests.Add(1)
	return l.accounts[path.Clean(r.URL.Path)], true
}

// ServeHTTP decides about one handshake. It does nothing slow before the upgrade: NapCat waits 2 s for it.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, open := l.enter(r)
	if !open {
		http.Error(w, "catflap is going away", http.StatusServiceUnavailable)
		return
	}
	defer l.requests.Done()
	self, refusal := l.check(a, r)
	if refusal != nil {
		l.ledger.Answer(w, r, nameOf(a), refusal)
		return
	}
	l.ledger.Delays.Succeeded(r.RemoteAddr)
	conn, err := link.Accept(w, r, a.linkOptions())
	switch {
	case errors.Is(err, link.ErrVersion):
		w.Header().Set("Sec-WebSocket-Version", "13")
		l.ledger.Answer(w, r, a.Name(), &gate.Refusal{Status: http.StatusUpgradeRequired, Reason: err.Error()})
		return
	case errors.Is(err, link.ErrNotUpgrade):
		l.ledger.Answer(w, r, a.Name(), &gate.Refusal{Status: http.StatusBadRequest, Reason: err.Error()})
		return
	case err != nil: // the connection is closed already
		l.ledger.Note(r.RemoteAddr, a.Name(), &gate.Refusal{Status: http.StatusBadRequest, Reason: fmt.Sprintf("upgrade failed: %v", err)})
		return
	}
	if self != 0 {
		if err := a.adopt(self); err != nil { // another connection was quicker
			l.ledger.Note(r.RemoteAddr, a.Name(), &gate.Refusal{Status: http.StatusForbidden, Reason: err.Error()})
			conn.Close(1008, "wrong self id")
			return
		}
	}
	remote := r.RemoteAddr
	if !a.spawn(func() { _ = a.serve(conn, remote) }) {
		conn.Close(1001, "catflap is going away")
	}
}

// check returns the self id that the handshake brings (0 for none) or why it is refused.
func (l *Listener) check(a *Account, r *http.Request) (uint64, *gate.Refusal) {
	if a == nil {
		return 0, &gate.Refusal{Status: http.StatusNotFound, Reason: fmt.Sprintf("no account has the path %q", r.URL.Path)}
	}
	if refusal := gate.CheckOrigin(r, nil); refusal != nil {
		return 0, refusal
	}
	if refusal := gate.CheckToken(r, a.Config.AccessToken); refusal != nil {
		return 0, refusal
	}
	if !link.IsUpgrade(r) {
		return 0, &gate.Refusal{Status: http.StatusUpgradeRequired, Reason: "not a WebSocket upgrade; NapCat needs a WebSocket client here"}
	}
	text := r.Header.Get("X-Self-ID")
	if text == "" {
		return 0, nil
	}
	self, err := strconv.ParseUint(text, 10, 64)
	if err != nil || self == 0 {
		return 0, &gate.Refusal{Status: http.StatusBadRequest, Reason: "header X-Self-ID is not a QQ number"}
	}
	if known := a.Self(); known != 0 && known != self {
		return 0, &gate.Refusal{Status: http.StatusForbidden, Reason: fmt.Sprintf("X-Self-ID %d is not this account's %d (`catflap account unpin %s` forgets it)", self, known, a.Name())}
	}
	return self, nil
}

func nameOf(a *Account) string {
	if a == nil {
		return ""
	}
	return a.Name()
}
