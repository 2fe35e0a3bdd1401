package appliance

import (
	"context"
	"errors"
	"math"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/catflap/catflap/appliance/alert"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/store"
)

// How often a new version is asked for, and when at first.
const (
	updateFirst = 10 * time.Minute
	updateEvery = 24 * time.Hour
)

// newAlarm makes what tells the owner by another road. It begins with Run.
func (a *Appliance) newAlarm() {
	box, err := os.Hostname()
	if err != nil {
		box = "catflap"
	}
	a.alarm = alert.New(alert.Options{Facts: a.facts, Told: a.told, Log: a.Log, Now: a.now, Box: box, Zone: time.Local})
	a.api.AlertTest = a.testAlerts
}

// setAlarm gives the alarm its part of a checked configuration.
func (a *Appliance) setAlarm(cfg *config.Config) {
	s := alert.Settings{To: cfg.Alerts.To, Language: cfg.Language}
	for _, event := range cfg.Alerts.On {
		s.On = append(s.On, alert.Event(event))
	}
	quiet, err := alert.ParseHours(cfg.Alerts.QuietHours)
	if err != nil {
		a.Log.Error("alerts come at all hours", "err", err)
	}
	s.Quiet = quiet
	a.alarm.Configure(s)
}

// told keeps a notice in the audit log.
func (a *Appliance) told(n alert.Notice) {
	a.store.Audit().Add(store.AuditEntry{Time: n.At, Action: "alert." + string(n.Event), Target: n.Subject, Outcome: string(n.State), Reason: n.Title.EN, By: "catflap"})
}

// facts are what the alarm judges by.
func (a *Appliance) facts() alert.Facts {
	var f alert.Facts
	st := a.store.Stats()
	f.Failures, f.StoreError = st.CommitErrors, st.LastError
	d := disk(a.dataDir)
	f.DiskFree, f.DiskTotal = d.Free, d.Total
	if v := a.newer.Load(); v != nil {
		f.Update = *v
	}
	for _, e := range a.store.Access().List("") {
		if e.State == store.StatePending {
			f.Pairing = append(f.Pairing, alert.Request{Account: e.Account, User: e.UserID, Code: e.Code})
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, acc := range a.cfg.Accounts {
		if running := a.accounts[acc.Name]; acc.Enabled && running != nil {
			s := running.State()
			f.Accounts = append(f.Accounts, alert.Account{
				Name: acc.Name, Title: acc.Title, Linked: s.Linked, Online: s.Online, HalfDead: s.HalfDead, Limited: a.router.Limited(acc.Name),
				LastError: s.LastError, Settle: settles(acc), Patience: patience(acc.Reconnect),
			})
		}
	}
	for _, app := range a.cfg.Apps {
		if running := a.apps[app.Name]; app.Enabled && running != nil {
			for _, s := range running.Status() {
				f.Apps = append(f.Apps, alert.App{Name: app.Name, Account: s.Account, Connected: s.Connected, Waiting: s.Subscribed, Paused: s.Paused, Backlog: s.Cursor.Backlog})
			}
		}
	}
	for _, address := range sortedNames(a.listeners) {
		l := a.listeners[address]
		f.Doors = append(f.Doors, door("NapCat "+address, l.Wrong(), l.Refused()))
	}
	for _, address := range sortedNames(a.gateways) {
		g := a.gateways[address]
		f.Doors = append(f.Doors, door("gateway "+address, g.Wrong(), g.Refused()))
	}
	guesses, last := a.browser.site.Guesses()
	f.Doors = append(f.Doors, alert.Door{Name: "console", Wrong: guesses, Last: last, Logins: true})
	return f
}

func door(name string, wrong uint64, refused []gate.Refused) alert.Door {
	d := alert.Door{Name: name, Wrong: wrong}
	for _, r := range slices.Backward(refused) {
		if r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden {
			d.Last = r.Address + ": " + r.Reason
			break
		}
	}
	return d
}

// settles is how long a link must stay well until it is taken for well: the first probe of a half-dead one takes its time.
func settles(acc config.Account) time.Duration {
	if !acc.Heartbeat.Enabled {
		return 0
	}
	return 2 * acc.Heartbeat.Timeout
}

// patience is how long the tries of reconnect.maxRetries take at most. The same numbers drive the supervision of links that
// NapCat makes.
func patience(r config.Reconnect) time.Duration {
	if r.MaxRetries == 0 {
		return 0
	}
	if !r.Enabled {
		return time.Second // one dial, then an alert
	}
	const most = 24 * time.Hour
	var sum time.Duration
	for n := 0; n < r.MaxRetries && sum < most; n++ {
		delay := float64(r.RetryDelay) * math.Pow(r.BackoffMultiplier, float64(n))
		sum += time.Duration(min(delay, float64(r.MaxDelay)))
	}
	return min(sum, most)
}

// testAlerts sends a message to each address.
func (a *Appliance) testAlerts(ctx context.Context) ([]console.AlertOutcome, error) {
	list, err := a.alarm.Test(ctx)
	if errors.Is(err, alert.ErrTesting) {
		return nil, &console.Problem{Status: http.StatusConflict, Message: err.Error(), Remedy: "wait for it to end", Cause: err}
	}
	out := make([]console.AlertOutcome, 0, len(list))
	for _, o := range list {
		r := console.AlertOutcome{Target: o.Target, Sent: o.Err == nil, Ms: o.Took.Milliseconds()}
		if o.Err != nil {
			r.Error = o.Err.Error()
		}
		out = append(out, r)
	}
	return out, err
}

// alertStatus is the alarm as the console shows it.
func (a *Appliance) alertStatus() console.AlertsStatus {
	st := a.alarm.Status()
	out := console.AlertsStatus{Active: shownNotices(st.Active), Last: shownNotices(st.Last), Held: st.Held, Quiet: st.Quiet, Targets: []console.AlertTarget{}}
	for _, t := range st.Targets {
		out.Targets = append(out.Targets, console.AlertTarget{Target: t.Target, Sent: t.Sent, Failed: t.Failed, Dropped: t.Dropped, Waiting: t.Waiting, LastError: t.LastError})
	}
	return out
}

func shownNotices(list []alert.Notice) []console.AlertNotice {
	out := make([]console.AlertNotice, 0, len(list))
	for _, n := range list {
		out = append(out, console.AlertNotice{Time: n.At, Event: string(n.Event), Subject: n.Subject, State: string(n.State), Urgent: n.Urgent,
			Text: console.Text{EN: n.Title.EN, ZH: n.Title.ZH}})
	}
	return out
}

// watchUpdates asks for a new version once a day, if the owner has said where. It ends with ctx.
func (a *Appliance) watchUpdates(ctx context.Context) {
	if a.NewerVersion == nil {
		return
	}
	t := time.NewTimer(updateFirst)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		version, err := a.NewerVersion(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			a.Log.Warn("asking for a new version failed", "err", err)
		case err == nil:
			a.newer.Store(&version)
		}
		t.Reset(updateEvery)
	}
}
