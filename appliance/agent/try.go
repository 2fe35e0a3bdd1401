package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/catflap/catflap/appliance/agent/endpoint"
	"github.com/catflap/catflap/appliance/agent/prompt"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/onebot"
)

// Tried is the answer of one turn that nobody in QQ sees.
type Tried struct {
	App      string        `json:"app"`
	Model    string        `json:"model"`
	Text     string        `json:"text"` // as it would be sent; "" if the model chose to say nothing
	Prompt   int64         `json:"prompt_tokens"`
	Answer   int64         `json:"completion_tokens"`
	Guessed  bool          `json:"estimated"` // the endpoint did not say how many tokens
	Took     time.Duration `json:"took_ns"`
	Thoughts int           `json:"reasoning_bytes"` // of what was thought and is not shown
}

// Try asks the model of an app one thing, as a private message of somebody without a past, and without tools.
func Try(ctx context.Context, c *config.Config, app *config.App, text string, now func() time.Time, random func() uint64) (Tried, error) {
	client, err := newEndpoint(app.Agent, now, random)
	if err != nil {
		return Tried{}, fmt.Errorf("apps.%s: %w", app.Name, err)
	}
	defer client.Close()
	chat := &prompt.Chat{Language: prompt.Language(c.Language), Peer: prompt.Speaker{Name: "catflap"}, Random: random}
	began := now()
	ask := &prompt.Turn{Now: began, Segments: []onebot.Segment{{Type: "text", Data: map[string]any{"text": text}}}}
	reply, err := client.Ask(ctx, &endpoint.Request{
		Messages: []endpoint.Message{
			{Role: endpoint.System, Text: chat.System(app.Agent.SystemPrompt, "", "")},
			{Role: endpoint.User, Text: chat.Turn(ask)},
		},
		MaxTokens: app.Agent.MaxTokens, Session: fmt.Sprintf("catflap:%s:try:%d", app.Name, began.UnixNano()),
	})
	if err != nil {
		return Tried{}, err
	}
	answer := prompt.Read(reply.Text)
	out := Tried{App: app.Name, Model: reply.Model, Text: answer.Text, Prompt: reply.Usage.Prompt, Answer: reply.Usage.Completion, Guessed: reply.Usage.Estimated,
		Took: now().Sub(began), Thoughts: len(reply.Reasoning)}
	if answer.Text == "" && !answer.Silent {
		return out, fmt.Errorf("model %s: nothing is left of its answer after reasoning and tool calls were taken out", reply.Model)
	}
	return out, nil
}
