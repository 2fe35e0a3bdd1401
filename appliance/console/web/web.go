// Package web is the console that people see: it stands between browsers and the API, lets in who has logged in, keeps
// foreign pages out, and draws the pages.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/console/login"
	"github.com/catflap/catflap/appliance/gate"
)

// Bounds of what browsers may hold open.
const (
	maxStreams = 16 // live streams of all tabs together
	maxForm    = 16 << 10
	// maxConfigForm holds the largest configuration, twice (edited and reviewed), as forms write it.
	maxConfigForm = 4 << 20
	maxDrained    = 64 << 20    // of a form that is too large
	requestTime   = time.Minute // of reading one request and of writing one answer; streams set their own
)

// Settings are what the configuration says about the console.
type Settings struct {
	Language string   // zh, en or auto
	Fallback string   // zh or en: what auto means for a browser that asks for neither
	Hosts    []string // further names that it may be called by; "*.name" is every name below
}

// Options are what a Site is made of.
type Options struct {
	API    *console.API
	Logins *login.Keeper
	Log    *slog.Logger
	Now    func() time.Time
	// Hostname is the name of this box; nil means that of the system.
	Hostname func() (string, error)
	// Media serves /media/KEY of the cache; nil means that there is none.
	Media http.Handler
	// Refresh is how often live pages look for news; 0 means 2 s.
	Refresh time.Duration
}

// Site answers browsers. It is one handler however often the listener changes.
type Site struct {
	Options
	settings  atomic.Pointer[Settings]
	api       http.Handler
	pages     *http.ServeMux
	ledger    gate.Ledger
	guessed   atomic.Uint64 // logins that were refused
	lastGuess atomic.Pointer[string]
	own       []string // names of this box
	streams   chan struct{}
	people    people
	parts     map[string]*part         // what lives, by page
	drawing   func() (*drawing, error) // made when the first page is asked for
}

// New makes a site with the default settings.
func New(o Options) *Site {
	if o.Hostname == nil {
		o.Hostname = os.Hostname
	}
	if o.Refresh <= 0 {
		o.Refresh = 2 * time.Second
	}
	s := &Site{Options: o, api: o.API.Handler(), ledger: gate.Ledger{Log: o.Log, Now: o.Now}, own: ownNames(o.Hostname),
		streams: make(chan struct{}, maxStreams), drawing: sync.OnceValues(newDrawing)}
	s.parts = map[string]*part{
		"overview":  {name: "overview", snapshot: func() any { return s.snapshot() }},
		"access":    {name: "access", snapshot: func() any { return s.waiting() }},
		"decisions": {name: "decisions", snapshot: func() any { return s.decisions(false) }},
		"ignored":   {name: "decisions", snapshot: func() any { return s.decisions(true) }},
		"apps":      {name: "apps", snapshot: func() any { return s.appCards() }},
		"logs":      {name: "logs", snapshot: func() any { return s.logPage("") }},
		"warnings":  {name: "logs", snapshot: func() any { return s.logPage("warn") }},
	}
	s.settings.Store(&Settings{Language: "auto", Fallback: "zh"})
	s.pages = http.NewServeMux()
	s.pages.HandleFunc("GET /{$}", s.overview)
	s.pages.HandleFunc("GET /live", s.live)
	s.pages.HandleFunc("GET /access", s.accessPage)
	s.pages.HandleFunc("POST /access/person", s.decidePerson)
	s.pages.HandleFunc("POST /access/group", s.switchGroup)
	s.pages.HandleFunc("GET /decisions", s.decisionsPage)
	s.pages.HandleFunc("GET /apps", s.appsPage)
	s.pages.HandleFunc("POST /apps/steer", s.steerApp)
	s.pages.HandleFunc("GET /chats", s.chatsPage)
	s.pages.HandleFunc("GET /chats/talk", s.talkPage)
	s.pages.HandleFunc("POST /chats/clear", s.clearChat)
	s.pages.HandleFunc("GET /media", s.mediaPage)
	s.pages.HandleFunc("GET /media/{key}", s.medium)
	s.pages.HandleFunc("POST /media/gc", s.clearMedia)
	s.pages.HandleFunc("GET /config", s.configPage)
	s.pages.HandleFunc("POST /config", s.reviewConfig)
	s.pages.HandleFunc("POST /config/apply", s.applyConfig)
	s.pages.HandleFunc("POST /config/return", s.returnConfig)
	s.pages.HandleFunc("GET /logs", s.logsPage)
	s.pages.HandleFunc("GET /simulator", s.simulatorPage)
	s.pages.HandleFunc("POST /simulator", s.speak)
	s.pages.HandleFunc("GET /password", s.passwordPage)
	s.pages.HandleFunc("POST /password", s.changePassword)
	s.pages.HandleFunc("POST /logout", s.logout)
	s.pages.HandleFunc("GET /", s.missing)
	return s
}

