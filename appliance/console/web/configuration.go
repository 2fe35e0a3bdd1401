package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/catflap/catflap/appliance/console"
)

// configuration is the page of the configuration file.
type configuration struct {
	console.ConfigFile
	Draft    string // what the editor shows
	Base     string // sum of the text that the draft was made from
	Check    console.ConfigCheck
	Checked  bool
	Diff     []diffLine // from the file to the draft
	Same     bool       // they do not differ
	Versions []console.ConfigVersion
	Version  string // the version that is looked at
}

// First is the place of the first mistake, for the editor.
func (c configuration) First() *console.ConfigIssue {
	if len(c.Check.Issues) == 0 || c.Check.Issues[0].Line == 0 {
		return nil
	}
	return &c.Check.Issues[0]
}

// Moved reports whether somebody else has changed the file since the draft was begun. A draft from nowhere was begun now.
func (c configuration) Moved() bool { return c.Base != c.Sum && c.Draft != c.Text }

// Mark is the column of a mistake within its line, as space that keeps the width of what it stands below.
func (v view) Mark(i console.ConfigIssue) string {
	var b strings.Builder
	for n, r := range []rune(i.Source) {
		switch {
		case n >= i.Column-1:
			return b.String() + "^"
		case r >= 0x1100:
			b.WriteRune('\u3000') // as wide as Chinese
		default:
			b.WriteByte(' ')
		}
	}
	return b.String() + "^"
}

func (s *Site) configuration(ctx context.Context) (configuration, error) {
	var c configuration
	if err := s.see(ctx, "config", nil, &c.ConfigFile); err != nil {
		return c, err
	}
	c.Draft, c.Base = c.Text, c.Sum
	return c, s.see(ctx, "config/versions", nil, &c.Versions)
}

// review checks the draft and compares it with the file.
func (s *Site) review(ctx context.Context, c *configuration) error {
	c.Checked = true
	if err := s.ask(ctx, http.MethodPost, "config/check", nil, console.ConfigRequest{Text: c.Draft}, &c.Check); err != nil {
		return err
	}
	c.Diff = difference(c.Text, c.Draft)
	c.Same = c.Draft == c.Text
	return nil
}

// take reads what the editor sent: browsers end lines as Windows does.
func (c *configuration) take(r *http.Request) {
	c.Draft = strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n")
	if strings.Contains(c.Text, "\r\n") {
		c.Draft = strings.ReplaceAll(c.Draft, "\n", "\r\n")
	}
	if base := r.PostForm.Get("base"); base != "" {
		c.Base = base
	}
}

func (s *Site) configPage(w http.ResponseWriter, r *http.Request) {
	c, err := s.configuration(r.Context())
	if id := r.URL.Query().Get("version"); err == nil && id != "" {
		var old console.ConfigText
		if err = s.see(r.Context(), "config/version", url.Values{"id": {id}}, &old); err == nil {
			c.Version, c.Draft = id, old.Text
			err = s.review(r.Context(), &c)
		}
	}
	v := view{Name: "config", Data: c, keep: url.Values{"version": {c.Version}}}
	if err != nil {
		s.failed(w, r, v, err)
		return
	}
	s.draw(w, r, http.StatusOK, v)
}

// reviewConfig shows what is wrong with a draft, or what it would change.
func (s *Site) reviewConfig(w http.ResponseWriter, r *http.Request) {
	c, err := s.configuration(r.Context())
	if err == nil {
		c.take(r)
		err = s.review(r.Context(), &c)
	}
	v := view{Name: "config", Data: c}
	if err != nil {
		s.failed(w, r, v, err)
		return
	}
	status := http.StatusOK
	switch {
	case !c.Check.OK:
		status = http.StatusUnprocessableEntity
	case c.Moved():
		status = http.StatusConflict
	}
	s.draw(w, r, status, v)
}

// applyConfig writes the draft that was reviewed, and loads it.
func (s *Site) applyConfig(w http.ResponseWriter, r *http.Request) {
	c, err := s.configuration(r.Context())
	if err == nil {
		c.take(r)
		err = s.ask(r.Context(), http.MethodPost, "config", nil, console.ConfigRequest{Text: c.Draft, Base: c.Base}, nil)
	}
	if err != nil {
		_ = s.review(r.Context(), &c) // the error above says more
		s.failed(w, r, view{Name: "config", Data: c}, err)
		return
	}
	s.done(w, r, "/config", "applied", nil)
}

// returnConfig makes an old version the file again.
func (s *Site) returnConfig(w http.ResponseWriter, r *http.Request) {
	var old console.ConfigText
	err := s.see(r.Context(), "config/version", url.Values{"id": {r.PostForm.Get("version")}}, &old)
	if err == nil {
		err = s.ask(r.Context(), http.MethodPost, "config", nil, console.ConfigRequest{Text: old.Text}, nil)
	}
	if err != nil {
		c, _ := s.configuration(r.Context())
		s.failed(w, r, view{Name: "config", Data: c}, err)
		return
	}
	s.done(w, r, "/config", "returned", nil)
}
