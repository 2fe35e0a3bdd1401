package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/console"
)

//go:embed assets
var files embed.FS

// Cookies of choices that are no secrets.
const (
	languageCookie = "catflap_lang"
	themeCookie    = "catflap_theme"
)

// drawing is what pages are drawn with.
type drawing struct {
	words     map[string]say
	sentences []say
	assets    map[string]asset // by name
}

// asset is a file that pages load. Its address changes with its content, so that browsers may keep it for ever.
type asset struct {
	kind, tag string
	content   []byte
}

func newDrawing() (*drawing, error) {
	d := &drawing{words: catalogue(), sentences: mistakes(), assets: make(map[string]asset)}
	list, err := files.ReadDir("assets")
	if err != nil {
		return nil, fmt.Errorf("reading the console's assets: %w", err)
	}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	for _, f := range list {
		content, err := files.ReadFile("assets/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the console's assets: %w", err)
		}
		sum := sha256.Sum256(content)
		d.assets[f.Name()] = asset{kinds[path.Ext(f.Name())], hex.EncodeToString(sum[:6]), content}
	}
	return d, nil
}

// view is what a page is drawn from.
type view struct {
	Name  string // of the page
	Data  any    // what it shows; its type says how
	CSRF  string
	Lang  string
	Theme string // auto, light or dark
	Path  string

	Done   string // a key of the catalogue: what the last form did
	Failed string // why it did nothing
	Remedy string

	now     time.Time
	keep    url.Values // of the query, when language or colours are chosen
	drawing *drawing
	version string
}

// Choose is the address that changes the language ("lang") or the colours ("theme").
func (v view) Choose(key, value string) string {
	query := url.Values{key: {value}}
	for name, values := range v.keep {
		if len(values) > 0 && values[0] != "" {
			query[name] = values
		}
	}
	// An address that begins with two slashes would lead to another site.
	to := url.URL{Path: "/" + strings.TrimLeft(v.Path, "/"), RawQuery: query.Encode()}
	return to.String()
}

// T is a text of the catalogue.
func (v view) T(key string, args ...any) string { return v.drawing.word(v.Lang, key, args...) }

// Say is a text that exists in both languages.
func (v view) Say(t console.Text) string { return pick(v.Lang, t) }

// Own is one of catflap's own sentences that others make in English.
func (v view) Own(text string) string {
	if v.Lang == "zh" {
		return v.drawing.chinese(text)
	}
	return text
}

// Tag is the language for HTML.
func (v view) Tag() string { return languages()[v.Lang] }

// Asset is the address of a file that pages load.
func (v view) Asset(name string) string {
	return "/assets/" + name + "?v=" + v.drawing.assets[name].tag
}

// Version is that of the program.
func (v view) Version() string { return v.version }

// Title is that of the page.
func (v view) Title() string { return v.T(v.Name + ".title") }

// Pages are the links of the navigation.
func (v view) Pages() []link {
	return []link{
		{"/", v.T("nav.overview")}, {"/access", v.T("nav.access")}, {"/decisions", v.T("nav.decisions")}, {"/apps", v.T("nav.apps")},
		{"/chats", v.T("nav.chats")}, {"/media", v.T("nav.media")}, {"/config", v.T("nav.config")}, {"/logs", v.T("nav.logs")}, {"/simulator", v.T("nav.simulator")},
	}
}

// link is an address with a name.
type link struct{ Path, Name string }

// Here reports whether the page is, or is below, the one that a link leads to.
func (v view) Here(path string) bool {
	return v.Path == path || path != "/" && strings.HasPrefix(v.Path, path+"/")
}

// When is a moment for people: the time of today, or the day too.
func (v view) When(t time.Time) string {
	t = t.Local()
	if y, m, d := t.Date(); !v.now.IsZero() {
		if ny, nm, nd := v.now.Local().Date(); y == ny && m == nm && d == nd {
			return t.Format("15:04:05")
		}
	}
	return t.Format("2006-01-02 15:04")
}

