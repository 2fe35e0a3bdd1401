package console

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/catflap/catflap/store"
)

// AppRequest is the body of POST apps/pause, apps/resume and apps/replay. Since and Last belong to replay.
type AppRequest struct {
	App     string     `json:"app"`
	Account string     `json:"account,omitempty"` // replay: "" = every account that the app serves
	Since   *time.Time `json:"since,omitempty"`   // messages from then on
	Last    int        `json:"last,omitempty"`    // the newest so many
}

// AppResult answers them. Events counts what a replay put into the app's queue.
type AppResult struct {
	App    string `json:"app"`
	Paused bool   `json:"paused"`
	Events int    `json:"events"`
}

// pauseApp stops or resumes the delivery of events to an app. They wait for it within its bounds.
func (a *API) pauseApp(w http.ResponseWriter, r *http.Request, paused bool) error {
	if a.Pause == nil {
		return notRunning()
	}
	var req AppRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	if err := a.named(req.App); err != nil {
		return err
	}
	if err := a.Pause(req.App, paused); err != nil {
		return err
	}
	action := "app.resume"
	if paused {
		action = "app.pause"
	}
	a.Store.Audit().Add(store.AuditEntry{App: req.App, Action: action, Outcome: "done", By: by(r)})
	return writeJSON(w, AppResult{App: req.App, Paused: paused})
}

// replayApp tells an app again what history keeps.
func (a *API) replayApp(w http.ResponseWriter, r *http.Request) error {
	if a.Replay == nil {
		return notRunning()
	}
	var req AppRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	if err := a.named(req.App); err != nil {
		return err
	}
	if req.Since == nil && req.Last <= 0 {
		return wrongUse("it is not said what to replay", "since a time, or the last so many messages")
	}
	account, err := a.account(req.Account)
	if err != nil {
		return err
	}
	var accounts []string
	for _, s := range a.snapshot().Apps {
		if s.Name == req.App && (account == "" || s.Account == account) {
			accounts = append(accounts, s.Account)
		}
	}
	if len(accounts) == 0 {
		return wrongUse("app "+req.App+" does not serve account "+account, "`catflap app list` shows which it serves")
	}
	var since time.Time
	if req.Since != nil {
		since = *req.Since
	}
	result := AppResult{App: req.App}
	var errs []error
	for _, name := range accounts {
		n, err := a.Replay(req.App, name, since, req.Last)
		result.Events += n
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil && result.Events == 0 {
		return notTold(err)
	}
	a.Store.Audit().Add(store.AuditEntry{App: req.App, Account: account, Action: "app.replay", Outcome: "done",
		Reason: strconv.Itoa(result.Events) + " messages", By: by(r)})
	return writeJSON(w, result)
}

// testApp puts a heartbeat into the app's queue: it is acknowledged like any event.
func (a *API) testApp(w http.ResponseWriter, r *http.Request) error {
	if a.Knock == nil {
		return notRunning()
	}
	var req AppRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	if err := a.named(req.App); err != nil {
		return err
	}
	n, err := a.Knock(req.App)
	if err != nil {
		return notTold(err)
	}
	a.Store.Audit().Add(store.AuditEntry{App: req.App, Action: "app.test", Outcome: "done", By: by(r)})
	return writeJSON(w, AppResult{App: req.App, Events: n})
}

// notTold is why an app was told nothing.
func notTold(err error) error {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{Status: http.StatusConflict, Message: err.Error(), Cause: err, Remedy: "`catflap status` shows what is connected, and how to connect what is not"}
}

// named refuses a request that names no enabled app.
func (a *API) named(app string) error {
	if app == "" {
		return wrongUse("no app is named", "`catflap app list` shows the apps")
	}
	return a.served(app)
}
