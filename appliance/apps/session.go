package apps

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/store"
)

// How much one socket write carries at most; more only delays what comes behind.
const (
	batchEvents = 64
	batchBytes  = 64 << 10
)

// outlet is what a feed needs of a connection, whatever carries it.
type outlet interface {
	Wake()                            // there is something to send
	Close(code uint16, reason string) // starts the end and returns at once
	RemoteAddr() string
}

// session is one connection of an app: it carries events of one account, calls, or both. A WebSocket unless run and out
// are another's.
type session struct {
	feed    *feed
	out     outlet
	run     func(context.Context) error // serves the connection to its end
	conn    *link.Conn                  // the WebSocket, else nil
	events  bool
	unnamed bool          // its actions name their account themselves: /api of an app with several
	cursor  *store.Cursor // nil unless events
	done    chan struct{} // closed when an event session has ended
	alone   func()        // called when the elder event connection has ended; may be nil
	resume  uint64        // the peer has everything up to here, as it says itself; 0 = it says nothing
	self    uint64        // whom the connection was opened for; 0 until lifecycle tells the app

	pulse pulse
	beat  atomic.Bool // a heartbeat is due
	meta  []byte      // scratch for meta events; the writer's
	batch []*store.Event
	head  onebot.Head // scratch for form; the writer's
	last  uint64      // sequence number of the newest event in the last batch; the writer's
	acks  *acker      // nil for ack: written; the writer's

	proof atomic.Pointer[acker] // the same for the reader

	warned bool // an action was too large; the reader's

	mu        sync.Mutex
	greeted   bool     // lifecycle is in the writer's batch; only the writer sets it
	held      [][]byte // answers that wait for lifecycle
	heldBytes int
	waker     *time.Timer // for a ping that is due later
	ended     bool
}

func newSession(f *feed, conn *link.Conn, events bool) *session {
	s := &session{feed: f, out: conn, conn: conn, events: events, done: make(chan struct{})}
	s.run, s.pulse.beat = s.serve, s.beatNow
	return s
}

// serve serves a WebSocket to its end.
func (s *session) serve(ctx context.Context) error {
	h := link.Handler{Frame: s.frame, Oversize: s.oversize}
	if s.events {
		h.Fill, h.Written, h.Pong = s.fill, s.written, s.pong
		if s.feed.app.settings().Ack != "written" {
			s.acks = newAcker(s.feed.app.Now, &s.feed.pongs, s.wakeLater)
			s.acks.careful = s.cursor.SuspectUpTo()
			defer s.stopWaking()
			s.proof.Store(s.acks)
		}
		s.pulse.set(s.feed.app.settings().Heartbeat)
		defer s.pulse.stop()
		s.conn.Wake()
	}
	return s.conn.Serve(ctx, h)
}

// wakeLater wakes the writer after a while.
func (s *session) wakeLater(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
	case s.waker == nil:
		s.waker = time.AfterFunc(d, s.conn.Wake)
	default:
		s.waker.Reset(d)
	}
}

func (s *session) stopWaking() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.waker != nil {
		s.waker.Stop()
	}
}

// beatNow lets the writer send a heartbeat next.
func (s *session) beatNow() {
	s.beat.Store(true)
	s.out.Wake()
}

// fill adds what the app should receive next: lifecycle first of all, heartbeats, then events in order.
func (s *session) fill(b *link.Batch) {
	if !s.greeted && !s.greet(b) {
		return
	}
	if s.beat.Swap(false) {
		if self := s.feed.account.Self(); self != 0 && self != s.self {
			s.conn.Close(link.CloseRestart, "the account has another QQ number now")
			return
		}
		if s.feed.app.settings().Heartbeat > 0 {
			b.Add(s.heartbeat())
		}
	}
	if s.feed.app.paused.Load() {
		return
	}
	room := load{batchEvents, batchBytes}
	if s.acks != nil {
		room = s.acks.room()
	}
	if room.events > 0 {
		s.batch = s.cursor.Next(s.batch[:0], room.events, room.bytes)
		for _, e := range s.batch {
			b.Add(s.form(e))
			s.last = e.Seq
			if s.acks != nil {
				s.acks.took(e.Seq, len(e.Raw))
			}
		}
		clear(s.batch)
	}
	if s.acks == nil {
		return
	}
	if ping, due := s.acks.next(); due {
		b.AddPing(ping[:])
	}
}

