// Package napcat is the QQ side: one Account per bot, the link over which NapCat talks to it, the calls that
// wait for NapCat's answers, and what is known of NapCat's health.
package napcat

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
)

// Options are what an Account needs from the rest of the appliance. Every function must be set.
type Options struct {
	Config   config.Account
	Index    uint16 // the account's number in the journal
	MaxFrame int    // largest frame read from NapCat, bytes
	Echo     string // prefix of internal echoes, unique for every start of the process

	// Event takes every event but NapCat's own meta events, in order, one at a time. The bytes are
	// valid during the call only.
	Event func(frame []byte, head *onebot.Head)
	// Changed is called after the link or its health has changed. It must not block.
	Changed func()
	// Pin keeps the self id that the first connection brought. It may block.
	Pin func(self uint64) error
	// Joined takes the ids of the groups that the account is a member of.
	Joined func(groups []uint64)

	Log  *slog.Logger
	Now  func() time.Time
	Rand func() float64
}

// Account is one bot's QQ side. Its link is a WebSocket that NapCat has dialled (reverse) or that catflap dials (forward),
// NapCat's posts together with its HTTP server (http), or NapCat's event stream together with that (sse). Each is a
// session, with a road for calls and a reader of events, in a file of its own; all else does not know them apart.
type Account struct {
	Options

	ctx   context.Context
	stop  context.CancelFunc
	tasks sync.WaitGroup

	calls calls
	order sync.Mutex // serialises events when an old link still drains beside its successor

	mu    sync.Mutex
	link  *session // the current link; nil while NapCat is away
	state State

	complaint complaint
	contest   contest

	came  chan struct{} // closed while a link is up and has been announced; mu guards the field
	wake  chan struct{} // http: something was posted while no link was up
	heard atomic.Int64  // when the last event came, unix nanoseconds; 0 = none yet
	posts lineup        // http: what NapCat posts, in order
}

// State is what is known of NapCat and QQ.
type State struct {
	Self      uint64 // 0 until the first connection, unless configured or pinned
	Nickname  string
	Linked    bool
	Online    bool // QQ's own state as NapCat tells it; false while not linked
	HalfDead  bool // the link is up but NapCat does not answer
	Remote    string
	Since     time.Time // of the last change of Linked
	LastError string
	Hints     []Hint // what LastError most likely means
	Dials     int    // failed dials since the last link (where catflap dials)
	Links     uint64
	Heard     time.Time // when the last event came
	BadFrames uint64
	TooLarge  uint64 // frames above limits.maxFrameMb
	Late      uint64 // answers that nobody waited for any more
	Contested bool   // links take over from each other again and again
}

// New makes an account; pinned is the self id that the store remembers, 0 for none.
func New(o Options, pinned uint64) *Account {
	a := &Account{Options: o}
	a.state.Self = pinned
	if o.Config.SelfID != 0 {
		a.state.Self = o.Config.SelfID
	}
	a.state.Since = o.Now()
	a.calls.init(o.Echo)
	a.came, a.wake = make(chan struct{}), make(chan struct{}, 1)
	a.ctx, a.stop = context.WithCancel(context.Background())
	return a
}

// Start begins to dial where catflap dials: all but a reverse link, which begins with a Listener.
func (a *Account) Start() {
	switch a.Config.Link {
	case "forward":
		a.spawn(func() { a.keepUp(a.dialSocket) })
	case "http":
		a.spawn(func() { a.keepUp(a.dialPosts) })
	case "sse":
		a.spawn(func() { a.keepUp(a.dialStream) })
	}
}

// Close ends the link, fails the calls that wait, and returns when all goroutines of the account have ended.
func (a *Account) Close() {
	a.mu.Lock()
	if a.link != nil {
		a.link.road.close(1001, "catflap is going away")
	}
	a.stop() // under the lock, so that no task starts once the waiting has begun
	a.mu.Unlock()
	a.tasks.Wait()
	a.calls.dropAll(ErrAway)
}

// Name is the account's key in the configuration.
func (a *Account) Name() string { return a.Config.Name }

// State returns a copy of what is known now.
func (a *Account) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	st := a.state
	st.Contested = a.contest.on(a.Now())
	if at := a.heard.Load(); at != 0 {
		st.Heard = time.Unix(0, at)
	}
	return st
}

// Self is the account's QQ number, 0 while unknown.
func (a *Account) Self() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state.Self
}

// Pending is the number of calls that wait for NapCat.
func (a *Account) Pending() int { return a.calls.len() }

// Forget lets the next connection bring another self id.
func (a *Account) Forget() {
	a.mu.Lock()
	a.state.Self = a.Config.SelfID
	s := a.link
	if s != nil {
		s.deaf.Store(true) // what still comes must not pin the old number again
	}
	a.mu.Unlock()
	if s != nil {
		s.road.close(1001, "the account was unpinned")
	}
}

// adopt takes a self id from a connection. It is an error if the account has another one.
func (a *Account) adopt(self uint64) error {
	a.mu.Lock()
	known := a.state.Self
	if known == 0 {
		a.state.Self = self
	}
	a.mu.Unlock()
	if known == self {
		return nil
	}
	if known != 0 {
		return fmt.Errorf("self id %d is not this account's %d; run `catflap account unpin %s` if the account was given another QQ number", self, known, a.Name())
	}
	// The store syncs to disk, which can take longer than NapCat waits for its upgrade.
	a.spawn(func() {
		if a.Self() != self {
			return // forgotten meanwhile
		}
		if err := a.Pin(self); err != nil {
			a.Log.Error("pinning the self id failed", "account", a.Name(), "self_id", self, "err", err)
		}
	})
	a.Changed()
	return nil
}

