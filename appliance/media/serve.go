package media

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	// patience is how long a reader waits for a medium that is being fetched. Frameworks give up after 30 s.
	patience = 25 * time.Second
	// writeTime is how long one piece of a medium may take to be taken by its reader.
	writeTime = 30 * time.Second
	// keepTime is how long a reader may keep it: what is behind a key does not change.
	keepTime = 24 * time.Hour
)

// ServeHTTP serves one medium below Path. The key is all the permission that is needed.
func (c *Cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// Nothing here is a page: no guessing of types, no scripts, no frames.
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "media are read with GET", http.StatusMethodNotAllowed)
		return
	}
	if !c.guests.enter(r.Context(), r.RemoteAddr) {
		c.tooMany(w)
		return
	}
	text, ok := strings.CutPrefix(path.Clean(r.URL.Path), Path)
	key, good := ParseKey(text)
	if !ok || !good {
		http.Error(w, "no such medium", http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	f, err := c.open(ctx, key, func() (func(), error) { return c.guests.await(ctx, r.RemoteAddr) })
	if err != nil {
		c.refuse(w, key, err)
		return
	}
	defer f.Close()
	leave := c.guests.read(r.Context(), r.RemoteAddr)
	if leave == nil {
		c.tooMany(w)
		return
	}
	defer leave()
	h.Set("Content-Type", f.Type)
	h.Set("ETag", `"`+hex.EncodeToString(f.Sum[:])+`"`)
	h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d, immutable", int(keepTime.Seconds())))
	if f.doubtful {
		h.Set("Cache-Control", "private, no-cache")
	}
	h.Set("Content-Disposition", disposition(f.Type, f.Name))
	if r.Header.Get("Range") == "bytes=-0" { // the last no bytes: net/http serves them
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(f.Size, 10))
		http.Error(w, "invalid range: no bytes", http.StatusRequestedRangeNotSatisfiable)
		return
	}
	out := &steady{ResponseWriter: w, deadline: http.NewResponseController(w), patience: c.writeTime}
	http.ServeContent(out, r, "", time.Time{}, f)
	_ = out.deadline.SetWriteDeadline(time.Time{})
	c.count.served.Add(out.written)
}

// tooMany answers an address that asks for more than it may.
func (c *Cache) tooMany(w http.ResponseWriter) {
	c.count.refusals.Add(1)
	later(w, time.Second)
	http.Error(w, "too many requests for media from this address", http.StatusTooManyRequests)
}

// refuse answers that a medium cannot be had.
func (c *Cache) refuse(w http.ResponseWriter, key Key, err error) {
	switch {
	case errors.Is(err, ErrUnknown):
		http.Error(w, "no such medium", http.StatusNotFound)
	case errors.Is(err, ErrGone), errors.Is(err, ErrTooLarge), reasonOf(err) == reasonRefused:
		http.Error(w, public(err), http.StatusGone)
	default:
		later(w, c.retryAfter(key))
		http.Error(w, public(err), http.StatusServiceUnavailable)
	}
}

// public is what a stranger with a key may know: no host names, no words of NapCat.
func public(err error) string {
	for _, known := range []error{errBudget, errDisk, errQuota, errFolder, errDisabled, errBusy, ErrPending, errShare, errLarge, ErrGone} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if reasonOf(err) == reasonRefused {
		return "the medium lies at an address that catflap does not fetch from"
	}
	return ErrUnavailable.Error()
}

func later(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int((wait+time.Second-1)/time.Second))))
}

// disposition says whether a browser shows or saves a medium, and under which name.
func disposition(kind, name string) string {
	how := "attachment"
	if shown(kind) {
		how = "inline"
	}
	if name = FileName(name); name == "" {
		return how
	}
	if text := mime.FormatMediaType(how, map[string]string{"filename": name}); text != "" {
		return text
	}
	return how
}

// FileName makes a sender's words a name that leads nowhere: no path, nothing that a file system takes for its own. "" =
// nothing is left.
func FileName(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_")), ". ")
}

// steady moves the deadline of the socket on with each piece that its reader takes: a large medium may take its time, a
// reader that stands still may not.
type steady struct {
	http.ResponseWriter
	deadline *http.ResponseController
	patience time.Duration
	written  int64
}

// Write writes one piece.
func (s *steady) Write(b []byte) (int, error) {
	_ = s.deadline.SetWriteDeadline(time.Now().Add(s.patience)) // writers without deadlines have bounds of their own
	n, err := s.ResponseWriter.Write(b)
	s.written += int64(n)
	return n, err
}
