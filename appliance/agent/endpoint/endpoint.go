// Package endpoint is a client of one chat-completions endpoint: it asks, reads the answer as it streams, and knows the dialects.
//
// It goes straight to the address in its configuration: HTTP_PROXY and its
// kin in the environment are not looked at, since a proxy that somebody set for
// a package manager has no business with private chats. Redirects are not
// followed, because the key would travel with them.
package endpoint

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Bounds on what a server may make the client hold.
const (
	maxLine      = 512 << 10 // one line of a stream, and one event
	maxAnswer    = 4 << 20   // bytes of one answer, keep-alives included
	maxText      = 256 << 10 // text of one answer
	maxReasoning = 64 << 10  // kept of the reasoning; the rest is read and dropped
	maxArguments = 64 << 10  // arguments of one tool call
	maxCalls     = 16        // tool calls of one answer
	maxBody      = 32 << 20  // one request, pictures included
	maxRefusal   = 8 << 10   // read of an answer that refuses
)

// Bounds on trying again.
const (
	attempts    = 3                // of one model
	firstPause  = time.Second      // before the second attempt; doubled after that
	longestWait = time.Minute      // a server that wants a longer pause is not waited for
	linger      = 2 * time.Second  // for the usage behind the last word
	forgetAfter = 10 * time.Minute // a refusal of tools or pictures is believed that long
)

// Backends.
const (
	OpenAI   = "openai"   // any OpenAI-compatible endpoint
	OpenClaw = "openclaw" // OpenClaw's gateway, which keeps the conversation itself
)

// Config is one endpoint. New checks it.
type Config struct {
	Backend   string   // OpenAI or OpenClaw; "" is OpenAI
	BaseURL   string   // what /chat/completions is appended to, such as http://127.0.0.1:11434/v1
	Key       string   // bearer token; "" sends none. Never in an error
	Model     string   // asked first
	Fallbacks []string // asked in this order when the one before fails

	Idle  time.Duration // longest silence between two bytes; 0 = 2 minutes. OpenClaw may be silent for as long as Total
	Total time.Duration // longest Ask with all its attempts; 0 = 5 minutes

	TLS    *tls.Config                                                          // nil = the system's authorities
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil = the system's
	Now    func() time.Time                                                     // nil = time.Now
	Random func() float64                                                       // from 0 to 1, for the jitter of pauses; nil = no jitter
}

// Client asks one endpoint. It is safe for use by several goroutines and
// starts none that outlives an Ask, but for the idle connections that Close ends.
type Client struct {
	cfg  Config
	url  string
	host string // for errors
	http *http.Client

	mu      sync.Mutex
	learned map[string]knowledge // by model; no more models than cfg names
}

// New checks the configuration. Nothing is dialled.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("baseUrl: expected an address such as http://127.0.0.1:11434/v1")
	}
	if base.User != nil {
		return nil, errors.New("baseUrl: expected an address without a password: write it as apiKey")
	}
	if cfg.Model == "" {
		return nil, errors.New("model: name the model to ask")
	}
	if strings.ContainsFunc(cfg.Key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("apiKey: expected printable ASCII only: a line break or a full-width character came along when it was copied")
	}
	switch cfg.Backend {
	case "":
		cfg.Backend = OpenAI
	case OpenAI, OpenClaw:
	default:
		return nil, fmt.Errorf("backend: expected %s or %s", OpenAI, OpenClaw)
	}
	if cfg.Idle <= 0 {
		cfg.Idle = 2 * time.Minute
	}
	if cfg.Total <= 0 {
		cfg.Total = 5 * time.Minute
	}
	if cfg.Backend == OpenClaw {
		cfg.Idle = max(cfg.Idle, cfg.Total) // see openclaw.go
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: 15 * time.Second}).DialContext
	}
	host := base.Host
	if path := strings.TrimRight(base.Path, "/"); !strings.HasSuffix(path, "/chat/completions") {
		base = base.JoinPath("chat", "completions")
	}
	return &Client{
		cfg: cfg, url: base.String(), host: host,
		learned: make(map[string]knowledge),
		http: &http.Client{
			Transport: &http.Transport{
				Proxy:                  nil, // see the package's comment
				DialContext:            cfg.Dial,
				TLSClientConfig:        cfg.TLS,
				TLSHandshakeTimeout:    15 * time.Second,
				MaxIdleConns:           2,
				MaxIdleConnsPerHost:    2,
				IdleConnTimeout:        30 * time.Second,
				MaxResponseHeaderBytes: 64 << 10,
				DisableCompression:     true, // a packed stream comes in lumps, and a bomb fits into one
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close ends the idle connections. Asks that run are the business of their contexts.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Ask sends one request and reads the answer to its end. Before the first byte
// of an answer it tries again: the same model after 429, 5xx and a refused
// connection, then the fallback models. After it, nothing is repeated, but for
// one request without tools when the calls that came cannot be used.
//
// The error is an *Error, or the context's cause when ctx ended. With an error
// the reply holds what came before it.
func (c *Client) Ask(ctx context.Context, req *Request) (Reply, error) {
	total, cancel := context.WithTimeoutCause(ctx, c.cfg.Total, errTotal)
	defer cancel()
	var reply Reply
	var err error
	for _, model := range append([]string{c.cfg.Model}, c.cfg.Fallbacks...) {
		var fault *Error
		if reply, err = c.askModel(total, model, req); err == nil || !errors.As(err, &fault) || !fault.next {
			break
		}
	}
	if ctx.Err() != nil && err != nil {
		return reply, fmt.Errorf("asking %s: %w", c.host, context.Cause(ctx))
	}
	return reply, err
}

// askModel asks one model until it answers or no attempt is left.
func (c *Client) askModel(ctx context.Context, model string, req *Request) (Reply, error) {
	pause := firstPause
	var spent Usage // of an answer that was of no use
	withoutTools := false
	for failed := 0; ; {
		d := c.dialect(model)
		d.noTools = d.noTools || withoutTools
		reply, err := c.attempt(ctx, model, d, req)
		reply.Usage = reply.Usage.plus(spent)
		retools := len(req.Tools) > 0 && !d.noTools && c.cfg.Backend != OpenClaw // whose agent would run again
		if err == nil {
			if reply.broken && retools {
				withoutTools, spent = true, reply.Usage
				continue
			}
			return reply.finish(c, model)
		}
		var fault *Error
		if !errors.As(err, &fault) {
			return reply, err
		}
		if fault.broken && retools {
			withoutTools = true
			continue
		}
		if fault.teach != nil && c.learn(model, fault.teach) {
			continue // each lesson can be learned once, so this ends
		}
		failed++
		if !fault.again || failed == attempts || fault.RetryAfter > longestWait {
			return reply, err
		}
		wait := max(fault.RetryAfter, c.jitter(pause))
		pause *= 2
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return reply, err // the reason is better than "no time left"
		}
		if !sleep(ctx, wait) {
			return reply, err
		}
	}
}

// jitter makes a pause between half and the whole of d.
func (c *Client) jitter(d time.Duration) time.Duration {
	if c.cfg.Random == nil {
		return d
	}
	return d/2 + time.Duration(c.cfg.Random()*float64(d/2))
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
