package media

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/fence"
)

// A server that sends less than floorBytes in each floorTime, the first not counted, is given up: few are fetched from
// at once, and one that trickles would keep the place of others for as long as a fetch may take.
const (
	floorTime  = 10 * time.Second
	floorBytes = 64 << 10
)

// errTrickle is why a fetch was given up.
var errTrickle = fmt.Errorf("%w: less than %d KiB in %v", fence.ErrSlow, floorBytes>>10, floorTime)

type fetcher func(ctx context.Context, address string, max int64, w io.Writer) (fence.Fetched, error)

// withFloor makes a fetcher give up servers that trickle. How long one may take before its first byte is fetch's matter.
func withFloor(fetch fetcher) fetcher {
	return func(ctx context.Context, address string, max int64, w io.Writer) (fence.Fetched, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		m := &meter{w: w, first: make(chan struct{})}
		over := make(chan struct{})
		go func() {
			defer close(over)
			m.watch(ctx, cancel)
		}()
		got, err := fetch(ctx, address, max, m)
		cancel(nil)
		<-over
		return got, err
	}
}

// meter counts what is written through it.
type meter struct {
	w     io.Writer
	n     atomic.Int64
	first chan struct{} // closed with the first byte
	begun bool
}

// Write writes on.
func (m *meter) Write(b []byte) (int, error) {
	if !m.begun {
		m.begun = true
		close(m.first)
	}
	n, err := m.w.Write(b)
	m.n.Add(int64(n))
	return n, err
}

// watch cancels when too little comes.
func (m *meter) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
		return
	case <-m.first:
	}
	t := time.NewTicker(floorTime)
	defer t.Stop()
	for before := int64(-floorBytes); ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := m.n.Load()
		if now-before < floorBytes {
			cancel(errTrickle)
			return
		}
		before = now
	}
}
