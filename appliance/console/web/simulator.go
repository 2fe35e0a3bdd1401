package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/policy"
)

// simulator is the page on which somebody else's message is tried out: really, where NapCat is simulated, and otherwise
// without sending anything.
type simulator struct {
	Accounts  []string
	Simulated []string // of them, those whose NapCat is a simulator
	Account   string
	User      string
	Group     string
	At        bool
	Text      string
	Verdict   *verdictRow
	Talk      talk // of a simulated account
}

// Real reports whether what is said goes to the bots.
func (m simulator) Real() bool { return slices.Contains(m.Simulated, m.Account) }

func (s *Site) simulatorView(ctx context.Context, form url.Values) view {
	m := simulator{Accounts: s.accountNames(), Account: form.Get("account"), User: strings.TrimSpace(form.Get("user")),
		Group: strings.TrimSpace(form.Get("group")), At: form.Get("at") != ""}
	_ = s.see(ctx, "simulated", nil, &m.Simulated)
	if !slices.Contains(m.Accounts, m.Account) {
		m.Account = ""
		if len(m.Accounts) > 0 {
			m.Account = m.Accounts[0]
		}
		if len(m.Simulated) > 0 {
			m.Account = m.Simulated[0]
		}
	}
	if chat := m.chat(); m.Real() && chat != "" {
		m.Talk, _ = s.talkOf(ctx, m.Account, chat, "")
	}
	return view{Name: "simulator", Data: m, keep: url.Values{"account": {form.Get("account")}, "user": {m.User}, "group": {m.Group}, "at": {form.Get("at")}}}
}

// chat is the one that the message is in.
func (m simulator) chat() string {
	if group, err := strconv.ParseUint(m.Group, 10, 64); err == nil && group != 0 {
		return policy.Chat{Group: true, ID: group}.String()
	}
	if user, err := strconv.ParseUint(m.User, 10, 64); err == nil && user != 0 {
		return policy.Chat{ID: user}.String()
	}
	return ""
}

func (s *Site) simulatorPage(w http.ResponseWriter, r *http.Request) {
	s.draw(w, r, http.StatusOK, s.simulatorView(r.Context(), r.URL.Query()))
}

// speak says something at a simulated account, or shows what would become of it at a real one.
func (s *Site) speak(w http.ResponseWriter, r *http.Request) {
	v := s.simulatorView(r.Context(), r.PostForm)
	m, _ := v.Data.(simulator)
	m.Text = r.PostForm.Get("text")
	v.Data = m
	user, err := strconv.ParseUint(m.User, 10, 64)
	group := uint64(0)
	if err == nil && m.Group != "" {
		group, err = strconv.ParseUint(m.Group, 10, 64)
	}
	if err != nil {
		s.failed(w, r, v, &console.Problem{Status: http.StatusBadRequest, Message: s.say(r, "simulator.number")})
		return
	}
	req := console.RehearseRequest{Account: m.Account, UserID: user, GroupID: group, AtBot: m.At, Text: m.Text}
	if m.Real() {
		if err := s.ask(r.Context(), http.MethodPost, "simulate", nil, req, nil); err != nil {
			s.failed(w, r, v, err)
			return
		}
		keep := url.Values{"account": {m.Account}, "user": {m.User}, "group": {m.Group}}
		if m.At {
			keep.Set("at", "1")
		}
		s.done(w, r, "/simulator", "said", keep)
		return
	}
	var d console.Decision
	if err := s.ask(r.Context(), http.MethodPost, "rehearse", nil, req, &d); err != nil {
		s.failed(w, r, v, err)
		return
	}
	row := s.verdict(d)
	m.Verdict = &row
	v.Data = m
	s.draw(w, r, http.StatusOK, v)
}
