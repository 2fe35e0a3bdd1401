package napcat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
)

// idleTime is how long a connection to NapCat's HTTP server is kept for the next call. The server closes its end after
// five seconds, and a call that meets the closing has failed without anybody knowing whether it was done.
const idleTime = 4 * time.Second

// errToken means that NapCat refuses the token.
var errToken = errors.New("NapCat refuses the access token")

// answerError means that what listens at apiUrl did not answer as NapCat's HTTP server does. Nothing was done.
type answerError struct {
	status int
	body   string // the first bytes, for the log
}

func (e *answerError) Error() string {
	switch e.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Sprintf("NapCat's HTTP server refuses the access token (status %d)", e.status)
	}
	text := fmt.Sprintf("the server at apiUrl does not answer as NapCat does: status %d", e.status)
	if e.body != "" {
		text += fmt.Sprintf(", %q", e.body)
	}
	return text
}

// Is makes it a call that never reached NapCat.
func (e *answerError) Is(target error) bool { return target == ErrAway }

// unreachable is an error before anything was sent.
type unreachable struct{ err error }

func (e *unreachable) Error() string { return "calling NapCat's HTTP server: " + e.err.Error() }

func (e *unreachable) Unwrap() error { return e.err }

// Is makes it a call that never reached NapCat.
func (e *unreachable) Is(target error) bool { return target == ErrAway }

// api is NapCat's HTTP server.
type api struct {
	base   string // without user, query, and slash at its end: it is shown
	token  string
	client *http.Client
}

// newAPI makes the client of one session. No proxy is used, whatever the environment says, and a redirection is an answer
// like any other wrong one: the token goes to apiUrl and nowhere else.
func newAPI(c config.Account) (*api, error) {
	u, err := url.Parse(c.APIURL)
	if err != nil || u.Host == "" {
		return nil, errors.New("the account's apiUrl cannot be read; expected http://host:port")
	}
	tls, err := link.ClientTLS(c.VerifyCertificate, c.CAFile)
	if err != nil {
		return nil, err
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	dialer := net.Dialer{
		Timeout: dialTimeout,
		// An event stream is silent for hours: only this finds out that NapCat's machine was switched off.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	return &api{
		base: strings.TrimRight(u.String(), "/"), token: c.AccessToken,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext: dialer.DialContext, TLSClientConfig: tls, TLSHandshakeTimeout: dialTimeout,
				MaxIdleConns: 4, MaxIdleConnsPerHost: 4, MaxConnsPerHost: maxPending + maxInternal + 1, IdleConnTimeout: idleTime,
				DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// close gives the connections back that no call uses.
func (a *api) close() { a.client.CloseIdleConnections() }

// call posts an action's params, which must be ASCII. echo goes along as a parameter unless it is empty. Whoever gets the
// answer closes its body. Errors are *unreachable, *answerError, and ErrDropped when NapCat may have got the call.
func (a *api) call(ctx context.Context, action, echo string, params []byte) (*http.Response, error) {
	address := a.base + "/" + url.PathEscape(action)
	if echo != "" {
		address += "?echo=" + url.QueryEscape(echo)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(params))
	if err != nil {
		return nil, &unreachable{err}
	}
	r.Header.Set("Content-Type", "application/json")
	return a.do(r)
}

// events asks for NapCat's event stream.
func (a *api) events(ctx context.Context) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/_events", nil)
	if err != nil {
		return nil, &unreachable{err}
	}
	r.Header.Set("Accept", "text/event-stream")
	return a.do(r)
}

func (a *api) do(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", "catflap")
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	var sent atomic.Bool
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
	}))
	resp, err := a.client.Do(r)
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err // without the address
		}
		if sent.Load() {
			return nil, fmt.Errorf("%w: %w", ErrDropped, err)
		}
		return nil, &unreachable{err}
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	start, _ := io.ReadAll(io.LimitReader(resp.Body, 256)) // a cut body is still worth showing
	return nil, &answerError{resp.StatusCode, string(start)}
}