// Stamp is a moment for programs.
func (v view) Stamp(t time.Time) string { return t.Format(time.RFC3339) }

// In reports whether somebody is logged in.
func (v view) In() bool { return v.CSRF != "" }

// Bytes writes a size for people.
func (v view) Bytes(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	case n < 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n < 1<<30:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// Time writes a duration for people.
func (v view) Time(seconds int64) string {
	minutes := seconds / 60
	switch {
	case minutes < 60:
		return v.T("time.minutes", minutes)
	case minutes < 24*60:
		return v.T("time.hours", minutes/60, minutes%60)
	}
	return v.T("time.days", minutes/60/24, minutes/60%24)
}

// view completes what a page needs of the request.
func (s *Site) view(r *http.Request, v view) (view, error) {
	d, err := s.drawing()
	if err != nil {
		return v, err
	}
	v.now = s.Now()
	if key := "done." + r.URL.Query().Get("done"); v.Done == "" && v.Failed == "" && safe(r.Method) && d.words[key].en != "" {
		v.Done = key
	}
	v.drawing, v.version, v.Lang, v.Path, v.Theme = d, s.API.Version, s.language(r), r.URL.Path, "auto"
	if !safe(r.Method) { // a form's own address shows nothing
		first, _, _ := strings.Cut(strings.TrimPrefix(v.Path, "/"), "/")
		v.Path = "/" + first
	}
	if theme := cookie(r, themeCookie); theme == "light" || theme == "dark" {
		v.Theme = theme
	}
	if v.CSRF == "" {
		v.CSRF = visitOf(r).session.CSRF
	}
	return v, nil
}

// draw answers with a page. It is drawn before the first byte goes out, so that a mistake in it is an error and no half
// page.
func (s *Site) draw(w http.ResponseWriter, r *http.Request, status int, v view) {
	if s.choose(w, r) {
		return
	}
	v, err := s.view(r, v)
	p := &page{view: v}
	if err == nil {
		err = p.whole()
	}
	if err != nil {
		s.Log.Error("a page of the console could not be drawn", "page", v.Name, "err", err)
		http.Error(w, "this page could not be drawn; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Tag())
	w.Header().Set("Vary", "Cookie, Accept-Language")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, p.html.String())
}

// choose remembers ?lang= and ?theme= of a page and shows the page again without them.
func (s *Site) choose(w http.ResponseWriter, r *http.Request) bool {
	if !safe(r.Method) {
		return false
	}
	query := r.URL.Query()
	chosen := false
	for _, choice := range []struct {
		key, cookie string
		among       []string
	}{{"lang", languageCookie, []string{"zh", "en"}}, {"theme", themeCookie, []string{"auto", "light", "dark"}}} {
		value := query.Get(choice.key)
		if value == "" {
			continue
		}
		chosen = true
		query.Del(choice.key)
		query.Del("done")
		for _, known := range choice.among {
			if value == known {
				http.SetCookie(w, &http.Cookie{Name: choice.cookie, Value: value, Path: "/", MaxAge: int(365 * 24 * time.Hour / time.Second),
					HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode})
			}
		}
	}
	if chosen {
		// An address that begins with two slashes would lead to another site.
		to := url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: query.Encode()}
		http.Redirect(w, r, to.RequestURI(), http.StatusSeeOther)
	}
	return chosen
}

func (s *Site) asset(w http.ResponseWriter, r *http.Request) {
	d, err := s.drawing()
	if err != nil {
		http.Error(w, "the assets are missing", http.StatusInternalServerError)
		return
	}
	a, ok := d.assets[strings.TrimPrefix(r.URL.Path, "/assets/")]
	if !ok || !safe(r.Method) {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.tag {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Header().Set("ETag", `"`+a.tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}

func (s *Site) missing(w http.ResponseWriter, r *http.Request) {
	s.draw(w, r, http.StatusNotFound, view{Name: "problem", Data: "problem.missing"})
}
