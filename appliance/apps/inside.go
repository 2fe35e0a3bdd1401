package apps

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/store"
)

// Inside is an app that lives in this process: it has a queue like the others, and no socket.
type Inside struct {
	// Take is handed one event at a time, in order, and returns soon: the work is done elsewhere.
	Take func(Handed)
	// Trouble says what is wrong with the app at present, and since when; nil if nothing is.
	Trouble func() (since time.Time, err error)
}

// Handed is an event for an app that lives in this process.
type Handed struct {
	Account string
	Self    uint64
	Raw     []byte // the event, messages as arrays with the addresses of catflap's media; not to be changed
	// Context ends when the app is closed, or serves the account no longer.
	Context context.Context
	// Done says once how it ended, from any goroutine: an event that was not taken is handed over again when the app
	// is started next. The feed is closed only after every event that was handed over is done.
	Done func(taken bool)
}

// maxHeld bounds the events that are handed over and not done. The next ones wait in the queue.
const maxHeld = 64

// hand gives the events of one feed to an app that lives in this process. They may be done in any order: each is
// acknowledged for itself, so that a crash repeats just what had not ended.
type hand struct {
	feed  *feed
	calls chan struct{} // one slot: there may be something to do
	held  atomic.Int32
	tasks sync.WaitGroup // events that are not done
	batch []*store.Event
}

// handForever hands events over until the feed is closed.
func (f *feed) handForever() {
	h := &hand{feed: f, calls: make(chan struct{}, 1)}
	if !f.awaitSelf(f.ctx) {
		return
	}
	f.mu.Lock()
	f.fault, f.since = fault{}, f.app.Now()
	f.sessions++
	f.mu.Unlock()
	cursor := f.claim()
	f.hand.Store(h)
	for f.ctx.Err() == nil {
		if h.step(cursor) {
			continue
		}
		select {
		case <-h.calls:
		case <-f.ctx.Done():
		}
	}
	f.hand.Store(nil)
	h.tasks.Wait()
	cursor.Rejoin()
}

// wake lets the pump look for something to do.
func (h *hand) wake() {
	select {
	case h.calls <- struct{}{}:
	default:
	}
}

// step hands one event over, and reports whether there may be another.
func (h *hand) step(cursor *store.Cursor) bool {
	f := h.feed
	if f.app.paused.Load() || h.held.Load() >= maxHeld {
		return false
	}
	h.batch = cursor.Next(h.batch[:0], 1, 0)
	if len(h.batch) == 0 {
		return false
	}
	e := h.batch[0]
	clear(h.batch)
	if !cursor.SetAside(e.Seq) {
		cursor.Rewind() // too many bytes are held: read again when something is done
		return false
	}
	h.held.Add(1)
	h.tasks.Add(1)
	var once sync.Once
	f.app.Inside.Take(Handed{
		Account: f.account.Name, Self: f.account.Self(), Raw: e.Raw, Context: f.ctx,
		Done: func(taken bool) {
			once.Do(func() {
				if taken {
					cursor.AckAside(e.Seq)
				}
				h.held.Add(-1)
				h.wake()
				h.tasks.Done()
			})
		},
	})
	return true
}

// describe adds what is known of the app to its status.
func (h *hand) describe(st *Status) {
	st.Connected, st.Ack = true, "done"
	if since, err := h.feed.app.Inside.Trouble(); err != nil {
		st.LastError = since.Format("15:04:05") + ": " + err.Error()
	}
}
