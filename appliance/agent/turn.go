package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/agent/endpoint"
	"github.com/catflap/catflap/appliance/agent/prompt"
	"github.com/catflap/catflap/appliance/config"
)

// maxRounds bounds how often a model may ask for tools before it has to answer.
const maxRounds = 6

// maxReply bounds what is sent of one answer, bytes: a model that finds no end is not to flood a chat.
const maxReply = 32 << 10

// errSilent: the model chose to say nothing.
var errSilent = errors.New("the model chose to say nothing")

// answer makes one answer to the messages that wait, and sends it. The error is that of an answer which was broken off:
// what goes wrong otherwise is told in the chat.
func (a *Agent) answer(ctx context.Context, t *talk, batch []*turnItem) error {
	cfg, app := a.settings()
	client := a.endpoint.Load()
	if app == nil || client == nil || cfg.Account(t.key.account) == nil {
		return nil // it was taken out of the configuration meanwhile
	}
	if batch = a.within(ctx, t, app.Agent.Budgets, batch); len(batch) == 0 {
		return nil
	}
	last := batch[len(batch)-1].message
	ctx, cancel := context.WithTimeoutCause(ctx, app.Agent.Timeouts.Total, errOverdue)
	defer cancel()
	stopTyping := a.typing(ctx, last)
	text, spent, err := a.converse(ctx, client, app, t, batch)
	stopTyping()
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errOverdue) {
		a.spend(spent, batch)
		a.count(Stopped)
		return context.Cause(ctx)
	}
	a.spend(spent, batch)
	// The time for the model is over, that for sending is not.
	ctx = context.WithoutCancel(ctx)
	ctx, cancelSend := context.WithTimeout(ctx, sendTime)
	defer cancelSend()
	defer context.AfterFunc(a.ctx, cancelSend)()
	switch {
	case errors.Is(err, errSilent):
		a.noteTrouble(nil)
		a.count(Silent)
		return nil
	case err != nil && text == "":
		a.noteTrouble(err)
		a.count(Failed)
		a.excuse(ctx, t, last, err)
		return nil
	case err != nil: // the answer broke off; what came of it is worth more than nothing
		a.Log.Warn("the model's answer broke off", "app", a.Name, "account", last.account, "chat", last.chat.String(), "err", err)
		if len(text) <= maxReply {
			text += "\n" + a.texts().brokenOff
		}
	}
	if len(text) > maxReply {
		text = prompt.Cut(text, maxReply) + "\n" + a.texts().brokenOff
	}
	a.noteTrouble(err)
	outcome := Answered
	if err != nil {
		outcome = Broken
	}
	ids, err := a.reply(ctx, last, text)
	if err != nil {
		a.count(Unsent)
		a.Log.Warn("the agent's answer was not sent", "app", a.Name, "account", last.account, "chat", last.chat.String(), "err", err)
		return nil
	}
	a.count(outcome)
	a.remember(t, app, batch, text, ids)
	return nil
}

// sendTime is how long the parts of one answer may take: pacing holds them back.
const sendTime = 2 * time.Minute

var errOverdue = errors.New("the answer took longer than timeouts.total")

// within refuses the messages of those whose budget is used up, and returns the others.
func (a *Agent) within(ctx context.Context, t *talk, budgets config.Budgets, batch []*turnItem) []*turnItem {
	var out []*turnItem
	for _, item := range batch {
		whose, until, exceeded := a.usage.exceeded(budgets, item.user, item.chat)
		if !exceeded {
			out = append(out, item)
			continue
		}
		a.count(Refused)
		if a.mayExcuse(t) {
			a.say(ctx, item.message, a.texts().spent(whose, until))
		}
	}
	return out
}

// spend counts what a turn cost: in equal parts if it answered several.
func (a *Agent) spend(tokens int64, batch []*turnItem) {
	a.mu.Lock()
	a.tokens += tokens
	a.mu.Unlock()
	a.usage.turn()
	for _, item := range batch {
		if err := a.usage.spend(tokens/int64(len(batch)), item.user, item.chat); err != nil {
			a.Log.Warn("the use of tokens was not kept", "app", a.Name, "err", err)
		}
	}
}

// converse asks the model until it answers. The text has been filtered; with an error it is what came before.
func (a *Agent) converse(ctx context.Context, client *endpoint.Client, app *config.App, t *talk, batch []*turnItem) (text string, spent int64, err error) {
	last := batch[len(batch)-1].message
	box := a.toolbox(ctx, batch)
	defer box.close()
	chat := a.chat(last)
	req := &endpoint.Request{MaxTokens: app.Agent.MaxTokens, Tools: box.schemas()}
	req.Messages = a.messages(ctx, chat, app, t, batch, box)
	a.keepBeginning(t)
	req.Session = a.sessionName(t) // after a long silence it is another by now
	for round := 0; ; round++ {
		if round == maxRounds {
			req.Tools = nil
		}
		reply, err := client.Ask(ctx, req)
		spent += reply.Usage.Prompt + reply.Usage.Completion
		answer := prompt.Read(reply.Text)
		a.Log.Debug("the model answered", "app", a.Name, "account", last.account, "model", reply.Model, "finish", reply.Finish, "calls", len(reply.Calls),
			"tools_refused", reply.ToolsDropped, "pictures_refused", reply.ImagesDropped, "calls_in_text", answer.Leaked, "err", err)
		if app.Markdown == "forward" {
			answer.Text = answer.Markdown
		}
		switch {
		case err != nil:
			return answer.Text, spent, err
		case len(reply.Calls) > 0 && round < maxRounds:
			if app.Agent.Backend == endpoint.OpenClaw {
				req.Messages = req.Messages[:1] // what was asked is in its session already
			}
			req.Messages = append(req.Messages, endpoint.Message{Role: endpoint.Assistant, Text: reply.Text, Reasoning: reply.Reasoning, Calls: reply.Calls})
			for _, c := range reply.Calls {
				req.Messages = append(req.Messages, endpoint.Message{Role: endpoint.ToolRole, CallID: c.ID, Text: chat.Untrusted(c.Name, box.call(ctx, c))})
			}
			if ctx.Err() != nil {
				return "", spent, context.Cause(ctx)
			}
			continue
		case answer.Silent:
			return "", spent, errSilent
		case answer.Text == "" && box.spoke:
			return "", spent, errSilent // it has said by a tool what it wanted to say
		case answer.Text == "":
			return "", spent, fmt.Errorf("model %s: nothing is left of its answer after reasoning and tool calls were taken out", reply.Model)
		}
		return answer.Text, spent, nil
	}
}

// remember keeps what was said for the next turn.
func (a *Agent) remember(t *talk, app *config.App, batch []*turnItem, text string, sent []int64) {
	chat := a.chat(batch[0].message)
	e := exchange{answered: text, sent: sent}
	var asked []string
	for _, item := range batch {
		e.ids = append(e.ids, item.id)
		asked = append(asked, chat.Said(prompt.Speaker{QQ: item.user, Name: item.name}, chat.Text(item.segments)))
	}
	e.asked = strings.Join(asked, "\n")
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.cancelled {
		return // somebody has begun a new conversation while this was being sent
	}
	e.seq = t.told
	t.session.add(a.Now(), e, a.contextSize(app, t.key.account))
}

// contextSize is how many messages of a chat a model may be told: no more than the account keeps.
func (a *Agent) contextSize(app *config.App, account string) int {
	return min(app.Agent.HistoryMessages, a.live.Load().HistoryLimit(account))
}
