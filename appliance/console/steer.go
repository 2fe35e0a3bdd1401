package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

func (a *API) reload(w http.ResponseWriter, r *http.Request) error {
	if a.Reload == nil {
		return notRunning()
	}
	result, err := a.Reload(r.Context())
	if err != nil {
		return reloadProblem(err)
	}
	return writeJSON(w, whole(result))
}

// reloadProblem is what a configuration that cannot be used answers.
func reloadProblem(err error) error {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{Status: http.StatusUnprocessableEntity, Message: err.Error(),
		Remedy: "the running configuration stays as it was; correct the file and reload again"}
}

// whole never has null where the contract promises a list.
func whole(r ReloadResult) ReloadResult {
	if r.Changed == nil {
		r.Changed = []Change{}
	}
	return r
}

// callRequest is the body of POST call.
type callRequest struct {
	Account string          `json:"account,omitempty"`
	Action  string          `json:"action"`
	Params  json.RawMessage `json:"params,omitempty"`
}

func (a *API) call(w http.ResponseWriter, r *http.Request) error {
	if a.Call == nil {
		return notRunning()
	}
	var req callRequest
	if err := readBody(w, r, maxCallBody, &req); err != nil {
		return err
	}
	if req.Action == "" {
		return wrongUse("no action is named", "for example send_private_msg")
	}
	account, err := a.theAccount(req.Account)
	if err != nil {
		return err
	}
	envelope, err := a.Call(r.Context(), account, req.Action, req.Params)
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case err != nil:
		return &Problem{Status: http.StatusBadGateway, Message: "calling " + req.Action + ": " + err.Error(),
			Remedy: "`catflap status` shows whether NapCat is linked"}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(envelope)
	return nil
}

func (a *API) accounts(w http.ResponseWriter, _ *http.Request) error {
	list := a.accountList()
	if list == nil {
		list = []AccountInfo{}
	}
	return writeJSON(w, list)
}

func (a *API) unpin(w http.ResponseWriter, r *http.Request) error {
	var req UnpinRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	account, err := a.theAccount(req.Account)
	if err != nil {
		return err
	}
	was := a.Store.Accounts().Pinned(account)
	unpin := a.Unpin
	if unpin == nil {
		unpin = a.Store.Accounts().Unpin
	}
	if err := unpin(account); err != nil {
		return err
	}
	return writeJSON(w, AccountInfo{Name: account, Pinned: was})
}

func (a *API) accountList() []AccountInfo {
	if a.Accounts == nil {
		return nil
	}
	return a.Accounts()
}

// account resolves a name or a self id; empty stays empty and means every account.
func (a *API) account(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	list := a.accountList()
	for _, info := range list {
		if info.Name == text {
			return text, nil
		}
	}
	if id, err := strconv.ParseUint(text, 10, 64); err == nil && id != 0 {
		for _, info := range list {
			if info.SelfID == id || info.Pinned == id {
				return info.Name, nil
			}
		}
	}
	return "", wrongUse("there is no account "+quote(text), "the accounts are "+names(list))
}

// theAccount is account, but empty means the only one there is.
func (a *API) theAccount(text string) (string, error) {
	if text != "" {
		return a.account(text)
	}
	list := a.accountList()
	if len(list) == 1 {
		return list[0].Name, nil
	}
	return "", wrongUse("there are several accounts", "say which with --account NAME: "+names(list))
}

func names(list []AccountInfo) string {
	out := make([]string, len(list))
	for i, info := range list {
		out[i] = info.Name
	}
	return strings.Join(out, ", ")
}

func quote(text string) string {
	const most = 80
	if len(text) > most {
		text = text[:most]
	}
	return strconv.Quote(text)
}
