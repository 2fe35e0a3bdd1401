package service

import (
	"context"
	"fmt"
	"os"

	kardianos "github.com/kardianos/service"
)

// supervised is the hub as Windows starts and stops it.
type supervised struct {
	run    func(context.Context) error
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// Start begins and returns at once, as the service manager wants it.
func (s *supervised) Start(kardianos.Service) error {
	go func() {
		defer close(s.done)
		s.err = s.run(s.ctx)
		if s.ctx.Err() == nil {
			os.Exit(1) // nobody asked it to end: the recovery action starts it again
		}
	}()
	return nil
}

// Stop waits until everything is written.
func (s *supervised) Stop(kardianos.Service) error {
	s.cancel()
	<-s.done
	return nil
}

// Supervise runs the hub as a Windows service when the service manager has started this process, else as it is.
func Supervise(ctx context.Context, run func(context.Context) error) error {
	if kardianos.Interactive() {
		return run(ctx)
	}
	s := &supervised{run: run, done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	defer s.cancel()
	svc, err := kardianos.New(s, described(Settings{}))
	if err != nil {
		return fmt.Errorf("meeting the service manager: %w", err)
	}
	if err := svc.Run(); err != nil {
		return fmt.Errorf("running as a service: %w", err)
	}
	return s.err
}
