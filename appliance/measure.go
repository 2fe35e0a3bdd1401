package appliance

import (
	"runtime"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/alert"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/metrics"
	"github.com/catflap/catflap/appliance/router"
)

// measure is what /metrics shows. Names and labels are a promise (docs/metrics.md); names of people and chats are none.
func (a *Appliance) measure() []byte {
	st := a.Status()
	var p metrics.Page
	p.Gauge("catflap_build_info", "Always 1; the labels say which program this is.").Set(1, "version", a.Version, "go", runtime.Version(), "arch", runtime.GOARCH)
	p.Gauge("catflap_uptime_seconds", "Seconds since the start.").Set(float64(st.UptimeS))
	measureAccounts(&p, st.Accounts)
	measureApps(&p, st.Apps)
	measureAgents(&p, st.Apps)
	measureTraffic(&p, a.router.Counts())
	measureAlerts(&p, a.alarm.Status())
	p.Gauge("catflap_links_used", "Links that apps have opened.").Set(float64(st.Links.Used))
	p.Gauge("catflap_links_limit", "limits.links of the configuration.").Set(float64(st.Links.Limit))
	measureStore(&p, st.Store)
	measureMedia(&p, a.mediaStats())
	p.Gauge("catflap_console_sessions", "People who are logged in to the console.").Set(float64(a.browser.logins.Sessions()))
	p.Gauge("catflap_memory_rss_bytes", "Resident memory, as the kernel counts it.").Set(float64(st.Memory.RSS))
	p.Gauge("catflap_memory_go_bytes", "Memory that the Go runtime holds.").Set(float64(st.Memory.Go))
	p.Gauge("catflap_goroutines", "Goroutines.").Set(float64(runtime.NumGoroutine()))
	return p.Bytes()
}

func measureAccounts(p *metrics.Page, list []console.AccountStatus) {
	each := func(f metrics.Family, value func(console.AccountStatus) float64) {
		for _, account := range list {
			f.Set(value(account), "account", account.Name)
		}
	}
	linked := p.Gauge("catflap_account_linked", "1 while NapCat is connected.")
	for _, account := range list {
		linked.Flag(account.Connected, "account", account.Name)
	}
	online := p.Gauge("catflap_account_online", "1 while NapCat is connected, answers, and says that QQ is logged in.")
	for _, account := range list {
		online.Flag(account.Online, "account", account.Name)
	}
	each(p.Gauge("catflap_account_pending_calls", "Actions that NapCat has not answered yet."),
		func(s console.AccountStatus) float64 { return float64(s.PendingCalls) })
	each(p.Counter("catflap_account_frames_too_large_total", "Frames of NapCat above limits.maxFrameMb that were dropped."),
		func(s console.AccountStatus) float64 { return float64(s.TooLarge) })
	each(p.Counter("catflap_account_bad_frames_total", "Frames of NapCat that were not OneBot."),
		func(s console.AccountStatus) float64 { return float64(s.BadFrames) })
	each(p.Counter("catflap_account_late_answers_total", "Answers of NapCat that nobody waited for any more."),
		func(s console.AccountStatus) float64 { return float64(s.Late) })
	each(p.Counter("catflap_account_catchup_cut_total", "Chats that miss something for good: more was missed while NapCat was away than is fetched."),
		func(s console.AccountStatus) float64 { return float64(s.CutShort) })
	each(p.Counter("catflap_account_duplicates_total", "Events that NapCat had reported before; they were dropped."),
		func(s console.AccountStatus) float64 { return float64(s.Duplicates) })
	each(p.Counter("catflap_account_unreadable_events_total", "Events of NapCat that no application could have read; they were dropped."),
		func(s console.AccountStatus) float64 { return float64(s.Unreadable) })
}

func measureApps(p *metrics.Page, list []console.AppStatus) {
	each := func(f metrics.Family, value func(console.AppStatus) float64) {
		for _, app := range list {
			f.Set(value(app), "app", app.Name, "account", app.Account)
		}
	}
	connected := p.Gauge("catflap_app_connected", "1 while the app is connected.")
	for _, app := range list {
		connected.Flag(app.Connected, "app", app.Name, "account", app.Account)
	}
	paused := p.Gauge("catflap_app_paused", "1 while events are held back by `catflap app pause`.")
	for _, app := range list {
		paused.Flag(app.Paused, "app", app.Name, "account", app.Account)
	}
	each(p.Gauge("catflap_app_backlog_events", "Events that the app has not acknowledged."),
		func(s console.AppStatus) float64 { return float64(s.Backlog) })
	each(p.Counter("catflap_app_missed_total", "Events that came while nothing was kept for the app, since it had not connected for events."),
		func(s console.AppStatus) float64 { return float64(s.Missed) })
	each(p.Counter("catflap_app_dropped_total", "Events that fell out of the app's queue at a bound."),
		func(s console.AppStatus) float64 { return float64(s.Dropped) })
	each(p.Counter("catflap_app_skipped_total", "Events that were too old when their turn came, that the app refused for good, or at which it disconnects."),
		func(s console.AppStatus) float64 { return float64(s.Skipped) })
	each(p.Counter("catflap_app_repeated_total", "Events that were sent again after a reconnect."),
		func(s console.AppStatus) float64 { return float64(s.Repeated) })
	each(p.Counter("catflap_app_actions_too_large_total", "Actions above limits.maxFrameMb that were refused."),
		func(s console.AppStatus) float64 { return float64(s.TooLarge) })
}

