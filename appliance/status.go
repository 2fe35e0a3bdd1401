package appliance

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/backup"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/router"
	"github.com/catflap/catflap/policy"
)

// newAPI gives the console what it shows and steers.
func (a *Appliance) newAPI() *console.API {
	return &console.API{
		Version:      a.Version,
		Store:        a.store,
		Accounts:     a.accountInfo,
		Limits:       a.limits,
		HistoryLimit: a.historyLimit,
		Language:     func() string { return a.config().Language },
		Status:       a.Status,
		Call:         a.router.Call,
		Reload:       a.Reload,
		Tail:         a.tail,
		Notify:       a.router.Tell,
		Unpin:        a.unpin,
		Pause:        a.pause,
		Replay:       a.router.Replay,
		Media:        a.mediaStats,
		MediaGC:      a.mediaGC,
		MediaUpload:  func(w http.ResponseWriter, r *http.Request) { a.media.cache.Upload(w, r) },
		Knock:        a.router.Knock,
		Groups:       a.groups,
		GroupNames:   a.groupNames,
		SetGroup:     a.setGroup,
		Logs:         a.logs,
		Rehearse:     a.rehearse,
		Simulated:    a.simulated,
		Simulate:     a.simulate,

		Configuration: a.configuration(),
		Backup: &backup.Source{Store: a.store, Version: a.Version, Now: a.now, Where: func() (string, string, string) {
			cfg := a.config()
			return cfg.Path, cfg.DataDir, cfg.MediaDir()
		}},
	}
}

func (a *Appliance) config() *config.Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg
}

func (a *Appliance) limits(account string) policy.PairingLimits {
	for _, acc := range a.config().Accounts {
		if acc.Name == account {
			return router.PairingLimits(acc)
		}
	}
	return policy.PairingLimits{}
}

func (a *Appliance) historyLimit(account string) int { return a.config().HistoryLimit(account) }

func (a *Appliance) accountInfo() []console.AccountInfo {
	var out []console.AccountInfo
	for _, acc := range a.config().Accounts {
		info := console.AccountInfo{
			Name: acc.Name, Title: acc.Title, Enabled: acc.Enabled, Link: acc.Link,
			SelfID: acc.SelfID, Pinned: a.store.Accounts().Pinned(acc.Name), Blocked: acc.Blocked,
		}
		if running := a.account(acc.Name); running != nil {
			st := running.State()
			info.SelfID, info.Connected = st.Self, st.Linked
		}
		out = append(out, info)
	}
	return out
}

// pausedKey is where the store remembers that an app is paused.
const pausedKey = "paused."

// pause stops or resumes an app's events, also after the next start.
func (a *Appliance) pause(name string, paused bool) error {
	value := ""
	if paused {
		value = "yes"
	}
	if err := a.store.Settings().Set(pausedKey+name, value); err != nil {
		return fmt.Errorf("remembering that app %s is paused: %w", name, err)
	}
	a.mu.Lock()
	app := a.apps[name]
	a.mu.Unlock()
	if app != nil {
		app.Pause(paused)
	}
	return nil
}

// unpin forgets the QQ number of an account, here and in the store.
func (a *Appliance) unpin(name string) error {
	if err := a.store.Accounts().Unpin(name); err != nil {
		return err
	}
	if running := a.account(name); running != nil {
		running.Forget()
	}
	return nil
}

func (a *Appliance) tail(ctx context.Context, app string, emit func(console.TailEvent) error) error {
	return a.router.Tail(ctx, func(p router.Passed) error {
		e := console.TailEvent{
			Time: p.Time, Account: p.Account, Chat: p.Chat, User: p.User, Sender: p.Sender, Kind: p.Kind, Text: p.Text,
			Outcome: p.Outcome, Reason: p.Reason, Apps: make(map[string]console.Outcome, len(p.Apps)),
		}
		wanted := app == ""
		for _, d := range p.Apps {
			e.Apps[d.App] = console.Outcome{Outcome: d.Outcome, Reason: d.Reason, Away: d.Away}
			wanted = wanted || d.App == app && d.Outcome == policy.Deliver.String()
		}
		if !wanted {
			return nil
		}
		return emit(e)
	})
}

