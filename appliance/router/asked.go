package router

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

// Author is who wrote a message, as far as catflap saw it. Not ok means that nobody here knows.
func (r *Router) Author(account string, messageID int64) (user uint64, ok bool) {
	l := r.lane(account)
	if l == nil {
		return 0, false
	}
	l.seed.Do(l.seedMemory)
	user = l.chats.author(messageID)
	return user, user != 0
}

// Upstream is what an account's NapCat last said of itself. It is asked if nobody has done so yet; "" if it does not answer
// before the context ends, or is away.
func (r *Router) Upstream(ctx context.Context, account string) (name, version string) {
	l := r.lane(account)
	if l == nil {
		return "", ""
	}
	if a := l.account.Load(); l.version.Load() == nil && a != nil && a.State().Linked {
		var data json.RawMessage
		if a.Ask(ctx, "get_version_info", nil, &data) == nil {
			l.noteSelf("get_version_info", &onebot.Head{Data: data})
		}
	}
	var said struct {
		Name    string `json:"app_name"`
		Version string `json:"app_version"`
	}
	if raw := l.version.Load(); raw == nil || json.Unmarshal(*raw, &said) != nil {
		return "", ""
	}
	return said.Name, said.Version
}

// Allowed reports whether an app's rules let it call an action at all.
func (r *Router) Allowed(app, action string) bool {
	plan := r.plan.Load().apps[app]
	return plan != nil && plan.firewall.Decide(action).Allowed
}

// Denied says which rule forbids an app something that catflap does by itself and NapCat never hears of: what actions.deny
// names, and everything where actions.allow is empty. "" = none does. Such actions have no effect on QQ, so rules about
// effects do not reach them.
func (r *Router) Denied(app, action string) string {
	plan := r.plan.Load().apps[app]
	switch {
	case plan == nil:
		return fmt.Sprintf("app %s is not enabled (apps.%s.enabled)", app, app)
	case plan.nothing:
		return fmt.Sprintf("%q is not allowed: actions.allow is empty, which allows nothing (apps.%s.actions)", action, app)
	}
	for _, entry := range plan.deny {
		prefix, isPrefix := strings.CutSuffix(entry, "*")
		if entry == action || isPrefix && strings.HasPrefix(action, prefix) {
			return fmt.Sprintf("%q is denied: actions.deny lists %s (apps.%s.actions)", action, entry, app)
		}
	}
	return ""
}
