package link

import "time"

// expressGap is how long a link must have been quiet for Wake to write by itself. Under load the writer is the better
// way: what arrives while it writes goes out in one write.
const expressGap = time.Millisecond

// express writes what Fill has at once, on the caller of Wake, if the writer is parked and the link was quiet: at a low
// rate the way over another goroutine costs more than the write. It never waits for the peer: what the socket does not
// take is left to the writer. It reports whether nothing is left to do.
func (c *Conn) express() (done bool) {
	if c.direct == nil || !c.writing.TryLock() {
		return false
	}
	defer c.writing.Unlock()
	if !c.quiet() {
		return false
	}
	defer func() {
		if v := recover(); v != nil { // it must not end the link whose reader called Wake
			c.handlerPanicked(v)
			c.batch.reset()
			done = false
		}
	}()
	b := &c.batch
	for c.wanted.Swap(false) {
		b.reset()
		if c.fill(b) == 0 {
			continue
		}
		c.flushed = time.Now()
		if len(b.large) > 0 || !c.direct.write(b) {
			c.unsent = true
			return false
		}
		c.delivered()
	}
	return true
}

// quiet reports whether the link is open, the writer is parked, nothing is queued and nothing was written lately. A writer
// that has not begun yet would throw away what is left to it.
func (c *Conn) quiet() bool {
	c.mu.Lock()
	idle := c.parked && c.state == stateOpen && c.handler.Fill != nil && c.queue.empty() && len(c.pongs) == 0
	c.mu.Unlock()
	return idle && !c.unsent && time.Since(c.flushed) > expressGap
}
