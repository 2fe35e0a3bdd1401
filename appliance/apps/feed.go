package apps

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/store"
)

// feed is one app's view of one account: a cursor into the journal and the event connection that reads it.
type feed struct {
	app     *App
	account Account
	changed chan struct{} // one slot: the account's self id or health is another
	ctx     context.Context
	stop    context.CancelFunc

	current atomic.Pointer[session] // the event connection; nil while the app is away
	post    atomic.Pointer[poster]  // carries the events if they are posted; else nil
	hand    atomic.Pointer[hand]    // carries the events if the app lives in this process; else nil
	heir    atomic.Bool             // an event connection above limits.links is about to take over

	presence presence // of apps of OneBot 12
	temps    temps    // likewise
	latest   latest   // likewise

	pongs    pongs
	tooLarge atomic.Uint64 // actions above limits.maxFrameMb

	tasks sync.WaitGroup // dialling and every connection

	mu       sync.Mutex
	closed   uint16 // the close code with which the feed has ended, 0 while it serves
	cursor   *store.Cursor
	away     *time.Timer           // while nobody reads the cursor; ends the subscription
	dropped  uint64                // what waited when a subscription ended
	links    map[*session]struct{} // all connections: of events, of calls, and one that waits for its elder's end
	fault    fault                 // why there is no event connection
	since    time.Time             // of the last change of connected
	streams  bool                  // the last event connection was one of server-sent events
	sessions uint64
}

func newFeed(a *App, account Account) *feed {
	f := &feed{app: a, account: account, changed: make(chan struct{}, 1), links: make(map[*session]struct{}), since: a.Now()}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f
}

// spawn starts a task of the feed unless it has been closed.
func (f *feed) spawn(task func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed != 0 {
		return false
	}
	f.tasks.Go(task)
	return true
}

// subscribe opens the cursor: from here on the app misses nothing within its bounds.
func (f *feed) subscribe() *store.Cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cursor == nil {
		f.cursor = f.openCursor()
		f.awaitReturn()
	}
	return f.cursor
}

// claim gives the cursor to an event connection, which keeps the subscription alive.
func (f *feed) claim() *store.Cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopWaiting()
	if f.cursor == nil {
		f.cursor = f.openCursor()
	}
	return f.cursor
}

// awaitReturn ends the subscription when the app stays away for longer than any event is worth keeping: nothing more is
// written to the disk for it until it returns. The caller holds the lock.
func (f *feed) awaitReturn() {
	f.stopWaiting()
	if f.closed != 0 {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(f.app.settings().Queue.MaxAge.Request, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.away != t || f.cursor == nil {
			return
		}
		waiting := f.cursor.Stats().Backlog
		f.dropped += uint64(waiting)
		f.app.Journal.CloseCursor(f.cursor)
		f.cursor, f.away = nil, nil
		f.app.Log.Warn("the app has been away for longer than queue.maxAge.request: nothing is kept for it until it returns",
			"app", f.app.Name(), "account", f.account.Name, "dropped", waiting)
	})
	f.away = t
}

// stopWaiting: the caller holds the lock.
func (f *feed) stopWaiting() {
	if f.away != nil {
		f.away.Stop()
		f.away = nil
	}
}

// openCursor opens the cursor, or changes the bounds of the one that is open.
func (f *feed) openCursor() *store.Cursor {
	return f.app.Journal.OpenCursor(store.CursorOptions{
		App: f.app.Name(), Account: f.account.Name, AccountIndex: f.account.Index, Slot: f.app.Slot,
		Bounds: f.app.bounds(), Wake: f.wake,
	})
}

// updated applies new settings to what is open.
func (f *feed) updated() {
	f.mu.Lock()
	if f.cursor != nil {
		f.openCursor()
	}
	f.mu.Unlock()
	f.latest.updated(f)
	if s := f.current.Load(); s != nil {
		s.pulse.set(f.app.settings().Heartbeat)
	}
	if p := f.post.Load(); p != nil {
		p.pulse.set(f.app.settings().Heartbeat)
	}
}

func (f *feed) unsubscribe() {
	f.latest.close(f, true)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopWaiting()
	if f.cursor != nil {
		f.app.Journal.CloseCursor(f.cursor)
		f.cursor = nil
	}
}

// wake is called by the journal for every event that is for this feed.
func (f *feed) wake() {
	if s := f.current.Load(); s != nil {
		s.out.Wake()
	}
	if p := f.post.Load(); p != nil {
		p.wake()
	}
	if h := f.hand.Load(); h != nil {
		h.wake()
	}
}

// accountChanged lets a waiting dial go on, and has the app told.
func (f *feed) accountChanged() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
	f.app.speech.healthChanged(f)
}

// beatNow makes a heartbeat due.
func (f *feed) beatNow() {
	if s := f.current.Load(); s != nil {
		s.beatNow()
	}
	if p := f.post.Load(); p != nil {
		p.pulse.beat()
	}
}

// tellStanding makes due what says how the account is.
func (f *feed) tellStanding() {
	if s := f.current.Load(); s != nil {
		s.standing.Store(true)
		s.out.Wake()
	}
	if p := f.post.Load(); p != nil {
		p.standing.Store(true)
		p.wake()
	}
}

