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
	self    uint64        // whom the connection was opened for; 0 until the greeting tells the app

	pulse    pulse
	beat     atomic.Bool // a heartbeat is due
	standing atomic.Bool // so is what says how the account is
	batch    []*store.Event
	scratch  eventReader // the writer's
	last     uint64      // sequence number of the newest event in the last batch; the writer's
	acks     *acker      // nil for ack: written; the writer's

	proof atomic.Pointer[acker] // the same for the reader

	warned bool // an action was too large; the reader's

	mu        sync.Mutex
	greeted   bool          // the greeting is in the writer's batch; only the writer sets it
	held      []answerFrame // answers that wait for it
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

// fill adds what the app should receive next: the greeting first of all, heartbeats, then events in order.
func (s *session) fill(b *link.Batch) {
	if !s.greeted && !s.greet(b) {
		return
	}
	beat, standing := s.beat.Swap(false), s.standing.Swap(false)
	if self := s.feed.account.Self(); (beat || standing) && self != 0 && self != s.self {
		s.conn.Close(link.CloseRestart, "the account has another QQ number now")
		return
	}
	if beat && s.feed.app.settings().Heartbeat > 0 {
		b.Add(s.feed.app.speech.heartbeat(s.feed, s.self))
	}
	if standing {
		if frame := s.feed.app.speech.standing(s.feed, s.self); frame != nil {
			b.Add(frame)
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
		shown := false
		for _, e := range s.batch {
			if frame := s.event(e); frame != nil {
				b.Add(frame)
				shown = true
			}
			s.last = e.Seq
			if s.acks != nil {
				s.acks.took(e.Seq, len(e.Raw))
			}
		}
		if len(s.batch) > 0 && !shown {
			defer s.passed()
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

// passed acknowledges events of which the app gets nothing, where that is not left to a ping, and goes on with the next.
func (s *session) passed() {
	s.written()
	s.conn.Wake()
}

// greet adds the greeting, then the answers that had to wait for it. It needs the account's self id.
func (s *session) greet(b *link.Batch) bool {
	if s.self == 0 {
		s.self = s.feed.account.Self()
	}
	if s.self == 0 {
		return false
	}
	s.standing.Store(false)
	frames, beat := s.feed.app.speech.greeting(s.feed, s.self)
	for _, frame := range frames {
		b.Add(frame)
	}
	if s.acks != nil {
		if ping, due := s.acks.first(); due {
			b.AddPing(ping[:])
		}
	}
	s.mu.Lock()
	s.greeted = true
	for _, answer := range s.held {
		if answer.binary {
			b.AddBinary(answer.frame)
		} else {
			b.Add(answer.frame)
		}
	}
	s.held = nil
	s.mu.Unlock()
	if beat {
		s.beat.Store(true)
	}
	return true
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

// event is the event as the app reads it, nil for nothing. The scratch is the writer's.
func (s *session) event(e *store.Event) []byte {
	return s.feed.app.speech.event(s.feed, e, &s.scratch)
}

// frame takes one action of the app.
func (s *session) frame(data []byte) error {
	if acks := s.proof.Load(); acks != nil {
		acks.alive()
	}
	s.feed.app.speech.take(s.caller(), data)
	return nil
}

func (s *session) caller() caller { return caller{feed: s.feed, all: s.unnamed, reply: s.reply} }

// answerFrame is an answer to an action, as it goes out.
type answerFrame struct {
	frame  []byte
	binary bool
}

// reply queues an answer. An app that does not read its answers is cut: keeping them would cost memory
// without a bound.
func (s *session) reply(frame []byte, binary bool) {
	held, err := s.hold(frame, binary)
	switch {
	case held:
	case binary:
		err = s.conn.SendBinary(frame)
	default:
		err = s.conn.Send(frame)
	}
	if errors.Is(err, link.ErrFull) {
		s.conn.Close(link.ClosePolicy, "answers are not read")
	}
}

// hold keeps an answer back until the greeting is out, within the bounds of the link's own queue.
func (s *session) hold(frame []byte, binary bool) (held bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.events || s.greeted {
		return false, nil
	}
	o := s.feed.app.linkOptions()
	if len(s.held) >= o.OutSlots || int64(s.heldBytes+len(frame)) > o.OutBytes {
		return true, link.ErrFull
	}
	s.held = append(s.held, answerFrame{frame, binary})
	s.heldBytes += len(frame)
	return true, nil
}