// greet adds lifecycle connect, then the answers that had to wait for it: some frameworks take the first frame
// for their handshake, whatever it is. It needs the account's self id.
func (s *session) greet(b *link.Batch) bool {
	if s.self == 0 {
		s.self = s.feed.account.Self()
	}
	if s.self == 0 {
		return false
	}
	s.meta = onebot.AppendLifecycle(s.meta[:0], s.self, s.feed.app.Now().Unix(), "connect")
	b.Add(s.meta)
	if s.acks != nil {
		if ping, due := s.acks.first(); due {
			b.AddPing(ping[:])
		}
	}
	s.mu.Lock()
	s.greeted = true
	for _, answer := range s.held {
		b.Add(answer)
	}
	s.held = nil
	s.mu.Unlock()
	if h := s.feed.account.Health(); !h.Linked || !h.Online {
		s.beat.Store(true)
	}
	return true
}

// heartbeat returns one; the bytes are scratch.
func (s *session) heartbeat() []byte {
	h := s.feed.account.Health()
	online := h.Linked && h.Online
	s.meta = onebot.AppendHeartbeat(s.meta[:0], s.self, s.feed.app.Now().Unix(), &online, h.Linked, s.feed.app.settings().Heartbeat.Milliseconds())
	return s.meta
}

// written is called when the frames of the last fill are in the kernel. It is proof enough only where pings are not to
// be had.
func (s *session) written() {
	if s.acks != nil && s.acks.silent() {
		s.feed.app.Log.Warn("the app does not answer pings: what is written to it counts as delivered (ack: written)", "app", s.feed.app.Name(), "account", s.feed.account.Name)
	}
	if s.last != 0 && (s.acks == nil || s.acks.wrote(s.last)) {
		s.cursor.Ack(s.last)
	}
}

// pong moves the cursor: the app's WebSocket has read up to there.
func (s *session) pong(payload []byte) {
	acks := s.proof.Load()
	if acks == nil {
		return
	}
	seq, news := acks.pong(payload)
	if news {
		s.feed.app.Log.Info("the app answers pings again (ack: ping)", "app", s.feed.app.Name(), "account", s.feed.account.Name)
	}
	if seq != 0 {
		s.cursor.Ack(seq)
	}
	if acks.more() {
		s.conn.Wake()
	}
}

// form is feed.form with the writer's scratch.
func (s *session) form(e *store.Event) []byte { return s.feed.form(e, &s.head) }

// form gives the event's bytes in the form that the app asked for: the bytes themselves unless it wants CQ strings, or
// media at their own addresses. The journal holds messages as arrays, with the addresses of catflap's media. The head is
// scratch.
func (f *feed) form(e *store.Event, head *onebot.Head) []byte {
	app := f.app.settings()
	asString := app.MessageFormat == "string"
	if e.Class != store.ClassMessage || !asString && app.RewriteMedia {
		return e.Raw
	}
	out := e.Raw
	err := onebot.PeekHead(out, head)
	if err == nil && !app.RewriteMedia {
		if out = onebot.RestoreMedia(e.Raw, head); len(out) != len(e.Raw) {
			err = onebot.PeekHead(out, head)
		}
	}
	if err == nil && asString {
		out, err = onebot.Reformat(out, head, "string")
	}
	if err == nil {
		return out
	}
	f.app.Log.Warn("an event could not be given the form that the app wants; it goes out as it was kept", "app", f.app.Name(), "seq", e.Seq, "err", err)
	return e.Raw
}

// frame takes one action of the app.
func (s *session) frame(data []byte) error {
	app := s.feed.app
	account := s.feed.account.Name
	if acks := s.proof.Load(); acks != nil {
		acks.alive()
	}
	if s.unnamed {
		account = ""
	}
	app.Action(Action{App: app.Name(), Slot: app.Slot, Account: account, Frame: data, Reply: s.reply})
	return nil
}

// reply queues an answer. An app that does not read its answers is cut: keeping them would cost memory
// without a bound.
func (s *session) reply(frame []byte) {
	held, err := s.hold(frame)
	if !held {
		err = s.conn.Send(frame)
	}
	if errors.Is(err, link.ErrFull) {
		s.conn.Close(link.ClosePolicy, "answers are not read")
	}
}

// hold keeps an answer back until lifecycle is out, within the bounds of the link's own queue.
func (s *session) hold(frame []byte) (held bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.events || s.greeted {
		return false, nil
	}
	o := s.feed.app.linkOptions()
	if len(s.held) >= o.OutSlots || int64(s.heldBytes+len(frame)) > o.OutBytes {
		return true, link.ErrFull
	}
	s.held = append(s.held, frame)
	s.heldBytes += len(frame)
	return true, nil
}
