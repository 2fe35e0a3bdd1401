package apps

import "sync"

// answers are what the router has said to one call and the handler has not written yet.
type answers struct {
	ready chan struct{} // one slot: take has something to give

	mu     sync.Mutex
	frames [][]byte
	bytes  int64
	limit  int64
	full   bool // some did not fit any more
	over   bool // nobody reads them any more
}

func (a *answers) init(limit int64) {
	a.ready, a.limit = make(chan struct{}, 1), limit
}

// add takes one answer, as Action.Reply does. What comes after drop is forgotten.
func (a *answers) add(frame []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.over || a.full:
		return
	case len(a.frames) > 0 && a.bytes+int64(len(frame)) > a.limit:
		a.full = true
	default:
		a.frames = append(a.frames, frame)
		a.bytes += int64(len(frame))
	}
	select {
	case a.ready <- struct{}{}:
	default:
	}
}

func (a *answers) take() (frames [][]byte, full bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	frames, full = a.frames, a.full
	a.frames, a.bytes = nil, 0
	return frames, full
}

func (a *answers) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over, a.frames = true, nil
}
