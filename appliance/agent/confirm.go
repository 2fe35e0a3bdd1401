package agent

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/agent/prompt"
	"github.com/catflap/catflap/appliance/agent/tools"
)

// Bounds of what waits for an owner's word.
const (
	confirmTime = 5 * time.Minute
	maxConfirms = 20 // in all
)

// confirmation is an action that a model asked for and that an owner has to agree to, in the same chat.
type confirmation struct {
	code    string
	account string
	turn    tools.Turn
	action  tools.Action
	until   time.Time
}

// ask keeps an action until an owner agrees, and returns the code that he has to send. It is the agent that tells the chat
// about it: a model cannot say that it is about something else.
func (a *Agent) ask(account string, turn tools.Turn, action tools.Action) (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", fmt.Errorf("making a code: %w", err)
	}
	code := fmt.Sprintf("%06d", n)
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Now()
	a.confirms = slices.DeleteFunc(a.confirms, func(c confirmation) bool { return now.After(c.until) })
	if len(a.confirms) >= maxConfirms {
		a.confirms = slices.Delete(a.confirms, 0, 1)
	}
	a.confirms = append(a.confirms, confirmation{code, account, turn, action, now.Add(confirmTime)})
	return code, nil
}

// confirmed takes the action that belongs to a code, once.
func (a *Agent) confirmed(m *message, code string) (tools.Action, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Now()
	i := slices.IndexFunc(a.confirms, func(c confirmation) bool {
		return c.code == code && c.account == m.account && c.turn.Chat == m.chat && !now.After(c.until)
	})
	if i < 0 {
		return tools.Action{}, false
	}
	c := a.confirms[i]
	a.confirms = slices.Delete(a.confirms, i, i+1)
	return c.action, true
}

// codeOf finds the code in an owner's answer.
func codeOf(text string) (code string, ok bool) {
	for _, word := range []string{"/confirm ", "／confirm ", "/确认", "／确认"} {
		if code, ok := strings.CutPrefix(text, word); ok {
			return strings.TrimSpace(code), true
		}
	}
	return "", false
}

// obeyOwner does what an owner has confirmed, and returns what to say.
func (a *Agent) obeyOwner(ctx context.Context, m *message, code string) string {
	words := a.texts()
	if !a.isOwner(m) {
		return words.ownersOnly
	}
	action, ok := a.confirmed(m, code)
	if !ok {
		return words.noCode
	}
	if _, err := a.act(ctx, m.account, action.Name, action.Params); err != nil {
		return words.undone(err)
	}
	return words.carriedOut
}

// isOwner reports whether a message comes from an owner of the account.
func (a *Agent) isOwner(m *message) bool {
	account := a.live.Load().Account(m.account)
	return account != nil && slices.Contains(account.Owners, m.user)
}

// preview shows an action to the owner who has to agree to it: on one line, and without characters that turn the text
// around or are not seen.
func preview(action tools.Action) string {
	params, err := json.Marshal(action.Params)
	if err != nil {
		return action.Name
	}
	return action.Name + " " + prompt.Safe(string(params))
}
