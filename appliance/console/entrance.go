package console

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/console/login"
)

func (a *API) consoleStatus(w http.ResponseWriter, _ *http.Request) error {
	if a.Console == nil || a.Logins == nil {
		return notRunning()
	}
	return writeJSON(w, a.consoleNow())
}

func (a *API) consoleNow() ConsoleStatus {
	s := a.Console()
	s.Password, s.Sessions = a.Logins.HasPassword(), a.Logins.Sessions()
	return s
}

func (a *API) consolePassword(w http.ResponseWriter, r *http.Request) error {
	if a.Console == nil || a.Logins == nil {
		return notRunning()
	}
	var req PasswordRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	if err := a.ChangePassword(r.Context(), req.Current, req.Password); err != nil {
		return err
	}
	return writeJSON(w, a.consoleNow())
}

// ChangePassword sets the console's password and ends all sessions. A browser has to know the current one, unless it was
// let in by a link a moment ago. Errors that are the caller's own are a *Problem that wraps the cause.
func (a *API) ChangePassword(ctx context.Context, current, password string) error {
	who := callerOf(ctx)
	if who.Browser && !who.Fresh && a.Logins.HasPassword() {
		if err := a.Logins.Confirm(ctx, who.From, current); err != nil {
			return refused(err)
		}
	}
	if err := a.Logins.SetPassword(password, who.by()); err != nil {
		return refused(err)
	}
	if a.PasswordSet != nil {
		a.PasswordSet()
	}
	return nil
}

// refused gives the errors of logins a status.
func refused(err error) error {
	var bad *login.BadPasswordError
	var wait *login.WaitError
	switch {
	case errors.As(err, &bad):
		return &Problem{Status: http.StatusBadRequest, Message: err.Error(), Remedy: "choose another one", Cause: err}
	case errors.As(err, &wait):
		return &Problem{Status: http.StatusTooManyRequests, Message: err.Error(), Cause: err,
			Remedy: "`catflap console link` on the box lets you in without waiting"}
	case errors.Is(err, login.ErrWrong):
		return &Problem{Status: http.StatusForbidden, Message: err.Error(), Remedy: "send the current password as `current`", Cause: err}
	case errors.Is(err, login.ErrBusy):
		return &Problem{Status: http.StatusServiceUnavailable, Message: err.Error(), Remedy: "try again in a moment", Cause: err}
	}
	return err
}

// consoleLink makes a link that works once. Where the console is closed there would be nothing behind it.
func (a *API) consoleLink(w http.ResponseWriter, r *http.Request) error {
	if a.Console == nil || a.Logins == nil {
		return notRunning()
	}
	s := a.Console()
	if s.URL == "" {
		p := &Problem{Status: http.StatusConflict, Message: "the console is switched off", Remedy: "set console.listen, for example 127.0.0.1:6750, and reload"}
		if len(s.Closed) > 0 {
			p.Message, p.Remedy, _ = strings.Cut(s.Closed[0].EN, "; ")
		}
		return p
	}
	var req LinkRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	within := login.LinkTime
	var key string
	var err error
	if req.First && !callerOf(r.Context()).Browser {
		key, within, err = a.Logins.NewFirstLink(by(r))
	} else {
		key, err = a.Logins.NewLink(by(r))
	}
	if err != nil {
		return err
	}
	return writeJSON(w, LinkResult{URL: s.URL + "login?key=" + key, Expires: time.Now().Add(within).Truncate(time.Second)})
}

func (a *API) consoleToken(w http.ResponseWriter, r *http.Request) error {
	if a.Logins == nil {
		return notRunning()
	}
	token, err := a.Logins.NewScrapeToken(by(r))
	if err != nil {
		return err
	}
	return writeJSON(w, TokenResult{Token: token})
}

// consoleLogout ends all sessions and links.
func (a *API) consoleLogout(w http.ResponseWriter, r *http.Request) error {
	if a.Console == nil || a.Logins == nil {
		return notRunning()
	}
	if err := a.Logins.EndAll(by(r)); err != nil {
		return err
	}
	return writeJSON(w, a.consoleNow())
}

// RetryAfter is the value of the header for a wait.
func RetryAfter(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
