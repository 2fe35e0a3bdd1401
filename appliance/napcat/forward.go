package napcat

import (
	"context"
	"net/http"
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// dialSocket dials NapCat's WebSocket server.
func (a *Account) dialSocket() (serve func() error, err error) {
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
	conn, err := link.Dial(ctx, link.Target{URL: a.Config.URL, Header: header, TLS: tls}, a.linkOptions())
	if err != nil {
		return nil, err
	}
	return func() error { return a.serve(conn, a.Config.URL) }, nil
}

// linkOptions bound a WebSocket to NapCat. A half-dead one that is being closed may still bring events, and NapCat keeps
// nothing: they are heard out.
func (a *Account) linkOptions() link.Options {
	return link.Options{MaxFrame: a.MaxFrame, SwallowUpTo: swallowUpTo, OutSlots: 256, OutBytes: maxOutBytes, WriteTimeout: 10 * time.Second, ReadBuffer: 16 << 10, HearOut: true}
}
