package agent

import (
	"strconv"

	"github.com/catflap/catflap/appliance/agent/endpoint"
)

// sessionName is the conversation's name for a backend that keeps it: another after each new beginning. The beginning is
// kept on disk, since after a restart the backend would go on with what somebody has left behind.
func (a *Agent) sessionName(t *talk) string {
	a.mu.Lock()
	name, began := a.baseName(t), t.session.began
	a.mu.Unlock()
	if began.IsZero() {
		began = a.usage.began(name)
	}
	if began.IsZero() {
		return name
	}
	return name + ":" + strconv.FormatInt(began.Unix(), 10)
}

// keepBeginning keeps when a conversation began, if the backend has it.
func (a *Agent) keepBeginning(t *talk) {
	a.mu.Lock()
	name, began := a.baseName(t), t.session.began
	_, app := a.settings()
	a.mu.Unlock()
	if app == nil || app.Agent.Backend != endpoint.OpenClaw || began.IsZero() || began.Unix() == a.usage.began(name).Unix() {
		return
	}
	if err := a.usage.begin(name, began); err != nil {
		a.Log.Warn("the beginning of a conversation was not kept: after a restart the one before goes on", "app", a.Name, "account", t.key.account, "chat", t.key.chat.String(), "err", err)
	}
}

// baseName is the name without the beginning.
func (a *Agent) baseName(t *talk) string {
	name := "catflap:" + a.Name + ":" + t.key.account + ":" + t.key.chat.String()
	if t.key.member != 0 {
		name += ":" + strconv.FormatUint(t.key.member, 10)
	}
	return name
}
