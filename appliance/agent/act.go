package agent

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/catflap/catflap/appliance/apps"
)

// ActionError is an action that was refused or failed.
type ActionError struct {
	Action  string
	Retcode int64
	Wording string
}

// Error names the action and the reason.
func (e *ActionError) Error() string {
	return fmt.Sprintf("%s: %s (retcode %d)", e.Action, e.Wording, e.Retcode)
}

// act does something as this app: through the same gate, pacing and audit as every other app. The data is the caller's.
func (a *Agent) act(ctx context.Context, account, action string, params any) (json.RawMessage, error) {
	frame, err := json.Marshal(struct {
		Action string `json:"action"`
		Params any    `json:"params"`
		Echo   string `json:"echo"`
	}{action, params, "agent"})
	if err != nil {
		return nil, fmt.Errorf("composing %s: %w", action, err)
	}
	answers := make(chan []byte, 1)
	a.Act(apps.Action{App: a.Name, Slot: a.Slot, Account: account, Frame: frame, Reply: func(frame []byte) {
		select {
		case answers <- frame:
		default: // the rest of a stream
		}
	}})
	var answer struct {
		Retcode int64           `json:"retcode"`
		Wording string          `json:"wording"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	select {
	case raw := <-answers:
		if err := json.Unmarshal(raw, &answer); err != nil {
			return nil, fmt.Errorf("reading the answer of %s: %w", action, err)
		}
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", action, context.Cause(ctx))
	}
	if answer.Retcode != 0 {
		if answer.Wording == "" {
			answer.Wording = answer.Message
		}
		return nil, &ActionError{action, answer.Retcode, answer.Wording}
	}
	return answer.Data, nil
}
