package apps

import (
	"net/http"
	"time"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/store"
)

// An event that the app itself has answered with an error so many times, over so long, is let pass by newer ones.
const (
	postTries   = 5
	postTrouble = 60 * time.Second
)

// failing is the head of the queue and how often the app has answered it with an error.
type failing struct {
	seq   uint64
	tries int
	since time.Time
}

// lateEvent is one that was set aside: it is tried again in between, until it is taken, refused for good, or too old.
type lateEvent struct {
	event   *store.Event
	at      time.Time // of the next try
	backoff link.Backoff
}

// stumbles reports whether a status is the app's own answer that this event went wrong. The others of 5xx mostly come from
// a proxy before an app that is away, or say that it is busy.
func stumbles(status int) bool {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	return status/100 == 5
}

// setAside counts an answer that does not take the event, and reports whether newer ones may pass by it now.
func (p *poster) setAside(cursor *store.Cursor, e *store.Event, a answer) bool {
	f := p.feed
	if !stumbles(a.status) {
		p.failing = failing{}
		return false
	}
	now := f.app.Now()
	if p.failing.seq != e.Seq {
		p.failing = failing{seq: e.Seq, since: now}
	}
	if p.failing.tries++; p.failing.tries < postTries || now.Sub(p.failing.since) < f.app.trouble || !cursor.SetAside(e.Seq) {
		return false
	}
	f.app.Log.Warn("the app answers an event with errors: newer events pass by it, and it is tried again in between",
		"app", f.app.Name(), "account", f.account.Name, "kind", e.Class.String(), "seq", e.Seq, "status", a.status)
	late := &lateEvent{event: e, backoff: p.backoff}
	late.at = now.Add(late.backoff.Next())
	p.late = append(p.late, late)
	p.count()
	return true
}

// retry tries one event that was set aside, if that is due, and reports whether it did.
func (p *poster) retry(cursor *store.Cursor) bool {
	f := p.feed
	var soonest time.Duration
	for i, late := range p.late {
		if !cursor.Aside(late.event.Seq) { // too old, or out of bounds: the cursor has counted it
			p.settle(i)
			return true
		}
		if wait := late.at.Sub(f.app.Now()); wait > 0 {
			if soonest == 0 || wait < soonest {
				soonest = wait
			}
			continue
		}
		a := p.post(late.event)
		switch {
		case a.err != nil:
			p.remember(a.err)
		case a.status/100 == 2:
			cursor.AckAside(late.event.Seq)
			p.settle(i)
			p.succeeded()
			p.quick(late.event, a)
			return true
		case final(a.status):
			cursor.AckAside(late.event.Seq)
			p.settle(i)
			p.skip(a.refusal(f.app.settings()))
			return true
		default:
			p.remember(a.refusal(f.app.settings()))
		}
		late.at = f.app.Now().Add(max(late.backoff.Next(), min(a.after, f.app.settings().Reconnect.MaxDelay)))
		return true
	}
	if soonest > 0 {
		if p.again == nil {
			p.again = time.AfterFunc(soonest, p.wake)
		} else {
			p.again.Reset(soonest)
		}
	}
	return false
}

// settle ends the tries of an event.
func (p *poster) settle(i int) {
	p.late = append(p.late[:i:i], p.late[i+1:]...)
	p.count()
}

// count tells status how many events are set aside.
func (p *poster) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lates = len(p.late)
}

// rejoin puts what was set aside back into the queue, for whoever reads it next.
func (p *poster) rejoin() {
	if p.again != nil {
		p.again.Stop()
	}
	p.late = nil
	p.count()
	if cursor := p.feed.reading(); cursor != nil {
		cursor.Rejoin()
	}
}
