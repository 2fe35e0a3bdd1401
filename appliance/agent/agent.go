// Package agent is an app without a socket: it answers messages by itself, through a chat-completions endpoint.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/agent/endpoint"
	"github.com/catflap/catflap/appliance/agent/mcp"
	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/store"
)

// Options are what an agent needs from the rest of the appliance.
type Options struct {
	Name   string
	Config *config.Config // at first; see Update
	Slot   uint8
	Act    func(apps.Action) // the one place through which apps act
	// History is what the model is told of a chat.
	History *store.History
	// Read gives the bytes of a medium that a message names; more than max is an error.
	Read func(ctx context.Context, m Medium, max int64) ([]byte, error)
	// SelfName is what is known of the account's own name, "" if nothing.
	SelfName func(account string) string
	// Linked reports whether NapCat is there to send something.
	Linked func(account string) bool
	// Own reports whether an address is of a medium that catflap keeps, and gives it in the form that actions take.
	Own func(address string) (file string, ok bool)
	// Kept is what Keep was given last: the use of the day.
	Kept   string
	Keep   func(string) error
	Log    *slog.Logger
	Now    func() time.Time
	Random func() uint64 // must not be guessable
}

// Medium is a picture or file of a message, as its segment names it.
type Medium struct {
	Account   string
	MessageID int64
	Group     bool
	Type      string
	File      string
	FileID    string
	URL       string
	Size      int64 // bytes; 0 = not known
}

// Bounds of what is held in memory.
const (
	maxTalks   = 500 // conversations that are known; the one that is silent for longest is forgotten first
	maxWaiting = 8   // messages that are collected while an answer is being made
)

// Agent answers for one entry of `apps` with protocol: agent.
type Agent struct {
	Options
	live     atomic.Pointer[config.Config]
	endpoint atomic.Pointer[endpoint.Client] // nil while the configuration has no usable one
	servers  atomic.Pointer[mcp.Servers]     // nil without any
	usage    *usage

	ctx   context.Context
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu       sync.Mutex
	busy     int           // answers being made
	free     chan struct{} // closed and replaced when one ends
	talks    map[talkKey]*talk
	confirms []confirmation
	asides   []int64 // newest messages that were no part of a conversation: commands, and the agent's own words
	trouble  error   // why the last answer failed, nil after one that did not
	since    time.Time
	turns    map[Outcome]uint64
	tokens   int64
	before   map[string]bool // what was answered before the last start, by answerKey
	born     time.Time
}

// New makes an agent. It does nothing before its first event.
func New(o Options) *Agent {
	a := &Agent{Options: o, usage: newUsage(o.Kept, o.Now, o.Keep), free: make(chan struct{}), talks: make(map[talkKey]*talk), turns: make(map[Outcome]uint64)}
	a.born, a.before = o.Now(), a.usage.answered()
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.connect(o.Config)
	return a
}

// connect takes a configuration.
func (a *Agent) connect(c *config.Config) {
	before := a.live.Swap(c)
	app := c.App(a.Name)
	if app != nil && (before == nil || before.App(a.Name) == nil || !sameServers(before.App(a.Name).Agent, app.Agent)) {
		if old := a.servers.Swap(newServers(app.Agent, a.Now)); old != nil {
			a.tasks.Go(old.Close) // it waits for what is being asked of a server, and a reload must not
		}
	}
	if app == nil || before != nil && before.App(a.Name) != nil && sameEndpoint(before.App(a.Name).Agent, app.Agent) {
		return
	}
	client, err := newEndpoint(app.Agent, a.Now, a.Random)
	if err != nil {
		a.Log.Error("the agent has no endpoint", "app", a.Name, "err", err)
		a.noteTrouble(err)
	}
	if old := a.endpoint.Swap(client); old != nil {
		old.Close()
	}
}

// newEndpoint is the client that an agent's settings describe.
func newEndpoint(c config.Agent, now func() time.Time, random func() uint64) (*endpoint.Client, error) {
	model := c.Model
	if model == "" && c.Backend == endpoint.OpenClaw {
		model = "openclaw/default"
	}
	return endpoint.New(endpoint.Config{
		Backend: c.Backend, BaseURL: c.BaseURL, Key: c.APIKey, Model: model, Fallbacks: c.FallbackModels,
		Idle: c.Timeouts.Idle, Total: c.Timeouts.Total, Now: now,
		Random: func() float64 { return float64(random()>>11) / (1 << 53) },
	})
}

// sameEndpoint reports whether two settings describe the same one.
func sameEndpoint(a, b config.Agent) bool {
	return a.Backend == b.Backend && a.BaseURL == b.BaseURL && a.APIKey == b.APIKey && a.Model == b.Model &&
		slices.Equal(a.FallbackModels, b.FallbackModels) && a.Timeouts == b.Timeouts
}

// Update takes a new configuration. Answers that are being made go on with the old one.
func (a *Agent) Update(c *config.Config) {
	a.connect(c)
	a.mu.Lock()
	a.release()
	a.mu.Unlock()
}

// Close ends the answers that are being made and waits for them.
func (a *Agent) Close() {
	a.stop()
	a.tasks.Wait()
	if client := a.endpoint.Swap(nil); client != nil {
		client.Close()
	}
	if servers := a.servers.Swap(nil); servers != nil {
		servers.Close()
	}
}

// Trouble is why the last answer failed, and when that began; nil when it did not.
func (a *Agent) Trouble() (time.Time, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.since, a.trouble
}

// noteTrouble keeps how an answer ended.
func (a *Agent) noteTrouble(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil && a.trouble == nil {
		a.since = a.Now()
	}
	a.trouble = err
}

// Take is handed an event.
func (a *Agent) Take(h apps.Handed) {
	m, gone, err := read(h.Account, h.Self, h.Raw)
	switch {
	case errors.Is(err, errOther):
		h.Done(true)
	case err != nil:
		a.Log.Warn("an event could not be read by the agent", "app", a.Name, "account", h.Account, "err", err)
		h.Done(true)
	case gone != nil:
		a.forget(h.Account, *gone)
		h.Done(true)
	case a.answeredBefore(m):
		a.Log.Info("a message was answered before catflap ended, and is not answered again", "app", a.Name, "account", h.Account, "chat", m.chat.String())
		h.Done(true)
	default:
		a.receive(&turnItem{message: m, handed: h, at: a.Now()})
	}
}

// settings is the agent's part of the configuration; nil when it has been taken out of it.
func (a *Agent) settings() (*config.Config, *config.App) {
	c := a.live.Load()
	return c, c.App(a.Name)
}

// texts are the agent's own words in the language of the configuration.
func (a *Agent) texts() texts {
	if t, ok := words[a.live.Load().Language]; ok {
		return t
	}
	return words["zh"]
}

// acquire waits until another answer may be made.
func (a *Agent) acquire(ctx context.Context) error {
	for {
		a.mu.Lock()
		_, app := a.settings()
		if app != nil && a.busy < max(1, app.Agent.Concurrency) {
			a.busy++
			a.mu.Unlock()
			return nil
		}
		free := a.free
		a.mu.Unlock()
		select {
		case <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// done makes room for another answer.
func (a *Agent) done() {
	a.mu.Lock()
	a.busy--
	a.release()
	a.mu.Unlock()
}

// release wakes those that wait to answer. The caller holds the lock.
func (a *Agent) release() {
	close(a.free)
	a.free = make(chan struct{})
}