// spawn starts a task of the account unless the account is closing.
func (a *Account) spawn(task func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return false
	}
	a.tasks.Go(task)
	return true
}

// serve runs one authenticated WebSocket to its end.
func (a *Account) serve(conn *link.Conn, remote string) error {
	s := &session{account: a, road: socket{conn}}
	return a.run(s, remote, func(ctx context.Context) error {
		return conn.Serve(ctx, link.Handler{Frame: s.frame, Oversize: s.oversize})
	})
}

// run makes s the account's link while read runs. A newer link takes over at once; the old one's end disturbs nothing.
func (a *Account) run(s *session, remote string, read func(context.Context) error) error {
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	s.stop = cancel

	// Calls move to the new link under the same lock: of two links that come at once, one is the last for both.
	a.mu.Lock()
	old := a.link
	a.link = s
	if old != nil {
		a.contest.note(a.Now())
	}
	lost := a.calls.attach(s.road)
	a.state.Linked, a.state.Online, a.state.HalfDead = true, true, false
	a.state.Remote, a.state.Since, a.state.LastError, a.state.Dials, a.state.Hints = remote, a.Now(), "", 0, nil
	a.state.Links++
	a.mu.Unlock()
	if old != nil {
		a.Log.Info("a newer NapCat link takes over", "account", a.Name(), "remote", remote)
		old.road.close(1000, "a newer link took over")
		old.stop()
	}
	for _, e := range lost {
		e.drop()
	}
	a.logLinked(remote)
	a.Changed()
	a.announced(s)

	var watch sync.WaitGroup
	watch.Go(func() { s.introduce(ctx) })
	watch.Go(func() { s.watch(ctx) })
	err := read(ctx)
	cancel()
	a.detach(s, err)
	watch.Wait()
	return err
}

// announced says that everybody has heard of a link. Events that do not come through it by themselves wait for this.
func (a *Account) announced(s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.link != s {
		return
	}
	select {
	case <-a.came: // it took over from another
	default:
		close(a.came)
	}
	s.announced = true
}

// detach forgets a link that has ended, unless a newer one has taken its place already.
func (a *Account) detach(s *session, err error) {
	a.mu.Lock()
	current := a.link == s
	if current {
		a.link = nil
		if s.announced {
			a.came = make(chan struct{})
		}
		a.state.Linked, a.state.Online, a.state.HalfDead = false, false, false
		a.state.Since = a.Now()
		if s.refusal != nil {
			err = s.refusal
		}
		if err != nil && a.ctx.Err() == nil {
			a.state.LastError, a.state.Hints = err.Error(), hints(err, a.Config)
		}
	}
	a.mu.Unlock()
	a.calls.detach(s.road)
	if !current {
		return
	}
	a.logEnded(s, err)
	a.Changed()
}

// setOnline notes what NapCat says about QQ itself. A link that was replaced has no say any more.
func (a *Account) setOnline(s *session, online bool) {
	a.mu.Lock()
	changed := a.link == s && a.state.Online != online
	if changed {
		a.state.Online = online
	}
	a.mu.Unlock()
	if !changed {
		return
	}
	if online {
		a.Log.Info("QQ is online again", "account", a.Name())
	} else {
		a.Log.Warn("QQ is offline: log in again in NapCat", "account", a.Name())
	}
	a.Changed()
}

// setHalfDead notes whether NapCat answers on this link, and why not. A link that was replaced has no say any more.
func (a *Account) setHalfDead(s *session, why error) {
	dead := why != nil
	a.mu.Lock()
	changed := a.link == s && a.state.HalfDead != dead
	if changed {
		a.state.HalfDead = dead
		a.state.Hints = hints(why, a.Config)
	}
	a.mu.Unlock()
	if changed {
		a.Changed()
	}
}

// learn asks NapCat who it is and which groups it is in. A link to another QQ account is closed: nothing may be
// sent in its name. It reports whether nothing is left to ask.
func (a *Account) learn(ctx context.Context, s *session) bool {
	var login struct {
		UserID   uint64 `json:"user_id"`
		Nickname string `json:"nickname"`
	}
	known := a.Ask(ctx, "get_login_info", nil, &login) == nil
	if known {
		if login.UserID != 0 {
			if err := a.adopt(login.UserID); err != nil {
				s.deaf.Store(true)
				s.foreign = true
				s.refused(err)
				s.road.close(1008, "wrong self id")
				return true
			}
		}
		a.mu.Lock()
		a.state.Nickname = login.Nickname
		a.mu.Unlock()
		a.contented()
	}
	var groups []struct {
		GroupID uint64 `json:"group_id"`
	}
	if a.Ask(ctx, "get_group_list", nil, &groups) != nil {
		return false
	}
	ids := make([]uint64, 0, len(groups))
	for _, g := range groups {
		ids = append(ids, g.GroupID)
	}
	slices.Sort(ids)
	a.Joined(ids)
	return known
}

// Ask makes a call of catflap's own and decodes the data of the answer. A failed answer is an error.
func (a *Account) Ask(ctx context.Context, action string, params []byte, data any) error {
	frame, err := a.Do(ctx, action, params)
	if err != nil {
		return err
	}
	var answer struct {
		Retcode int64           `json:"retcode"`
		Wording string          `json:"wording"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(frame, &answer); err != nil {
		return fmt.Errorf("reading the answer to %s: %w", action, err)
	}
	if answer.Retcode != 0 {
		return fmt.Errorf("%s failed with retcode %d: %s", action, answer.Retcode, answer.Wording)
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		return fmt.Errorf("reading the data of %s: %w", action, err)
	}
	return nil
}
