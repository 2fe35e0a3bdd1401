package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/catflap/catflap/appliance/alert/address"
)

// maxAnswer is how much of a server's answer is read.
const maxAnswer = 4 << 10

// SendError is why a message could not be sent. The text holds nothing of the address but its host.
type SendError struct {
	Final bool          // trying again is no use
	After time.Duration // when the server wants to be asked again; 0 = it did not say
	text  string
}

// Error is the text.
func (e *SendError) Error() string { return e.text }

// Send sends a message to a target. The error is a *SendError.
func Send(ctx context.Context, t *address.Target, m Message) error {
	err := send(ctx, t, m)
	if err == nil {
		return nil
	}
	var known *SendError
	if errors.As(err, &known) {
		return &SendError{known.Final, known.After, oneLine(t.Scrub(known.text))}
	}
	// The text of *url.Error has the whole URL.
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer in time")
	}
	return &SendError{text: oneLine(t.Scrub(fmt.Sprintf("%s: %v", t.Host, err)))}
}

func send(ctx context.Context, t *address.Target, m Message) error {
	switch t.Service {
	case address.Ntfy:
		return sendNtfy(ctx, t, m)
	case address.Bark:
		return sendBark(ctx, t, m)
	case address.Mail:
		return sendMail(ctx, t, m)
	case address.Webhook:
		return sendWebhook(ctx, t, m)
	case address.Telegram:
		return sendTelegram(ctx, t, m)
	}
	return &SendError{Final: true, text: "no such service"}
}

// postJSON sends one request with a JSON body and gives the answer's beginning.
func postJSON(ctx context.Context, t *address.Target, u string, header http.Header, body any) ([]byte, error) {
	var encoded bytes.Buffer
	e := json.NewEncoder(&encoded)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, err
	}
	return request(ctx, t, http.MethodPost, u, header, "application/json; charset=utf-8", bytes.TrimRight(encoded.Bytes(), "\n"))
}

// request sends one request and gives the answer's beginning. Redirects are not followed: what the address holds would go
// where the owner has not sent it. There is no fence: the owner wrote the address, and it may well be in their own network.
func request(ctx context.Context, t *address.Target, method, u string, header http.Header, contentType string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, u, bytes.NewReader(body))
	if err != nil {
		return nil, &SendError{Final: true, text: t.Host + ": the address makes no request"}
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("User-Agent", "catflap")
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 20 * time.Second,
		DisableKeepAlives:     true, // alerts are rare
	}
	if t.Insecure {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // the address says so
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer transport.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return answer, nil // what could not be read changes nothing: it was taken
	}
	failure := &SendError{Final: true, text: fmt.Sprintf("%s answered %d %s", t.Host, resp.StatusCode, http.StatusText(resp.StatusCode))}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode >= 500:
		failure.Final = false
		if s, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil {
			failure.After = time.Duration(s) * time.Second
		}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		failure.text += ", a redirect: write the address that it leads to"
	}
	if why := reason(answer); err == nil && why != "" {
		failure.text += ": " + why
	}
	return nil, failure
}

// reason is what a server says about a failure in the words that the services use.
func reason(answer []byte) string {
	var said struct {
		Error       any    `json:"error"`
		Message     string `json:"message"`
		Description string `json:"description"`
		ErrMsg      string `json:"errmsg"`
		Msg         string `json:"msg"`
	}
	if json.Unmarshal(answer, &said) != nil {
		return ""
	}
	text, _ := said.Error.(string)
	for _, s := range []string{text, said.Description, said.Message, said.ErrMsg, said.Msg} {
		if s != "" {
			return oneLine(s)
		}
	}
	return ""
}
