package router

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Alive passes through everything that an event can wait for: every lane, then the queue of slow work. It fails when ctx
// ends first. A lane that never gives its lock back holds the call beyond ctx: the caller must not wait for it.
func (r *Router) Alive(ctx context.Context) error {
	r.mu.Lock()
	lanes := slices.Collect(maps.Values(r.lanes))
	r.mu.Unlock()
	for _, l := range lanes {
		l.idle()
	}
	stuck := errors.New("its slow work does not move")
	done := make(chan struct{})
	select {
	case r.chores <- func() { close(done) }:
	case <-ctx.Done():
		return stuck
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return stuck
	}
}

// idle waits until the event before has gone through.
func (l *Lane) idle() {
	l.mu.Lock()
	defer l.mu.Unlock()
}
