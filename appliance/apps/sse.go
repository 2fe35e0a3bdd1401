package apps

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/link"
)

const (
	// keepAlive is how long a stream may be silent before a comment goes out: proxies cut what is idle, and a peer that
	// has gone is noticed only by writing to it.
	keepAlive = 15 * time.Second
	// streamTimeout is how long a peer may take to read what was written.
	streamTimeout = 10 * time.Second
	// streamRetry is what a browser's EventSource waits before it comes back.
	streamRetry = 3 * time.Second
)

// streamPace is keepAlive and streamTimeout, shorter in tests.
type streamPace struct{ keepAlive, timeout time.Duration }

var errStreamGone = errors.New("the app closed its event stream")

// stream serves an app's events as server-sent events. It is an event connection like a WebSocket: it takes a seat, it
// takes over from the elder connection, and what the app's cursor holds comes first. Each event has its sequence number
// as id; what has been written counts as delivered, and Last-Event-ID takes that back as far as the events are kept.
func (g *Gateway) stream(k *gate.Knock, app *App, where place) {
	if !allows(k, http.MethodGet) {
		return
	}
	f, refusal := app.choose(where.account)
	if refusal != nil {
		k.Refuse(refusal)
		return
	}
	if !g.enter() {
		http.Error(k.Plain(), closing, http.StatusServiceUnavailable)
		return
	}
	defer g.plain.Done()
	seat, refusal := g.seat(f, true)
	if refusal != nil {
		k.Refuse(refusal)
		return
	}
	defer k.Hold()()
	st := &stream{
		knock: k, control: http.NewResponseController(k.Plain()), closing: g.closing, pace: g.pace,
		wake: make(chan struct{}, 1), over: make(chan struct{}),
	}
	s := &session{feed: f, out: st, run: st.run, events: true, done: make(chan struct{}), alone: seat.settle, resume: lastEventID(k.Request)}
	s.pulse.beat = s.beatNow
	st.session = s
	ended := make(chan struct{})
	if !f.spawn(func() {
		defer close(ended)
		_ = f.serve(s)
	}) {
		seat.leave()
		http.Error(k.Plain(), closing, http.StatusServiceUnavailable)
		return
	}
	<-ended
	seat.leave()
}

// lastEventID is the number of the newest event that the peer has, 0 if it says none. Browsers cannot set the header on a
// first connection, so the query may say it, too.
func lastEventID(r *http.Request) uint64 {
	query := r.URL.Query()
	for _, text := range []string{r.Header.Get("Last-Event-ID"), query.Get("last_event_id"), query.Get("lastEventId")} {
		if seq, err := strconv.ParseUint(text, 10, 64); err == nil {
			return seq
		}
	}
	return 0
}

// stream is the outlet of a session that is no WebSocket: the body of an HTTP answer that does not end.
type stream struct {
	session *session
	knock   *gate.Knock
	control *http.ResponseController
	closing <-chan struct{} // the gateway ends
	pace    streamPace

	wake chan struct{} // one slot: there is something to send
	over chan struct{} // closed by Close

	out  *bufio.Writer
	line []byte // scratch

	mu    sync.Mutex
	cause *link.CloseError // set by Close
}

// Wake asks for a look at what is to be sent.
func (s *stream) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Close starts the end of the stream; a write that does not end by itself is cut off after a second. There is no close
// code on this wire: code and reason are for the log.
func (s *stream) Close(code uint16, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return
	}
	s.cause = &link.CloseError{Code: code, Reason: reason}
	close(s.over)
	_ = s.control.SetWriteDeadline(time.Now().Add(closeGrace))
}

// RemoteAddr is the peer's address and port.
func (s *stream) RemoteAddr() string { return s.knock.RemoteAddr }

// closed returns what Close was told, nil before.
func (s *stream) closed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil {
		return nil
	}
	return s.cause
}

