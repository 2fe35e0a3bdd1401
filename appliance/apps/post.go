package apps

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/store"
)

// How long a posting app may take.
const (
	postTimeout = 60 * time.Second // for its answer; it may ask a model first
	postParting = time.Second      // for the request that is on its way when catflap stops, and for lifecycle disable
)

// Quick is what an app answered to an event that was posted to it.
type Quick struct {
	App, Account string
	Event        []byte // what was posted, messages as arrays; valid during the call only, as is Operation
	Operation    []byte // the body of the answer
	// Done hears once how it ended, from any goroutine; it never blocks.
	Done func(error)
}

// Posts reports whether events are posted to this app by HTTP.
func (a *App) Posts() bool { return a.settings().Post != "" }

// poster carries the events of one feed to the app by HTTP POST: one at a time and in order, each until it is acknowledged by
// a 2xx, refused for good, or too old. The last fields are the pump's own.
type poster struct {
	feed  *feed
	calls chan struct{} // one slot: there may be something to do
	pulse pulse
	up    atomic.Bool // the last post was answered by 2xx

	beat     atomic.Bool // a heartbeat is due
	standing atomic.Bool // so is what says how the account is

	mu        sync.Mutex
	note      fault  // what was refused for good last, or a quick operation that failed
	refused   uint64 // events that the app refused for good
	unreached uint64 // counted as repeated, and not seen by the app before
	lates     int    // events that are set aside

	client  *http.Client
	here    bool   // the app answers, so its subscription does not run out
	warned  bool   // the log says that it takes nothing
	greeted uint64 // whom the first post named; 0 = it is due
	backoff link.Backoff
	unseen  bool   // the last event was put back, and the app cannot have seen it
	repeats uint64 // what the cursor had counted before
	batch   []*store.Event
	scratch eventReader
	head    onebot.Head
	failing failing
	retells int          // how often standing has been refused by the app itself
	retell  *time.Timer  // to tell it again
	late    []*lateEvent // set aside, oldest first
	again   *time.Timer  // for the next of them
}

// postForever posts until the feed is closed.
func (f *feed) postForever() {
	p := &poster{feed: f, calls: make(chan struct{}, 1)}
	p.pulse.beat = func() {
		p.beat.Store(true)
		p.wake()
	}
	f.post.Store(p)
	p.pulse.set(f.app.settings().Heartbeat)
	defer p.pulse.stop()
	defer p.stopRetelling()
	for f.awaitSelf(f.ctx) {
		next, wait := p.step()
		switch {
		case next:
		case wait > 0:
			link.Wait(f.ctx, wait)
		default:
			select {
			case <-p.calls:
			case <-f.ctx.Done():
			}
		}
	}
	p.part()
}

// wake lets the pump look for something to do.
func (p *poster) wake() {
	select {
	case p.calls <- struct{}{}:
	default:
	}
}

// step posts one thing. It says whether another may follow at once, else how long to wait first; 0 is until wake.
func (p *poster) step() (next bool, wait time.Duration) {
	f := p.feed
	self := f.account.Self()
	cursor := f.reading()
	switch {
	case self == 0:
		return true, 0
	case p.greeted != self || cursor == nil:
		return p.greet(self)
	case p.beat.Swap(false):
		if f.app.settings().Heartbeat > 0 {
			p.meta(self, f.app.speech.heartbeat(f, self))
		}
		return true, 0
	case p.standing.Swap(false):
		p.stopRetelling()
		if event := f.app.speech.standing(f, self); event != nil {
			p.tellAgain(p.meta(self, event))
		}
		return true, 0
	case f.app.paused.Load():
		return false, 0
	}
	if p.retry(cursor) {
		return true, 0
	}
	p.batch = cursor.Next(p.batch[:0], 1, 0)
	p.recount(cursor)
	if len(p.batch) == 0 {
		return false, 0
	}
	e := p.batch[0]
	clear(p.batch)
	return p.event(cursor, e)
}

// recount takes back what the cursor counts as repeated though the app cannot have seen it before: nothing was listening.
func (p *poster) recount(cursor *store.Cursor) {
	if now := cursor.Stats().Repeated; p.unseen && now > p.repeats {
		p.mu.Lock()
		p.unreached += now - p.repeats
		p.mu.Unlock()
	}
	p.unseen = false
}

