package store

import "context"

// Alive waits until the committer has nothing before it, without writing. It fails when ctx ends first: the committer
// hangs, or the disk under it does.
func (s *Store) Alive(ctx context.Context) error {
	return s.committer.inside(ctx, func() error { return nil })
}
