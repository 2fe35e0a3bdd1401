package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/appliance/fence"
)

// A server that trickles is given up soon, one that is slow but steady is not. Where one piece more or less decides, no
// piece comes at the very moment at which the pieces are counted.
func TestTricklingOrigin(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration
		piece int
		total int
		first time.Duration // before the first byte
		want  error
		after time.Duration // of the fetch
	}{
		{"a byte now and then", time.Second, 1, 10 << 20, 0, fence.ErrSlow, 20 * time.Second},
		{"just too little", 990 * time.Millisecond, floorBytes/11 - 10, 10 << 20, 0, fence.ErrSlow, 20 * time.Second},
		{"slow but steady", time.Second, floorBytes / 8, 1 << 20, 0, nil, 128 * time.Second},
		{"late but quick", time.Millisecond, 64 << 10, 1 << 20, 35 * time.Second, nil, 35*time.Second + 16*time.Millisecond},
		{"small and slow", time.Second, 100, 1500, 0, nil, 15 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fetch := withFloor(func(ctx context.Context, _ string, _ int64, w io.Writer) (fence.Fetched, error) {
					time.Sleep(c.first)
					for sent := 0; sent < c.total; sent += c.piece {
						select {
						case <-time.After(c.every):
						case <-ctx.Done():
							return fence.Fetched{}, context.Cause(ctx)
						}
						if _, err := w.Write(make([]byte, c.piece)); err != nil {
							return fence.Fetched{}, err
						}
					}
					return fence.Fetched{Size: int64(c.total)}, nil
				})
				var got bytes.Buffer
				began := time.Now()
				_, err := fetch(t.Context(), "http://x", 1<<30, &got)
				if took := time.Since(began).Truncate(time.Millisecond); !errors.Is(err, c.want) || c.want == nil && took != c.after || c.want != nil && took > c.after+2*time.Second {
					t.Errorf("%v after %v, %d bytes", err, took, got.Len())
				}
			})
		})
	}
}
