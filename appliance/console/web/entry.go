package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/console/login"
	"github.com/catflap/catflap/appliance/gate"
)

// sessionCookie is the cookie's name. Browsers do not tell ports apart: each instance of a box has a name of its own.
func sessionCookie(r *http.Request) string {
	port := ""
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		_, port, _ = net.SplitHostPort(at.String())
	}
	return "catflap_session_" + port
}

func cookie(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// setSession gives the browser its session, or takes it away ("").
func setSession(w http.ResponseWriter, r *http.Request, token string) {
	c := &http.Cookie{Name: sessionCookie(r), Value: token, Path: "/", MaxAge: int(login.WholeTime / time.Second),
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// loginForm is what the login page shows.
type loginForm struct {
	Key      string // of a link
	Next     string // where to go afterwards
	Password bool   // there is one
	Problem  string // a key of the catalogue
	Wait     int64  // seconds
}

func (s *Site) loginPage(w http.ResponseWriter, r *http.Request, in bool) {
	form := loginForm{Key: r.URL.Query().Get("key"), Next: next(r.URL.Query().Get("next")), Password: s.Logins.HasPassword()}
	if in && form.Key == "" {
		http.Redirect(w, r, form.Next, http.StatusSeeOther)
		return
	}
	s.draw(w, r, http.StatusOK, view{Name: "login", Data: form, keep: url.Values{"key": {form.Key}, "next": {r.URL.Query().Get("next")}}})
}

// logIn takes a password or the key of a link. The key is used up here and not when the page is shown: programs that look
// at links before people do would use it up.
func (s *Site) logIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.draw(w, r, http.StatusBadRequest, view{Name: "problem", Data: "problem.form"})
		return
	}
	form := loginForm{Next: next(r.PostForm.Get("next")), Password: s.Logins.HasPassword()}
	var token string
	var err error
	if key := r.PostForm.Get("key"); key != "" {
		token, err = s.Logins.Redeem(remote(r), key)
	} else {
		token, err = s.Logins.Enter(r.Context(), remote(r), r.PostForm.Get("password"))
	}
	if err == nil {
		if old := cookie(r, sessionCookie(r)); old != "" {
			_ = s.Logins.End(old)
		}
		setSession(w, r, token)
		http.Redirect(w, r, form.Next, http.StatusSeeOther)
		return
	}
	status := s.refused(w, err, &form.Problem, &form.Wait)
	var wait *login.WaitError
	if errors.Is(err, login.ErrWrong) || errors.Is(err, login.ErrLink) || errors.As(err, &wait) {
		from := r.RemoteAddr
		s.guessed.Add(1)
		s.lastGuess.Store(&from)
	}
	s.ledger.Note(r.RemoteAddr, "console", &gate.Refusal{Status: status, Reason: "login: " + err.Error()})
	s.draw(w, r, status, view{Name: "login", Data: form})
}

// Guesses is how many logins were refused so far since the password or the link was wrong, or came too soon after wrong ones,
// and where the last of them came from ("" while there is none).
func (s *Site) Guesses() (count uint64, last string) {
	if from := s.lastGuess.Load(); from != nil {
		last = *from
	}
	return s.guessed.Load(), last
}

// refused turns the error of a login into a status and a key of the catalogue.
func (s *Site) refused(w http.ResponseWriter, err error, problem *string, seconds *int64) (status int) {
	var wait *login.WaitError
	var bad *login.BadPasswordError
	switch {
	case errors.As(err, &wait):
		*problem, *seconds = "login.wait", int64((wait.For+time.Second-1)/time.Second)
		w.Header().Set("Retry-After", console.RetryAfter(wait.For))
		return http.StatusTooManyRequests
	case errors.As(err, &bad):
		*problem = "password.bad"
		return http.StatusUnprocessableEntity
	case errors.Is(err, login.ErrWrong):
		*problem = "login.wrong"
		return http.StatusForbidden
	case errors.Is(err, login.ErrNoPassword):
		*problem = "login.none"
		return http.StatusForbidden
	case errors.Is(err, login.ErrLink):
		*problem = "login.used"
		return http.StatusForbidden
	case errors.Is(err, login.ErrBusy):
		*problem = "login.busy"
		w.Header().Set("Retry-After", "5")
		return http.StatusServiceUnavailable
	}
	s.Log.Error("a login failed", "err", err)
	*problem = "problem.inside"
	return http.StatusInternalServerError
}

// sendToLogin asks who it is. Only the path comes back afterwards: a query may hold what belongs into no page.
func (s *Site) sendToLogin(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/live": // a script asks
		problem(w, http.StatusUnauthorized, "nobody is logged in", "open the console in the browser and log in")
	case !safe(r.Method):
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	default:
		to := "/login"
		if path := next(r.URL.EscapedPath()); path != "/" {
			to += "?next=" + url.QueryEscape(path)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// next is a path of this site, "/" for everything else.
func next(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.HasPrefix(path, "/login") || len(path) > 500 || strings.ContainsAny(path, "\\?#\r\n\t") {
		return "/"
	}
	return path
}

// readForm reads a page's form, bounded; false when it is too large. The rest of such a form is read too, within reason: a
// browser shows no answer while it still sends.
func readForm(r *http.Request) bool {
	limit := int64(maxForm)
	if strings.HasPrefix(r.URL.Path, "/config") {
		limit = maxConfigForm
	}
	body := r.Body
	r.Body = http.MaxBytesReader(nil, body, limit)
	var large *http.MaxBytesError
	if err := r.ParseForm(); !errors.As(err, &large) {
		return true // what is no form has no token
	}
	_, _ = io.CopyN(io.Discard, body, maxDrained)
	return false
}

func (s *Site) logout(w http.ResponseWriter, r *http.Request) {
	end := func() error { return s.Logins.End(visitOf(r).token) }
	if r.PostForm.Get("all") != "" {
		end = func() error { return s.Logins.EndAll("console") }
	}
	if err := end(); err != nil {
		s.Log.Error("logging out failed", "err", err)
		s.draw(w, r, http.StatusInternalServerError, view{Name: "problem", Data: "problem.inside"})
		return
	}
	setSession(w, r, "")
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// passwordForm is what the page for the password shows.
type passwordForm struct {
	Ask      bool // for the current one
	Sessions int
	Problem  string
	Wait     int64
}

func (s *Site) passwordForm(r *http.Request) passwordForm {
	return passwordForm{Ask: s.Logins.HasPassword() && !visitOf(r).session.Fresh, Sessions: s.Logins.Sessions()}
}

func (s *Site) passwordPage(w http.ResponseWriter, r *http.Request) {
	s.draw(w, r, http.StatusOK, view{Name: "password", Data: s.passwordForm(r)})
}

func (s *Site) changePassword(w http.ResponseWriter, r *http.Request) {
	form := s.passwordForm(r)
	status := http.StatusUnprocessableEntity
	if r.PostForm.Get("password") != r.PostForm.Get("again") {
		form.Problem = "password.differ"
	} else if err := s.API.ChangePassword(r.Context(), r.PostForm.Get("current"), r.PostForm.Get("password")); err != nil {
		status = s.refused(w, err, &form.Problem, &form.Wait)
	} else {
		setSession(w, r, "")
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	s.draw(w, r, status, view{Name: "password", Data: form})
}