// run writes the stream to its end.
func (s *stream) run(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &link.PanicError{Value: v, Stack: debug.Stack()}
		}
		s.Close(link.CloseNormal, "") // nobody may touch the deadline after the answer has ended
	}()
	h := s.knock.Plain().Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events back
	s.out = bufio.NewWriterSize(s.knock.Plain(), 16<<10)
	fmt.Fprintf(s.out, "retry: %d\n\n", streamRetry.Milliseconds())
	if err := s.flush(0); err != nil {
		return err
	}
	s.session.pulse.set(s.session.feed.app.settings().Heartbeat)
	defer s.session.pulse.stop()
	idle := time.NewTimer(s.pace.keepAlive)
	defer idle.Stop()
	for {
		wrote, err := s.fill()
		if err != nil {
			return err
		}
		if wrote {
			idle.Reset(s.pace.keepAlive)
		}
		select {
		case <-s.over:
			return s.closed()
		case <-s.closing:
			return &link.CloseError{Code: link.CloseRestart, Reason: closing}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.knock.Context().Done():
			return errStreamGone
		default:
		}
		if wrote {
			continue // there may be more
		}
		select {
		case <-s.wake:
		case <-idle.C:
			_, _ = s.out.WriteString(":\n\n")
			if err := s.flush(0); err != nil {
				return err
			}
			idle.Reset(s.pace.keepAlive)
		case <-s.over:
		case <-s.closing:
		case <-ctx.Done():
		case <-s.knock.Context().Done():
		}
	}
}

// fill writes what the app should receive next: lifecycle first of all, heartbeats, then events in order.
func (s *stream) fill() (wrote bool, err error) {
	x := s.session
	app := x.feed.app
	if !x.greeted {
		if x.self = x.feed.account.Self(); x.self == 0 {
			return false, nil
		}
		x.greeted = true
		frames, _ := app.speech.greeting(x.feed, x.self)
		for _, frame := range frames {
			s.event(0, frame)
		}
		wrote = true
	}
	if x.beat.Swap(false) {
		if self := x.feed.account.Self(); self != 0 && self != x.self {
			s.Close(link.CloseRestart, "the account has another QQ number now")
			return false, nil
		}
		if app.settings().Heartbeat > 0 {
			s.event(0, app.speech.heartbeat(x.feed, x.self))
			wrote = true
		}
	}
	size := 0
	if !app.paused.Load() {
		x.batch = x.cursor.Next(x.batch[:0], batchEvents, batchBytes)
		for _, e := range x.batch {
			size += len(e.Raw)
		}
		s.mayWrite(size)
		for _, e := range x.batch {
			if frame := x.event(e); frame != nil {
				s.event(e.Seq, frame)
			}
			x.last, wrote = e.Seq, true
		}
		clear(x.batch)
	}
	if !wrote {
		return false, nil
	}
	if err := s.flush(size); err != nil {
		return false, err
	}
	if x.last != 0 {
		x.cursor.Ack(x.last)
	}
	return true, nil
}

// event puts one event into the buffer, with its number as id; 0 is none, so that a meta event does not move the place
// from where the peer goes on. Line breaks stand between JSON's tokens only, and would end the field.
func (s *stream) event(seq uint64, raw []byte) {
	s.line = s.line[:0]
	if seq != 0 {
		s.line = append(strconv.AppendUint(append(s.line, "id: "...), seq, 10), '\n')
	}
	s.line = append(s.line, "data: "...)
	_, _ = s.out.Write(s.line) // the buffer keeps the error for flush
	for len(raw) > 0 {
		i := bytes.IndexAny(raw, "\r\n")
		if i < 0 {
			i = len(raw)
		}
		_, _ = s.out.Write(raw[:i])
		if raw = raw[i:]; len(raw) > 0 {
			raw = raw[1:]
			_ = s.out.WriteByte(' ')
		}
	}
	_, _ = s.out.WriteString("\n\n")
}

// mayWrite gives the peer time to read n bytes, unless the stream is being closed.
func (s *stream) mayWrite(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil {
		_ = s.control.SetWriteDeadline(time.Now().Add(s.pace.timeout + inTime(n)))
	}
}

// flush hands what is in the buffer to the kernel.
func (s *stream) flush(n int) error {
	s.mayWrite(n)
	err := s.out.Flush()
	if err == nil {
		err = s.control.Flush()
	}
	switch why := s.closed(); {
	case err == nil:
		return nil
	case why != nil:
		return why
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &link.CloseError{Code: link.CloseAbnormal, Err: link.ErrStalled}
	}
	return errStreamGone
}
