package console

import (
	"net/http"
	"time"

	"github.com/catflap/catflap/store"
)

// AlertsStatus is what the owner was told by another road than QQ, and how that road does.
type AlertsStatus struct {
	Active  []AlertNotice `json:"active"` // wrong now, the oldest first
	Last    []AlertNotice `json:"last"`   // the newest first
	Held    int           `json:"held"`   // that wait for the end of the quiet hours, or for the next hour
	Quiet   bool          `json:"quiet"`  // it is within alerts.quietHours
	Targets []AlertTarget `json:"targets"`
}

// AlertNotice is one thing that was told.
type AlertNotice struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"`   // as alerts.on names it
	Subject string    `json:"subject"` // such as account:default, app:koishi@default, disk
	State   string    `json:"state"`   // raised, recovered or once
	Urgent  bool      `json:"urgent"`
	Text    Text      `json:"text"`
}

// AlertTarget is one address of alerts.to, with what became of the messages for it since the start.
type AlertTarget struct {
	Target    string `json:"target"` // service and host, never a secret
	Sent      uint64 `json:"sent"`
	Failed    uint64 `json:"failed"`  // attempts
	Dropped   uint64 `json:"dropped"` // refused for good, too old, or above the bound
	Waiting   int    `json:"waiting"`
	LastError string `json:"last_error,omitempty"`
}

// AlertOutcome is what became of the test message at one address.
type AlertOutcome struct {
	Target string `json:"target"`
	Sent   bool   `json:"sent"`
	Ms     int64  `json:"ms"` // how long it took
	Error  string `json:"error,omitempty"`
}

// testAlerts sends a message to each address. It ends when the caller goes away, or catflap.
func (a *API) testAlerts(w http.ResponseWriter, r *http.Request) error {
	if a.AlertTest == nil {
		return notRunning()
	}
	list, err := a.AlertTest(r.Context())
	if err != nil {
		return err
	}
	for _, o := range list {
		outcome := "sent"
		if !o.Sent {
			outcome = "failed"
		}
		a.Store.Audit().Add(store.AuditEntry{Action: "alert.test", Target: o.Target, Outcome: outcome, Reason: o.Error, By: by(r)})
	}
	return writeJSON(w, list)
}
