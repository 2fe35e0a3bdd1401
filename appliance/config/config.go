// Package config reads catflap.yaml: one strict file with positions for every complaint, defaults, cross checks, comparison and import.
package config

import "time"

// Config is a whole configuration after defaults, inheritance and all checks. It is read-only once Parse or Load returned it.
type Config struct {
	Path     string    // the file, as it was named to Load or Parse
	Accounts []Account // at least one, sorted by name
	Apps     []App     // in the order of the file, at most MaxApps
	Gateway  Gateway
	Console  Console
	Store    Store
	Media    Media
	Memory   Memory
	Limits   Limits
	Alerts   Alerts
	Log      Log
	DataDir  string  // absolute, or relative to the working directory when the file was named so
	Language string  // zh | en: of texts sent to QQ users
	Warnings []Issue // what is accepted but deserves a look, in the order of the file
}

// String keeps the secrets out of logs and messages: a configuration prints as its file's name.
func (c Config) String() string { return "configuration " + c.Path }

// MaxApps is the number of apps one file may declare: the journal keeps one bit per app.
const MaxApps = 64

// MaxAccounts is the number of accounts one file may declare.
const MaxAccounts = 64

// DefaultAccount is the name of the only account of a file without `accounts`.
const DefaultAccount = "default"

// AccountKey is where a file says a setting of an account, for texts that send somebody there.
func AccountKey(account, key string) string {
	if account == DefaultAccount {
		return key
	}
	return "accounts." + account + "." + key
}

// Account is one QQ account: where its NapCat is, and who may talk to it. Top-level values are already merged in.
type Account struct {
	Name    string // its key in the file, or DefaultAccount
	Title   string // `name`: for people
	Enabled bool

	WSHost       string // where NapCat connects to
	WSPort       uint16 // 0 = any free port, for tests and the demo
	WSPath       string // starts with a slash; {account} is already replaced
	AccessToken  string `json:"-"` // never printed
	AllowNoToken bool
	SelfID       uint64 // 0 = learned from the first connection
	Link         string // reverse | forward | http | sse
	URL          string // forward: ws or wss
	APIURL       string // http, sse: http or https
	HTTPPath     string

	VerifyCertificate bool
	CAFile            string // absolute; "" = the system's authorities

	Reconnect Reconnect
	Heartbeat Heartbeat

	DMPolicy       string   // open | pairing | closed | allowlist
	AllowFrom      []string // "123", "user:123" or "*"
	GroupPolicy    string   // open | allowlist | closed
	GroupAllowFrom []string // "123", "user:1", "group:2" or "*"
	Groups         map[string]Group

	HistoryLimit   int
	TextChunkLimit int // UTF-16 code units
	MediaMaxMB     int // units of 1024*1024 bytes

	Owners, Blocked []uint64
	MentionPatterns []string // RE2; they compile
	BotNames        []string
	TempSessions    bool
	MentionAll      bool
	PokeTriggers    bool

	Pairing      Pairing
	CatchUp      bool
	FileRoots    []string // absolute folders
	Debug        bool
	Pacing       Pacing
	SystemPrompt string // for agents, between the app's and the group's
}

// String keeps the token out of logs and messages: an account prints as its name.
func (a Account) String() string { return "account " + a.Name }

// Group is what the file says about one group, or about all others under the key "*".
type Group struct {
	Enabled        *bool     // nil = not set
	RequireMention *bool     // nil = not set
	AllowFrom      *[]string // nil = absent; empty = nobody
	SystemPrompt   string
	Skills         *[]string // nil = all; empty = none
	Tools          *Tools    // nil = the app's
}

// Tools is a tool policy for agents. Names, `prefix*` or groups of names.
type Tools struct {
	Allow         *[]string // nil = not set; empty = none
	Deny          []string
	ToolsBySender map[string]Tools // key "user:1"; one level only
}

// Reconnect says how a lost link is dialled again, or supervised when the other side dials.
type Reconnect struct {
	Enabled           bool
	MaxRetries        int // 0 = no alert; dialling never ends
	RetryDelay        time.Duration
	BackoffMultiplier float64
	MaxDelay          time.Duration
}

// Heartbeat says how a link to NapCat is probed.
type Heartbeat struct {
	Enabled           bool
	Interval, Timeout time.Duration
}

// Pairing bounds what strangers can cause.
type Pairing struct {
	Expiry         time.Duration
	MaxPending     int
	RepliesPerHour int
}

// Pacing is the send rate of one account. Rates are sends per second.
type Pacing struct {
	Off          bool
	ChatRate     float64
	ChatBurst    int
	AccountRate  float64
	AccountBurst int
}

