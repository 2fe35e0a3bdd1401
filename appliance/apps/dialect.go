package apps

import (
	"net/http"

	"github.com/catflap/catflap/store"
)

// dialect is what an app and catflap say to each other: OneBot 11 or OneBot 12. Queues, links, acknowledgement and all
// that the router does are the same for both. The methods may be called from any goroutine; event by one at a time for
// each feed.
type dialect interface {
	// dialHeader is what a reverse WebSocket presents to the app, postHeader what each post does.
	dialHeader(self uint64) http.Header
	postHeader(self uint64) http.Header
	// greeting are the frames that come first on an event connection, before any answer. Beat says that a heartbeat
	// follows at once.
	greeting(f *feed, self uint64) (frames [][]byte, beat bool)
	// arrival is what is posted first, and again when the app was away for too long; departure is posted last, nil for
	// nothing.
	arrival(f *feed, self uint64) []byte
	departure(self uint64) []byte
	// heartbeat is one; it is asked for only while heartbeats are on.
	heartbeat(f *feed, self uint64) []byte
	// standing is what says how the account is; see feed.tellStanding. Nil for nothing.
	standing(f *feed, self uint64) []byte
	// healthChanged is told that the account's link or health is another.
	healthChanged(f *feed)
	// event gives an event of the journal the form that the app reads, nil if it is none of the app's business. It may
	// keep what it needs of a reader in r.
	event(f *feed, e *store.Event, r *eventReader) []byte
	// take takes one frame of the app's WebSocket.
	take(from caller, frame []byte)
	// oversize refuses a frame of which only the ends were kept.
	oversize(from caller, head, tail []byte, size uint64)
	// answered takes the body of the app's answer to a post.
	answered(p *poster, e *store.Event, a answer)
}

// caller is who sent an action, and the way back to him.
type caller struct {
	feed  *feed
	all   bool                            // the action may be for any account of the app's
	reply func(frame []byte, binary bool) // owns the bytes; never blocks
}

// account is the one that the caller's actions are for, "" if each has to name one.
func (c *caller) account() string {
	if c.all {
		return ""
	}
	return c.feed.account.Name
}

// speaksTwelve reports whether the app speaks OneBot 12.
func (a *App) speaksTwelve() bool { return a.Config.Protocol == "onebot12" }

// speak is the dialect of an app's protocol.
func (a *App) speak() dialect {
	if a.speaksTwelve() {
		return newTwelve(a)
	}
	return eleven{a}
}
