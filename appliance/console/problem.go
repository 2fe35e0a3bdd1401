package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/catflap/catflap/store"
)

const (
	maxBody     = 1 << 20  // a request of the API, in bytes
	maxCallBody = 64 << 20 // POST call: a picture may travel as base64
)

// Problem is an error that says what to do: Message names what is wrong, Remedy the way out, Status is the HTTP status.
// The functions of API may return one to choose the status.
type Problem struct {
	Status  int    `json:"-"`
	Message string `json:"error"`
	Remedy  string `json:"remedy,omitempty"`
	Cause   error  `json:"-"` // what Unwrap returns; may be nil
	// RetryAfter is when it may be tried again; 0 = not known.
	RetryAfter time.Duration `json:"-"`
}

// Unwrap returns the cause, which may be nil.
func (p *Problem) Unwrap() error { return p.Cause }

func (p *Problem) Error() string {
	if p.Remedy == "" {
		return p.Message
	}
	return p.Message + "; " + p.Remedy
}

// problemOf turns any error into one with a status. The store's own errors say what to do.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	p = &Problem{Status: http.StatusInternalServerError, Message: err.Error()}
	switch {
	case errors.Is(err, store.ErrNoRequest):
		p.Status = http.StatusNotFound
	case errors.Is(err, store.ErrOwnCode):
		p.Status = http.StatusForbidden
	case errors.Is(err, store.ErrAmbiguous):
		p.Status = http.StatusConflict
	}
	return p
}

func writeProblem(w http.ResponseWriter, err error) {
	p := problemOf(err)
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", RetryAfter(p.RetryAfter))
	}
	writeJSONStatus(w, p.Status, p)
}

func writeJSON(w http.ResponseWriter, v any) error {
	writeJSONStatus(w, http.StatusOK, v)
	return nil
}

func writeJSONStatus(w http.ResponseWriter, status int, v any) {
	body, err := encode(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded"}`+"\n")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that went away is no error of ours
}

// encode leaves <, > and & as they are: the readers are terminals and scripts, and the console escapes what it shows.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// readBody decodes exactly one JSON object with known keys; an empty body leaves v as it is.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
			if isTooLarge(more) {
				err = more
			}
		}
	}
	if isTooLarge(err) {
		return &Problem{Status: http.StatusRequestEntityTooLarge,
			Message: "the body is larger than " + strconv.FormatInt(limit>>20, 10) + " MiB"}
	}
	if err != nil {
		return &Problem{Status: http.StatusBadRequest, Message: "the body is not what this route takes: " + err.Error()}
	}
	return nil
}

func isTooLarge(err error) bool {
	var tooLarge *http.MaxBytesError
	return errors.As(err, &tooLarge)
}

// wrongUse is a request that cannot be meant: the command line exits with 2 for it.
func wrongUse(message, remedy string) *Problem {
	return &Problem{Status: http.StatusBadRequest, Message: message, Remedy: remedy}
}

func notRunning() *Problem {
	return &Problem{Status: http.StatusServiceUnavailable, Message: "catflap is not running",
		Remedy: "start it with `catflap run`"}
}

// number reads a query parameter that is a count; absent gives the default, more than limit gives limit.
func number(r *http.Request, key string, def, limit int) (int, error) {
	text := r.URL.Query().Get(key)
	if text == "" {
		return def, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 {
		return 0, wrongUse(key+" must be a number from 1 to "+strconv.Itoa(limit)+", not "+strconv.Quote(text), "")
	}
	return min(int(n), limit), nil
}
