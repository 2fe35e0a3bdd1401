package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/catflap/catflap/appliance/console"
)

// ask makes a request of the API as the page's visitor: pages have no other way to look or to change anything. An error is
// a *console.Problem where the API says so.
func (s *Site) ask(ctx context.Context, method, path string, query url.Values, in, into any) error {
	body := &bytes.Buffer{}
	if in != nil {
		if err := json.NewEncoder(body).Encode(in); err != nil {
			return fmt.Errorf("asking for %s: %w", path, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://catflap/api/v1/"+path+"?"+query.Encode(), body)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	w := &kept{header: make(http.Header)}
	s.api.ServeHTTP(w, r)
	if w.status != 0 && w.status != http.StatusOK {
		p := &console.Problem{Status: w.status}
		if json.Unmarshal(w.body.Bytes(), p) != nil || p.Message == "" {
			return fmt.Errorf("asking for %s: status %d", path, w.status)
		}
		return p
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(w.body.Bytes(), into); err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	return nil
}

// see is ask for something that is only looked at.
func (s *Site) see(ctx context.Context, path string, query url.Values, into any) error {
	return s.ask(ctx, http.MethodGet, path, query, nil, into)
}

// kept is an answer that stays in the house.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }
func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }

// done sends the browser on after a change: to a page of ours that says what was done.
func (s *Site) done(w http.ResponseWriter, r *http.Request, page, key string, keep url.Values) {
	for _, p := range s.parts {
		p.forget() // the next page's stream must not begin with what was before the change
	}
	query := url.Values{"done": {key}}
	for name, values := range keep {
		query[name] = values
	}
	http.Redirect(w, r, page+"?"+query.Encode(), http.StatusSeeOther)
}

// failed draws a page again, with what went wrong above it.
func (s *Site) failed(w http.ResponseWriter, r *http.Request, v view, err error) {
	status := http.StatusInternalServerError
	var p *console.Problem
	if errors.As(err, &p) {
		status = p.Status
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "5")
		}
		v.Failed = p.Message
		v.Remedy = onPage(p.Remedy)
	} else {
		s.Log.Error("a page of the console failed", "page", v.Name, "err", err)
		v.Failed = err.Error()
	}
	s.draw(w, r, status, v)
}

// onPage is a remedy for who looks at a page, where the API speaks to the command line.
func onPage(remedy string) string {
	for _, c := range [][2]string{
		{"--force approves a QQ number that has not asked", "further down a QQ number that has not asked can be approved"},
		{"`catflap pairing list` shows who is; ", "this page shows who is; "},
		{"give the code or the QQ number, as `catflap pairing list` shows them", "give the QQ number"},
		{"`catflap pairing list` shows who is known; otherwise name the account with --account: ", "the accounts are "},
		{"`catflap app list` shows the apps", "the page of the apps shows them"},
	} {
		if rest, ok := strings.CutPrefix(remedy, c[0]); ok {
			return c[1] + rest
		}
	}
	return remedy
}
