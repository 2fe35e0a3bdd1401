package apps

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/onebot12"
	"github.com/catflap/catflap/store"
)

// latestMark ends the name of the cursor of get_latest_events, which is apart from that of the event connection. No app's
// name has a slash.
const latestMark = "/latest"

// Bounds of one answer to get_latest_events, whatever its limit is.
const (
	maxLatest     = 1000
	maxLatestSize = 2 << 20
	maxLatestWait = 60 * time.Second
)

// AppOf finds the app in the name of a subscriber of the journal: an app may have two queues.
func AppOf(subscriber string) (app string, polls bool) {
	return strings.CutSuffix(subscriber, latestMark)
}

// latest is the queue of get_latest_events for one account. It begins with the first call, and ends when no other comes for
// so long that nothing in it is worth keeping.
type latest struct {
	reading sync.Mutex // one answer at a time: no event is in two

	mu     sync.Mutex
	over   bool
	cursor *store.Cursor
	away   *time.Timer
	dated  uint64 // numbers away
}

// open returns the cursor, nil when the feed ends.
func (l *latest) open(f *feed) *store.Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return nil
	}
	l.cursor = l.configure(f)
	if l.away != nil {
		l.away.Stop()
	}
	l.dated++
	turn := l.dated
	l.away = time.AfterFunc(f.app.settings().Queue.MaxAge.Request, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.dated == turn && !l.over {
			f.app.Journal.CloseCursor(l.cursor)
			l.cursor = nil
		}
	})
	return l.cursor
}

func (l *latest) configure(f *feed) *store.Cursor {
	return f.app.Journal.OpenCursor(store.CursorOptions{
		App: f.app.Name() + latestMark, Account: f.account.Name, AccountIndex: f.account.Index, Slot: f.app.Slot,
		Bounds: f.app.bounds(), Wake: f.app.polled.wake,
	})
}

// updated applies new settings.
func (l *latest) updated(f *feed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cursor != nil {
		l.configure(f)
	}
}

// close ends the queue; what waits in it stays in the journal unless forget is set.
func (l *latest) close(f *feed, forget bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.away != nil {
		l.away.Stop()
	}
	if l.cursor != nil && forget {
		f.app.Journal.CloseCursor(l.cursor)
		l.cursor = nil
	}
}

// describe adds what waits to the app's status.
func (l *latest) describe(st *Status) {
	l.mu.Lock()
	cursor := l.cursor
	l.mu.Unlock()
	if cursor == nil {
		return
	}
	more := cursor.Stats()
	st.Subscribed = true
	st.Cursor.Backlog += more.Backlog
	st.Cursor.Unread += more.Unread
	st.Cursor.Dropped += more.Dropped
	st.Cursor.Skipped += more.Skipped
	st.Cursor.Repeated += more.Repeated
}

// ResumePolls opens the queue of get_latest_events that the app had at the last start, and reports whether the app still
// serves that account.
func (a *App) ResumePolls(account string) bool {
	f := a.feed(account)
	if f == nil || !a.speaksTwelve() {
		return false
	}
	f.latest.open(f)
	return true
}

// polled tells those who wait in get_latest_events that there is something new.
type polled struct {
	mu   sync.Mutex
	news chan struct{} // nil while nobody waits
}

func (p *polled) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.news != nil {
		close(p.news)
		p.news = nil
	}
}

// next is closed at the next event.
func (p *polled) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.news == nil {
		p.news = make(chan struct{})
	}
	return p.news
}

// given are the events of one account in an answer.
type given struct {
	latest *latest
	cursor *store.Cursor
	last   uint64
}

// numbered is an event of an answer.
type numbered struct {
	seq   uint64
	event []byte
}

// latest answers get_latest_events: what came since the last call, oldest first. It is taken back when the answer does not
// go out.
func (c *httpTwelve) latest(r *demand, feeds []*feed) {
	limit := maxLatest
	if n := r.plan.Latest.Limit; n > 0 {
		limit = int(min(n, maxLatest))
	}
	patience := time.NewTimer(min(r.plan.Latest.Timeout, maxLatestWait))
	defer patience.Stop()
	for {
		news := c.app.polled.next()
		late := false
		events, from := c.d.collect(feeds, limit)
		if len(events) == 0 {
			settle(from, true)
			select {
			case <-news:
				continue
			case <-patience.C:
			case <-c.gateway.closing:
			case <-c.knock.Context().Done():
			}
			late = true
		}
		r.reply = func(frame []byte, _ bool) {
			out := c.knock.Context().Err() == nil && c.write(frame) // the socket takes what nobody is there to read, too
			if !late {
				settle(from, out)
			}
		}
		r.ok(onebot12.AppendEvents(nil, events))
		return
	}
}

// collect reads the next events of some accounts. Settle must be called: until then nobody else reads.
func (d *twelve) collect(feeds []*feed, limit int) (events [][]byte, from []given) {
	var found []numbered
	var scratch eventReader
	size := 0
	// In one order, whoever asks: two of them may hold the locks of several accounts.
	feeds = slices.SortedFunc(slices.Values(feeds), func(x, y *feed) int { return cmp.Compare(x.account.Index, y.account.Index) })
	for _, f := range feeds {
		cursor := f.latest.open(f)
		if cursor == nil || d.app.paused.Load() {
			continue
		}
		f.latest.reading.Lock()
		g := given{latest: &f.latest, cursor: cursor}
		for len(found) < limit && size < maxLatestSize {
			batch := cursor.Next(nil, limit-len(found), int64(maxLatestSize-size))
			if len(batch) == 0 {
				break
			}
			for _, e := range batch {
				g.last = e.Seq
				if event := d.event(f, e, &scratch); event != nil {
					found = append(found, numbered{e.Seq, event})
					size += len(event)
				}
			}
		}
		from = append(from, g)
	}
	slices.SortStableFunc(found, func(x, y numbered) int { return cmp.Compare(x.seq, y.seq) })
	for _, n := range found {
		events = append(events, n.event)
	}
	return events, from
}

// settle says whether what was collected has gone out.
func settle(from []given, out bool) {
	for _, g := range from {
		if out && g.last != 0 {
			g.cursor.Ack(g.last)
		} else if !out {
			g.cursor.Rewind()
		}
		g.latest.reading.Unlock()
	}
}
