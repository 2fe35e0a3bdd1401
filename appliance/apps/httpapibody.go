package apps

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/catflap/catflap/appliance/gate"
)

// Bounds of bodies. Larger ones wait for each other, so that all apps together cannot take more memory than a few frames.
const (
	smallBody  = 64 << 10
	mediumBody = 1 << 20 // what is larger passes one at a time (design: DELIVERY, Large frames)
	mediums    = 4

	bodyStart = 10 * time.Second // for the first bytes, and for the pauses between all of them
	bodyRate  = 64 << 10         // bytes that a peer must manage in each second beyond
	bodyTurn  = 30 * time.Second // how long a larger body waits for its turn
)

var (
	errSlowBody   = fmt.Errorf("it came too slowly: %v and a second for each %d KiB are allowed", bodyStart, bodyRate>>10)
	errClosing    = errors.New(closing)
	errManyBodies = fmt.Errorf("other large bodies are being read; this one waited %v for its turn", bodyTurn)
)

// tooLargeError is a body above limits.maxFrameMb.
type tooLargeError struct{ size uint64 }

func (e *tooLargeError) Error() string { return fmt.Sprintf("%d bytes are too many", e.size) }

// bodies bounds what the bodies of HTTP requests take of memory and of time.
type bodies struct {
	medium, large chan struct{}
	closing       <-chan struct{} // nobody waits for a turn any more
	start, turn   time.Duration
}

func newBodies(closing <-chan struct{}) bodies {
	return bodies{medium: make(chan struct{}, mediums), large: make(chan struct{}, 1), closing: closing, start: bodyStart, turn: bodyTurn}
}

// begin bounds the time for a body before anybody reads it: a refused one is read by the server itself. What an earlier
// request of the same connection left behind is undone.
func (b *bodies) begin(k *gate.Knock) {
	control := http.NewResponseController(k.Plain())
	_ = control.SetWriteDeadline(time.Time{})
	if k.ContentLength != 0 {
		_ = control.SetReadDeadline(time.Now().Add(b.start))
	}
}

// mayWrite gives the peer time to read n bytes.
func (b *bodies) mayWrite(k *gate.Knock, n int) {
	_ = http.NewResponseController(k.Plain()).SetWriteDeadline(time.Now().Add(bodyStart + inTime(n)))
}

func inTime(n int) time.Duration { return time.Duration(n/bodyRate) * time.Second }

// read reads a body of at most limit bytes. Done must be called when the bytes are not needed any more. Errors:
// *tooLargeError, errManyBodies, errSlowBody, and those of the connection.
func (b *bodies) read(k *gate.Knock, limit int) (body []byte, done func(), err error) {
	var held []chan struct{}
	release := func() {
		for _, turn := range held {
			<-turn
		}
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	began := time.Now()
	take := func(turn chan struct{}) error {
		waiting := time.Now()
		timer := time.NewTimer(b.turn)
		defer timer.Stop()
		select {
		case turn <- struct{}{}:
			held = append(held, turn)
			began = began.Add(time.Since(waiting))
			return nil
		case <-timer.C:
			return errManyBodies
		case <-b.closing:
			return errClosing
		}
	}
	control := http.NewResponseController(k.Plain())
	size := 4 << 10
	if k.ContentLength > 0 {
		size = int(min(k.ContentLength, int64(limit))) + 1
	}
	for size > cap(body) {
		if size > smallBody && len(held) == 0 {
			if err := take(b.medium); err != nil {
				return nil, nil, err
			}
		}
		if size > mediumBody && len(held) == 1 {
			if err := take(b.large); err != nil {
				return nil, nil, err
			}
		}
		grown := make([]byte, len(body), size)
		copy(grown, body)
		body = grown
		for len(body) < cap(body) {
			_ = control.SetReadDeadline(began.Add(b.start + inTime(len(body))))
			n, err := k.Body.Read(body[len(body):cap(body)])
			body = body[:len(body)+n]
			switch {
			case errors.Is(err, io.EOF) && len(body) <= limit:
				return body, release, nil
			case errors.Is(err, io.EOF):
				return nil, nil, &tooLargeError{uint64(len(body))}
			case errors.Is(err, os.ErrDeadlineExceeded):
				return nil, nil, errSlowBody
			case err != nil:
				return nil, nil, fmt.Errorf("the connection broke: %w", err)
			}
		}
		size = min(2*cap(body), limit+1)
	}
	seen := len(body)
	body = nil
	return nil, nil, &tooLargeError{b.swallow(k, began, seen)}
}

// swallow reads the rest of a body that is too large, so that its sender reads the answer, and returns the body's size.
// One that is larger still has its connection closed.
func (b *bodies) swallow(k *gate.Knock, began time.Time, seen int) uint64 {
	control := http.NewResponseController(k.Plain())
	total := int64(seen)
	if k.ContentLength > swallowUpTo {
		return uint64(k.ContentLength)
	}
	for total < swallowUpTo {
		_ = control.SetReadDeadline(began.Add(b.start + time.Duration(total/bodyRate)*time.Second))
		n, err := io.CopyN(io.Discard, k.Body, bodyRate)
		total += n
		if err != nil {
			break
		}
	}
	return uint64(max(total, k.ContentLength))
}
