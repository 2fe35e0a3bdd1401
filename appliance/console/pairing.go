package console

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

func (a *API) pairing(w http.ResponseWriter, r *http.Request) error {
	account, err := a.account(r.URL.Query().Get("account"))
	if err != nil {
		return err
	}
	entries := a.Store.Access().List(account)
	out := make([]PairingEntry, len(entries))
	for i, e := range entries {
		out[i] = PairingEntry{Account: e.Account, UserID: e.UserID, Code: e.Code, State: string(e.State), Created: e.Created}
		if !e.Expires.IsZero() {
			out[i].Expires = &entries[i].Expires
		}
	}
	for _, info := range a.accountList() {
		if account != "" && account != info.Name {
			continue
		}
		for _, user := range info.Blocked {
			out = append(out, PairingEntry{Account: info.Name, UserID: user, State: string(store.StateBlocked), Configured: true})
		}
	}
	return writeJSON(w, out)
}

func (a *API) decidePairing(w http.ResponseWriter, r *http.Request, verb string) error {
	var req PairingRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	req.Who = strings.TrimSpace(req.Who)
	if req.Who == "" {
		return wrongUse("nobody is named", "give the code or the QQ number, as `catflap pairing list` shows them")
	}
	account, err := a.whose(req)
	if err != nil {
		return err
	}
	if user, ok := a.person(account, req.Who); verb == "approve" && ok && a.fileBlocks(account, user) {
		return &Problem{Status: http.StatusConflict, Message: quote(req.Who) + " is blocked by the configuration (`blocked` of account " + account + ")",
			Remedy: "take the number out of `blocked` first"}
	}
	state, done, err := a.settle(verb, account, req)
	if errors.Is(err, store.ErrNoRequest) {
		return unknown(verb, req.Who, err)
	}
	if err != nil {
		return err
	}
	result := PairingResult{Account: done.Account, UserID: done.User, State: state, Changed: done.Changed}
	a.Store.Audit().Add(store.AuditEntry{Account: done.Account, Action: "pairing." + verb,
		Target: policy.Chat{ID: done.User}.String(), Outcome: "done", By: by(r)})
	if verb == "approve" && done.Changed && !req.Quiet && a.Notify != nil && a.reachable(done.Account) {
		a.Notify(done.Account, done.User, policy.ApprovedNotice(a.language()))
		result.Notified = true
	}
	return writeJSON(w, result)
}

// person finds the QQ number that is meant by a number, or by the code of a request.
func (a *API) person(account, who string) (uint64, bool) {
	for _, e := range a.Store.Access().List(account) {
		if e.Code != "" && strings.EqualFold(e.Code, who) {
			return e.UserID, true
		}
	}
	user, err := strconv.ParseUint(who, 10, 64)
	return user, err == nil
}

// fileBlocks reports whether the configuration blocks somebody: an approval would change nothing.
func (a *API) fileBlocks(account string, user uint64) bool {
	return slices.ContainsFunc(a.accountList(), func(info AccountInfo) bool {
		return info.Name == account && slices.Contains(info.Blocked, user)
	})
}

// unknown says that nobody is in the state that the verb would end.
func unknown(verb, who string, err error) *Problem {
	p := problemOf(err)
	switch verb {
	case "approve":
		p.Remedy = "--force approves a QQ number that has not asked"
	case "revoke":
		p.Message, p.Remedy = quote(who)+" is not approved", "`catflap pairing list` shows who is; allowFrom and owners of the configuration are lists of their own"
	case "unblock":
		p.Message, p.Remedy = quote(who)+" is not blocked", "`catflap pairing list` shows who is; `blocked` of the configuration is a list of its own"
	}
	return p
}

// reachable says whether a message to a user of the account can be handed over now.
func (a *API) reachable(account string) bool {
	if a.Status == nil {
		return true
	}
	for _, s := range a.Status().Accounts {
		if s.Name == account {
			return s.Connected && s.Online
		}
	}
	return false
}

// settle does what the verb says and names the state that the person is in afterwards.
func (a *API) settle(verb, account string, req PairingRequest) (state string, done store.Approval, err error) {
	access, limits := a.Store.Access(), a.limits(account)
	switch verb {
	case "approve":
		done, err = access.Approve(account, req.Who, 0, req.Force, limits)
		if user, bad := strconv.ParseUint(req.Who, 10, 64); errors.Is(err, store.ErrNoRequest) && bad == nil && access.Approved(account, user) {
			done, err = store.Approval{Account: account, User: user}, nil // it was so already
		}
		return "approved", done, err
	case "deny":
		done, err = access.Deny(account, req.Who, limits)
		return "denied", done, err
	case "revoke":
		done, err = access.Revoke(account, req.Who)
		return "revoked", done, err
	case "block":
		done, err = access.Block(account, req.Who, limits)
		return "blocked", done, err
	default:
		done, err = access.Unblock(account, req.Who)
		return "unblocked", done, err
	}
}

// whose finds the account that a request is about: the one named, the only one, or the one that knows the person.
func (a *API) whose(req PairingRequest) (string, error) {
	if req.Account != "" {
		return a.account(req.Account)
	}
	list := a.accountList()
	if len(list) == 1 {
		return list[0].Name, nil
	}
	var found []string
	for _, e := range a.Store.Access().List("") {
		if strings.EqualFold(e.Code, req.Who) || strconv.FormatUint(e.UserID, 10) == req.Who {
			found = append(found, e.Account)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &Problem{Status: http.StatusNotFound, Message: "no account knows " + quote(req.Who),
			Remedy: "`catflap pairing list` shows who is known; otherwise name the account with --account: " + names(list)}
	}
	return "", &Problem{Status: http.StatusConflict, Message: quote(req.Who) + " is known to several accounts: " + strings.Join(found, ", "),
		Remedy: "say which account is meant with --account NAME"}
}

func (a *API) limits(account string) policy.PairingLimits {
	if a.Limits == nil {
		return policy.PairingLimits{}
	}
	return a.Limits(account)
}

func (a *API) language() policy.Lang {
	if a.Language == nil {
		return "zh"
	}
	return policy.Lang(a.Language())
}
