package soak

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// cable is the network between an app and catflap: it passes bytes on, and can be cut with resets or clamped.
type cable struct {
	listener net.Listener
	to       string
	tasks    sync.WaitGroup

	mu    sync.Mutex
	ends  map[*net.TCPConn]struct{}
	clamp chan struct{} // not nil while clamped; closed when released
	done  bool
}

// layCable listens for the near side and dials the far side for each connection.
func layCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: l, to: to, ends: make(map[*net.TCPConn]struct{})}
	c.tasks.Go(c.accept)
	t.Cleanup(func() {
		_ = l.Close()
		c.mu.Lock()
		c.done = true
		c.mu.Unlock()
		c.hold(false)
		c.cut()
		c.tasks.Wait()
	})
	return c
}

func (c *cable) address() string { return c.listener.Addr().String() }

func (c *cable) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		a, b := near.(*net.TCPConn), far.(*net.TCPConn)
		if !c.enter(a, b) {
			reset(a)
			reset(b)
			return
		}
		c.tasks.Go(func() {
			var both sync.WaitGroup
			both.Go(func() { c.pass(a, b) })
			both.Go(func() { c.pass(b, a) })
			both.Wait()
			_ = a.Close()
			_ = b.Close()
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.ends, a)
			delete(c.ends, b)
		})
	}
}

func (c *cable) enter(a, b *net.TCPConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return false
	}
	c.ends[a], c.ends[b] = struct{}{}, struct{}{}
	return true
}

// pass copies one direction until either side ends; the other side sees how it ended.
func (c *cable) pass(from, to *net.TCPConn) {
	buf := make([]byte, 16<<10)
	for {
		c.mu.Lock()
		clamp := c.clamp
		c.mu.Unlock()
		if clamp != nil {
			<-clamp
			continue
		}
		n, err := from.Read(buf)
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				reset(from)
				return
			}
		}
		if err == io.EOF {
			_ = to.CloseWrite() // the other direction may still have something to say
			return
		}
		if err != nil {
			reset(to)
			return
		}
	}
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// cut resets every connection.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for end := range c.ends {
		reset(end)
	}
}

// hold passes nothing while it is on: a network that swallows.
func (c *cable) hold(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case on && c.clamp == nil:
		c.clamp = make(chan struct{})
	case !on && c.clamp != nil:
		close(c.clamp)
		c.clamp = nil
	}
}

// pause waits for d or the end of ctx; it reports whether d has passed.
func pause(ctx context.Context, d time.Duration) bool {
	done, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-done.Done()
	return ctx.Err() == nil
}
