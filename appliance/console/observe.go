package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

const (
	maxDecisions = 500
	maxAudit     = 10_000
)

func (a *API) status(w http.ResponseWriter, _ *http.Request) error {
	if a.Status == nil {
		return notRunning()
	}
	return writeJSON(w, a.snapshot())
}

func (a *API) apps(w http.ResponseWriter, _ *http.Request) error {
	if a.Status == nil {
		return notRunning()
	}
	return writeJSON(w, a.snapshot().Apps)
}

// snapshot never has null where the contract promises a list.
func (a *API) snapshot() Status {
	s := a.Status()
	if s.Accounts == nil {
		s.Accounts = []AccountStatus{}
	}
	if s.Apps == nil {
		s.Apps = []AppStatus{}
	}
	for i := range s.Apps {
		if allow := s.Apps[i].Rights.Allow; allow != nil && *allow == nil { // null would be read as: all
			s.Apps = slices.Clone(s.Apps)
			s.Apps[i].Rights.Allow = &[]string{}
		}
	}
	if s.Messages == nil {
		s.Messages = []uint32{}
	}
	if s.Alerts.Targets == nil {
		s.Alerts = AlertsStatus{Active: []AlertNotice{}, Last: []AlertNotice{}, Targets: []AlertTarget{}}
	}
	return s
}

// explain gives the last decisions, oldest first, so that the newest stands at the bottom of a terminal.
func (a *API) explain(w http.ResponseWriter, r *http.Request) error {
	last, err := number(r, "last", 20, maxDecisions)
	if err != nil {
		return err
	}
	account, err := a.account(r.URL.Query().Get("account"))
	if err != nil {
		return err
	}
	chat, err := chatName(r.URL.Query().Get("chat"))
	if err != nil {
		return err
	}
	all := a.Store.Decisions().Last(maxDecisions)
	slices.SortStableFunc(all, func(x, y store.Decision) int { return x.Time.Compare(y.Time) })
	all = slices.DeleteFunc(all, func(d store.Decision) bool {
		return account != "" && d.Account != account || chat != "" && d.Chat != chat
	})
	if len(all) > last {
		all = all[len(all)-last:]
	}
	out := make([]Decision, len(all))
	for i, d := range all {
		apps := make(map[string]Outcome, len(d.Apps))
		for _, app := range d.Apps {
			apps[app.App] = Outcome{Outcome: app.Outcome, Reason: app.Reason, Away: app.Away}
		}
		out[i] = Decision{Time: d.Time, Account: d.Account, Chat: d.Chat, User: d.User, Kind: d.Kind,
			Outcome: d.Outcome, Reason: d.Reason, Apps: apps}
	}
	return writeJSON(w, out)
}

func (a *API) audit(w http.ResponseWriter, r *http.Request) error {
	last, err := number(r, "last", 50, maxAudit)
	if err != nil {
		return err
	}
	entries, err := a.Store.Audit().Last(last)
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, func(x, y store.AuditEntry) int { return x.Time.Compare(y.Time) })
	out := make([]AuditEntry, len(entries))
	for i, e := range entries {
		out[i] = AuditEntry{Time: e.Time, Account: e.Account, App: e.App, Action: e.Action, Target: e.Target,
			Outcome: e.Outcome, Reason: e.Reason, By: e.By}
	}
	return writeJSON(w, out)
}

// tail streams one JSON object a line until the caller leaves or the instance stops.
func (a *API) tail(w http.ResponseWriter, r *http.Request) error {
	if a.Tail == nil {
		return notRunning()
	}
	app := r.URL.Query().Get("app")
	if err := a.served(app); err != nil {
		return err
	}
	rc := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	_ = rc.Flush()
	// The status is out; what ends the stream from here on ends the body.
	_ = a.Tail(r.Context(), app, func(e TailEvent) error {
		line, err := encode(e)
		if err != nil {
			return err
		}
		_ = rc.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a reader that stalls must not hold the tail open
		if _, err := w.Write(line); err != nil {
			return err
		}
		return rc.Flush()
	})
	return nil
}

// served refuses the name of an app that does not run: who watches it would wait for ever. Empty is no name.
func (a *API) served(app string) error {
	if app == "" || a.Status == nil {
		return nil
	}
	var names []string
	for _, s := range a.Status().Apps {
		if s.Name == app {
			return nil
		}
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return wrongUse("there is no app "+quote(app), "no app is enabled: see apps in the configuration")
	}
	return wrongUse("there is no app "+quote(app), "the enabled apps are "+strings.Join(names, ", "))
}

// chatName checks group:1 or user:2; empty means every chat.
func chatName(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	c, err := policy.ParseChat(text)
	if err != nil {
		return "", wrongUse("chat "+quote(text)+" is not a chat", "write group:NUMBER or user:NUMBER, as `catflap history list` shows them")
	}
	return c.String(), nil
}
