package media

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// errTube: frames of a stream come faster than the disk takes them.
var errTube = errors.New("NapCat sends a file faster than the disk takes it")

// How long a link's goroutine may be held up by a stream: for one frame, and for all of them. While NapCat sends a file,
// what comes behind it waits anyway.
const (
	frameWait  = 250 * time.Millisecond
	streamWait = 15 * time.Second
)

// tube carries frames from a link's goroutine, which must hardly wait, to one that writes them to the disk.
type tube struct {
	mu     sync.Mutex
	ready  sync.Cond
	room   chan struct{} // has something once a frame was taken out
	frames [][]byte
	spare  [][]byte // what next was given back
	bytes  int
	left   time.Duration // of streamWait
	err    error         // why no more come; io.EOF = all are here
}

func newTube() *tube {
	t := &tube{room: make(chan struct{}, 1), left: streamWait}
	t.ready.L = &t.mu
	return t
}

// put copies a frame; false when too many wait for too long, and then there is no use for more.
func (t *tube) put(frame []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.err == nil && t.bytes+len(frame) > streamAhead && len(t.frames) > 0 {
		if !t.await() {
			t.err = errTube
			t.ready.Signal()
		}
	}
	if t.err != nil {
		return false
	}
	var b []byte
	if n := len(t.spare); n > 0 {
		b, t.spare = t.spare[n-1], t.spare[:n-1]
	}
	t.frames = append(t.frames, append(b[:0], frame...))
	t.bytes += len(frame)
	t.ready.Signal()
	return true
}

// await lets go of the lock until a frame was taken out; false when that took too long.
func (t *tube) await() bool {
	began, wait := time.Now(), min(frameWait, t.left)
	t.mu.Unlock()
	timer := time.NewTimer(wait)
	ok := true
	select {
	case <-t.room:
	case <-timer.C:
		ok = false
	}
	timer.Stop()
	t.mu.Lock()
	t.left -= min(time.Since(began), t.left)
	return ok
}

// taken tells put that there is room, or that nobody wants more.
func (t *tube) taken() {
	select {
	case t.room <- struct{}{}:
	default:
	}
}

// end says that no more frames come, and why: nil = that was all.
func (t *tube) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = io.EOF
		if err != nil {
			t.err = fmt.Errorf("reading a file from NapCat: %w", err)
		}
	}
	t.ready.Signal()
	t.taken()
}

// next waits for a frame, or for the end. The frame may be given back with free.
func (t *tube) next() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.frames) == 0 && t.err == nil {
		t.ready.Wait()
	}
	if len(t.frames) == 0 || errors.Is(t.err, errTube) {
		return nil, t.err
	}
	frame := t.frames[0]
	t.frames = t.frames[1:]
	t.bytes -= len(frame)
	t.taken()
	return frame, nil
}

// free takes a frame back, for its memory. No more are kept than can wait.
func (t *tube) free(frame []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.spare) < streamAhead/streamChunk && cap(frame) <= 2*streamChunk {
		t.spare = append(t.spare, frame)
	}
}
