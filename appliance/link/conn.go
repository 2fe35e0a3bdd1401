package link

import (
	"context"
	crand "crypto/rand"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
)

// Conn is one WebSocket connection. While Serve runs it has two goroutines: Serve's caller reads, one more
// writes. Send, Wake, Ping, Close, Done and RemoteAddr may be called from anywhere, before Serve too.
type Conn struct {
	options Options
	raw     net.Conn // what frames are written to: TCP, or TLS on it
	wire    *wire    // what gws reads from
	ws      *gws.Conn
	client  bool
	handler Handler

	wake   chan struct{} // one slot: the writer has something to look at
	wanted atomic.Bool   // a Fill is due
	over   chan struct{} // the reader has ended
	done   chan struct{} // everything has ended

	mu     sync.Mutex
	served bool
	state  state
	cause  *CloseError
	last   []byte // payload of the close frame to send
	cut    *time.Timer
	queue  queue
	pongs  [][]byte

	inHandler bool // reader's: a panic now is the handler's
	refused   bool // reader's: the handler wants no more frames

	writing sync.Mutex // guards what follows; the writer holds it but while it is parked
	parked  bool       // the writer waits for something to do; not before it runs, nor after it ended
	direct  *direct    // nil where a write may have to wait
	batch   Batch
	taken   []item
	written time.Time // when the write deadline was last set
	flushed time.Time // when something was last written
	unsent  bool      // the batch is partly out; the writer has to finish it
}

type state uint8

const (
	stateOpen    state = iota
	stateBroken        // a write failed; the reader may still find the peer's close frame
	stateClosing       // closed here: what is queued goes out, then the close frame, then the peer answers
	stateLeaving       // closed by the peer, or by its fault: only the close frame goes out
	stateDead          // nothing more is written
	stateEnded         // Done is closed
)

// maxPongs bounds the answers that wait. Only the newest ping of several needs one (RFC 6455, section 5.5.3).
const maxPongs = 8

func newConn(raw net.Conn, w *wire, client bool, o Options) *Conn {
	c := &Conn{
		options: o, raw: raw, wire: w, client: client,
		wake: make(chan struct{}, 1), over: make(chan struct{}), done: make(chan struct{}),
	}
	w.swallowed = c.swallowed
	c.direct = newDirect(raw)
	c.wanted.Store(true)
	c.queue = queue{slots: o.OutSlots, limit: o.OutBytes}
	if client {
		var seed [32]byte
		_, _ = crand.Read(seed[:]) // it never fails: the program would have been ended
		c.batch.masked, c.batch.random = true, rand.NewChaCha8(seed)
	}
	return c
}

// Serve reads until the link ends and returns why, always as a *CloseError. It returns when both goroutines
// have ended and the socket is closed. The end of ctx is a Close with 1001. Call it once.
func (c *Conn) Serve(ctx context.Context, h Handler) error {
	c.mu.Lock()
	if c.served {
		c.mu.Unlock()
		return &CloseError{Code: CloseInternal, Err: ErrServed}
	}
	if c.state != stateOpen {
		c.mu.Unlock()
		<-c.done
		return c.cause
	}
	c.served = true
	c.handler = h
	c.mu.Unlock()

	stop := context.AfterFunc(ctx, func() {
		c.finish(stateClosing, &CloseError{Code: CloseGoingAway, Err: context.Cause(ctx)}, closePayload(CloseGoingAway, ""))
	})
	defer stop()
	var writer sync.WaitGroup
	writer.Go(c.write)
	c.read()
	close(c.over)
	writer.Wait()
	c.end()
	return c.cause
}

// end closes the socket and Done. Nothing runs any more but the timer that bounds it.
func (c *Conn) end() {
	c.mu.Lock()
	gentle := c.state == stateClosing || c.state == stateLeaving
	c.mu.Unlock()
	if gentle {
		_ = c.raw.Close() // TLS says goodbye here; a peer that does not read is cut by the timer
	}
	c.cutNow()
	c.mu.Lock()
	c.state = stateEnded
	if c.cut != nil {
		c.cut.Stop()
	}
	c.queue.clear()
	c.mu.Unlock()
	close(c.done)
}

// cutNow closes the socket below TLS. It never waits for the peer.
func (c *Conn) cutNow() {
	if t, ok := c.raw.(interface{ NetConn() net.Conn }); ok {
		_ = t.NetConn().Close()
		return
	}
	_ = c.raw.Close()
}

// finish moves an open link to its end; the first cause stays. last is the close frame's payload.
func (c *Conn) finish(to state, cause *CloseError, last []byte) {
	c.mu.Lock()
	if c.state > stateBroken {
		c.mu.Unlock()
		return
	}
	c.state, c.cause, c.last = to, cause, last
	if c.cut == nil {
		c.cut = time.AfterFunc(closeGrace, c.cutNow)
	}
	served := c.served
	c.mu.Unlock()
	if to == stateDead {
		c.cutNow()
	}
	if !served {
		time.AfterFunc(0, c.farewellUnserved)
		return
	}
	c.nudge()
}

// farewellUnserved closes a link that has no goroutines: nobody called Serve. closeGrace bounds it.
func (c *Conn) farewellUnserved() {
	c.collect(&c.batch)
	c.farewell()
	c.end()
}

// Send queues one text frame; frames keep their order. The slice belongs to the link from now on and must not
// change. It never blocks: ErrFull when the queue is at a bound, ErrClosed when the link is closing.
func (c *Conn) Send(frame []byte) error { return c.enqueue(item{opText, frame}) }

// SendBinary is Send for a binary frame.
func (c *Conn) SendBinary(frame []byte) error { return c.enqueue(item{opBinary, frame}) }

// Ping queues a ping behind the frames already sent; its pong comes to Handler.Pong. The payload, at most
// 125 bytes, is copied. Errors as for Send, and ErrControlSize.
func (c *Conn) Ping(payload []byte) error {
	if len(payload) > maxControl {
		return ErrControlSize
	}
	return c.enqueue(item{opPing, append([]byte(nil), payload...)})
}

func (c *Conn) enqueue(i item) error {
	c.mu.Lock()
	if c.state != stateOpen {
		c.mu.Unlock()
		return ErrClosed
	}
	ok := c.queue.push(i)
	c.mu.Unlock()
	if !ok {
		return ErrFull
	}
	c.nudge()
	return nil
}

// Wake asks for a Fill. It never waits, and several may become one. On a quiet link Fill and Written may run before it
// returns, on the caller: do not hold what they need.
func (c *Conn) Wake() {
	c.wanted.Store(true)
	if !c.express() {
		c.nudge()
	}
}

func (c *Conn) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Close starts the end of the link and returns at once: what Send has queued goes out, then a close frame,
// then the peer's answer is awaited, all within a second; then the socket is closed. Done tells when. A code
// that must not be on the wire (1005, 1006, below 1000) gives a close frame without one. Later calls do nothing.
func (c *Conn) Close(code uint16, reason string) {
	c.finish(stateClosing, &CloseError{Code: code, Reason: reason}, closePayload(code, reason))
}

// Done is closed when the socket is closed and no goroutine of the link is left.
func (c *Conn) Done() <-chan struct{} { return c.done }

// RemoteAddr is the peer's address and port.
func (c *Conn) RemoteAddr() string { return c.raw.RemoteAddr().String() }
