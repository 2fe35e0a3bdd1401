package console

import "time"

// Status is the state of a running instance, as `catflap status --json` prints it.
type Status struct {
	Version  string            `json:"version"`
	UptimeS  int64             `json:"uptime_s"`
	Config   string            `json:"config,omitempty"` // path of the configuration in use
	Listen   map[string]string `json:"listen,omitempty"` // what listens where, by name
	Accounts []AccountStatus   `json:"accounts"`
	Apps     []AppStatus       `json:"apps"`
	Links    LinksStatus       `json:"links"`
	Memory   MemoryStatus      `json:"memory"`
	Store    StoreStatus       `json:"store"`
	Media    MediaStatus       `json:"media"`
	Messages []uint32          `json:"messages"` // that came in each of the last 60 minutes, the oldest first
	Disk     DiskStatus        `json:"disk"`     // where the data folder is
	Alerts   AlertsStatus      `json:"alerts"`
	Hint     []Text            `json:"hint,omitempty"` // what is wrong with the whole, and what to set
}

// Text is something said to people, in both languages.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// AccountStatus is one bot account.
type AccountStatus struct {
	Name         string `json:"name"`
	Title        string `json:"title,omitempty"`
	SelfID       uint64 `json:"self_id"` // 0 = not known yet
	Link         string `json:"link"`    // reverse, forward, http or sse
	Connected    bool   `json:"connected"`
	Online       bool   `json:"online"` // NapCat says that QQ itself is logged in
	PendingCalls int    `json:"pending_calls"`
	TooLarge     uint64 `json:"too_large"`  // frames above limits.maxFrameMb that were dropped
	BadFrames    uint64 `json:"bad_frames"` // frames that are not OneBot
	Late         uint64 `json:"late"`       // answers that nobody waited for any more
	CutShort     int64  `json:"cut_short"`  // chats that miss something for good: more was missed than is fetched
	Duplicates   int64  `json:"duplicates"` // events that NapCat had reported before; they were dropped
	Unreadable   int64  `json:"unreadable"` // events that no application could have read; they were dropped
	LastError    string `json:"last_error,omitempty"`
	Hint         []Text `json:"hint,omitempty"`
}

// AppStatus is one app on one account.
type AppStatus struct {
	Name       string `json:"name"`
	Account    string `json:"account"`
	Protocol   string `json:"protocol,omitempty"`
	Connected  bool   `json:"connected"`
	Subscribed bool   `json:"subscribed"` // has a cursor: events are kept for it
	Paused     bool   `json:"paused"`     // by `catflap app pause`
	Backlog    int    `json:"backlog"`    // events it has not acknowledged
	SetAside   int    `json:"set_aside"`  // of these, those that a posting app answers with errors, let pass by newer ones
	Missed     uint64 `json:"missed"`     // came while nothing was kept for it, since it had not connected for events
	Dropped    uint64 `json:"dropped"`    // since the start of catflap, as all that follow: fell out at a bound
	Skipped    uint64 `json:"skipped"`    // sum of the next three
	TooOld     uint64 `json:"too_old"`    // when their turn came
	Poisoned   uint64 `json:"poisoned"`   // given up, since the app disconnects at them
	Refused    uint64 `json:"refused"`    // by a posting app, for good
	Repeated   uint64 `json:"repeated"`   // were sent again after a reconnect
	TooLarge   uint64 `json:"too_large"`  // actions above limits.maxFrameMb that were refused
	Ack        string `json:"ack"`        // how what it has got is known: ping, written, post or sse; "" for agents
	Way        string `json:"way"`        // connect, listen, post, gateway or agent
	Rights     Rights `json:"rights"`
	// Agent is there for apps with protocol: agent.
	Agent     *AgentStatus `json:"agent,omitempty"`
	LastError string       `json:"last_error"`
	Hint      []Text       `json:"hint,omitempty"`
}

