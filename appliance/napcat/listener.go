package napcat

import (
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/gate"
)

// Listener accepts what NapCat brings by itself on one address, for the accounts that share it: reverse WebSockets, and
// posts of its HTTP client. Links that are up belong to their accounts.
type Listener struct {
	*gate.Door
	gulps gulps         // of posts
	body  time.Duration // how long the body of a post may take

	mu       sync.Mutex
	accounts map[string]*Account // by clean path
}

// Listen binds an address. Serving begins with Set: NapCat waits 5 s after a refusal, so nobody is turned away
// before the accounts are known.
func Listen(address string, log *slog.Logger, now func() time.Time) (*Listener, error) {
	l := &Listener{gulps: newGulps(), body: bodyTime}
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
		byPath[path.Clean(Path(a.Config))] = a
	}
	l.mu.Lock()
	l.accounts = byPath
	l.mu.Unlock()
	l.Serve()
}

// Path is where on its listener an account's NapCat comes to.
func Path(c config.Account) string {
	if c.Link == "http" {
		return c.HTTPPath
	}
	return c.WSPath
}

// account finds the account of a request's path, nil for none.
func (l *Listener) account(r *http.Request) *Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accounts[path.Clean(r.URL.Path)]
}

// answer decides about one request. It does nothing slow before an upgrade: NapCat waits 2 s for it.
func (l *Listener) answer(k *gate.Knock) {
	a := l.account(k.Request)
	if a == nil {
		k.Refuse(&gate.Refusal{Status: http.StatusNotFound, Reason: fmt.Sprintf("no account has the path %q", k.URL.Path)})
		return
	}
	k.Who = a.Name()
	if a.Config.Link == "http" {
		l.post(k, a)
		return
	}
	a.upgrade(k)
}

// selfID is what a request says about whose it is, 0 for nothing, or why it is refused.
func (a *Account) selfID(r *http.Request) (uint64, *gate.Refusal) {
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