// measureAgents has a line per agent, which serves its accounts together.
func measureAgents(p *metrics.Page, list []console.AppStatus) {
	agents := make(map[string]*console.AgentStatus)
	for _, app := range list {
		if app.Agent != nil {
			agents[app.Name] = app.Agent
		}
	}
	turns := p.Counter("catflap_agent_turns_total", "Turns of the agent, by how they ended.")
	for _, name := range sortedNames(agents) {
		for _, outcome := range sortedNames(agents[name].Turns) {
			turns.Set(float64(agents[name].Turns[outcome]), "app", name, "outcome", outcome)
		}
	}
	tokens := p.Counter("catflap_agent_tokens_total", "Tokens that the agent's model has used.")
	for _, name := range sortedNames(agents) {
		tokens.Set(float64(agents[name].Tokens), "app", name)
	}
}

func measureStore(p *metrics.Page, s console.StoreStatus) {
	p.Gauge("catflap_store_state_bytes", "Size of state.db.").Set(float64(s.StateBytes))
	p.Gauge("catflap_store_journal_bytes", "Size of journal.db.").Set(float64(s.JournalBytes))
	p.Gauge("catflap_store_unflushed_bytes", "History and audit that are in memory only.").Set(float64(s.UnflushedBytes))
	p.Counter("catflap_store_commits_total", "Successful commits.").Set(float64(s.Commits))
	p.Counter("catflap_store_commit_errors_total", "Failed commits.").Set(float64(s.CommitErrors))
	p.Counter("catflap_store_written_bytes_total", "Bytes of pages handed to the disk.").Set(float64(s.WrittenBytes))
	p.Counter("catflap_store_dropped_total", "Records that could not be written in time.").Set(float64(s.DroppedUnflushed))
}

// measureTraffic is what passes between NapCat and the apps.
func measureTraffic(p *metrics.Page, list []router.Count) {
	events := p.Counter("catflap_events_total", "Events of NapCat, by what became of them.")
	for _, c := range list {
		for _, outcome := range sortedNames(c.Events) {
			events.Set(float64(c.Events[outcome]), "account", c.Account, "outcome", outcome)
		}
	}
	queued := p.Counter("catflap_app_events_total", "Events that were put into the app's queue.")
	for _, c := range list {
		for _, app := range c.Apps {
			queued.Set(float64(app.Events), "app", app.App, "account", c.Account)
		}
	}
	calls := p.Counter("catflap_app_actions_total", "Actions of the app, by how they ended.")
	for _, c := range list {
		for _, app := range c.Apps {
			for _, end := range sortedNames(app.Calls) {
				calls.Set(float64(app.Calls[end]), "app", app.App, "account", c.Account, "outcome", end)
			}
		}
	}
}

// measureAlerts is what the owner is told. A target is its place in alerts.to and its service.
func measureAlerts(p *metrics.Page, st alert.Status) {
	raised := p.Counter("catflap_alerts_total", "Alerts by event.")
	for _, event := range sortedNames(st.Raised) {
		raised.Set(float64(st.Raised[event]), "event", string(event))
	}
	p.Gauge("catflap_alerts_active", "Alerts that are not over.").Set(float64(len(st.Active)))
	p.Gauge("catflap_alerts_held", "Alerts that wait for the end of the quiet hours or of the hour.").Set(float64(st.Held))
	each := func(f metrics.Family, value func(alert.CourierStats) uint64) {
		for i, t := range st.Targets {
			service, _, _ := strings.Cut(t.Target, " ")
			f.Set(float64(value(t)), "target", strconv.Itoa(i+1), "service", service)
		}
	}
	each(p.Counter("catflap_alert_sent_total", "Messages that an address of alerts.to took."), func(s alert.CourierStats) uint64 { return s.Sent })
	each(p.Counter("catflap_alert_failures_total", "Attempts that failed."), func(s alert.CourierStats) uint64 { return s.Failed })
	each(p.Counter("catflap_alert_dropped_total", "Messages that were given up."), func(s alert.CourierStats) uint64 { return s.Dropped })
}