// AgentStatus is the use of an agent, by all accounts together.
type AgentStatus struct {
	Model         string            `json:"model"`
	Busy          int               `json:"busy"`          // answers being made
	Conversations int               `json:"conversations"` // that are known
	AnswersToday  int64             `json:"answers_today"` // by the local calendar
	TokensToday   int64             `json:"tokens_today"`
	Turns         map[string]uint64 `json:"turns"`  // by how they ended, since catflap was started or the app changed
	Tokens        int64             `json:"tokens"` // likewise
}

// Rights are what an app may do, as configured.
type Rights struct {
	Allow   *[]string `json:"allow,omitempty"` // absent: all but @credential; empty: nothing
	Deny    []string  `json:"deny,omitempty"`
	Targets string    `json:"targets"` // any, or policy: only chats that the policy admits
}

// LinksStatus counts the links that apps have opened, against limits.links.
type LinksStatus struct {
	Used  int `json:"used"`
	Limit int `json:"limit"`
}

// MemoryStatus is in bytes: RSS as the kernel counts it, Go as the runtime does.
type MemoryStatus struct {
	RSS int64 `json:"rss"`
	Go  int64 `json:"go"`
}

// StoreStatus is in bytes, with counters since start.
type StoreStatus struct {
	StateBytes       int64  `json:"state_bytes"`
	JournalBytes     int64  `json:"journal_bytes"`
	UnflushedBytes   int64  `json:"unflushed_bytes"`
	Commits          uint64 `json:"commits"`
	CommitErrors     uint64 `json:"commit_errors"`
	DroppedUnflushed uint64 `json:"dropped_unflushed"`
	WrittenBytes     uint64 `json:"written_bytes"`
}

// DiskStatus is in bytes; zero = not known.
type DiskStatus struct {
	Free  int64 `json:"free"`
	Total int64 `json:"total"`
}

// MediaStatus is what the media cache holds.
type MediaStatus struct {
	Bytes int64 `json:"bytes"`
	Items int64 `json:"items"`
}

// AccountInfo is one configured account, as `catflap account list --json` prints it.
type AccountInfo struct {
	Name      string `json:"name"`
	Title     string `json:"title,omitempty"`
	Enabled   bool   `json:"enabled"`
	Link      string `json:"link"`
	SelfID    uint64 `json:"self_id"`   // of the link or the configuration; 0 = unknown
	Pinned    uint64 `json:"pinned"`    // remembered in the store; 0 = none
	Connected bool   `json:"connected"` // false when nothing is running

	Blocked []uint64 `json:"-"` // by the configuration
}

// Outcome is what became of an event for one app.
type Outcome struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Away    bool   `json:"away,omitempty"` // the app was not there, and nothing was kept for it
}

// Decision is one entry of `catflap explain --json`.
type Decision struct {
	Time    time.Time          `json:"time"`
	Account string             `json:"account"`
	Chat    string             `json:"chat"` // group:1 or user:2
	User    uint64             `json:"user"`
	Kind    string             `json:"kind"`
	Outcome string             `json:"outcome"`
	Reason  string             `json:"reason"`
	Apps    map[string]Outcome `json:"apps"`
}

// TailEvent is one line of `catflap tail --json`. Text is filled for admitted messages only.
type TailEvent struct {
	Time    time.Time          `json:"time"`
	Seq     uint64             `json:"seq,omitempty"`
	Account string             `json:"account"`
	Chat    string             `json:"chat,omitempty"`
	User    uint64             `json:"user,omitempty"`
	Sender  string             `json:"sender,omitempty"`
	Kind    string             `json:"kind"` // message.group.normal, notice.notify.poke, ...
	Text    string             `json:"text,omitempty"`
	Outcome string             `json:"outcome"`
	Reason  string             `json:"reason"`
	Apps    map[string]Outcome `json:"apps,omitempty"`
}

// ReloadResult says what a reload changed.
type ReloadResult struct {
	Changed  []Change `json:"changed"`
	Warnings []string `json:"warnings,omitempty"`
}

// Change is one changed part of the configuration: Path like "apps.koishi", Kind added, removed or changed.
type Change struct {
	Path string `json:"path"`
	Kind string `json:"kind"`
}