// Match selects events: AND between its keys, OR within one; an empty key is absent.
type Match struct {
	Chats    []string // "group:1", "user:2"
	Types    []string // "message.group", "notice.*"
	Commands []string // "/weather"
	Matches  string   // RE2; it compiles
}

// App is one program that serves the accounts.
type App struct {
	Name     string
	Enabled  bool
	Protocol string // onebot11 | onebot12 | agent

	Connect, Listen, Post string   // at most one is set; none = the app comes to the gateway (or is an agent)
	Secret                string   `json:"-"` // signs posts; never printed
	AccessToken           string   `json:"-"` // never printed
	Accounts              []string // names of accounts; nil = all
	Transports            []string // ws, http, sse: what the token may use at the gateway
	Reconnect             Reconnect
	MessageFormat         string // array | string
	ReportSelf            bool
	Heartbeat             time.Duration // 0 = none
	RequireMention        *bool         // nil = the group decides
	Ack                   string        // ping | written
	Only, Except          Match
	Actions               Actions
	Targets               string // any | policy
	Chunk                 bool
	RewriteMedia          bool
	Queue                 Queue
	Markdown              string // forward | refuse, agents: plain | forward
	Unsupported           string // refuse | text
	CORS                  []string
	AllowNoToken          bool
	Debug                 bool
	VerifyCertificate     bool
	CAFile                string

	Agent Agent // protocol agent only
}

// String keeps the secrets out of logs and messages: an app prints as its name.
func (a App) String() string { return "app " + a.Name }

// Actions is an app's action firewall.
type Actions struct {
	Allow *[]string // nil = all but the default denials; empty = nothing
	Deny  []string
}

// Queue bounds what is kept for an app that is away.
type Queue struct {
	MaxAge    MaxAge
	MaxEvents int
	MaxMB     int // units of 1024*1024 bytes
}

// MaxAge is how long events are worth delivering, by kind.
type MaxAge struct {
	Message, Notice, Request time.Duration
}

// Agent holds what only apps with `protocol: agent` have.
type Agent struct {
	Backend         string // openai | openclaw
	BaseURL         string
	APIKey          string `json:"-"` // never printed
	Model           string
	FallbackModels  []string
	SystemPrompt    string
	Vision          string // auto | on | off
	MaxTokens       int
	HistoryMessages int
	Timeouts        Timeouts
	Sessions        Sessions
	Budgets         Budgets
	Concurrency     int
	Quote           string // first | all | off
	LongReply       string // chunk | forward
	SkillsDir       string
	Tools           Tools
	MCP             map[string]MCP
}

// Timeouts of one model call.
type Timeouts struct {
	Idle, Total time.Duration
}

// Sessions says who shares a conversation and when it starts afresh.
type Sessions struct {
	PerMember bool
	Idle      time.Duration
}

// Budgets are tokens per day; 0 = no bound.
type Budgets struct {
	UserTokensPerDay, GroupTokensPerDay, TokensPerDay int64
}

// MCP is one tool server. Header values are secrets.
type MCP struct {
	URL     string
	Headers map[string]string `json:"-"`
	Include []string
}

// Gateway is the listener for apps that come to catflap.
type Gateway struct {
	Listen   string // host:port
	Platform string
}

// Off is a console that does not listen.
const Off = "off"

// Console is the listener for people.
type Console struct {
	Listen   string // host:port or Off
	Language string // zh | en | auto
	Hosts    []string
	TLS      TLS
	Password string `json:"-"` // first password; usually set by `catflap console password`; never printed
}

// TLS names a certificate and its key; both or neither.
type TLS struct {
	Cert, Key string
}

// Store is the database's timing and size.
type Store struct {
	Sync, QueueSync time.Duration
	MaxMB           int
}

// Media is the media cache.
type Media struct {
	Dir          string // as written; see Config.MediaDir
	MaxTotalMB   int
	MaxAge       time.Duration
	EagerMB      int
	MaxDailyMB   int
	Rewrite      bool
	PublicURL    string
	NapcatURL    string // "" = PublicURL
	NapcatDir    string
	AllowHosts   []string
	AllowPrivate []string // addresses or prefixes
}

// Memory bounds the process.
type Memory struct {
	Limit int64 // bytes
}

// Limits bounds frames and links.
type Limits struct {
	MaxFrameMB int
	Links      int
}

// Alerts is the road to the owner beside QQ.
type Alerts struct {
	QuietHours string   // "23:00-07:00" or ""
	To         []string `json:"-"` // addresses; they hold secrets and are never printed
	On         []string
}

// Log is the log's level and form.
type Log struct {
	Level  string // debug | info | warn | error
	Format string // text | json
}
