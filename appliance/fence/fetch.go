package fence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Fetched is what a server said of a file. It is somebody's word and no more: what the bytes are has to be looked at.
type Fetched struct {
	Type string // its Content-Type
	Size int64  // bytes written
}

// Fetch writes what a URL names to w, at most max bytes. On an error w may hold a part. It uses a small buffer whatever
// the size. Errors name the host and never the URL, whose query is a key.
func (f *Fence) Fetch(ctx context.Context, address string, max int64, w io.Writer) (Fetched, error) {
	return f.FetchWith(ctx, address, nil, max, w)
}

// FetchWith is Fetch with headers of the caller's, which replace those of the guard's own. Redirects to other hosts do not
// get those that net/http holds for secret.
func (f *Fence) FetchWith(ctx context.Context, address string, header http.Header, max int64, w io.Writer) (Fetched, error) {
	u, err := f.parse(address)
	if err != nil {
		return Fetched{}, err
	}
	ctx, end := context.WithTimeoutCause(ctx, totalTime, ErrSlow)
	defer end()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Fetched{}, fmt.Errorf("%w: it cannot be read", ErrURL)
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (compatible; catflap)") // some of QQ's servers refuse what names no browser
	r.Header.Set("Accept", "*/*")
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := f.client.Do(r)
	if err != nil {
		return Fetched{}, fmt.Errorf("fetching from %s: %w", u.Hostname(), plainly(ctx, err))
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusOK:
		return Fetched{}, fmt.Errorf("fetching from %s: %w", u.Hostname(), &StatusError{resp.StatusCode})
	case resp.ContentLength > max:
		return Fetched{}, fmt.Errorf("fetching from %s: %d bytes: %w", u.Hostname(), resp.ContentLength, ErrTooLarge)
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return Fetched{}, fmt.Errorf("fetching from %s: %w: packed, which nobody asked for", u.Hostname(), ErrAnswer)
	}
	body := &patient{resp.Body, time.AfterFunc(f.idle, func() { cancel(ErrSlow) }), f.idle}
	defer body.wait.Stop()
	// Limited by one byte more than allowed: that byte tells a file of the right size from one that is too large.
	n, err := io.Copy(struct{ io.Writer }{w}, &io.LimitedReader{R: body, N: max + 1})
	switch {
	case err != nil:
		return Fetched{}, fmt.Errorf("fetching from %s: %w", u.Hostname(), plainly(ctx, err))
	case n > max:
		return Fetched{}, fmt.Errorf("fetching from %s: more than %d bytes: %w", u.Hostname(), max, ErrTooLarge)
	}
	return Fetched{Type: resp.Header.Get("Content-Type"), Size: n}, nil
}

// plainly is an error without the URL, and with the reason for which the fetch was ended.
func plainly(ctx context.Context, err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	}
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		if errors.Is(cause, context.DeadlineExceeded) {
			return fmt.Errorf("%w: %w", ErrSlow, cause)
		}
		return cause
	}
	var waited net.Error
	if errors.As(err, &waited) && waited.Timeout() {
		return fmt.Errorf("%w: %w", ErrSlow, err)
	}
	return err
}

// patient is a body whose server may be silent for a while and no longer. Time that the writer needs does not count.
type patient struct {
	r    io.Reader
	wait *time.Timer
	idle time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	p.wait.Reset(p.idle)
	defer p.wait.Stop()
	return p.r.Read(b)
}
