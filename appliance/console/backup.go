package console

import (
	"cmp"
	"errors"

	"net"
	"net/http"
	"slices"
	"time"

	"github.com/catflap/catflap/appliance/backup"
	"github.com/catflap/catflap/store"
)

// Facts is what `catflap doctor` asks the store of a running instance for.
type Facts struct {
	Accounts map[string]AccountFacts `json:"accounts"`
}

// AccountFacts is what is known of an account beside its configuration.
type AccountFacts struct {
	Pinned uint64   `json:"pinned"` // 0 = no connection has brought a number yet
	Groups []uint64 `json:"groups"` // joined, when it was last asked; empty = not known
	People []uint64 `json:"people"` // whom the store's lists name
	Form   string   `json:"form"`   // of the newest message that is kept: array or string; "" = there is none
}

// Checked says whether the databases are sound.
type Checked struct {
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"` // the first damage, with what to do
}

// backup streams a whole backup. An error once it has begun breaks the answer off, so that nobody takes it for whole.
func (a *API) backup(w http.ResponseWriter, r *http.Request) error {
	if a.Backup == nil {
		return notRunning()
	}
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() != "unix" {
		return &Problem{Status: http.StatusForbidden, Message: "a backup holds every token and is not handed out here",
			Remedy: "make it at the box: `catflap backup FILE`"}
	}
	q := r.URL.Query()
	out := &backupAnswer{w: w, rc: http.NewResponseController(w)}
	err := a.Backup.Write(r.Context(), out, backup.Options{NoConfig: q.Has("no-config"), Media: q.Has("media")})
	switch {
	case err == nil:
		return nil
	case out.begun:
		panic(http.ErrAbortHandler)
	case errors.Is(err, backup.ErrBusy):
		return &Problem{Status: http.StatusConflict, Message: err.Error()}
	}
	return err
}

// backupAnswer gives the reader a minute for each piece.
type backupAnswer struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	begun bool
}

func (b *backupAnswer) Write(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		b.w.Header().Set("Content-Type", "application/gzip")
	}
	_ = b.rc.SetWriteDeadline(time.Now().Add(time.Minute)) // in-process there is none
	return b.w.Write(p)
}

// checkStore walks every page of copies of the databases.
func (a *API) checkStore(w http.ResponseWriter, _ *http.Request) error {
	if a.Backup == nil {
		return notRunning()
	}
	err := a.Backup.Check()
	switch {
	case err == nil:
		return writeJSON(w, Checked{OK: true})
	case errors.Is(err, store.ErrDamaged):
		return writeJSON(w, Checked{Problem: err.Error()})
	case errors.Is(err, backup.ErrBusy):
		return &Problem{Status: http.StatusConflict, Message: err.Error()}
	}
	return err
}

func (a *API) facts(w http.ResponseWriter, _ *http.Request) error {
	out := Facts{Accounts: make(map[string]AccountFacts)}
	for _, info := range a.accountList() {
		f := AccountFacts{Pinned: a.Store.Accounts().Pinned(info.Name), Groups: a.Store.Accounts().Groups(info.Name), People: []uint64{}}
		for _, entry := range a.Store.Access().List(info.Name) {
			f.People = append(f.People, entry.UserID)
		}
		if f.Groups == nil {
			f.Groups = []uint64{}
		}
		f.Form = a.form(info.Name)
		out.Accounts[info.Name] = f
	}
	return writeJSON(w, out)
}

// form looks at the newest message that came from NapCat: a list of segments, or a string with CQ codes.
func (a *API) form(account string) string {
	chats := a.Store.History().List(account)
	if len(chats) == 0 {
		return ""
	}
	newest := slices.MaxFunc(chats, func(x, y store.ChatInfo) int { return cmp.Compare(x.Last, y.Last) })
	const few = 20
	records, err := a.Store.History().Show(account, newest.Chat, few)
	if err != nil {
		return ""
	}
	for _, r := range slices.Backward(records) {
		if r.Direction == store.Out || len(r.Raw) == 0 {
			continue
		}
		if r.Raw[0] == '"' {
			return "string"
		}
		return "array"
	}
	return ""
}
