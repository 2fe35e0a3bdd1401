package endpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// attempt sends the request once.
func (c *Client) attempt(ctx context.Context, model string, d dialect, req *Request) (Reply, error) {
	if req.size() > maxBody {
		return Reply{}, &Error{Kind: TooLong, Model: model, text: c.at(model) + "the request has more than 32 MiB: send fewer or smaller pictures"}
	}
	quiet, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(c.cfg.Idle, func() { cancel(errIdle) })
	defer idle.Stop()

	body := appendRequest(nil, model, d, req)
	post, err := http.NewRequestWithContext(quiet, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return Reply{}, c.lost(model, err)
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Accept", "text/event-stream, application/json")
	post.Header.Set("User-Agent", "catflap")
	if c.cfg.Key != "" {
		post.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	if c.cfg.Backend == OpenClaw && req.Session != "" {
		post.Header.Set("X-Openclaw-Session-Key", sessionKey(model, req.Session))
	}
	answer, err := c.http.Do(post)
	if err != nil {
		return Reply{}, c.failed(quiet, model, err, false)
	}
	// A body that is closed before its end costs the connection; what is left after [DONE] is next to nothing.
	defer func() { _ = answer.Body.Close() }()

	from := &watched{from: answer.Body, idle: idle, limit: c.cfg.Idle}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		head, err := newStream(from).rest(maxRefusal)
		if err != nil && !errors.Is(err, errAnswer) && quiet.Err() != nil {
			return Reply{}, c.failed(quiet, model, err, false)
		}
		return Reply{}, c.refused(model, d, req, answer.StatusCode, answer.Header, head)
	}
	a := &collector{}
	events := newStream(from)
	err = a.readFrom(events, from)
	if err == nil {
		// The connection can be used again only if the body is read to its end, which mostly has come already.
		from.limit = 100 * time.Millisecond
		idle.Reset(from.limit)
		_, _ = events.rest(4 << 10)
	}
	reply := a.reply(model, d, req)
	switch {
	case a.refusal != nil:
		// Some servers have promised 200 before they find out. Nothing is repeated but what was refused for its form.
		fault := c.refused(model, d, req, http.StatusOK, nil, a.refusal)
		fault.again, fault.next = false, fault.next && a.events == 0 && c.cfg.Backend != OpenClaw
		if a.events > 0 && (reply.Text != "" || len(a.calls) > 0) {
			fault.teach = nil
		}
		return reply, fault
	case err != nil:
		return reply, c.failed(quiet, model, err, from.some)
	}
	return reply, nil
}

// watched resets the idle timer at each byte.
type watched struct {
	from  io.Reader
	idle  *time.Timer
	limit time.Duration
	some  bool
}

// Read is the body's, watched.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	if n > 0 {
		w.some = true
		w.idle.Reset(w.limit)
	}
	return n, err
}

var (
	errIdle  = errors.New("the answer stood still")
	errTotal = errors.New("the answer took too long")
	errCut   = errors.New("the answer was cut off")
	errPage  = errors.New("the answer is a web page")
	errOther = errors.New("the answer is no chat completion")
)

// readFrom reads a stream of events or, whatever the header says, a plain JSON answer.
func (a *collector) readFrom(s *stream, from *watched) error {
	first, err := s.first()
	switch {
	case errors.Is(err, io.EOF):
		return errCut
	case err != nil:
		return err
	case first == '<':
		return errPage
	case first == '{':
		data, err := s.rest(maxAnswer)
		if err != nil {
			return err
		}
		if err := a.add(bytes.TrimPrefix(data, []byte("\ufeff"))); err != nil {
			return err
		}
		if a.events == 0 && a.refusal == nil {
			return errOther
		}
		return nil
	}
	for {
		data, err := s.next()
		switch {
		case errors.Is(err, io.EOF) && a.finish != "":
			return nil
		case errors.Is(err, io.EOF) && a.events == 0 && s.read > 0 && !a.counted:
			return errOther
		case errors.Is(err, io.EOF):
			return errCut
		case err != nil:
			if a.finish != "" && !errors.Is(err, errAnswer) && !errors.Is(err, errLine) {
				return nil // only the usage was still to come
			}
			return err
		}
		switch string(bytes.TrimSpace(data)) {
		case "":
			continue
		case "[DONE]":
			if a.events == 0 {
				return errOther
			}
			return nil
		}
		if err := a.add(data); err != nil {
			return err
		}
		if a.refusal != nil {
			return nil
		}
		if a.finish != "" && from.limit > linger {
			from.limit = linger
			from.idle.Reset(linger)
		}
	}
}