// Status is a snapshot of everything.
func (a *Appliance) Status() console.Status {
	cfg := a.config()
	st := console.Status{
		Version: a.Version, UptimeS: int64(a.now().Sub(a.began).Seconds()), Config: cfg.Path, Listen: a.Addresses(),
		Accounts: []console.AccountStatus{}, Apps: []console.AppStatus{}, Memory: memory(),
		Links:    console.LinksStatus{Used: a.seats.Used(), Limit: a.seats.Limit()},
		Messages: a.router.Messages(), Disk: disk(a.dataDir), Alerts: a.alertStatus(),
	}
	counts := a.router.Counts()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, acc := range cfg.Accounts {
		if acc.Enabled {
			st.Accounts = append(st.Accounts, a.accountStatus(acc))
		}
	}
	for _, app := range cfg.Apps {
		if app.Enabled {
			st.Apps = append(st.Apps, a.appStatus(app, counts, st.Listen)...)
		}
	}
	s := a.store.Stats()
	st.Store = console.StoreStatus{
		StateBytes: s.StateBytes, JournalBytes: s.JournalBytes, UnflushedBytes: s.UnflushedBytes,
		Commits: s.Commits, CommitErrors: s.CommitErrors, DroppedUnflushed: s.DroppedUnflushed, WrittenBytes: s.WrittenBytes,
	}
	if totals := a.store.Media().Totals(); totals.Blobs > 0 {
		st.Media = console.MediaStatus{Bytes: totals.Bytes, Items: totals.Blobs}
	}
	st.Hint = append(st.Hint, a.browser.closed...)
	if st.Links.Used >= st.Links.Limit {
		st.Hint = append(st.Hint, console.Text{
			EN: fmt.Sprintf("%d of %d links of apps are open: the next app is refused; raise limits.links", st.Links.Used, st.Links.Limit),
			ZH: fmt.Sprintf("应用连接已用 %d 个，上限 %d 个，新的连接会被拒绝；请调大 limits.links", st.Links.Used, st.Links.Limit),
		})
	}
	for _, g := range a.gateways {
		if refused := lately(g.Refused(), ""); refused != nil {
			when := refused.Time.Format("15:04:05")
			st.Hint = append(st.Hint, console.Text{
				EN: fmt.Sprintf("the gateway refused %s at %s: %s; the app's token must be the accessToken of its entry under apps", refused.Address, when, refused.Reason),
				ZH: fmt.Sprintf("网关在 %s 拒绝了 %s：%s；应用的令牌必须与配置中 apps 下该应用的 accessToken 一致", when, refused.Address, refused.Reason),
			})
		}
	}
	return st
}

// accountStatus is one account, with what keeps NapCat away. The caller holds the lock.
func (a *Appliance) accountStatus(acc config.Account) console.AccountStatus {
	out := console.AccountStatus{Name: acc.Name, Title: acc.Title, SelfID: acc.SelfID, Link: acc.Link, CutShort: a.router.CutShort(acc.Name)}
	out.Duplicates, out.Unreadable = a.router.Unheard(acc.Name)
	running := a.accounts[acc.Name]
	if running == nil {
		return out // it is being restarted
	}
	st := running.State()
	out.SelfID, out.Connected, out.Online = st.Self, st.Linked, st.Linked && st.Online && !st.HalfDead
	out.PendingCalls, out.LastError = running.Pending(), st.LastError
	out.TooLarge, out.BadFrames, out.Late = st.TooLarge, st.BadFrames, st.Late
	switch {
	case st.HalfDead:
		out.LastError = "NapCat is connected but does not answer get_status"
		out.Hint = texts(st.Hints)
	case st.Linked && !st.Online:
		out.LastError = "QQ is offline"
		out.Hint = []console.Text{{EN: "log the account in again in NapCat", ZH: "请在 NapCat 中重新登录该账号"}}
	case !st.Linked && acc.Link == "reverse":
		out.Hint = a.reverseHints(acc)
	case !st.Linked:
		out.Hint = texts(st.Hints)
	}
	if acc.Link == "http" {
		out.Hint = append(out.Hint, a.postHints(acc, st)...)
	}
	out.Hint = append(out.Hint, contestHint(st.Contested)...)
	out.Hint = append(out.Hint, lossHints(st)...)
	out.Hint = append(out.Hint, cutHint(out.CutShort)...)
	return out
}

// contestHint says that one account has several clients; nil while it has one.
func contestHint(contested bool) []console.Text {
	if !contested {
		return nil
	}
	return []console.Text{{
		EN: "several NapCat clients dial for this account and take the link over from each other: leave one of them enabled (`catflap doctor --napcat DIR` names them)",
		ZH: "有多个 NapCat 客户端为该账号连接，互相顶替：只保留启用一个（`catflap doctor --napcat DIR` 会列出它们）",
	}}
}