// serve runs one connection of the app to its end.
func (f *feed) serve(s *session) error {
	f.enter(s)
	defer f.leave(s)
	if !s.events {
		return s.run(f.ctx)
	}
	s.cursor = f.claim()
	f.takeOver(s)
	err := s.run(f.ctx)
	if f.current.Load() == s && f.ctx.Err() == nil && remote(err) {
		f.judge(s) // before a newer connection may rewind the cursor: it waits for done
	}
	if f.current.CompareAndSwap(s, nil) {
		f.ended(err)
	}
	close(s.done)
	return err
}

// remote reports whether a connection ended by the app's doing. A stalled one was cut here.
func remote(err error) bool {
	var c *link.CloseError
	if errors.As(err, &c) {
		return c.Remote
	}
	return errors.Is(err, errStreamGone)
}

// judge finds out what the app may have ended its connection for: an event that was in flight, or a ping.
func (f *feed) judge(s *session) {
	if acks := s.proof.Load(); acks != nil && acks.ended() {
		f.app.Log.Warn("the app closes its connection at pings: what is written to it counts as delivered (ack: written)",
			"app", f.app.Name(), "account", f.account.Name)
	}
	if given, ok := s.cursor.Strike(); ok {
		f.app.Log.Warn("the app disconnects whenever it gets a certain event: the event is skipped for this app",
			"app", f.app.Name(), "account", f.account.Name, "kind", given.Class.String(), "seq", given.Seq)
	}
}

// enter lets close find the connection. One that comes too late ends as soon as it is served.
func (f *feed) enter(s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed != 0 {
		s.out.Close(f.closed, closing)
		return
	}
	f.links[s] = struct{}{}
}

func (f *feed) leave(s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.links, s)
}

// takeOver makes s the event connection. The older one is closed and awaited first: two readers of one
// cursor would mix up the order.
func (f *feed) takeOver(s *session) {
	if old := f.current.Swap(s); old != nil {
		old.out.Close(1000, "a newer connection with the same token took over")
		<-old.done
	}
	if s.alone != nil {
		s.alone()
	}
	f.mu.Lock()
	f.fault, f.since = fault{}, f.app.Now()
	f.streams = s.conn == nil
	f.sessions++
	first := f.sessions == 1
	f.mu.Unlock()
	if s.resume != 0 {
		s.cursor.RewindTo(s.resume)
	} else {
		s.cursor.Rewind()
	}
	f.app.Log.Info("app connected", "app", f.app.Name(), "account", f.account.Name, "remote", s.out.RemoteAddr(), "again", !first)
}

func (f *feed) ended(err error) {
	f.mu.Lock()
	f.since = f.app.Now()
	f.awaitReturn()
	f.mu.Unlock()
	if f.ctx.Err() == nil {
		f.failed(err)
		f.app.Log.Warn("app disconnected", "app", f.app.Name(), "account", f.account.Name, "err", err)
	}
}

// failed notes why the app is away, for status.
func (f *feed) failed(err error) {
	f.mu.Lock()
	f.fault = newFault(err, *f.app.settings(), f.app.Now())
	f.mu.Unlock()
}

// closing is the reason in the close frames of a feed that ends.
const closing = "catflap restarts this link"

// close ends the feed's links and its dialling; it does not wait. The links first: the end of the context would
// give them another code.
func (f *feed) close(code uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed == 0 {
		f.closed = code
	}
	f.stopWaiting()
	f.presence.close()
	f.latest.close(f, false)
	for s := range f.links {
		s.out.Close(code, closing)
	}
	f.stop()
}

// Status is one app's state for one account, as the status command shows it.
type Status struct {
	App, Account string
	Connected    bool
	Subscribed   bool
	Paused       bool
	Since        time.Time
	Ack          string            // how what it has got is known: ping, written, post, sse, done
	Cursor       store.CursorStats // Skipped with Refused
	Refused      uint64            // events that a posting app refused for good
	Late         int               // events that a posting app answers with errors, let pass by newer ones
	LastError    string
	Hints        []Hint
	TooLarge     uint64 // actions that were refused for being above limits.maxFrameMb
}

// acknowledgement is the word for how the app's progress is known. The caller holds the lock.
func (f *feed) acknowledgement() string {
	switch {
	case f.app.Posts():
		return "post"
	case f.streams:
		return "sse"
	case f.app.settings().Ack == "written" || !f.pongs.usable():
		return "written"
	}
	return "ping"
}

// Status returns the state of each of the app's feeds.
func (a *App) Status() []Status {
	feeds := a.list()
	out := make([]Status, 0, len(feeds))
	for _, f := range feeds {
		st := Status{App: a.Name(), Account: f.account.Name, Connected: f.current.Load() != nil, Paused: a.paused.Load(), TooLarge: f.tooLarge.Load()}
		f.mu.Lock()
		st.Since, st.LastError, st.Hints = f.since, f.fault.text, f.fault.hints
		cursor, dropped := f.cursor, f.dropped
		st.Ack = f.acknowledgement()
		f.mu.Unlock()
		if cursor != nil {
			st.Subscribed, st.Cursor = true, cursor.Stats()
		}
		st.Cursor.Dropped += dropped
		f.latest.describe(&st)
		if p := f.post.Load(); p != nil {
			p.describe(&st)
		}
		if h := f.hand.Load(); h != nil {
			h.describe(&st)
		}
		out = append(out, st)
	}
	return out
}
