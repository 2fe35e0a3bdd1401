package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/catflap/catflap/appliance/agent"
	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/media"
)

// agentKey is where the store remembers what an agent has used today.
const agentKey = "agent."

// startAgent makes the inner life of an app with protocol: agent; nil for other apps.
func (a *Appliance) startAgent(app config.App, c *config.Config) *apps.Inside {
	if app.Protocol != "agent" {
		return nil
	}
	brain := agent.New(agent.Options{
		Name: app.Name, Config: c, Slot: a.slots[app.Name], Act: a.router.Action, History: a.store.History(),
		Read: a.readMedium, Own: a.keptMedium, SelfName: a.nickname, Linked: a.linked,
		Kept: a.store.Settings().Get(agentKey + app.Name),
		Keep: func(text string) error { return a.store.Settings().Set(agentKey+app.Name, text) },
		Log:  a.Log, Now: a.now, Random: rand.Uint64,
	})
	a.agents[app.Name] = brain
	return &apps.Inside{Take: brain.Take, Trouble: brain.Trouble}
}

// stopAgent ends what an app in this process still does. The app is closed already.
func (a *Appliance) stopAgent(name string) {
	if brain := a.agents[name]; brain != nil {
		delete(a.agents, name)
		brain.Close()
	}
}

// nickname is what NapCat said of an account's name.
func (a *Appliance) nickname(account string) string {
	if running := a.account(account); running != nil {
		return running.State().Nickname
	}
	return ""
}

// linked reports whether an account's NapCat is there.
func (a *Appliance) linked(account string) bool {
	running := a.account(account)
	return running != nil && running.State().Linked
}

// readMedium gives the bytes of a medium of a message.
func (a *Appliance) readMedium(ctx context.Context, m agent.Medium, max int64) ([]byte, error) {
	key, own := a.media.cache.Own(m.URL)
	if !own {
		var note string
		key, note, own = a.media.cache.Offer(media.Offered{
			Account: m.Account, MessageID: m.MessageID, Group: m.Group, Type: m.Type, File: m.File, FileID: m.FileID, URL: m.URL, Size: m.Size, Max: max,
		})
		if !own {
			return nil, fmt.Errorf("reading a medium: it cannot be fetched: %s", note)
		}
	}
	f, err := a.media.cache.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("reading a medium: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, fmt.Errorf("reading a medium: %w", err)
	}
	if int64(len(data)) > max {
		return nil, errTooLong
	}
	return data, nil
}

var errTooLong = errors.New("reading a medium: it is too large")

// keptMedium reports whether an address is one of the cache's, and gives the form that actions take.
func (a *Appliance) keptMedium(address string) (string, bool) {
	key, ok := a.ownMedium(address)
	if !ok {
		return "", false
	}
	return a.media.cache.URL(key), true
}

// agentStatus is what is shown of an agent, nil for other apps. The caller holds the lock.
func (a *Appliance) agentStatus(name string) *console.AgentStatus {
	brain := a.agents[name]
	if brain == nil {
		return nil
	}
	s := brain.Status()
	out := &console.AgentStatus{
		Model: s.Model, Busy: s.Busy, Conversations: s.Talks, AnswersToday: s.TurnsToday, TokensToday: s.TokensToday,
		Turns: make(map[string]uint64, len(s.Turns)), Tokens: s.Tokens,
	}
	for outcome, n := range s.Turns {
		out.Turns[string(outcome)] = n
	}
	return out
}
