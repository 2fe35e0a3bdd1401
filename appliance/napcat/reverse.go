package napcat

import (
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/link"
)

// Listener accepts NapCat's reverse WebSockets on one address for the accounts that share it. Links that are up belong
// to their accounts.
type Listener struct {
	*gate.Door

	mu       sync.Mutex
	accounts map[string]*Account // by clean path
}

// Listen binds an address. Serving begins with Set: NapCat waits 5 s after a refusal, so nobody is turned away
// before the accounts are known.
func Listen(address string, log *slog.Logger, now func() time.Time) (*Listener, error) {
	l := &Listener{}
	door, err := gate.Open(address, log, now, l.answer)
	if err != nil {
		return nil, err
	}
	l.Door = door
	return l, nil
}

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
	l.Serve()
}

// account finds the account of a request's path, nil for none.
func (l *Listener) account(r *http.Request) *Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accounts[path.Clean(r.URL.Path)]
}

// answer decides about one handshake. It does nothing slow before the upgrade: NapCat waits 2 s for it.
func (l *Listener) answer(k *gate.Knock) {
	a := l.account(k.Request)
	if a != nil {
		k.Who = a.Name()
	}
	self, refusal := check(a, k.Request)
	if refusal != nil {
		k.Refuse(refusal)
		return
	}
	k.Trust()
	conn := k.Accept(a.linkOptions())
	if conn == nil {
		return
	}
	if self != 0 {
		if err := a.adopt(self); err != nil { // another connection was quicker
			k.Note(&gate.Refusal{Status: http.StatusForbidden, Reason: err.Error()})
			conn.Close(1008, "wrong self id")
			return
		}
	}
	remote := k.RemoteAddr
	if !a.spawn(func() { _ = a.serve(conn, remote) }) {
		conn.Close(1001, "catflap is going away")
	}
}

// check returns the self id that the handshake brings (0 for none) or why it is refused.
func check(a *Account, r *http.Request) (uint64, *gate.Refusal) {
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
