package console

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Bounds of those who read much of the history.
const (
	longReads = 2 // at a time: each holds a few hundred KiB, and keeps a core busy
	longWait  = 5 * time.Second
)

// turns lets few do something at a time. The zero value is ready for use.
type turns struct {
	once sync.Once
	free chan struct{}
}

// take waits for a turn, but not for long; done gives it back.
func (t *turns) take(ctx context.Context) (done func(), err error) {
	t.once.Do(func() { t.free = make(chan struct{}, longReads) })
	timer := time.NewTimer(longWait)
	defer timer.Stop()
	select {
	case t.free <- struct{}{}:
		return func() { <-t.free }, nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, &Problem{Status: http.StatusServiceUnavailable, Message: "others are reading the history already",
		Remedy: "try again in a moment", RetryAfter: longWait}
}

// array writes many values as they come, as one JSON array or one a line.
type array struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	begun bool
	gone  bool // the reader went away
}

// add writes one more element and reports whether the reader is there still.
func (a *array) add(v any) bool {
	line, err := encode(v)
	if err != nil {
		return true // what cannot be encoded is left out
	}
	before := byte(',')
	if !a.begun {
		before = '['
		a.head()
	}
	return a.write(append([]byte{before}, line[:len(line)-1]...))
}

// line writes one more value with a line of its own.
func (a *array) line(v any) bool {
	line, err := encode(v)
	return err != nil || a.write(line)
}

// end closes the array.
func (a *array) end() {
	if !a.begun {
		a.head()
		a.write([]byte("["))
	}
	a.write([]byte("]\n"))
}

func (a *array) head() {
	a.begun = true
	a.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	a.w.Header().Set("X-Content-Type-Options", "nosniff")
	a.w.WriteHeader(http.StatusOK)
}

func (a *array) write(p []byte) bool {
	if a.gone {
		return false
	}
	_ = a.rc.SetWriteDeadline(time.Now().Add(10 * time.Second)) // who does not read must not keep a turn
	_, err := a.w.Write(p)
	a.gone = err != nil
	return !a.gone
}
