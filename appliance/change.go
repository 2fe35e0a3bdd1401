package appliance

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/router"
)

// applyAccounts starts, restarts and ends accounts. Only settings of the link itself restart it: policy has
// been swapped already.
func (a *Appliance) applyAccounts(next *config.Config, remade map[string]bool) {
	wanted := make(map[string]config.Account)
	for _, acc := range next.Accounts {
		if acc.Enabled {
			wanted[acc.Name] = acc
		}
	}
	for name, running := range a.accounts {
		if _, ok := wanted[name]; ok && !remade["accounts."+name] {
			delete(wanted, name)
			continue
		}
		delete(a.accounts, name)
		running.Close()
	}
	for _, name := range sortedNames(wanted) {
		a.accounts[name] = a.startAccount(wanted[name], next)
	}
	there := maps.Clone(a.accounts)
	a.there.Store(&there)
}

func (a *Appliance) startAccount(acc config.Account, next *config.Config) *napcat.Account {
	name := acc.Name
	index := a.index(name)
	lane := a.router.Lane(name, index)
	account := napcat.New(napcat.Options{
		Config:   acc,
		Index:    index,
		MaxFrame: next.Limits.MaxFrameMB << 20,
		Echo:     fmt.Sprintf("catflap-%d-%d-%d-", a.store.Epoch(), index, rand.Uint32()),
		Event:    func(frame []byte, head *onebot.Head) { lane.Event(frame, head) },
		Changed: func() {
			lane.AccountChanged()
			a.accountChanged(name)
		},
		Pin:    func(self uint64) error { return a.store.Accounts().Pin(name, self) },
		Joined: func(groups []uint64) { a.joined(name, groups) },
		Log:    a.Log,
		Now:    a.now,
		Rand:   rand.Float64,
	}, a.store.Accounts().Pinned(name))
	lane.Attach(account)
	account.Start()
	return account
}

// accountChanged tells the apps. It runs on links' goroutines and must not wait for a reload, which may be
// waiting for such a link to end.
func (a *Appliance) accountChanged(name string) {
	for _, app := range *a.running.Load() {
		app.AccountChanged(name)
	}
}

// joined keeps the groups that an account is in: a bare number in groupAllowFrom that is one of them is no sender.
func (a *Appliance) joined(name string, groups []uint64) {
	if slices.Equal(a.store.Accounts().Groups(name), groups) {
		return
	}
	err := a.store.Accounts().SetGroups(name, groups)
	if err == nil {
		err = a.replan()
	}
	if err != nil {
		a.Log.Warn("keeping the list of joined groups failed", "account", name, "err", err)
	}
}

// applyApps starts, restarts and ends apps. Rights, views and limits have been swapped already; a link that is
// healthy is closed only if its own settings changed.
func (a *Appliance) applyApps(next *config.Config, remade map[string]bool) {
	wanted := make(map[string]config.App)
	for _, app := range next.Apps {
		if app.Enabled {
			wanted[app.Name] = app
		}
	}
	for name, running := range a.apps {
		app, ok := wanted[name]
		if ok && !remade["apps."+name] {
			running.Update(app)
			if brain := a.agents[name]; brain != nil {
				brain.Update(next)
			}
			running.SetAccounts(a.accountsOf(app, next))
			delete(wanted, name)
			continue
		}
		const restarts = 1012
		delete(a.apps, name)
		running.Close(restarts, !ok)
		a.stopAgent(name)
	}
	var start []*apps.App
	for _, name := range sortedNames(wanted) {
		app := apps.New(apps.Options{
			Config: wanted[name], Slot: a.slots[name], Accounts: a.accountsOf(wanted[name], next),
			Journal: a.store.Journal(), Action: a.router.Action, Quick: a.router.Quick, MaxFrame: next.Limits.MaxFrameMB << 20,
			Log: a.Log, Now: a.now, Rand: rand.Float64, Lookups: a.lookups(), Inside: a.startAgent(wanted[name], next),
		})
		app.Pause(a.store.Settings().Get(pausedKey+name) != "")
		a.apps[name] = app
		start = append(start, app)
	}
	list := make([]*apps.App, 0, len(a.apps))
	for _, name := range sortedNames(a.apps) {
		list = append(list, a.apps[name])
	}
	a.running.Store(&list)
	a.resumeCursors()
	for _, app := range start {
		app.Start()
	}
}

// resumeCursors opens what apps had subscribed to before the last start, and forgets what nobody serves any more.
func (a *Appliance) resumeCursors() {
	for _, s := range a.store.Journal().Subscribers() {
		name, polls := apps.AppOf(s.App)
		app := a.apps[name]
		if app == nil || polls && !app.ResumePolls(s.Account) || !polls && !app.Resume(s.Account) {
			a.store.Journal().Forget(s)
		}
	}
}

// accountsOf are the accounts that an app serves, as it sees them: by name, so that an account may be restarted
// below a link that stays.
func (a *Appliance) accountsOf(app config.App, c *config.Config) []apps.Account {
	var out []apps.Account
	for _, name := range router.Serves(app, c) {
		index := a.index(name)
		lane := a.router.Lane(name, index)
		out = append(out, apps.Account{Name: name, Index: index, Self: lane.Self, Health: func() apps.Health {
			st := lane.State()
			return apps.Health{Linked: st.Linked && !st.HalfDead, Online: st.Online}
		}})
	}
	return out
}