// reading is the cursor; nil while nothing is kept for the app, which has been away for too long.
func (f *feed) reading() *store.Cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cursor
}

// greet posts what says that catflap is there, at the start and to find out whether an app is back for which nothing is
// kept any more. Whatever the app answers, it is there: not every app knows lifecycle.
func (p *poster) greet(self uint64) (next bool, wait time.Duration) {
	p.standing.Store(false)
	a := p.send(self, p.feed.app.speech.arrival(p.feed, self), p.feed.app.patience)
	if a.err != nil {
		p.failed(a.err)
		return false, p.delay(a)
	}
	p.feed.claim()
	p.here, p.greeted = true, self
	p.told(a)
	p.tellAgain(a)
	if h := p.feed.account.Health(); !h.Linked || !h.Online {
		p.beat.Store(true)
	}
	return true, 0
}

// meta posts an event of catflap's own. It is not repeated: the next one tells the newer truth.
func (p *poster) meta(self uint64, event []byte) answer {
	a := p.send(self, event, p.feed.app.patience)
	p.told(a)
	return a
}

// tellAgain has standing told again, as it is then, if the app has not taken it: the next change may be far. Events do not
// wait for that. An app that keeps answering it with errors is let off.
func (p *poster) tellAgain(a answer) {
	switch {
	case a.err != nil:
	case a.status/100 == 2 || final(a.status) || p.retells+1 >= postTries:
		p.retells = 0
		return
	default:
		p.retells++
	}
	p.stopRetelling()
	p.retell = time.AfterFunc(p.delay(a), func() {
		p.standing.Store(true)
		p.wake()
	})
}

func (p *poster) stopRetelling() {
	if p.retell != nil {
		p.retell.Stop()
	}
}

// told takes the answer to a meta event, which is not waited for. An app that refuses such events may take others.
func (p *poster) told(a answer) {
	switch {
	case a.err != nil:
		p.failed(a.err)
	case a.status/100 == 2:
		p.succeeded()
	case final(a.status):
		p.refuses(a.refusal(p.feed.app.settings()))
	default:
		p.failed(a.refusal(p.feed.app.settings()))
	}
}

// post posts an event of the journal.
func (p *poster) post(e *store.Event) answer {
	f := p.feed
	body := f.app.speech.event(f, e, &p.scratch)
	if body == nil {
		return answer{nothing: true}
	}
	self := p.greeted
	if onebot.PeekHead(e.Raw, &p.head) == nil && p.head.SelfID != 0 {
		self = p.head.SelfID // the account may have another number since
	}
	return p.send(self, body, f.app.patience)
}

// event posts the head of the queue. Nothing passes by it before it was set aside, so that no repetition changes the order.
func (p *poster) event(cursor *store.Cursor, e *store.Event) (next bool, wait time.Duration) {
	f := p.feed
	a := p.post(e)
	switch {
	case a.nothing:
		cursor.Ack(e.Seq)
		return true, 0
	case a.err != nil:
		p.failed(a.err)
	case a.status/100 == 2:
		cursor.Ack(e.Seq)
		p.succeeded()
		p.quick(e, a)
		return true, 0
	case final(a.status):
		// The app will never take this one; the next may be another matter.
		cursor.Ack(e.Seq)
		p.skip(a.refusal(f.app.settings()))
		return true, 0
	default:
		p.failed(a.refusal(f.app.settings()))
		if p.setAside(cursor, e, a) {
			return true, 0
		}
	}
	// Read again, it is judged by age again: queue.maxAge ends what nothing else does.
	p.unseen, p.repeats = !a.reached, cursor.Stats().Repeated
	cursor.Rewind()
	return false, p.delay(a)
}