// cutHint says how many chats miss something for good; nil for none.
func cutHint(n int64) []console.Text {
	if n == 0 {
		return nil
	}
	return []console.Text{{
		EN: fmt.Sprintf("%d chats missed more while NapCat was away than is fetched afterwards: their history has a gap, and apps have not got what was in it", n),
		ZH: fmt.Sprintf("NapCat 断开期间，有 %d 个聊天错过的消息超出补取上限：其历史有缺口，缺口中的消息没有送达应用", n),
	}}
}

// lossHints say what of NapCat's has not come through since the start.
func lossHints(st napcat.State) []console.Text {
	var out []console.Text
	add := func(n uint64, en, zh string) {
		if n > 0 {
			out = append(out, console.Text{EN: fmt.Sprintf(en, n), ZH: fmt.Sprintf(zh, n)})
		}
	}
	add(st.TooLarge, "%d frames of NapCat were larger than limits.maxFrameMb and were dropped; raise limits.maxFrameMb if it goes on",
		"NapCat 有 %d 个数据帧超过 limits.maxFrameMb，已被丢弃；如持续出现请调大 limits.maxFrameMb")
	add(st.BadFrames, "%d frames of NapCat were not OneBot and were dropped; what connects here must be NapCat's OneBot 11",
		"NapCat 有 %d 个数据帧不是 OneBot，已被丢弃；连接到此处的必须是 NapCat 的 OneBot 11")
	add(st.Late, "%d answers of NapCat came after their call had ended; NapCat or this machine may be overloaded",
		"NapCat 有 %d 个应答在调用结束之后才到；NapCat 或本机可能过载")
	return out
}

// refusedHint says how many actions of an app were too large; nil for none.
func refusedHint(n uint64) []console.Text {
	if n == 0 {
		return nil
	}
	return []console.Text{{
		EN: fmt.Sprintf("%d actions were larger than limits.maxFrameMb and were refused: send files by http URL or upload_file_stream, or raise limits.maxFrameMb", n),
		ZH: fmt.Sprintf("有 %d 个动作超过 limits.maxFrameMb，已被拒绝：请用 http 链接或 upload_file_stream 发送文件，或调大 limits.maxFrameMb", n),
	}}
}

// reverseHints says why NapCat may not have come.
func (a *Appliance) reverseHints(acc config.Account) []console.Text {
	l := a.listeners[napcatAddress(acc)]
	if l == nil {
		return nil
	}
	if refused := lately(l.Refused(), acc.Name); refused != nil {
		return []console.Text{refusedText(refused)}
	}
	url := napcatURL(acc, l)
	return []console.Text{{
		EN: fmt.Sprintf("NapCat has not connected to %s; `catflap napcat config` prints the WebSocket client entry for it (in a container 127.0.0.1 is the container itself)", url),
		ZH: fmt.Sprintf("NapCat 尚未连接到 %s；运行 `catflap napcat config` 可得到所需的 WebSocket 客户端配置（容器内的 127.0.0.1 是容器自身）", url),
	}}
}

// refusedText says whom the listener has turned away.
func refusedText(refused *gate.Refused) console.Text {
	when := refused.Time.Format("15:04:05")
	return console.Text{
		EN: fmt.Sprintf("refused a connection from %s at %s: %s; `catflap napcat config` prints the entry that NapCat needs", refused.Address, when, refused.Reason),
		ZH: fmt.Sprintf("%s 拒绝了来自 %s 的连接：%s；运行 `catflap napcat config` 可得到 NapCat 所需的配置", when, refused.Address, refused.Reason),
	}
}

// postHints says why NapCat's posts may not come although its HTTP server answers: silence alone is no sign.
func (a *Appliance) postHints(acc config.Account, st napcat.State) []console.Text {
	l := a.listeners[napcatAddress(acc)]
	if l == nil {
		return nil
	}
	if refused := lately(l.Refused(), acc.Name); refused != nil && refused.Time.After(st.Heard) {
		return []console.Text{refusedText(refused)}
	}
	if !st.Heard.IsZero() {
		return nil
	}
	url := napcatURL(acc, l)
	return []console.Text{{
		EN: fmt.Sprintf("NapCat has not posted an event to %s yet; `catflap napcat config` prints the HTTP client entry for it (in a container 127.0.0.1 is the container itself)", url),
		ZH: fmt.Sprintf("NapCat 尚未向 %s 上报事件；运行 `catflap napcat config` 可得到所需的 HTTP 客户端配置（容器内的 127.0.0.1 是容器自身）", url),
	}}
}

// texts are an account's hints as the console shows them.
func texts(hints []napcat.Hint) []console.Text {
	var out []console.Text
	for _, h := range hints {
		out = append(out, console.Text{EN: h.EN, ZH: h.ZH})
	}
	return out
}

