package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/lxzan/gws"
)

// dialTimeout bounds a Dial whose context has no earlier end.
const dialTimeout = 30 * time.Second

// Target is where Dial goes.
type Target struct {
	URL    string      // ws:// or wss://, with path and query; user and password in it are not sent
	Header http.Header // sent with the request; Host replaces the host of the URL
	TLS    *tls.Config // for wss, cloned; nil = the system's roots and the URL's host name
}

// RefusedError means that the server answered the upgrade with something else than 101.
type RefusedError struct {
	Status int    // the HTTP status
	Body   string // the first 512 bytes of the answer's body
}

// Error gives the status and the body.
func (e *RefusedError) Error() string {
	text := fmt.Sprintf("the server refused the WebSocket with status %d %s", e.Status, http.StatusText(e.Status))
	if e.Body != "" {
		text += fmt.Sprintf(": %q", e.Body)
	}
	return text
}

// Dial connects and asks for a WebSocket, all bounded by ctx and by 30 s. No proxy is used,
// whatever the environment says. Errors name the host, never the query or a header. A server that answers
// with another status than 101 gives a *RefusedError.
func Dial(ctx context.Context, t Target, o Options) (*Conn, error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("dialling: the URL cannot be read; expected ws://host:port/path")
	}
	if u.Scheme != "ws" && u.Scheme != "wss" {
		return nil, fmt.Errorf("dialling %s: scheme %q; expected ws or wss", u.Host, u.Scheme)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := dial(ctx, u, t, o.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("dialling %s: %w", u.Host, err)
	}
	return c, nil
}

func dial(ctx context.Context, u *url.URL, t Target, o Options) (*Conn, error) {
	raw, err := connect(ctx, u, t.TLS)
	if err != nil {
		return nil, err
	}
	frames := &wire{Conn: raw, mode: modeHead, limit: uint64(o.MaxFrame), swallowTo: o.swallowTo(), masked: true}
	c := newConn(raw, frames, true, o)
	// gws waits for its handshake's writing goroutine only until its own timeout, and leaks it after. So that
	// timeout is out of reach, and the end of ctx closes the socket, which ends both.
	stop := context.AfterFunc(ctx, c.cutNow)
	ws, resp, err := gws.NewClientFromConn(&events{c}, &gws.ClientOption{
		Addr:               u.String(),
		RequestHeader:      requestHeader(t.Header),
		ReadMaxPayloadSize: o.MaxFrame,
		ReadBufferSize:     o.ReadBuffer,
		CheckUtf8Enabled:   true,
		HandshakeTimeout:   time.Hour,
		NewSession:         noSession,
	}, frames)
	if err != nil && resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = refusal(raw, resp)
	}
	if !stop() && ctx.Err() != nil {
		err = fmt.Errorf("waiting for the answer: %w", context.Cause(ctx))
	}
	if err != nil {
		c.cutNow()
		return nil, err
	}
	frames.mode = modeFrames
	c.ws = ws
	return c, nil
}

func connect(ctx context.Context, u *url.URL, config *tls.Config) (net.Conn, error) {
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", address(u))
	if err != nil || u.Scheme == "ws" {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return raw, err
	}
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	if config.NextProtos == nil {
		config.NextProtos = []string{"http/1.1"}
	}
	secure := tls.Client(raw, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return secure, nil
}

// address is the host and port of u, with the scheme's port if it names none.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "wss" {
			port = "443"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// requestHeader copies h for gws.
func requestHeader(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for k, v := range h {
		k = http.CanonicalHeaderKey(k)
		if k == "Sec-Websocket-Protocol" {
			// Under this spelling gws sends it but does not insist on an answer: servers of OneBot 12 ignore it.
			k = "Sec-WebSocket-Protocol"
		}
		out[k] = append(out[k], v...)
	}
	return out
}

// refusal reads the beginning of the answer's body, for a second at most.
func refusal(raw net.Conn, resp *http.Response) error {
	_ = raw.SetReadDeadline(time.Now().Add(time.Second))
	body := make([]byte, 512)
	n, _ := io.ReadFull(resp.Body, body)
	return &RefusedError{Status: resp.StatusCode, Body: string(body[:n])}
}