// Configure changes the settings; the next request meets them.
func (s *Site) Configure(settings Settings) { s.settings.Store(&settings) }

// ServeHTTP answers one request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.recover(w)
	s.protect(w, r)
	switch r.URL.Path {
	case "/healthz", "/readyz": // for programs, by whatever name; they tell nothing
		s.api.ServeHTTP(w, r)
		return
	}
	if refusal := s.check(r); refusal != nil {
		s.ledger.Note(r.RemoteAddr, "console", refusal)
		http.Error(w, refusal.Reason, refusal.Status)
		return
	}
	token := cookie(r, sessionCookie(r))
	session, in := s.Logins.Session(token)
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/assets/"):
		s.asset(w, r)
	case path == "/metrics":
		s.metrics(w, r, in)
	case strings.HasPrefix(path, "/api/"):
		s.serveAPI(w, r, token, session, in)
	case path == "/login" && r.Method == http.MethodPost:
		s.logIn(w, r)
	case path == "/login":
		s.loginPage(w, r, in)
	case !in:
		s.sendToLogin(w, r)
	case !safe(r.Method) && !readForm(r):
		s.draw(w, r, http.StatusRequestEntityTooLarge, view{Name: "problem", Data: "problem.large", CSRF: session.CSRF})
	case !safe(r.Method) && !equal(r.PostForm.Get("csrf"), session.CSRF):
		s.draw(w, r, http.StatusForbidden, view{Name: "problem", Data: "problem.csrf", CSRF: session.CSRF})
	default:
		ctx := context.WithValue(r.Context(), visitKey{}, visit{token, session})
		s.pages.ServeHTTP(w, r.WithContext(console.WithCaller(ctx, caller(r, session))))
	}
}

// visit is who looks at a page.
type visit struct {
	token   string
	session login.Session
}

type visitKey struct{}

func visitOf(r *http.Request) visit {
	v, _ := r.Context().Value(visitKey{}).(visit)
	return v
}

func caller(r *http.Request, session login.Session) console.Caller {
	return console.Caller{Browser: true, From: remote(r), Fresh: session.Fresh}
}

// serveAPI lets a logged-in browser use the API. A changing request needs the session's token in a header, which no
// foreign page can set.
func (s *Site) serveAPI(w http.ResponseWriter, r *http.Request, token string, session login.Session, in bool) {
	switch {
	case !in:
		problem(w, http.StatusUnauthorized, "nobody is logged in", "open the console in the browser and log in")
		return
	case !safe(r.Method) && !equal(r.Header.Get("X-CSRF-Token"), session.CSRF):
		problem(w, http.StatusForbidden, "the X-CSRF-Token header is missing or wrong",
			"send the token of this session, which pages carry in <meta name=\"csrf\">")
		return
	}
	ctx := console.WithCaller(r.Context(), caller(r, session))
	if r.URL.Path == "/api/v1/tail" { // it may run for days
		ctx, end, ok := s.stream(ctx, token)
		if !ok {
			w.Header().Set("Retry-After", "10")
			problem(w, http.StatusServiceUnavailable, "too many live streams are open", "close some tabs")
			return
		}
		defer end()
		s.api.ServeHTTP(w, r.WithContext(ctx))
		return
	}
	s.api.ServeHTTP(w, r.WithContext(ctx))
}

// stream takes one of the places for streams and gives a context that ends with the session. end must be called.
func (s *Site) stream(ctx context.Context, token string) (_ context.Context, end func(), ok bool) {
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, nil, false
	}
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		defer cancel()
		for {
			changed := s.Logins.Changed()
			if _, in := s.Logins.Session(token); !in {
				return
			}
			select {
			case <-changed:
			case <-time.After(time.Hour): // sessions also end by age
			case <-ctx.Done():
				return
			}
		}
	})
	return ctx, func() {
		cancel()
		watch.Wait()
		<-s.streams
	}, true
}

// metrics are open to programs on this box, and from elsewhere to who is logged in or has the token. A proxy on this box
// passes strangers on: what it brings is from elsewhere.
func (s *Site) metrics(w http.ResponseWriter, r *http.Request, in bool) {
	bearer, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case in, remote(r).IsLoopback() && !forwarded(r), isBearer && s.Logins.Scrapes(bearer):
		s.api.ServeHTTP(w, r)
		return
	}
	s.ledger.Note(r.RemoteAddr, "metrics", &gate.Refusal{Status: http.StatusUnauthorized, Reason: "not logged in"})
	w.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(w, "from this address /metrics needs the header `Authorization: Bearer TOKEN`; `catflap console token` on the box makes one",
		http.StatusUnauthorized)
}

// recover keeps a mistake in one page from being more than that.
func (s *Site) recover(w http.ResponseWriter) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause != http.ErrAbortHandler {
		s.Log.Error("a page of the console broke", "err", cause)
	}
	panic(http.ErrAbortHandler) // the server cuts the answer off
}
