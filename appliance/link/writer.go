package link

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"time"
)

// write is the writer goroutine: it alone writes to the socket. It ends after the close frame, or when
// writing is over, and then waits for the reader.
func (c *Conn) write() {
	c.writing.Lock()
	if c.pump() {
		c.farewell()
	}
	c.writing.Unlock()
	<-c.over
}

// pump writes batches until the link is being closed and reports whether a close frame is still to be sent.
func (c *Conn) pump() (farewell bool) {
	defer func() {
		if v := recover(); v != nil {
			c.handlerPanicked(v)
			c.batch.reset()
			farewell = true
		}
	}()
	var tick <-chan time.Time
	if c.options.PingEvery > 0 {
		ticker := time.NewTicker(c.options.PingEvery)
		defer ticker.Stop()
		tick = ticker.C
	}
	b := &c.batch
	fillFirst := false
	for {
		b.reset()
		select {
		case <-tick: // also when there is always something to write
			b.add(opPing, nil)
		default:
		}
		ask := c.handler.Fill != nil && c.wanted.Load() && c.wanted.Swap(false)
		added := 0
		if ask && fillFirst {
			added = c.fill(b)
		}
		fillFirst = false
		if s := c.collect(b); s != stateOpen {
			return s == stateClosing || s == stateLeaving
		}
		if ask && added == 0 {
			if b.full() {
				// Send's frames took the whole batch; neither side may starve the other.
				c.wanted.Store(true)
				fillFirst = true
			} else {
				added = c.fill(b)
			}
		}
		if b.frames == 0 {
			pinging := c.park(tick)
			if c.unsent {
				c.unsent = false
				if !c.deliver() {
					return false
				}
				c.delivered()
			}
			if pinging {
				b.reset()
				b.add(opPing, nil)
				if !c.deliver() {
					return false
				}
			}
			continue
		}
		if !c.deliver() {
			return false
		}
		if added > 0 {
			c.delivered()
		}
	}
}

// park waits for something to do and reports whether a ping is due. Meanwhile Wake may write by itself.
func (c *Conn) park(tick <-chan time.Time) (pinging bool) {
	c.parked = true
	c.writing.Unlock()
	defer func() {
		c.writing.Lock()
		c.parked = false
	}()
	select {
	case <-c.wake:
		return false
	case <-tick:
		return true
	}
}

// delivered tells the handler that what Fill added is out, and asks it for more.
func (c *Conn) delivered() {
	c.wanted.Store(true)
	if c.handler.Written != nil {
		c.handler.Written()
	}
}

// handlerPanicked ends this link for a handler's panic.
func (c *Conn) handlerPanicked(v any) {
	cause := &PanicError{Value: v, Stack: debug.Stack()}
	c.finish(stateLeaving, &CloseError{Code: CloseInternal, Err: cause}, closePayload(CloseInternal, ""))
}

// fill lets the handler add frames and reports how many it did.
func (c *Conn) fill(b *Batch) int {
	before := b.frames
	c.handler.Fill(b)
	return b.frames - before
}

// collect adds waiting pongs and queued frames to the batch.
func (c *Conn) collect(b *Batch) state {
	c.mu.Lock()
	s := c.state
	if s == stateOpen || s == stateClosing {
		for i, p := range c.pongs {
			b.add(opPong, p)
			c.pongs[i] = nil
		}
		c.pongs = c.pongs[:0]
		c.taken = c.queue.take(c.taken[:0], batchTarget-len(b.buf))
	}
	c.mu.Unlock()
	for i, t := range c.taken {
		b.add(t.opcode, t.payload)
		c.taken[i] = item{}
	}
	c.taken = c.taken[:0]
	return s
}

// farewell sends what is left to send and the close frame. closeGrace is running.
func (c *Conn) farewell() {
	b := &c.batch
	for b.frames > 0 {
		if c.flush() != nil {
			return
		}
		b.reset()
		c.collect(b)
	}
	c.mu.Lock()
	last, s := c.last, c.state
	c.mu.Unlock()
	b.add(opClose, last)
	if c.flush() != nil || s != stateLeaving {
		return
	}
	// The reader throws away what still comes, so that no reset overtakes the close frame. This tells the
	// peer that nothing more follows.
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// deliver writes the batch and reports whether writing may go on.
func (c *Conn) deliver() bool {
	err := c.flush()
	if err == nil {
		return true
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.finish(stateDead, &CloseError{Code: CloseAbnormal, Err: fmt.Errorf("%w: %w", ErrStalled, err)}, nil)
		return false
	}
	// The peer may have sent a close frame and gone: the reader finds it, or finds the socket dead too.
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == stateOpen {
		c.state = stateBroken
		c.cut = time.AfterFunc(closeGrace, c.cutNow)
	}
	return false
}

// flush writes the batch: one write, and one per 64 KiB of each large payload.
func (c *Conn) flush() error {
	b := &c.batch
	if len(b.large) == 0 {
		return c.writeAll(b.buf[b.sent:])
	}
	sent := b.sent
	for _, l := range b.large {
		if err := c.writeAll(b.buf[sent:l.at]); err != nil {
			return err
		}
		sent = l.at
		if err := c.writeLarge(l); err != nil {
			return err
		}
	}
	if sent == len(b.buf) {
		return nil
	}
	return c.writeAll(b.buf[sent:])
}

func (c *Conn) writeLarge(l large) error {
	var scratch []byte
	for rest := l.payload; len(rest) > 0; {
		part := rest[:min(len(rest), batchTarget)]
		rest = rest[len(part):]
		if c.client {
			if scratch == nil {
				scratch = make([]byte, len(part))
			}
			maskInto(scratch, part, l.key)
			part = scratch[:len(part)]
		}
		if err := c.writeAll(part); err != nil {
			return err
		}
	}
	return nil
}

// writeAll is one socket write. The deadline is moved at most once a second and is later by that much.
func (c *Conn) writeAll(p []byte) error {
	if now := time.Now(); now.Sub(c.written) >= time.Second {
		c.written = now
		if err := c.raw.SetWriteDeadline(now.Add(c.options.WriteTimeout + time.Second)); err != nil {
			return err
		}
	}
	_, err := c.raw.Write(p)
	c.flushed = time.Now()
	if err != nil && errors.Is(err, net.ErrClosed) {
		return ErrClosed
	}
	return err
}
