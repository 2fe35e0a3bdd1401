package apps

import (
	"context"
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// dialTimeout bounds one attempt: connecting, TLS and the upgrade.
const dialTimeout = 10 * time.Second

// dialForever keeps the reverse WebSocket to the app up. There is never more than one connection, and the old
// one has ended before the next dial: frameworks lose the newer link when an older one closes late. No refusal
// ends it: NoneBot answers 403 for a wrong token and for a link that it has not noticed to be dead alike.
func (f *feed) dialForever() {
	ctx := f.ctx
	backoff := link.Backoff{Rand: f.app.Rand}
	for failures := 0; f.awaitSelf(ctx); {
		r := f.app.settings().Reconnect
		backoff.Min, backoff.Max, backoff.Factor = r.RetryDelay, r.MaxDelay, r.BackoffMultiplier
		self := f.account.Self()
		conn, err := f.dial(ctx, self)
		if err == nil {
			failures = 0
			began := f.app.Now()
			s := newSession(f, conn, true)
			s.self = self
			_ = f.serve(s) // it has noted why it ended
			backoff.Up(f.app.Now().Sub(began))
		} else if ctx.Err() == nil {
			failures++
			f.failed(err)
			if failures == 1 {
				f.app.Log.Warn("dialling the app failed; trying on", "app", f.app.Name(), "account", f.account.Name, "err", err)
			}
		}
		if !link.Wait(ctx, backoff.Next()) {
			return
		}
	}
}

// awaitSelf waits until the account's self id is known: the handshake must name it.
func (f *feed) awaitSelf(ctx context.Context) bool {
	for f.account.Self() == 0 {
		f.failed(errWaiting)
		select {
		case <-f.changed:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

func (f *feed) dial(ctx context.Context, self uint64) (*link.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c := f.app.settings()
	tls, err := link.ClientTLS(c.VerifyCertificate, c.CAFile)
	if err != nil {
		return nil, err
	}
	return link.Dial(ctx, link.Target{URL: c.Connect, Header: f.app.speech.dialHeader(self), TLS: tls}, f.app.linkOptions())
}
