package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/console"
)

// access is the page of who may talk to the bots.
type access struct {
	Pending, Approved, Blocked []console.PairingEntry
	Names                      map[uint64]string // of those that are known
	Groups                     []console.GroupStatus
	Accounts                   []string
	Back                       string // the page that the requests are on; "" = that of access
}

// Many reports whether it has to be said which account is meant.
func (a access) Many() bool { return len(a.Accounts) > 1 }

// waiting is the part of the page that lives: who waits to be let in.
func (s *Site) waiting() access {
	var a access
	a.Accounts = s.accountNames()
	var all []console.PairingEntry
	if s.see(context.Background(), "pairing", nil, &all) != nil {
		return a
	}
	a.Names = make(map[uint64]string)
	for _, e := range all {
		if name := s.people.want(e.Account, e.UserID, s.Now()); name != "" {
			a.Names[e.UserID] = name
		}
		switch e.State {
		case "pending":
			a.Pending = append(a.Pending, e)
		case "approved":
			a.Approved = append(a.Approved, e)
		case "blocked":
			a.Blocked = append(a.Blocked, e)
		}
	}
	return a
}

func (s *Site) accountNames() []string {
	var list []console.AccountInfo
	_ = s.see(context.Background(), "accounts", nil, &list)
	var out []string
	for _, info := range list {
		out = append(out, info.Name)
	}
	return out
}

func (s *Site) accessView(r *http.Request) view {
	a := s.waiting()
	_ = s.see(r.Context(), "groups", nil, &a.Groups) // without NapCat there are none to show
	return view{Name: "access", Data: a}
}

func (s *Site) accessPage(w http.ResponseWriter, r *http.Request) {
	s.waiting() // says whose names are wanted
	s.meet(r.Context())
	s.draw(w, r, http.StatusOK, s.accessView(r))
}

// Left is how long a request may still be answered.
func (v view) Left(e console.PairingEntry) string {
	if e.Expires == nil || v.now.IsZero() {
		return ""
	}
	return v.Time(max(0, int64(e.Expires.Sub(v.now)/time.Minute))*60 + 59)
}

// decidePerson approves, denies, revokes, blocks or unblocks somebody.
func (s *Site) decidePerson(w http.ResponseWriter, r *http.Request) {
	verb := r.PostForm.Get("verb")
	said := map[string]string{"approve": "approved", "deny": "denied", "revoke": "revoked", "block": "blocked", "unblock": "unblocked"}[verb]
	if said == "" {
		s.draw(w, r, http.StatusBadRequest, view{Name: "problem", Data: "problem.form"})
		return
	}
	req := console.PairingRequest{Account: r.PostForm.Get("account"), Who: strings.TrimSpace(r.PostForm.Get("who")), Force: r.PostForm.Get("force") != ""}
	if err := s.ask(r.Context(), http.MethodPost, "pairing/"+verb, nil, req, nil); err != nil {
		s.backFailed(w, r, err)
		return
	}
	s.done(w, r, back(r), said, keepShow(r))
}

// switchGroup turns a switch of a group.
func (s *Site) switchGroup(w http.ResponseWriter, r *http.Request) {
	group, err := strconv.ParseUint(strings.TrimSpace(r.PostForm.Get("group")), 10, 64)
	req := console.GroupRequest{Account: r.PostForm.Get("account"), GroupID: group}
	said := ""
	for _, c := range []struct {
		name string
		into **bool
		done [2]string // off, on
	}{{"enabled", &req.Enabled, [2]string{"group.off", "group.on"}}, {"mention", &req.RequireMention, [2]string{"mention.off", "mention.on"}}} {
		if value := r.PostForm.Get(c.name); value != "" {
			on := value == "true"
			*c.into, said = &on, c.done[0]
			if on {
				said = c.done[1]
			}
		}
	}
	if err != nil || said == "" {
		s.draw(w, r, http.StatusBadRequest, view{Name: "problem", Data: "problem.form"})
		return
	}
	if err := s.ask(r.Context(), http.MethodPost, "groups/set", nil, req, nil); err != nil {
		s.backFailed(w, r, err)
		return
	}
	s.done(w, r, back(r), said, keepShow(r))
}

// back is the page that a form stands on.
func back(r *http.Request) string {
	if page := r.PostForm.Get("back"); slices.Contains([]string{"/access", "/decisions", "/"}, page) {
		return page
	}
	return "/access"
}

func keepShow(r *http.Request) url.Values {
	if back(r) == "/decisions" && r.PostForm.Get("show") == "ignored" {
		return url.Values{"show": {"ignored"}}
	}
	return nil
}

func (s *Site) backFailed(w http.ResponseWriter, r *http.Request, err error) {
	if back(r) == "/decisions" {
		s.failed(w, r, s.decisionsView(r.PostForm.Get("show") == "ignored"), err)
		return
	}
	s.failed(w, r, s.accessView(r), err)
}

// GroupWhy says in words why a group is not let in.
func (v view) GroupWhy(g console.GroupStatus) string {
	if g.Reason == "" {
		return ""
	}
	return v.Reason(g.Reason)
}
