package console

import (
	"net/http"
	"strconv"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// GroupStatus is one group of an account: one that it is in, or that the configuration names.
type GroupStatus struct {
	Account        string `json:"account"`
	GroupID        uint64 `json:"group_id"`
	Name           string `json:"name"`            // as NapCat says; "" = not known
	Members        int    `json:"members"`         // 0 = not known
	Joined         bool   `json:"joined"`          // the account is in it
	Listed         bool   `json:"listed"`          // it is a key of groups
	Enabled        bool   `json:"enabled"`         // the policy admits it
	Reason         string `json:"reason"`          // why not: group.not-listed, group.disabled, group.closed
	RequireMention bool   `json:"require_mention"` // it asks for a mention
}

// GroupRequest is the body of POST groups/set. Absent switches stay as they are.
type GroupRequest struct {
	Account        string `json:"account,omitempty"`
	GroupID        uint64 `json:"group_id"`
	Enabled        *bool  `json:"enabled,omitempty"`
	RequireMention *bool  `json:"require_mention,omitempty"`
}

func (a *API) groups(w http.ResponseWriter, r *http.Request) error {
	if a.Groups == nil {
		return notRunning()
	}
	account, err := a.account(r.URL.Query().Get("account"))
	if err != nil {
		return err
	}
	out := []GroupStatus{}
	for _, info := range a.accountList() {
		if account == "" || info.Name == account {
			out = append(out, a.Groups(r.Context(), info.Name)...)
		}
	}
	return writeJSON(w, out)
}

// setGroup writes a group's switches into the configuration file and loads it.
func (a *API) setGroup(w http.ResponseWriter, r *http.Request) error {
	if a.SetGroup == nil {
		return notRunning()
	}
	var req GroupRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	account, err := a.theAccount(req.Account)
	if err != nil {
		return err
	}
	if req.GroupID == 0 || req.Enabled == nil && req.RequireMention == nil {
		return wrongUse("it is not said which group, or what of it", "send group_id, and enabled or require_mention")
	}
	req.Account = account
	result, err := a.SetGroup(r.Context(), req)
	entry := store.AuditEntry{Account: account, Action: "group.set", Target: policy.Chat{Group: true, ID: req.GroupID}.String(), Outcome: "done", By: by(r)}
	if req.Enabled != nil {
		entry.Reason += "enabled: " + strconv.FormatBool(*req.Enabled) + " "
	}
	if req.RequireMention != nil {
		entry.Reason += "requireMention: " + strconv.FormatBool(*req.RequireMention)
	}
	if err != nil {
		entry.Outcome = "failed"
	}
	a.Store.Audit().Add(entry)
	if err != nil {
		return reloadProblem(err)
	}
	return writeJSON(w, whole(result))
}

// RehearseRequest is the body of POST rehearse: a message that nobody has sent.
type RehearseRequest struct {
	Account string `json:"account,omitempty"`
	UserID  uint64 `json:"user_id"`
	GroupID uint64 `json:"group_id,omitempty"` // 0 = a private message
	AtBot   bool   `json:"at_bot,omitempty"`
	Text    string `json:"text"`
}

// rehearse says what would become of a message. Nothing is sent, kept or answered.
func (a *API) rehearse(w http.ResponseWriter, r *http.Request) error {
	if a.Rehearse == nil {
		return notRunning()
	}
	var req RehearseRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	account, err := a.theAccount(req.Account)
	if err != nil {
		return err
	}
	if req.UserID == 0 {
		return wrongUse("it is not said who would write", "send user_id")
	}
	req.Account = account
	d, err := a.Rehearse(req)
	if err != nil {
		return err
	}
	return writeJSON(w, d)
}

// SimulateRequest is the body of POST simulate: what somebody says at a simulated NapCat.
type SimulateRequest = RehearseRequest

// simulate lets somebody say something at an account whose NapCat is catflap's own simulator.
func (a *API) simulate(w http.ResponseWriter, r *http.Request) error {
	if a.Simulate == nil {
		return notRunning()
	}
	var req SimulateRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	account, err := a.theAccount(req.Account)
	if err != nil {
		return err
	}
	if req.UserID == 0 || req.Text == "" && !req.AtBot {
		return wrongUse("it is not said who says what", "send user_id and text")
	}
	req.Account = account
	if err := a.Simulate(r.Context(), req); err != nil {
		return err
	}
	a.Store.Audit().Add(store.AuditEntry{Account: account, Action: "simulate", Target: policy.Chat{ID: req.UserID}.String(), Outcome: "done", By: by(r)})
	return writeJSON(w, struct{}{})
}

// simulatedAccounts lists the accounts whose NapCat is catflap's own simulator.
func (a *API) simulatedAccounts(w http.ResponseWriter, r *http.Request) error {
	if a.Simulated == nil {
		return notRunning()
	}
	out := []string{}
	for _, info := range a.accountList() {
		if a.Simulated(r.Context(), info.Name) {
			out = append(out, info.Name)
		}
	}
	return writeJSON(w, out)
}
