// Package link is one WebSocket link, dialled or accepted: frames come in order through one reader, go out
// in batches through one bounded writer, and whatever the peer does, only its own link ends.
//
// It is the only importer of gws, which reads and checks the frames. What gws writes is kept away from the
// socket: its write queue has no bound and its close waits behind a stalled write.
package link

import (
	"errors"
	"fmt"
	"time"
)

// Defaults of Options fields that are zero.
const (
	DefaultMaxFrame     = 8 << 20          // bytes of one received message
	DefaultOutSlots     = 256              // frames that wait to be sent
	DefaultOutBytes     = 4 << 20          // bytes that wait to be sent
	DefaultWriteTimeout = 10 * time.Second // for one socket write
	DefaultReadBuffer   = 16 << 10         // bytes of the read buffer
)

// closeGrace is how long a link that is being closed may take to say goodbye. After it the socket is closed
// whatever state it is in.
const closeGrace = time.Second

// Options bound one link. Zero fields take the default of their name, except ReadTimeout and PingEvery,
// for which zero means off.
type Options struct {
	MaxFrame     int           // largest message accepted, in bytes, fragments summed; a larger one closes the link with 1009
	SwallowUpTo  int64         // a larger message of one frame, up to these bytes, goes to Handler.Oversize instead; 0 = off
	OutSlots     int           // frames that Send may queue
	OutBytes     int64         // bytes that Send may queue; one larger frame is accepted when nothing else waits
	ReadTimeout  time.Duration // silence longer than this ends the link with ErrSilent; any complete frame breaks it
	WriteTimeout time.Duration // a write that takes longer (by up to a second) ends the link with ErrStalled
	PingEvery    time.Duration // pings with an empty payload, while Serve runs
	ReadBuffer   int           // bytes asked of the socket at once
	HearOut      bool          // what the peer sends while a Close is on its way still goes to the Handler
}

func (o Options) withDefaults() Options {
	if o.MaxFrame <= 0 {
		o.MaxFrame = DefaultMaxFrame
	}
	if o.OutSlots <= 0 {
		o.OutSlots = DefaultOutSlots
	}
	if o.OutBytes <= 0 {
		o.OutBytes = DefaultOutBytes
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = DefaultWriteTimeout
	}
	if o.ReadBuffer <= 0 {
		o.ReadBuffer = DefaultReadBuffer
	}
	return o
}

// swallowTo is SwallowUpTo as the wire compares it.
func (o Options) swallowTo() uint64 { return uint64(max(o.SwallowUpTo, 0)) }

// Handler is what a served link calls. Frame, Oversize and Pong run on the reader, Fill and Written on the writer, or on the
// caller of Wake when the link is quiet; neither group is ever concurrent with itself. Every field may be nil.
type Handler struct {
	// Frame gets each text or binary message in order. data is valid during the call only. An error closes
	// the link: with the code and reason of a *CloseError in its chain, else with 1011.
	Frame func(data []byte) error
	// Oversize is told of a text or binary frame over MaxFrame that SwallowUpTo lets live, in order with Frame,
	// once it has been read through: size is its payload's length, head and tail are the first and the last
	// 4 KiB of it (or all of a shorter one), valid during the call only. Nobody has checked that text is UTF-8.
	Oversize func(head, tail []byte, size uint64)
	// Pong gets the payload of each pong, those of the PingEvery pings (empty) included.
	Pong func(payload []byte)
	// Fill appends frames that wait elsewhere. It is asked when Serve starts and after Wake, and again until
	// it adds nothing. A batch may be written partly from Send's queue; the order within each is kept.
	Fill func(*Batch)
	// Written is called when what the last Fill added has been handed to the kernel.
	Written func()
}

// Close codes of RFC 6455, section 7.4.1, as far as this project names them.
const (
	CloseNormal    uint16 = 1000
	CloseGoingAway uint16 = 1001
	CloseProtocol  uint16 = 1002
	CloseNoStatus  uint16 = 1005 // never on the wire: the peer's close frame had no code
	CloseAbnormal  uint16 = 1006 // never on the wire: the socket died without a close frame
	CloseNotUTF8   uint16 = 1007
	ClosePolicy    uint16 = 1008
	CloseTooBig    uint16 = 1009
	CloseInternal  uint16 = 1011
	CloseRestart   uint16 = 1012
	CloseTryLater  uint16 = 1013
)

var (
	// ErrFull means that Send's queue is at its bound; nothing was queued.
	ErrFull = errors.New("the link's send queue is full")
	// ErrClosed means that the link is closing or closed.
	ErrClosed = errors.New("the link is closed")
	// ErrBadFrame means that the peer sent a frame length that no correct peer sends. Hold the peer off.
	ErrBadFrame = errors.New("the peer sent an impossible frame length")
	// ErrSilent means that nothing came from the peer for ReadTimeout.
	ErrSilent = errors.New("the peer was silent for too long")
	// ErrStalled means that the peer did not read what was written within WriteTimeout.
	ErrStalled = errors.New("the peer did not read for too long")
	// ErrServed means that Serve was called a second time.
	ErrServed = errors.New("the link is already served")
	// ErrControlSize means that a ping payload is longer than the 125 bytes of RFC 6455, section 5.5.
	ErrControlSize = errors.New("a ping carries at most 125 bytes")
)

// CloseError says why a link ended. Serve always returns one.
type CloseError struct {
	Code   uint16 // the close code sent or received; 1005 when the peer gave none, 1006 when the socket died
	Reason string // the text of the close frame, written by the peer when Remote
	Remote bool   // the peer ended it: its close frame, or its side of the socket died
	Err    error  // what was behind it, or nil: ErrSilent, ErrStalled, ErrBadFrame, a handler's error, the socket's
}

// Error names the side, the code, the reason and the cause.
func (e *CloseError) Error() string {
	side := "closed here"
	if e.Remote {
		side = "closed by the peer"
	}
	text := fmt.Sprintf("link %s with code %d", side, e.Code)
	if e.Reason != "" {
		text += fmt.Sprintf(" %q", e.Reason)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *CloseError) Unwrap() error { return e.Err }

// PanicError is the cause of a link that ended because a handler panicked.
type PanicError struct {
	Value any    // what was panicked with
	Stack []byte // the goroutine's stack at that time, for the log
}

// Error gives the panic's value without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("a link handler panicked: %v", e.Value) }
