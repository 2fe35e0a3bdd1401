// Package apps is the application side: one App per configured application, its view of the accounts as cursors
// into the journal, and the transports that carry events to it and actions from it.
package apps

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/store"
)

// Account is what an app needs to know of an account that it serves.
type Account struct {
	Name   string
	Index  uint16
	Self   func() uint64 // 0 while unknown
	Health func() Health
}

// Health is the truth that heartbeats tell.
type Health struct {
	Linked bool // NapCat is connected and answers
	Online bool // QQ is logged in, as NapCat says
}

// Action is one frame that an app sent, on its way to the router.
type Action struct {
	App     string
	Slot    uint8
	Account string // the connection's; "" if each action has to name one by self_id
	Frame   []byte // valid during the call only
	// Reply takes each answer; it may be called from any goroutine, never blocks, and owns the bytes.
	Reply func(frame []byte)
}

// Options are what an App needs from the rest of the appliance.
type Options struct {
	Config   config.App // at first; see Update
	Slot     uint8      // the app's bit in store.Event.For
	Accounts []Account  // those that the app serves at first; see SetAccounts
	Journal  *store.Journal
	Action   func(Action)
	Quick    func(Quick) // what an app answered to a post
	Inside   *Inside     // the app itself, if it lives in this process; else nil
	Lookups  Lookups     // for OneBot 12
	MaxFrame int         // largest frame read from the app, and largest answer to a post, bytes
	Log      *slog.Logger
	Now      func() time.Time
	Rand     func() float64
}

// App is one application: a feed per account that it serves.
type App struct {
	Options

	live    atomic.Pointer[config.App]
	speech  dialect
	paused  atomic.Bool
	polled  polled       // of OneBot 12
	calling atomic.Int64 // HTTP calls in progress

	patience time.Duration // for the answer to a post
	trouble  time.Duration // that an event has to make before newer ones pass by it

	mu      sync.Mutex
	started bool
	closed  bool
	feeds   []*feed // one per account; replaced as a whole
}

// New makes an app. It receives nothing before Start (if it dials or is posted to) or its first event connection.
func New(o Options) *App {
	a := &App{Options: o, patience: postTimeout, trouble: postTrouble}
	a.live.Store(&o.Config)
	a.speech = a.speak()
	for _, account := range o.Accounts {
		a.feeds = append(a.feeds, newFeed(a, account))
	}
	return a
}

// settings is the app's part of the configuration as it is now.
func (a *App) settings() *config.App { return a.live.Load() }

// Update takes settings that need no new connection: heartbeat, form of messages, bounds of the queue, back-off.
func (a *App) Update(c config.App) {
	a.live.Store(&c)
	for _, f := range a.list() {
		f.updated()
	}
}

// Pause stops or resumes the delivery of events. They wait within the app's bounds; links, heartbeats and actions go on.
func (a *App) Pause(paused bool) {
	if a.paused.Swap(paused) == paused {
		return
	}
	for _, f := range a.list() {
		f.wake()
	}
}

// Resume opens the cursor of an app that had subscribed before the last start, and reports whether the app still
// serves that account.
func (a *App) Resume(account string) bool {
	f := a.feed(account)
	if f == nil {
		return false
	}
	f.subscribe()
	return true
}

// Name is the app's key in the configuration.
func (a *App) Name() string { return a.settings().Name }

// Dials reports whether catflap dials this app.
func (a *App) Dials() bool { return a.settings().Connect != "" }

// Start begins to dial or to post, one connection for each account.
func (a *App) Start() {
	a.mu.Lock()
	a.started = true
	feeds := a.feeds
	a.mu.Unlock()
	for _, f := range feeds {
		a.startFeed(f)
	}
}

func (a *App) startFeed(f *feed) {
	switch {
	case a.Inside != nil:
		f.subscribe()
		f.spawn(f.handForever)
	case a.Dials():
		f.subscribe()
		f.spawn(f.dialForever)
	case a.Posts():
		f.subscribe()
		f.spawn(f.postForever)
	}
}

// SetAccounts changes which accounts the app serves. Connections of those that stay are not touched; those of
// accounts that go have ended when it returns.
func (a *App) SetAccounts(accounts []Account) {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return
	}
	var keep, fresh, gone []*feed
	for _, account := range accounts {
		if f := find(a.feeds, account.Name); f != nil {
			keep = append(keep, f)
			continue
		}
		f := newFeed(a, account)
		keep, fresh = append(keep, f), append(fresh, f)
	}
	for _, f := range a.feeds {
		if find(keep, f.account.Name) == nil {
			gone = append(gone, f)
		}
	}
	a.feeds = keep
	started := a.started
	a.mu.Unlock()
	for _, f := range gone {
		f.close(1000)
	}
	for _, f := range gone {
		f.tasks.Wait()
		f.unsubscribe()
	}
	for _, f := range fresh {
		if started {
			a.startFeed(f)
		}
	}
}

// Close ends the app's links with a WebSocket close code (1012 says that the service restarts) and waits for
// their goroutines. The cursors stay in the journal unless forget is set.
func (a *App) Close(code uint16, forget bool) {
	a.mu.Lock()
	a.closed = true
	feeds := a.feeds
	a.mu.Unlock()
	for _, f := range feeds {
		f.close(code)
	}
	for _, f := range feeds {
		f.tasks.Wait()
		if forget {
			f.unsubscribe()
		}
	}
}

// AccountChanged tells the app that an account's link or health is another now.
func (a *App) AccountChanged(name string) {
	if f := a.feed(name); f != nil {
		f.accountChanged()
	}
}

func (a *App) feed(account string) *feed { return find(a.list(), account) }

func (a *App) list() []*feed {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.feeds
}

func find(feeds []*feed, account string) *feed {
	for _, f := range feeds {
		if f.account.Name == account {
			return f
		}
	}
	return nil
}

// linkOptions are the bounds of one link to an app. Events wait in the journal, not here: the queue holds
// answers and catflap's own meta events only.
func (a *App) linkOptions() link.Options {
	return link.Options{
		MaxFrame:     a.MaxFrame,
		SwallowUpTo:  swallowUpTo,
		OutSlots:     512,
		OutBytes:     int64(a.MaxFrame) + 1<<20,
		WriteTimeout: 10 * time.Second,
		ReadBuffer:   4 << 10,
	}
}

// maxStrikes is how many disconnects in a row an event may be in flight at before it may be skipped as poisonous.
const maxStrikes = 3

// bounds are what the app's cursors keep.
func (a *App) bounds() store.Bounds {
	q := a.settings().Queue
	return store.Bounds{
		MaxAgeMessage: q.MaxAge.Message,
		MaxAgeNotice:  q.MaxAge.Notice,
		MaxAgeRequest: q.MaxAge.Request,
		MaxEvents:     q.MaxEvents,
		MaxBytes:      int64(q.MaxMB) << 20,
		MaxStrikes:    maxStrikes,
	}
}