// PairingEntry is one entry of `catflap pairing list --json`. Code and Expires belong to pending ones.
type PairingEntry struct {
	Account string     `json:"account"`
	UserID  uint64     `json:"user_id"`
	Code    string     `json:"code"`
	State   string     `json:"state"` // pending, approved or blocked
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires"`

	Configured bool `json:"configured,omitempty"` // blocked by the configuration file
}

// PairingRequest is the body of the POST pairing routes. Who is a code or a QQ number.
type PairingRequest struct {
	Account string `json:"account,omitempty"`
	Who     string `json:"who"`
	Force   bool   `json:"force,omitempty"` // approve a number that has no request
	Quiet   bool   `json:"quiet,omitempty"` // do not tell the user
}

// PairingResult answers the POST pairing routes.
type PairingResult struct {
	Account  string `json:"account"`
	UserID   uint64 `json:"user_id"`
	State    string `json:"state"`
	Changed  bool   `json:"changed"`  // false when it was so already
	Notified bool   `json:"notified"` // a message to the user was handed over for sending
}

// HistoryChat is one entry of `catflap history list --json`.
type HistoryChat struct {
	Account  string    `json:"account"`
	Chat     string    `json:"chat"`
	Messages int       `json:"messages"`
	Last     time.Time `json:"last"`
}

// HistoryMessage is one entry of `catflap history show --json`; the export adds account and chat.
type HistoryMessage struct {
	Account   string    `json:"account,omitempty"`
	Chat      string    `json:"chat,omitempty"`
	Time      time.Time `json:"time"`
	MessageID int64     `json:"message_id"`
	UserID    uint64    `json:"user_id"`
	Sender    string    `json:"sender"`
	Direction string    `json:"direction"`         // in or out
	Text      string    `json:"text"`              // its text segments
	Summary   string    `json:"summary,omitempty"` // the whole message as one line: "[image] hello @123"
	Media     []Medium  `json:"media"`
	ReplyTo   int64     `json:"reply_to,omitempty"` // the message_id that it quotes
	Recalled  bool      `json:"recalled"`
	Context   bool      `json:"context,omitempty"` // recorded, but it did not trigger the bot
}

// Medium is one picture, record, video or file of a message, as the segment names it.
type Medium struct {
	Type string `json:"type"`
	File string `json:"file,omitempty"`
	URL  string `json:"url,omitempty"`
	Key  string `json:"key,omitempty"` // of the media cache; "" for a medium that was never given to it
}

// ClearRequest is the body of POST history/clear. Empty means all: of every account, of every chat.
type ClearRequest struct {
	Account string `json:"account,omitempty"`
	Chat    string `json:"chat,omitempty"`
}

// ClearResult says how much was removed.
type ClearResult struct {
	Chats    int `json:"chats"`
	Messages int `json:"messages"`
}

// UnpinRequest is the body of POST accounts/unpin.
type UnpinRequest struct {
	Account string `json:"account"`
}

// AuditEntry is one entry of `catflap audit --json`.
type AuditEntry struct {
	Time    time.Time `json:"time"`
	Account string    `json:"account"`
	App     string    `json:"app"`
	Action  string    `json:"action"`
	Target  string    `json:"target"`
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
}

// ConsoleStatus is where the web console listens and who may use it. URL is empty while it is closed.
type ConsoleStatus struct {
	Listen   string `json:"listen"`           // of the configuration; "off" when there is none
	URL      string `json:"url"`              // with a slash at the end, as a person may type it
	Closed   []Text `json:"closed,omitempty"` // why it is closed, and what to do
	Password bool   `json:"password"`         // one is set
	Sessions int    `json:"sessions"`         // how many people are logged in
}

// PasswordRequest is the body of POST console/password. Browsers have to know the current one.
type PasswordRequest struct {
	Password string `json:"password"`
	Current  string `json:"current,omitempty"`
}

// LinkRequest is the body of POST console/link; it may be empty.
type LinkRequest struct {
	First bool `json:"first,omitempty"` // works for a day, if there is no password yet; not for browsers
}

// LinkResult is a link that lets somebody into the console once.
type LinkResult struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// TokenResult is the token with which /metrics may be read from elsewhere.
type TokenResult struct {
	Token string `json:"token"`
}
