package napcat

import (
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// dialTimeout bounds one attempt: connecting, TLS and the first answer.
const dialTimeout = 10 * time.Second

// keepUp keeps a link up that catflap makes itself. dial makes one and returns what serves it to its end. A box in a
// cupboard never gives up: after maxRetries it warns once and goes on at maxDelay.
func (a *Account) keepUp(dial func() (serve func() error, err error)) {
	r := a.Config.Reconnect
	backoff := link.Backoff{Min: r.RetryDelay, Max: r.MaxDelay, Factor: r.BackoffMultiplier, Retries: r.MaxRetries, Rand: a.Rand}
	for failed := 0; ; {
		serve, err := dial()
		if err == nil {
			failed = 0
			began := a.Now()
			err = serve()
			backoff.Up(a.Now().Sub(began))
		} else {
			failed++
			a.dialFailed(err, failed)
		}
		if a.ctx.Err() != nil {
			return
		}
		// A link that is made and lost at once, as with a wrong token, counts like one that is refused.
		if tries := backoff.Tries() + 1; r.Enabled && tries == r.MaxRetries {
			a.Log.Error("NapCat's link does not stay up; trying on at maxDelay", "account", a.Name(), "tries", tries, "err", err)
		}
		if !r.Enabled {
			a.Log.Error("NapCat's link is down and reconnect.enabled is false: catflap will not dial again until a reload", "account", a.Name(), "err", err)
			if !a.roused() {
				return
			}
			continue
		}
		if !a.rest(backoff.Next()) {
			return
		}
	}
}

// rest waits for d, or until NapCat posts something, and reports whether the account still lives.
func (a *Account) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-a.wake:
		a.rouse() // the next dial wants to know
	case <-a.ctx.Done():
	}
	return a.ctx.Err() == nil
}

// roused waits until NapCat posts something, which makes a link without dialling for it. False where NapCat does not post.
func (a *Account) roused() bool {
	if a.Config.Link != "http" {
		return false
	}
	select {
	case <-a.wake:
		a.rouse() // the next dial wants to know
		return true
	case <-a.ctx.Done():
		return false
	}
}

// rouse says that NapCat has posted something while no link was up.
func (a *Account) rouse() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *Account) dialFailed(err error, failed int) {
	if a.ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	a.state.LastError, a.state.Hints, a.state.Dials = err.Error(), hints(err, a.Config), failed
	a.mu.Unlock()
	if failed == 1 {
		a.Log.Warn("dialling NapCat failed", "account", a.Name(), "err", err)
	}
	a.Changed()
}
