package simulator

import (
	"bufio"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Bounds of one connection. NapCat's own queue has none; here whoever emits waits instead, so nothing is lost and
// nothing grows. One frame always fits.
const (
	queueFrames = 4096
	queueBytes  = 8 << 20
	// callSlots is how many calls of one adapter may run at once; further frames wait in the socket.
	callSlots = 1024
)

// closeGrace is how long a connection that is being closed may take to say goodbye.
const closeGrace = time.Second

// batchBytes is what one socket write carries at most, unless a single frame is larger.
const batchBytes = 64 << 10

// session is one WebSocket connection.
type session struct {
	conn   net.Conn // the cable, or TLS over it
	cable  *cable
	in     frames
	client bool // this end dialled
	events bool // false on /api
	others bool // no message_sent: an httpServers entry has no reportSelfMessage (reference 2.2)

	mu       sync.Mutex
	queue    [][]byte
	bytes    int
	pong     []byte // answer to the newest ping, not yet written
	ponging  bool
	farewell []byte // payload of the close frame to send
	closing  bool   // nothing but what is queued and the close frame goes out
	closed   bool
	room     bell
	wake     chan struct{}
	done     chan struct{}
}

func newSession(conn net.Conn, c *cable, r *bufio.Reader, client bool) *session {
	s := &session{conn: conn, cable: c, client: client, events: true, wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.in = frames{r: r, client: client, pinged: s.ping}
	return s
}

// push queues a frame and waits for room. False when the connection has gone.
func (s *session) push(frame []byte) bool {
	for {
		room := s.room.listen()
		s.mu.Lock()
		if s.closed || s.closing {
			s.mu.Unlock()
			return false
		}
		if len(s.queue) == 0 || len(s.queue) < queueFrames && s.bytes+len(frame) <= queueBytes {
			s.queue = append(s.queue, frame)
			s.bytes += len(frame)
			s.mu.Unlock()
			s.nudge()
			return true
		}
		s.mu.Unlock()
		select {
		case <-room:
		case <-s.done:
			return false
		}
	}
}

func (s *session) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// ping is answered by the writer. Only the newest of several needs an answer (RFC 6455, section 5.5.3).
func (s *session) ping(payload []byte) {
	s.mu.Lock()
	s.pong, s.ponging = payload, true
	s.mu.Unlock()
	s.nudge()
}

// bye starts the end: what is queued goes out, then a close frame, then the peer's answer is awaited, all within
// closeGrace. A nil payload is a close without a code, as NapCat closes.
func (s *session) bye(payload []byte) {
	s.mu.Lock()
	if s.closed || s.closing {
		s.mu.Unlock()
		return
	}
	s.closing, s.farewell = true, payload
	s.mu.Unlock()
	_ = s.cable.SetDeadline(time.Now().Add(closeGrace)) // a socket that cannot have one is dead already
	s.cable.stall(false)                                // a clamped reader would not see the deadline
	s.room.ring()
	s.nudge()
}

// end makes everybody who waits for this connection give up.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.queue, s.bytes = nil, 0
	close(s.done)
}

// take moves what is next to be written into dst. last: the close frame is in it.
func (s *session) take(dst []byte, key func() uint32) (out []byte, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ponging {
		dst = appendFrame(dst, opPong, s.pong, s.client, key())
		s.pong, s.ponging = nil, false
	}
	taken := 0
	for taken < len(s.queue) && (len(dst) == 0 || len(dst)+len(s.queue[taken]) <= batchBytes) {
		frame := s.queue[taken]
		dst = appendFrame(dst, opText, frame, s.client, key())
		s.queue[taken] = nil
		s.bytes -= len(frame)
		taken++
	}
	s.queue = s.queue[taken:]
	if len(s.queue) == 0 {
		s.queue = nil
		if s.closing {
			return appendFrame(dst, opClose, s.farewell, s.client, key()), true
		}
	}
	return dst, false
}

// write is the writer goroutine. It ends with the connection or after the close frame.
func (s *session) write() {
	var buf []byte
	key := rand.Uint32
	for {
		var last bool
		buf, last = s.take(buf[:0], key)
		if len(buf) == 0 {
			select {
			case <-s.wake:
				continue
			case <-s.done:
				return
			}
		}
		s.room.ring()
		if _, err := s.conn.Write(buf); err != nil {
			_ = s.cable.Close() // the reader finds out
			return
		}
		if last {
			return
		}
		if cap(buf) > 2*batchBytes {
			buf = nil
		}
	}
}

// serve reads until the connection ends and says why. frame gets each message in order; a false ends the connection.
func (s *session) serve(ctx context.Context, frame func([]byte) bool) error {
	stop := context.AfterFunc(ctx, func() { s.bye(nil) })
	defer stop()
	var writer sync.WaitGroup
	writer.Go(s.write)
	err := s.read(frame)
	if payload, send := goodbye(err); send {
		s.bye(payload)
		writer.Wait() // the deadline bounds it
	}
	s.end()
	_ = s.cable.Close()
	writer.Wait()
	return err
}

func (s *session) read(frame func([]byte) bool) error {
	for {
		message, err := s.in.next()
		if err != nil {
			return err
		}
		if !frame(message) {
			return errGone
		}
	}
}

// run serves a session until it ends: lifecycle first, then everything else.
func (a *adapter) run(ctx context.Context, s *session) error {
	n := a.nap
	if s.events {
		s.push(n.lifecycle())
	}
	if !n.attach(a, s) {
		s.end()
		_ = s.cable.Close()
		return errGone
	}
	err := s.serve(ctx, func(message []byte) bool { return a.receive(ctx, s, message) })
	n.detach(a, s)
	return err
}

// errGone ends the reader of a connection that nobody serves any more.
var errGone = errors.New("simulator: connection is gone")

// adapter is one entry of NapCat's network configuration: a WebSocket client or a WebSocket server.
type adapter struct {
	nap    *NapCat
	server bool
	calls  sync.WaitGroup
	slots  chan struct{}

	mu      sync.Mutex
	current *session // client only: where answers go
	arrived bell
	closed  bool
}

func newAdapter(n *NapCat, server bool) *adapter {
	return &adapter{nap: n, server: server, slots: make(chan struct{}, callSlots)}
}

// receive starts one call. Calls run concurrently and answers come in any order (reference 3.1). False when the
// connection ends while it waits for a slot.
func (a *adapter) receive(ctx context.Context, s *session, message []byte) bool {
	select {
	case a.slots <- struct{}{}:
	case <-s.done:
		return false
	case <-ctx.Done():
		return false
	}
	a.calls.Go(func() {
		defer func() { <-a.slots }()
		a.handle(ctx, s, message)
	})
	return true
}

// target is where the answer to a call of session s goes now: a server answers the socket that asked, a client writes
// to whatever connection is current (reference 2.5).
func (a *adapter) target(s *session) *session {
	if a.server {
		return s
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current
}

// next waits for a connection other than s.
func (a *adapter) next(ctx context.Context, s *session) *session {
	for {
		arrived := a.arrived.listen()
		if t := a.target(s); t != nil && t != s {
			return t
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil
		}
	}
}

// attach makes a session take part. False when the adapter is shutting down.
func (n *NapCat) attach(a *adapter, s *session) bool {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return false
	}
	a.current = s
	a.mu.Unlock()
	n.linkMu.Lock()
	n.sessions[s] = struct{}{}
	if n.faults.stall {
		s.cable.stall(true)
	}
	n.linkMu.Unlock()
	n.links.Add(1)
	a.arrived.ring()
	n.changed.ring()
	return true
}

func (n *NapCat) detach(a *adapter, s *session) {
	a.mu.Lock()
	if a.current == s {
		a.current = nil
	}
	a.mu.Unlock()
	n.linkMu.Lock()
	delete(n.sessions, s)
	n.linkMu.Unlock()
	n.changed.ring()
}

// eventSessions is who gets events now. The caller holds linkMu.
func (n *NapCat) eventSessions() []*session {
	out := make([]*session, 0, len(n.sessions))
	for s := range n.sessions {
		if s.events {
			out = append(out, s)
		}
	}
	return out
}

// Connected is the number of event connections that are up now. An HTTP client counts whenever it is enabled.
func (n *NapCat) Connected() int {
	n.linkMu.Lock()
	defer n.linkMu.Unlock()
	return len(n.eventSessions()) + len(n.outlets)
}

// Links is the number of connections made since New, of every kind.
func (n *NapCat) Links() int64 { return n.links.Load() }

// WaitConnected waits until at least one event connection is up.
func (n *NapCat) WaitConnected(ctx context.Context) error {
	return n.until(ctx, func() bool { return n.Connected() > 0 })
}

// WaitLinks waits until that many connections have been made since New; after Drop, WaitLinks(ctx, n.Links()+1) is the
// next one.
func (n *NapCat) WaitLinks(ctx context.Context, count int64) error {
	return n.until(ctx, func() bool { return n.Links() >= count })
}

// WaitDisconnected waits until no event connection is up.
func (n *NapCat) WaitDisconnected(ctx context.Context) error {
	return n.until(ctx, func() bool { return n.Connected() == 0 })
}

func (n *NapCat) until(ctx context.Context, ok func() bool) error {
	for {
		changed := n.changed.listen()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
