package router

import (
	"context"
	"sync"
	"testing"
	"time"
)

func TestAlive(t *testing.T) {
	r := New(Options{Now: time.Now, Rand: func() float64 { return 0 }})
	l := r.Lane("bot", 0)
	over, end := context.WithCancel(t.Context())
	end()
	if err := r.Alive(over); err == nil {
		t.Error("nobody does the slow work, and that is no fault")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	if err := r.Alive(t.Context()); err != nil {
		t.Errorf("a router that works: %v", err)
	}

	// An event that never ends holds its lane.
	l.mu.Lock()
	answer := make(chan error, 1)
	go func() { answer <- r.Alive(t.Context()) }()
	select {
	case err := <-answer:
		t.Errorf("a lane hangs, the router answered %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	l.mu.Unlock()
	if err := <-answer; err != nil {
		t.Error(err)
	}
	cancel()
	running.Wait()
	r.Close()
}
