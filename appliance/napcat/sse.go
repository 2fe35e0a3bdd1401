package napcat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

// errStreamEnded means that NapCat has closed its event stream, as it does when it restarts.
var errStreamEnded = errors.New("NapCat closed the event stream")

// dialStream asks for NapCat's event stream. NapCat answers at once and then only when something happens, without
// heartbeats (reference: HTTP SSE server), so that probes tell whether it lives.
func (a *Account) dialStream() (serve func() error, err error) {
	w, err := a.openWeb(true)
	if err != nil {
		return nil, err
	}
	// The request lives as long as the stream does: only its first answer has a limit.
	slow := time.AfterFunc(dialTimeout, func() { w.cancel(fmt.Errorf("no answer within %v", dialTimeout)) })
	resp, err := w.api.events(w.ctx)
	if !slow.Stop() && err == nil {
		_ = resp.Body.Close()
		err = context.Cause(w.ctx)
	}
	if err == nil {
		if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
			start, _ := io.ReadAll(io.LimitReader(resp.Body, 256)) // a cut body is still worth showing
			_ = resp.Body.Close()
			err = &answerError{resp.StatusCode, string(start)}
		}
	}
	if err != nil {
		w.end()
		return nil, err
	}
	return func() error { return a.serveStream(w, resp) }, nil
}

func (a *Account) serveStream(w *web, resp *http.Response) error {
	defer w.end()
	s := &session{account: a, road: w}
	return a.run(s, w.api.base, func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { w.cancel(context.Cause(ctx)) })
		defer stop()
		defer resp.Body.Close()
		err := newEventStream(resp.Body, a.MaxFrame).each(s.frame, s.oversize)
		switch {
		case w.ctx.Err() != nil:
			return context.Cause(w.ctx)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return errStreamEnded
		}
		return fmt.Errorf("reading the event stream: %w", err)
	})
}
