package store

import (
	"context"
	"errors"
	"testing"
)

func TestAlive(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Alive(t.Context()); err != nil {
		t.Errorf("a store that works: %v", err)
	}

	// The committer is held the way a disk that does not answer holds it.
	held, release := make(chan struct{}), make(chan struct{})
	waiting := make(chan error, 1)
	go func() {
		waiting <- s.committer.inside(context.Background(), func() error { close(held); <-release; return nil })
	}()
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Alive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a committer that hangs: %v", err)
	}
	close(release)
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Alive(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed store: %v", err)
	}
}
