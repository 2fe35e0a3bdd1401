package napcat

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// dialTimeout bounds one attempt: connecting, TLS and the upgrade.
const dialTimeout = 10 * time.Second

// dialForever keeps the forward link up. A box in a cupboard never gives up: after maxRetries it warns once
// and goes on at maxDelay.
func (a *Account) dialForever() {
	r := a.Config.Reconnect
	backoff := link.Backoff{Min: r.RetryDelay, Max: r.MaxDelay, Factor: r.BackoffMultiplier, Retries: r.MaxRetries, Rand: a.Rand}
	for failed := 0; ; {
		conn, err := a.dial()
		if err == nil {
			failed = 0
			began := a.Now()
			err = a.serve(conn, a.Config.URL)
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
			return
		}
		if !link.Wait(a.ctx, backoff.Next()) {
			return
		}
	}
}

func (a *Account) dial() (*link.Conn, error) {
	ctx, cancel := context.WithTimeout(a.ctx, dialTimeout)
	defer cancel()
	header := http.Header{"User-Agent": {"catflap"}}
	if a.Config.AccessToken != "" {
		header.Set("Authorization", "Bearer "+a.Config.AccessToken)
	}
	tls, err := link.ClientTLS(a.Config.VerifyCertificate, a.Config.CAFile)
	if err != nil {
		return nil, err
	}
	return link.Dial(ctx, link.Target{URL: a.Config.URL, Header: header, TLS: tls}, a.linkOptions())
}

func (a *Account) dialFailed(err error, failed int) {
	if a.ctx.Err() != nil {
		return
	}
	text := err.Error()
	var refused *link.RefusedError
	if errors.As(err, &refused) && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden) {
		text += ": accessToken here must be the token of NapCat's WebSocket server"
	}
	a.mu.Lock()
	a.state.LastError, a.state.Dials = text, failed
	a.mu.Unlock()
	if failed == 1 {
		a.Log.Warn("dialling NapCat failed", "account", a.Name(), "err", err)
	}
	a.Changed()
}

func (a *Account) linkOptions() link.Options {
	return link.Options{MaxFrame: a.MaxFrame, SwallowUpTo: swallowUpTo, OutSlots: 256, OutBytes: 16 << 20, WriteTimeout: 10 * time.Second, ReadBuffer: 16 << 10}
}
