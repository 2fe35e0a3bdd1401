package simulator

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// Dial plays NapCat's WebSocket client (reference 2.5): it dials the gateway, serves the connection, and dials again
// after the fixed interval for ever, whatever the gateway answered. It returns when ctx ends, after everything it
// started has ended, or at once when the address can never work. The caller runs and awaits it.
func (n *NapCat) Dial(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Host == "" {
		return fmt.Errorf("dialling %q: the address must look like ws://host:port/path", address)
	}
	ctx, cancel := context.WithCancel(ctx)
	a := newAdapter(n, false)
	var beats sync.WaitGroup
	// The timer runs whether or not there is a connection, so the first heartbeat comes at any point of the interval.
	beats.Go(func() { n.beat(ctx, n.opts.HeartInterval, a.heart) })
	for ctx.Err() == nil {
		if err := a.dial(ctx, u); err != nil && ctx.Err() == nil {
			n.log.Info("link ended", "self_id", n.opts.SelfID, "err", err)
		}
		if !sleep(ctx, n.opts.ReconnectInterval) {
			break
		}
	}
	cancel()
	a.close()
	a.calls.Wait()
	beats.Wait()
	return nil
}

func (a *adapter) dial(ctx context.Context, u *url.URL) error {
	s, err := a.nap.upgrade(ctx, u)
	if err != nil {
		return fmt.Errorf("dialling the gateway: %w", err)
	}
	a.nap.log.Info("link up", "self_id", a.nap.opts.SelfID)
	return a.run(ctx, s)
}

// heart sends a heartbeat over the current connection, if there is one.
func (a *adapter) heart(frame []byte) {
	if s := a.target(nil); s != nil {
		s.push(frame)
	}
}

// close makes the adapter take no further session.
func (a *adapter) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
}

// beat calls send with a heartbeat each interval until ctx ends. A negative interval is none.
func (n *NapCat) beat(ctx context.Context, interval time.Duration, send func([]byte)) {
	if interval < 0 {
		return
	}
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			send(n.heartbeat())
		case <-ctx.Done():
			return
		}
	}
}
