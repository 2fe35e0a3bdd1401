package appliance

import (
	"runtime"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/metrics"
)

// measure is what /metrics shows. Names and labels are a promise (docs/metrics.md); names of people and chats are none.
func (a *Appliance) measure() []byte {
	st := a.Status()
	var p metrics.Page
	p.Gauge("catflap_build_info", "Always 1; the labels say which program this is.").Set(1, "version", a.Version, "go", runtime.Version(), "arch", runtime.GOARCH)
	p.Gauge("catflap_uptime_seconds", "Seconds since the start.").Set(float64(st.UptimeS))
	measureAccounts(&p, st.Accounts)
	measureApps(&p, st.Apps)
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
	each(p.Counter("catflap_app_dropped_total", "Events that fell out of the app's queue at a bound."),
		func(s console.AppStatus) float64 { return float64(s.Dropped) })
	each(p.Counter("catflap_app_skipped_total", "Events that were too old when their turn came, that the app refused for good, or at which it disconnects."),
		func(s console.AppStatus) float64 { return float64(s.Skipped) })
	each(p.Counter("catflap_app_repeated_total", "Events that were sent again after a reconnect."),
		func(s console.AppStatus) float64 { return float64(s.Repeated) })
	each(p.Counter("catflap_app_actions_too_large_total", "Actions above limits.maxFrameMb that were refused."),
		func(s console.AppStatus) float64 { return float64(s.TooLarge) })
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
