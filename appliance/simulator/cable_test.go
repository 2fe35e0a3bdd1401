package simulator

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// A clamped cable takes nothing: over a pipe, which holds no bytes, the other end cannot write. The deadline only
// bounds the proof; a cable that reads would take the bytes at once.
func TestClampedCableTakesNothing(t *testing.T) {
	near, far := net.Pipe()
	c := newCable(near)
	c.stall(true)
	got := make(chan byte, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		var b [1]byte
		if _, err := c.Read(b[:]); err == nil {
			got <- b[0]
		}
	})
	if err := far.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("writing to a clamped cable: %v", err)
	}
	c.stall(false)
	if err := far.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write([]byte("y")); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if b := <-got; b != 'y' {
		t.Errorf("read %q", b)
	}
	c.stall(true)
	wg.Go(func() {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) && err == nil {
			t.Error("read from a closed cable")
		}
	})
	c.Close() // frees the reader
	wg.Wait()
	far.Close()
}

func TestJitterStaysInRange(t *testing.T) {
	n := New(Options{Latency: Latency{Min: time.Millisecond, Max: 3 * time.Millisecond}})
	seen := make(map[time.Duration]bool)
	for range 1000 {
		d := n.jitter()
		if d < time.Millisecond || d > 3*time.Millisecond {
			t.Fatalf("jitter %s", d)
		}
		seen[d] = true
	}
	if len(seen) < 100 {
		t.Errorf("only %d different delays", len(seen))
	}
}
