package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Kind is why there is no answer, or no whole one.
type Kind string

// Kinds of errors.
const (
	Unreachable Kind = "unreachable" // no connection
	Limited     Kind = "limited"     // 429: too many requests, or no money left
	Denied      Kind = "denied"      // 401, 403: the key
	Refused     Kind = "refused"     // any other answer but 2xx, or an error inside a stream
	Idle        Kind = "idle"        // nothing came for too long
	Overdue     Kind = "overdue"     // all in all it took too long
	Cut         Kind = "cut"         // the answer ended in its middle: the reply holds what came
	TooLong     Kind = "too long"    // a bound was passed
	Garbled     Kind = "garbled"     // what came is no chat completion
	Empty       Kind = "empty"       // not a word came
)

// Error is why Ask has no whole answer. Its text names the endpoint, the model
// and the remedy. The key is not in it; of the server's own words there is one
// short line.
type Error struct {
	Kind       Kind
	Status     int // HTTP status; 0 = none
	Model      string
	RetryAfter time.Duration // when the server wants to be asked again; 0 = it did not say
	text       string

	again  bool           // another attempt may help
	next   bool           // another model may help
	teach  func(*dialect) // what to change before asking again
	broken bool           // the model's tool calls could not be read by its own server
}

// Error is the text.
func (e *Error) Error() string { return e.text }

// KindOf is the kind of an Ask's error; "" for others, such as an ended context.
func KindOf(err error) Kind {
	var fault *Error
	if errors.As(err, &fault) {
		return fault.Kind
	}
	return ""
}

func (c *Client) at(model string) string { return fmt.Sprintf("model %s at %s: ", model, c.host) }

func (c *Client) lost(model string, err error) *Error {
	return &Error{Kind: Unreachable, Model: model, text: c.at(model) + c.scrub(err.Error())}
}

// failed tells why sending or reading broke.
func (c *Client) failed(ctx context.Context, model string, err error, begun bool) error {
	fault := &Error{Model: model, next: !begun}
	text := ""
	if cause := context.Cause(ctx); cause != nil {
		switch {
		case errors.Is(cause, errIdle):
			fault.Kind, text = Idle, fmt.Sprintf("nothing came for %v: is the server overloaded? timeouts.idle is how long is waited", c.cfg.Idle)
		case errors.Is(cause, errTotal):
			fault.Kind, fault.next = Overdue, false
			text = fmt.Sprintf("no whole answer in %v: timeouts.total is how long is waited", c.cfg.Total)
		default: // the caller's
			return fmt.Errorf("asking %s: %w", c.host, cause)
		}
		fault.text = c.at(model) + text
		return fault
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) { // its text has the whole address
		err = wrapped.Err
	}
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, errLine), errors.Is(err, errAnswer):
		fault.Kind, fault.next, text = TooLong, false, err.Error()
	case errors.Is(err, errPage):
		fault.Kind, text = Garbled, "it answered with a web page: baseUrl is the API's address, which often ends in /v1"
	case errors.Is(err, errOther), errors.As(err, &syntax) && !errors.Is(err, errCut):
		fault.Kind, text = Garbled, "what it answered is no chat completion: baseUrl is the API's address, which often ends in /v1"
	case begun, errors.Is(err, errCut):
		fault.Kind, text = Cut, "the connection ended in the middle of the answer"
	default:
		fault.Kind = Unreachable
		var dial *net.OpError
		dialled := errors.As(err, &dial) && dial.Op == "dial"
		// A request that may have arrived is sent again only where it has no effect but an answer.
		fault.again = dialled || c.cfg.Backend != OpenClaw && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))
		fault.next = false // the next model lives at the same address
		text = "no connection: " + c.scrub(err.Error()) + ": is the server running, and is baseUrl right?"
	}
	fault.text = c.at(model) + text
	return fault
}

// refused reads an answer that is an error.
func (c *Client) refused(model string, d dialect, req *Request, status int, header http.Header, body []byte) *Error {
	said := c.scrub(complaint(body))
	fault := &Error{Status: status, Model: model, Kind: Refused}
	text := fmt.Sprintf("it answered %d", status)
	if status == http.StatusOK {
		text = "it answered with an error"
	}
	hint := ""
	switch {
	case status == http.StatusTooManyRequests:
		fault.Kind, fault.again, fault.next = Limited, true, true
		fault.RetryAfter = c.retryAfter(header.Get("Retry-After"))
		hint = "too many requests, or the quota is used up"
	case status == http.StatusPaymentRequired:
		fault.Kind, fault.next = Limited, true
		hint = "the account with the provider is empty"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		fault.Kind = Denied
		hint = "check apiKey"
	case status == http.StatusNotFound:
		fault.next = true
		hint = "check model and baseUrl, which often ends in /v1"
	case status >= 300 && status < 400:
		hint = "it points to another address: write that one as baseUrl"
	case status >= 500:
		// OpenClaw answers 500 after its agent has run, and the run may have had effects.
		fault.again, fault.next = c.cfg.Backend != OpenClaw || status == http.StatusServiceUnavailable, c.cfg.Backend != OpenClaw
		fault.RetryAfter = c.retryAfter(header.Get("Retry-After"))
	default:
		fault.next = true
	}
	for _, part := range []string{said, hint} {
		if part != "" {
			text += ": " + part
		}
	}
	fault.text = c.at(model) + text
	if status != http.StatusUnauthorized && status != http.StatusForbidden && status != http.StatusTooManyRequests {
		lower := strings.ToLower(string(body))
		fault.broken = brokenCall(lower)
		fault.teach = lesson(lower, d, req)
	}
	return fault
}

// retryAfter reads the header: seconds, or a date.
func (c *Client) retryAfter(value string) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 86400) * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(c.cfg.Now()), 0), 24*time.Hour)
	}
	return 0
}

// complaint finds the words in an error's body: {"error":{"message"}},
// {"error":"..."}, {"message"}, {"detail"}, the value of error alone, or a line of text.
func complaint(body []byte) string {
	trimmed := strings.TrimSpace(string(body))
	if strings.HasPrefix(trimmed, "<") {
		return "a web page"
	}
	var outer map[string]json.RawMessage
	if json.Unmarshal(body, &outer) != nil {
		if s := text(json.RawMessage(trimmed)); s != "" {
			return s
		}
		return trimmed
	}
	if inner := outer["error"]; len(inner) > 0 {
		if s := text(inner); s != "" {
			return s
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(inner, &object) == nil {
			outer = object
		}
	}
	for _, name := range []string{"message", "detail", "msg"} {
		if s := text(outer[name]); s != "" {
			return s
		}
	}
	return ""
}

// maxWords is how much of a server's complaint an error shows.
const maxWords = 200

// scrub makes one short line without the key.
func (c *Client) scrub(s string) string {
	if len(s) > maxRefusal {
		s = cut(s, maxRefusal)
	}
	if c.cfg.Key != "" {
		s = strings.ReplaceAll(s, c.cfg.Key, "***")
	}
	var line strings.Builder
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		if line.Len() > 0 {
			line.WriteByte(' ')
		}
		// Some servers repeat the key with its middle left out.
		if strings.HasPrefix(word, "sk-") || strings.Contains(word, "*") && len(word) > 8 {
			word = "***"
		}
		line.WriteString(word)
	}
	if out := line.String(); len(out) > maxWords {
		return cut(out, maxWords) + "…"
	}
	return line.String()
}