// final reports whether a status refuses an event for good (design: DELIVERY, Acknowledgement). A redirect does not: the
// address may be corrected.
func final(status int) bool {
	return status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

// delay is how long to wait before the next try: the app's back-off, or longer if it asks for that, but never longer than
// reconnect.maxDelay.
func (p *poster) delay(a answer) time.Duration {
	r := p.feed.app.settings().Reconnect
	p.backoff.Rand = p.feed.app.Rand
	p.backoff.Min, p.backoff.Max, p.backoff.Factor = r.RetryDelay, r.MaxDelay, r.BackoffMultiplier
	return max(p.backoff.Next(), min(a.after, r.MaxDelay), time.Millisecond)
}

// answered notes that the app is there: its subscription does not run out.
func (p *poster) answered() {
	p.backoff = link.Backoff{}
	if !p.here {
		p.here = true
		if p.feed.reading() == nil {
			p.greeted = 0 // the subscription ended while this was under way; lifecycle says that it begins again
		}
		p.feed.claim()
	}
}

// succeeded notes a 2xx.
func (p *poster) succeeded() {
	p.answered()
	p.warned = false
	if p.up.Swap(true) {
		return
	}
	f := p.feed
	f.mu.Lock()
	f.fault, f.since = fault{}, f.app.Now()
	f.sessions++
	first := f.sessions == 1
	f.mu.Unlock()
	f.app.Log.Info("the app takes events", "app", f.app.Name(), "account", f.account.Name, "again", !first)
}

// failed notes why the last post was not taken.
func (p *poster) failed(err error) {
	f := p.feed
	was := p.up.Swap(false)
	if f.ctx.Err() != nil {
		return // catflap itself has ended it
	}
	f.mu.Lock()
	f.fault = newPostFault(err, *f.app.settings(), f.app.Now())
	if was {
		f.since = f.app.Now()
	}
	if p.here {
		p.here = false
		f.awaitReturn()
	}
	f.mu.Unlock()
	if !p.warned {
		p.warned = true
		f.app.Log.Warn("the app does not take events; trying on", "app", f.app.Name(), "account", f.account.Name, "err", err)
	}
}

// skip notes an event that the app refused for good. The app is there, but connected means that the last post was taken.
func (p *poster) skip(err error) {
	f := p.feed
	p.answered()
	p.refuses(err)
	if p.up.Swap(false) {
		f.mu.Lock()
		f.since = f.app.Now()
		f.mu.Unlock()
	}
	p.mu.Lock()
	p.refused++
	first := p.refused == 1
	p.mu.Unlock()
	if first {
		f.app.Log.Warn("the app refused an event for good; such events are skipped and counted", "app", f.app.Name(), "account", f.account.Name, "err", err)
	}
}

// refuses notes a refusal for good. It is newer than what kept the app from answering before.
func (p *poster) refuses(err error) {
	f := p.feed
	f.mu.Lock()
	f.fault = fault{}
	f.mu.Unlock()
	p.remember(err)
}

// remember keeps for status what went wrong without being tried again.
func (p *poster) remember(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note = newPostFault(err, *p.feed.app.settings(), p.feed.app.Now())
}

// quick hands on what the app wants to be done about an event.
func (p *poster) quick(e *store.Event, a answer) {
	if a.bodyErr != nil {
		p.carriedOut(a.bodyErr)
		return
	}
	p.feed.app.speech.answered(p, e, a)
}

// carriedOut hears how it ended, nil for well.
func (p *poster) carriedOut(err error) {
	if err == nil {
		return
	}
	f := p.feed
	err = fmt.Errorf("the answer to an event was not carried out: %w", err)
	p.remember(err)
	f.app.Log.Warn("a quick operation failed", "app", f.app.Name(), "account", f.account.Name, "err", err)
}

// part tells the app that nothing more comes, if it was there, and ends the connections.
func (p *poster) part() {
	p.rejoin()
	if p.up.Load() && p.greeted != 0 {
		if last := p.feed.app.speech.departure(p.greeted); last != nil {
			_ = p.send(p.greeted, last, postParting)
		}
	}
	p.up.Store(false)
	if p.client != nil {
		p.client.CloseIdleConnections()
	}
}

// describe adds what is known of the app to its status.
func (p *poster) describe(st *Status) {
	st.Connected = p.up.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	st.Cursor.Skipped += p.refused
	st.Refused, st.Late = p.refused, p.lates
	st.Cursor.Repeated -= min(p.unreached, st.Cursor.Repeated)
	if st.LastError == "" && p.note.text != "" {
		st.LastError = p.note.at.Format("15:04:05") + ": " + p.note.text
		st.Hints = p.note.hints
	}
}

// errLarge: the answer to a post is above the bound.
var errLarge = errors.New("the app's answer is larger than limits.maxFrameMb and was ignored")
