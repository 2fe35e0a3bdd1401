package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
)

// excuseEvery is how often at most a chat is told that something went wrong.
const excuseEvery = time.Minute

// segment is one part of a message that the agent sends. There is no way to say anything by a string: what a model writes
// is never read as CQ codes.
type segment struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

func textSegment(text string) segment {
	return segment{"text", map[string]string{"text": text}}
}

// maxAsides bounds the messages that are known to be no part of a conversation.
const maxAsides = 256

// say sends one short text of the agent's own, as an answer to a message. The model is told nothing of it.
func (a *Agent) say(ctx context.Context, m *message, text string) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	id, err := a.send(ctx, m, []segment{quote(m), textSegment(text)})
	if err != nil && !errors.Is(err, context.Canceled) {
		a.Log.Warn("the agent's words were not sent", "app", a.Name, "account", m.account, "chat", m.chat.String(), "err", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.setAside(id)
}

// setAside keeps the id of a message that the model is not told of. The caller holds the lock.
func (a *Agent) setAside(id int64) {
	if len(a.asides) >= maxAsides {
		a.asides = slices.Delete(a.asides, 0, 1)
	}
	a.asides = append(a.asides, id)
}

func quote(m *message) segment {
	return segment{"reply", map[string]string{"id": strconv.FormatInt(m.id, 10)}}
}

// reply sends an answer of the model, cut where it is too long, or as a forward card, and returns the ids of what was sent.
func (a *Agent) reply(ctx context.Context, m *message, text string) ([]int64, error) {
	cfg, app := a.settings()
	account := cfg.Account(m.account)
	if app == nil || account == nil {
		return nil, errors.New("the agent or the account was taken out of the configuration")
	}
	parts, err := onebot.CutText(text, account.TextChunkLimit)
	if err != nil {
		return nil, err
	}
	if len(parts) > 1 && app.Agent.LongReply == "forward" {
		id, err := a.forward(ctx, m, parts)
		return []int64{id}, err
	}
	var ids []int64
	for i, part := range parts {
		message := []segment{textSegment(part)}
		if app.Agent.Quote == "all" || app.Agent.Quote == "first" && i == 0 {
			message = []segment{quote(m), message[0]}
		}
		id, err := a.send(ctx, m, message)
		if err != nil {
			return ids, fmt.Errorf("part %d of %d: %w", i+1, len(parts), err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// send sends a message to the chat of another and returns its id.
func (a *Agent) send(ctx context.Context, m *message, segments []segment) (int64, error) {
	action, params := "send_private_msg", map[string]any{"user_id": m.chat.ID, "message": segments}
	if m.chat.Group {
		action, params = "send_group_msg", map[string]any{"group_id": m.chat.ID, "message": segments}
	} else if m.temp != 0 {
		params["group_id"] = m.temp
	}
	return a.deliver(ctx, m.account, action, params)
}

// deliver sends something, again while it is certain that NapCat did not get it, and returns the id of what was sent.
func (a *Agent) deliver(ctx context.Context, account, action string, params map[string]any) (int64, error) {
	for {
		id, err := sentID(a.act(ctx, account, action, params))
		if !notDone(err) || pause(ctx) != nil || a.awaitLink(ctx, account) != nil {
			return id, err
		}
	}
}

// sentID reads the id of what was sent; 0 when the answer has none.
func sentID(data json.RawMessage, err error) (int64, error) {
	var answer struct {
		MessageID json.Number `json:"message_id"`
	}
	if err != nil || json.Unmarshal(data, &answer) != nil {
		return 0, err
	}
	id, _ := answer.MessageID.Int64()
	return id, nil
}

// forward sends the parts as one card.
func (a *Agent) forward(ctx context.Context, m *message, parts []string) (int64, error) {
	nodes := make([]segment, len(parts))
	for i, part := range parts {
		nodes[i] = segment{"node", map[string]any{
			"user_id": strconv.FormatUint(m.self, 10), "nickname": a.Name, "content": []segment{textSegment(part)},
		}}
	}
	action, params := "send_private_forward_msg", map[string]any{"user_id": m.chat.ID, "messages": nodes}
	if m.chat.Group {
		action, params = "send_group_forward_msg", map[string]any{"group_id": m.chat.ID, "messages": nodes}
	} else if m.temp != 0 {
		params["group_id"] = m.temp
	}
	return a.deliver(ctx, m.account, action, params)
}

// excuse tells a chat that there is no answer, once a minute at most. The id stands in the log too.
func (a *Agent) excuse(ctx context.Context, t *talk, m *message, cause error) {
	var b [3]byte
	_, _ = rand.Read(b[:])
	id := hex.EncodeToString(b[:])
	a.Log.Warn("the agent could not answer", "app", a.Name, "account", m.account, "chat", m.chat.String(), "id", id, "err", cause)
	if a.mayExcuse(t) {
		a.say(ctx, m, a.texts().failed(id))
	}
}

// mayExcuse reports whether a chat may be told of something now, and notes that it is.
func (a *Agent) mayExcuse(t *talk) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Now()
	if !t.excused.IsZero() && now.Sub(t.excused) < excuseEvery {
		return false
	}
	t.excused = now
	return true
}
