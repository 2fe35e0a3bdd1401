package gate

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// Bounds of what a Ledger keeps and says.
const (
	maxRefused = 20
	logEvery   = 5 * time.Second
)

// Refused is one request that was refused, for status and doctor.
type Refused struct {
	Time    time.Time
	Address string // host:port of the peer
	Who     string // the account or app that the request was for; "" if none is known
	Status  int
	Reason  string
}

// Ledger answers refused requests and remembers the last of them. It logs at most one line each few seconds: a
// stranger must not be able to fill the log.
type Ledger struct {
	Log    *slog.Logger
	Now    func() time.Time
	Delays Delays

	wrong atomic.Uint64 // requests with a wrong token or none

	mu     sync.Mutex
	last   []Refused
	logged time.Time
	unsaid int // refusals since the last line
}

// Answer refuses a request: it is noted, a guessing address waits, and the reason goes into the response.
func (l *Ledger) Answer(w http.ResponseWriter, r *http.Request, who string, refusal *Refusal) {
	l.Note(r.RemoteAddr, who, refusal)
	if refusal.Status == http.StatusUnauthorized || refusal.Status == http.StatusForbidden {
		link.Wait(r.Context(), l.Delays.Failed(r.RemoteAddr))
	}
	if refusal.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	http.Error(w, refusal.Reason, refusal.Status)
}

// Note remembers a refusal and logs it.
func (l *Ledger) Note(remote, who string, refusal *Refusal) {
	if refusal.Status == http.StatusUnauthorized || refusal.Status == http.StatusForbidden {
		l.wrong.Add(1)
	}
	entry := Refused{Time: l.Now(), Address: remote, Who: who, Status: refusal.Status, Reason: refusal.Reason}
	l.mu.Lock()
	if len(l.last) == maxRefused {
		l.last = append(l.last[:0], l.last[1:]...)
	}
	l.last = append(l.last, entry)
	quiet := entry.Time.Sub(l.logged) < logEvery
	unsaid := l.unsaid
	if quiet {
		l.unsaid++
	} else {
		l.logged, l.unsaid = entry.Time, 0
	}
	l.mu.Unlock()
	if !quiet {
		l.Log.LogAttrs(context.Background(), slog.LevelWarn, "refused a connection", slog.String("remote", remote), slog.String("for", who),
			slog.Int("status", entry.Status), slog.String("reason", entry.Reason), slog.Int("others", unsaid))
	}
}

// Last returns the refusals that are remembered, newest last.
func (l *Ledger) Last() []Refused {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Refused(nil), l.last...)
}
