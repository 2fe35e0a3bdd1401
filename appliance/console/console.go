// Package console serves the JSON API through which catflap is looked at and steered: on the admin socket for the
// command line, and under /api/v1/ of the console for browsers.
package console

import (
	"context"
	"net/http"
	"time"

	"github.com/catflap/catflap/appliance/backup"
	"github.com/catflap/catflap/appliance/console/login"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// API is what the handlers need of the instance. The appliance fills the fields before Handler is called and does not
// change them afterwards. A nil function means that nothing is running (the command line opened the store by itself):
// the routes that need it answer 503 and say how to start an instance.
type API struct {
	Version string
	// Store holds pairings, history, decisions and the audit log. It is needed by most routes.
	Store *store.Store
	// Accounts lists the configured accounts; it is asked on every request, so a reload shows at once.
	Accounts func() []AccountInfo
	// Limits returns an account's bounds of the pairing book.
	Limits func(account string) policy.PairingLimits
	// HistoryLimit returns how many messages of each chat an account keeps now; negative for an account that is not
	// configured any more. Nil means that all that is stored shows.
	HistoryLimit func(account string) int
	// Language is that of the texts sent to QQ users: "zh" or "en". Nil means zh.
	Language func() string

	// Logins is who may use the console.
	Logins *login.Keeper
	// Console says where the console listens, or why it does not.
	Console func() ConsoleStatus

	// Status is a snapshot of the running instance.
	Status func() Status
	// Call performs an action for the owner and returns the response envelope as NapCat gave it.
	Call func(ctx context.Context, account, action string, params []byte) ([]byte, error)
	// Reload loads the configuration again; on an error the old one serves on.
	Reload func(ctx context.Context) (ReloadResult, error)
	// Tail emits what passes until ctx ends or emit fails; app "" means every app.
	Tail func(ctx context.Context, app string, emit func(TailEvent) error) error
	// Pause stops (or resumes) the delivery of events to an app; it is remembered over restarts.
	Pause func(app string, paused bool) error
	// Replay tells an app again what history keeps of an account and returns how many messages that are.
	Replay func(app, account string, since time.Time, last int) (int, error)
	// Unpin forgets an account's pinned QQ number, in the store and in the link. Nil means the store alone.
	Unpin func(account string) error
	// Backup makes backups of the store and the configuration.
	Backup *backup.Source
	// Notify sends a text to an approved user by QQ. It must not block for long; errors are its own business.
	Notify func(account string, user uint64, text string)
	// PasswordSet is told that the console's password has changed. Nil means that nobody wants to know.
	PasswordSet func()
	// Groups lists the groups of an account: those that it is in, as NapCat said a moment ago, and those of the configuration.
	Groups func(ctx context.Context, account string) []GroupStatus
	// GroupNames are the names of an account's groups as far as they are known; it asks nobody.
	GroupNames func(account string) map[uint64]string
	// SetGroup writes a group's switches into the configuration file and loads it.
	SetGroup func(ctx context.Context, req GroupRequest) (ReloadResult, error)
	// Configuration is the configuration file.
	Configuration *Configuration
	// Logs gives the newest records of the log at a level (info, warn, error; "" = info) or above, oldest first.
	Logs func(level string) []LogRecord
	// Rehearse says what would become of a message.
	Rehearse func(RehearseRequest) (Decision, error)
	// Simulated reports whether the NapCat of an account is catflap's own simulator.
	Simulated func(ctx context.Context, account string) bool
	// Simulate lets somebody say something there.
	Simulate func(ctx context.Context, req SimulateRequest) error
	// Knock puts a heartbeat into an app's queue, on each of its accounts, and returns how many there are.
	Knock func(app string) (int, error)
	// Media is what the media cache holds and did. Nil means that nothing is running, and the store knows what it holds.
	Media func() MediaStats
	// MediaGC makes room in the media cache; all removes everything.
	MediaGC func(ctx context.Context, all bool) (MediaGCResult, error)
	// MediaUpload takes a medium from the owner, as POST /media of the gateway does from apps.
	MediaUpload http.HandlerFunc
	// AlertTest sends a message to each address of alerts.to and says what became of it.
	AlertTest func(ctx context.Context) ([]AlertOutcome, error)
	// Metrics is a page of counters for Prometheus.
	Metrics func() []byte

	long turns // of those who read much of the history
}

// route is one way into the API: a method and a path, and what answers.
type route struct {
	pattern string
	answer  func(http.ResponseWriter, *http.Request) error
}

func (a *API) routes() []route {
	list := []route{
		{"GET /api/v1/status", a.status},
		{"GET /api/v1/apps", a.apps},
		{"GET /api/v1/explain", a.explain},
		{"GET /api/v1/audit", a.audit},
		{"GET /api/v1/tail", a.tail},
		{"POST /api/v1/reload", a.reload},
		{"POST /api/v1/apps/pause", func(w http.ResponseWriter, r *http.Request) error { return a.pauseApp(w, r, true) }},
		{"POST /api/v1/apps/resume", func(w http.ResponseWriter, r *http.Request) error { return a.pauseApp(w, r, false) }},
		{"POST /api/v1/apps/replay", a.replayApp},
		{"POST /api/v1/call", a.call},
		{"GET /api/v1/accounts", a.accounts},
		{"GET /api/v1/backup", a.backup},
		{"POST /api/v1/check", a.checkStore},
		{"GET /api/v1/facts", a.facts},
		{"POST /api/v1/accounts/unpin", a.unpin},
		{"POST /api/v1/apps/test", a.testApp},
		{"GET /api/v1/groups", a.groups},
		{"POST /api/v1/groups/set", a.setGroup},
		{"GET /api/v1/config", a.config},
		{"POST /api/v1/config", a.writeConfig},
		{"POST /api/v1/config/check", a.checkConfig},
		{"GET /api/v1/config/versions", a.configVersions},
		{"GET /api/v1/config/version", a.configVersion},
		{"GET /api/v1/logs", a.logs},
		{"POST /api/v1/rehearse", a.rehearse},
		{"POST /api/v1/simulate", a.simulate},
		{"GET /api/v1/simulated", a.simulatedAccounts},
		{"GET /api/v1/pairing", a.pairing},
		{"GET /api/v1/history", a.historyList},
		{"GET /api/v1/history/show", a.historyShow},
		{"GET /api/v1/history/export", a.historyExport},
		{"POST /api/v1/history/clear", a.historyClear},
		{"GET /api/v1/media", a.mediaStats},
		{"POST /api/v1/media", a.mediaUpload},
		{"POST /api/v1/media/gc", a.mediaGC},
		{"POST /api/v1/alerts/test", a.testAlerts},
		{"GET /api/v1/console", a.consoleStatus},
		{"POST /api/v1/console/password", a.consolePassword},
		{"POST /api/v1/console/link", a.consoleLink},
		{"POST /api/v1/console/token", a.consoleToken},
		{"POST /api/v1/console/logout", a.consoleLogout},
		{"GET /healthz", a.healthz},
		{"GET /readyz", a.readyz},
		{"GET /metrics", a.metrics},
	}
	for _, verb := range []string{"approve", "deny", "revoke", "block", "unblock"} {
		list = append(list, route{"POST /api/v1/pairing/" + verb, func(w http.ResponseWriter, r *http.Request) error {
			return a.decidePairing(w, r, verb)
		}})
	}
	return list
}

// Routes lists what Handler answers, as "GET /api/v1/status", for the documentation's test.
func Routes() []string {
	var out []string
	for _, r := range new(API).routes() {
		out = append(out, r.pattern)
	}
	return out
}

// Handler returns the routes below /api/v1/, and /healthz, /readyz and /metrics. Who may call is decided before it: by
// the permissions of the socket, or by the console's login.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(r route) {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) {
			if err := r.answer(w, req); err != nil {
				writeProblem(w, err)
			}
		})
	}
	for _, r := range a.routes() {
		handle(r)
	}
	handle(route{"/", func(_ http.ResponseWriter, r *http.Request) error {
		return &Problem{Status: http.StatusNotFound, Message: "there is no " + r.Method + " " + r.URL.Path,
			Remedy: "the command line and the instance may be of different versions: compare `catflap version` with `catflap status`"}
	}})
	return mux
}
