package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/lxzan/gws"
)

// read runs gws's loop until the link ends, then waits for what is left of the peer's bytes.
func (c *Conn) read() {
	if c.options.ReadTimeout > 0 {
		c.wire.timeout = c.options.ReadTimeout
		c.wire.renew(time.Now())
	}
	if drain := c.readLoop(); drain {
		// Closing a socket with unread bytes resets it, and the reset may overtake the close frame.
		_, _ = io.Copy(io.Discard, c.wire.Conn)
	}
}

// readLoop reports whether the close frame has yet to reach a peer that may still be sending.
func (c *Conn) readLoop() (drain bool) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		// gws panics on frames that it does not check; the length is checked before, this is the second net.
		cause, code := error(fmt.Errorf("%w: %v", ErrBadFrame, v)), CloseProtocol
		if c.inHandler {
			cause, code = &PanicError{Value: v, Stack: debug.Stack()}, CloseInternal
		}
		c.finish(stateLeaving, &CloseError{Code: code, Err: cause}, closePayload(code, ""))
		drain = true
	}()
	c.ws.ReadLoop()
	return c.mustDrain()
}

func (c *Conn) mustDrain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == stateLeaving && !c.cause.Remote
}

// closed finds out why gws stopped reading.
func (c *Conn) closed(err error) {
	w := c.wire
	var remote *gws.CloseError
	switch {
	case errors.As(err, &remote):
		cause := &CloseError{Code: remote.Code, Reason: string(remote.Reason), Remote: true}
		if cause.Code == 0 {
			cause.Code = CloseNoStatus
		} else if cause.Code < 1000 {
			cause.Code = CloseProtocol
		}
		c.finish(stateLeaving, cause, w.goodbye)
	case w.err == nil: // gws refused a frame
		code := CloseProtocol
		if len(w.goodbye) >= 2 {
			code = binary.BigEndian.Uint16(w.goodbye)
		}
		c.finish(stateLeaving, &CloseError{Code: code, Err: err}, closePayload(code, ""))
	case errors.Is(w.err, errTooBig):
		c.finish(stateLeaving, &CloseError{Code: CloseTooBig, Err: w.err}, closePayload(CloseTooBig, ""))
	case errors.Is(w.err, ErrBadFrame):
		c.finish(stateLeaving, &CloseError{Code: CloseProtocol, Err: w.err}, closePayload(CloseProtocol, ""))
	case errors.Is(w.err, os.ErrDeadlineExceeded):
		c.finish(stateDead, &CloseError{Code: CloseAbnormal, Err: fmt.Errorf("%w: %w", ErrSilent, w.err)}, nil)
	default:
		c.finish(stateDead, &CloseError{Code: CloseAbnormal, Remote: true, Err: w.err}, nil)
	}
}

// events is what gws calls, on the reader.
type events struct{ conn *Conn }

// OnOpen has nothing to do.
func (e *events) OnOpen(*gws.Conn) {}

// OnClose ends the link.
func (e *events) OnClose(_ *gws.Conn, err error) { e.conn.closed(err) }

// OnPing queues the answer with the same payload, which python's websockets compares. The slice is ours.
func (e *events) OnPing(_ *gws.Conn, payload []byte) {
	c := e.conn
	c.wire.alive = true
	c.mu.Lock()
	if len(c.pongs) < maxPongs {
		c.pongs = append(c.pongs, payload)
	} else {
		c.pongs[maxPongs-1] = payload
	}
	c.mu.Unlock()
	c.nudge()
}

// OnPong hands the payload on.
func (e *events) OnPong(_ *gws.Conn, payload []byte) {
	c := e.conn
	c.wire.alive = true
	if c.handler.Pong != nil && c.reading() {
		c.inHandler = true
		c.handler.Pong(payload)
		c.inHandler = false
	}
}

// OnMessage hands the bytes on and gives the buffer back.
func (e *events) OnMessage(_ *gws.Conn, m *gws.Message) {
	c := e.conn
	c.wire.alive = true
	if c.handler.Frame != nil && c.reading() {
		c.inHandler = true
		err := c.handler.Frame(m.Bytes())
		c.inHandler = false
		if err != nil {
			c.refuse(err)
		}
	}
	_ = m.Close()
}

// swallowed hands on what is left of a frame that gws did not see.
func (c *Conn) swallowed(head, tail []byte, size uint64) {
	if c.handler.Oversize != nil && c.reading() {
		c.inHandler = true
		c.handler.Oversize(head, tail, size)
		c.inHandler = false
	}
}

// reading reports whether frames still go to the handler: not after the link was closed here, unless HearOut says so,
// and never after the handler itself has refused one.
func (c *Conn) reading() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state <= stateBroken || c.state == stateClosing && c.options.HearOut && !c.refused
}

// refuse closes the link for a handler's error.
func (c *Conn) refuse(err error) {
	c.refused = true
	cause := &CloseError{Code: CloseInternal, Err: err}
	var wanted *CloseError
	if errors.As(err, &wanted) {
		cause.Code, cause.Reason = wanted.Code, wanted.Reason
	}
	c.finish(stateClosing, cause, closePayload(cause.Code, cause.Reason))
}
