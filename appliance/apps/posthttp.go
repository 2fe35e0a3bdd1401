package apps

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
)

// Bounds of what is read of an answer beside its body.
const (
	maxAnswerHead = 64 << 10
	maxRefusal    = 512 // of the body of a refusal
)

// answer is what became of one post: err, or a status.
type answer struct {
	err     error
	reached bool // the app may have got it: a connection was there
	status  int
	after   time.Duration // Retry-After
	body    []byte        // of a 2xx; of anything else its beginning
	bodyErr error         // the body could not be read to its end
	where   string        // Location, without its query
	kind    string        // Content-Type of the body
	nothing bool          // nothing was posted: the app gets nothing of that event
}

// send posts a body and waits for the answer, for limit at most. When the feed ends a request that is on its way has a
// moment more, so that the app need not get the event again.
func (p *poster) send(self uint64, body []byte, limit time.Duration) answer {
	f := p.feed
	c := f.app.settings()
	if p.client == nil {
		client, err := newPostClient(c)
		if err != nil {
			return answer{err: err}
		}
		p.client = client
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if f.ctx.Err() == nil {
		defer context.AfterFunc(f.ctx, func() {
			link.Wait(ctx, postParting)
			cancel()
		})()
	}
	var reached atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { reached.Store(true) }})
	header := f.app.speech.postHeader(self)
	if c.Secret != "" {
		body = onebot.Stringified(body)
		header.Set("X-Signature", signature(c.Secret, body))
	}
	a := p.exchange(traced, c.Post, header, body)
	a.reached = reached.Load()
	if a.err != nil {
		a.err = plainly(a.err, c.Post, limit)
	}
	return a
}

// exchange makes one request and reads its answer.
func (p *poster) exchange(ctx context.Context, target string, header http.Header, body []byte) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	req.Header = header
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, kind: resp.Header.Get("Content-Type"), after: retryAfter(resp.Header.Get("Retry-After"), p.feed.app.Now())}
	if u, err := resp.Location(); err == nil {
		a.where = u.Scheme + "://" + u.Host + u.Path
	}
	most := int64(maxRefusal)
	if a.status/100 == 2 {
		most = int64(p.feed.app.MaxFrame)
	}
	a.body, a.bodyErr = io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case int64(len(a.body)) <= most:
		if a.bodyErr != nil { // half of an answer is none; the status has acknowledged the event all the same
			a.body, a.bodyErr = nil, fmt.Errorf("reading the app's answer: %w", a.bodyErr)
		}
	case a.status/100 == 2:
		a.body, a.bodyErr = nil, errLarge
	default:
		a.body, a.bodyErr = a.body[:most], nil
	}
	return a
}

// newPostClient makes a client that keeps one connection, follows no redirect and knows no proxy, whatever the environment
// says.
func newPostClient(c *config.App) (*http.Client, error) {
	secure, err := link.ClientTLS(c.VerifyCertificate, c.CAFile)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        secure,
			TLSHandshakeTimeout:    dialTimeout,
			MaxIdleConnsPerHost:    1,
			MaxConnsPerHost:        1,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxAnswerHead,
			DisableCompression:     true, // so that the bound on the body is one on memory
			ReadBufferSize:         4 << 10,
			WriteBufferSize:        4 << 10,
		},
	}, nil
}

// signature is the X-Signature of a body: HMAC-SHA1 with the app's secret, as the OneBot 11 standard has it.
func signature(secret string, body []byte) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

// retryAfter reads the header of that name: seconds or a date. 0 is for none and for what is over.
func retryAfter(text string, now time.Time) time.Duration {
	const most = 24 * time.Hour // more than any bound on it; and a number of seconds must not overflow
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), int64(most/time.Second))) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), most)
}

// plainly says what went wrong without the address's query, where a secret may stand.
func plainly(err error, target string, limit time.Duration) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	host := "the app"
	if u, e := url.Parse(target); e == nil {
		host = u.Host
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("posting to %s: no answer within %v: %w", host, limit, err)
	}
	return fmt.Errorf("posting to %s: %w", host, err)
}

// refusedPost is an answer that takes no event.
type refusedPost struct {
	status int
	text   string
}

// Error is the status with what it means here.
func (e *refusedPost) Error() string { return e.text }

// refusal makes an error of an answer that is no 2xx.
func (a answer) refusal(c *config.App) error {
	text := fmt.Sprintf("the app answered %d %s", a.status, http.StatusText(a.status))
	if a.status/100 == 3 {
		if a.where != "" {
			text += fmt.Sprintf(" to %q", a.where)
		}
		text += fmt.Sprintf(": redirects are not followed; write the final address as apps.%s.post", c.Name)
	}
	body := strings.ToValidUTF8(string(bytes.TrimSpace(a.body)), "")
	for _, secret := range []string{c.Secret, c.AccessToken} {
		if secret != "" && strings.Contains(body, secret) {
			body = ""
		}
	}
	const most = 120
	if body != "" && a.status/100 != 3 {
		text += fmt.Sprintf(": %.*q", most, body)
	}
	return &refusedPost{a.status, text}
}
