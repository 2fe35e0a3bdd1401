package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/console"
)

// appCard is one app with all its accounts.
type appCard struct {
	console.AppStatus // of its first account: what is the same for all
	On                []console.AppStatus
}

// Key is a name that HTML takes.
func (c appCard) Key() string { return "app-" + c.Name }

// AllowList is what the app may do, "" when nothing is said.
func (c appCard) AllowList() string {
	if c.Rights.Allow == nil {
		return ""
	}
	return strings.Join(*c.Rights.Allow, ", ")
}

// Nothing reports whether the app may do nothing at all.
func (c appCard) Nothing() bool { return c.Rights.Allow != nil && len(*c.Rights.Allow) == 0 }

// DenyList is what the app may not do.
func (c appCard) DenyList() string { return strings.Join(c.Rights.Deny, ", ") }

// Ack says in words how catflap knows what an app has got; a way that has no words shows itself.
func (v view) Ack(way string) string {
	if _, ok := v.drawing.words["ack."+way]; ok {
		return v.T("ack." + way)
	}
	return way
}

func (s *Site) appCards() []appCard {
	var all []console.AppStatus
	if s.see(context.Background(), "apps", nil, &all) != nil {
		return nil
	}
	var out []appCard
	for _, app := range all {
		if len(out) == 0 || out[len(out)-1].Name != app.Name {
			out = append(out, appCard{AppStatus: app})
		}
		out[len(out)-1].On = append(out[len(out)-1].On, app)
	}
	return out
}

func (s *Site) appsPage(w http.ResponseWriter, r *http.Request) {
	s.draw(w, r, http.StatusOK, view{Name: "apps", Data: s.appCards()})
}

// steerApp pauses, resumes, replays or tests an app.
func (s *Site) steerApp(w http.ResponseWriter, r *http.Request) {
	req := console.AppRequest{App: r.PostForm.Get("app")}
	verb := r.PostForm.Get("verb")
	said := map[string]string{"pause": "paused", "resume": "resumed", "replay": "replayed", "test": "tested"}[verb]
	if verb == "replay" {
		last, err := strconv.ParseUint(r.PostForm.Get("last"), 10, 16)
		if err != nil || last == 0 {
			said = ""
		}
		req.Last = int(last)
	}
	if said == "" {
		s.draw(w, r, http.StatusBadRequest, view{Name: "problem", Data: "problem.form"})
		return
	}
	if err := s.ask(r.Context(), http.MethodPost, "apps/"+verb, nil, req, nil); err != nil {
		s.failed(w, r, view{Name: "apps", Data: s.appCards()}, err)
		return
	}
	s.done(w, r, "/apps", said, nil)
}