// lately returns the newest refusal that concerns an account or app, or a path that belongs to nobody.
func lately(all []gate.Refused, who string) *gate.Refused {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Who == who || all[i].Who == "" {
			return &all[i]
		}
	}
	return nil
}

// appStatus is one app on each of its accounts. The caller holds the lock.
func (a *Appliance) appStatus(app config.App, counts []router.Count, listen map[string]string) []console.AppStatus {
	running := a.apps[app.Name]
	if running == nil {
		return nil
	}
	var out []console.AppStatus
	for _, s := range running.Status() {
		st := console.AppStatus{
			Name: app.Name, Account: s.Account, Protocol: app.Protocol, Connected: s.Connected, Subscribed: s.Subscribed, Paused: s.Paused,
			Backlog: s.Cursor.Backlog, Dropped: s.Cursor.Dropped, Skipped: s.Cursor.Skipped + s.Cursor.Poisoned, Repeated: s.Cursor.Repeated,
			SetAside: s.Late, TooOld: s.Cursor.Skipped - s.Refused, Poisoned: s.Cursor.Poisoned, Refused: s.Refused, Ack: s.Ack,
			LastError: s.LastError, TooLarge: s.TooLarge, Way: way(app),
			Rights: console.Rights{Allow: app.Actions.Allow, Deny: app.Actions.Deny, Targets: app.Targets},
		}
		st.Agent = a.agentStatus(app.Name)
		for _, h := range s.Hints {
			st.Hint = append(st.Hint, console.Text{EN: h.EN, ZH: h.ZH})
		}
		passed := countOf(counts, s.Account, app.Name)
		st.Missed = uint64(passed.Missed)
		st.Hint = append(st.Hint, refusedHint(s.TooLarge)...)
		if !st.Connected && !st.Subscribed && !calls(passed) {
			st.Hint = append(st.Hint, absentHint(app, listen, st.Missed))
		}
		out = append(out, st)
	}
	return out
}

// countOf is what has passed an account for an app.
func countOf(counts []router.Count, account, app string) router.AppCount {
	for _, c := range counts {
		for _, one := range c.Apps {
			if c.Account == account && one.App == app {
				return one
			}
		}
	}
	return router.AppCount{}
}

// calls reports whether an app makes calls: one that only calls need not connect for events.
func calls(c router.AppCount) bool {
	for _, n := range c.Calls {
		if n > 0 {
			return true
		}
	}
	return false
}

// absentHint says how an app that nothing is kept for comes to its events.
func absentHint(app config.App, listen map[string]string, missed uint64) console.Text {
	address := listen["gateway"]
	if own := listen["app."+app.Name]; own != "" {
		address = own
	}
	en := fmt.Sprintf("%s has not connected for events, and nothing is kept for it until it does: let it connect to %s/ with the accessToken of apps.%s (in a container 127.0.0.1 is the container itself)", app.Name, address, app.Name)
	zh := fmt.Sprintf("%s 尚未连接接收事件，连接之前不会为它保留事件：请让它用 apps.%s 的 accessToken 连接 %s/（容器内的 127.0.0.1 是容器自身）", app.Name, app.Name, address)
	if missed > 0 {
		en += fmt.Sprintf("; it has missed %d events", missed)
		zh += fmt.Sprintf("；已错过 %d 个事件", missed)
	}
	return console.Text{EN: en, ZH: zh}
}

// way is how an app and catflap meet.
func way(app config.App) string {
	switch {
	case app.Protocol == "agent":
		return "agent"
	case app.Connect != "":
		return "connect"
	case app.Post != "":
		return "post"
	case app.Listen != "":
		return "listen"
	}
	return "gateway"
}

// logs are the newest records of the log, oldest first.
func (a *Appliance) logs(level string) []console.LogRecord {
	least := map[string]slog.Level{"warn": slog.LevelWarn, "error": slog.LevelError}[level]
	var out []console.LogRecord
	for _, r := range slices.Backward(a.book.Last(least)) {
		out = append(out, console.LogRecord{Time: r.Time, Level: r.Level.String(), Message: r.Message, Details: r.Details})
	}
	return out
}

// memory reads what the kernel and the runtime say.
func memory() console.MemoryStatus {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	m := console.MemoryStatus{Go: int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())}
	data, err := os.ReadFile("/proc/self/statm")
	if f := strings.Fields(string(data)); err == nil && len(f) > 1 {
		if pages, err := strconv.ParseInt(f[1], 10, 64); err == nil {
			m.RSS = pages * int64(os.Getpagesize())
		}
	}
	return m
}
