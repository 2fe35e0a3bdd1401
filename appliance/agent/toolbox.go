package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catflap/catflap/appliance/agent/endpoint"
	"github.com/catflap/catflap/appliance/agent/mcp"
	"github.com/catflap/catflap/appliance/agent/prompt"
	"github.com/catflap/catflap/appliance/agent/tools"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/policy"
)

// maxResult bounds what a model is told of a tool's result, bytes.
const maxResult = 8 << 10

// toolbox is what the model may use in one turn.
type toolbox struct {
	a       *Agent
	message *message   // the newest that is answered
	asked   []*message // all that are answered together
	turn    tools.Turn
	offered []tools.Tool
	servers map[string]*mcp.Tool // by the name under which the model sees them
	skills  []tools.Skill
	dir     *os.Root // of the skills; nil without any
	spoke   bool     // a tool has sent something to the chat
}

// close ends what the toolbox has open.
func (b *toolbox) close() {
	if b.dir != nil {
		_ = b.dir.Close()
	}
}

// toolbox collects what the senders of the messages may have done here. A model does not tell whose wish it fulfils: where
// several people are answered together it may have just what each of them may.
func (a *Agent) toolbox(ctx context.Context, batch []*turnItem) *toolbox {
	m := batch[len(batch)-1].message
	_, app := a.settings()
	if app == nil {
		return &toolbox{a: a, message: m}
	}
	b := &toolbox{a: a, message: m, servers: map[string]*mcp.Tool{}, turn: tools.Turn{Chat: m.chat, Temp: m.temp, User: m.user, Owner: true, Own: a.Own}}
	for _, item := range batch {
		b.asked = append(b.asked, item.message)
		b.turn.Owner = b.turn.Owner && a.isOwner(item.message)
	}
	for _, t := range tools.QQ() {
		if b.allows(t.Name, t.Group) {
			b.offered = append(b.offered, t)
		}
	}
	b.skills, b.dir = a.skills(app, m)
	if len(b.skills) > 0 {
		b.offered = append(b.offered, tools.SkillTool())
	}
	for _, t := range a.remote(ctx) {
		if b.allows(t.Name, "") {
			b.offered = append(b.offered, tools.Tool{Name: t.Name, Description: t.Description, Schema: t.Schema})
			b.servers[t.Name] = t
		}
	}
	return b
}

// allows looks up whether all who are answered may have a tool.
func (b *toolbox) allows(name, group string) bool {
	return !slices.ContainsFunc(b.asked, func(m *message) bool { return !b.a.rights(m).Allows(name, group) })
}

// rights looks up what the sender of a message may have done.
func (a *Agent) rights(m *message) tools.Rights {
	cfg, app := a.settings()
	account := cfg.Account(m.account)
	if app == nil || account == nil {
		return tools.Rights{}
	}
	var own, rest *config.Tools
	if m.chat.Group {
		own, rest = groupOf(account, m.chat).Tools, account.Groups["*"].Tools
	}
	return tools.RightsOf(app.Agent.Tools, own, rest, m.user)
}

// skills reads those that the chat may use.
func (a *Agent) skills(app *config.App, m *message) ([]tools.Skill, *os.Root) {
	if app.Agent.SkillsDir == "" {
		return nil, nil
	}
	cfg := a.live.Load()
	dir := app.Agent.SkillsDir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(cfg.Path), dir)
	}
	root, err := os.OpenRoot(dir) // a link that leads out of the folder is not followed
	if err != nil {
		a.Log.Warn("the skills cannot be read", "app", a.Name, "err", err)
		return nil, nil
	}
	all, err := tools.Skills(root.FS())
	if err != nil {
		a.Log.Warn("some skills cannot be used", "app", a.Name, "err", err)
	}
	var names *[]string
	if account := cfg.Account(m.account); account != nil && m.chat.Group {
		if names = groupOf(account, m.chat).Skills; names == nil {
			names = account.Groups["*"].Skills
		}
	}
	return tools.Choose(all, names), root
}

// groupOf is what the file says about one group.
func groupOf(account *config.Account, chat policy.Chat) config.Group {
	return account.Groups[fmt.Sprint(chat.ID)]
}

// schemas are the tools as the endpoint is told of them.
func (b *toolbox) schemas() []endpoint.Tool {
	out := make([]endpoint.Tool, len(b.offered))
	for i, t := range b.offered {
		out[i] = endpoint.Tool{Name: t.Name, Description: t.Description, Parameters: t.Schema}
	}
	return out
}

// call carries out one call of the model and returns what to tell it. It is the one place through which every call goes:
// the rights of those whose messages are answered are looked up again, since they may have changed meanwhile.
func (b *toolbox) call(ctx context.Context, c endpoint.ToolCall) string {
	text, err := b.carryOut(ctx, c)
	if err != nil {
		b.a.Log.Info("a tool was not carried out", "app", b.a.Name, "account", b.message.account, "chat", b.message.chat.String(), "user", b.message.user, "tool", c.Name, "err", err)
		return "error: " + err.Error()
	}
	if len(text) > maxResult {
		text = text[:maxResult] + " [cut]"
	}
	return text
}

func (b *toolbox) carryOut(ctx context.Context, c endpoint.ToolCall) (string, error) {
	var tool *tools.Tool
	for i := range b.offered {
		if b.offered[i].Name == c.Name {
			tool = &b.offered[i]
		}
	}
	if tool == nil {
		return "", errors.New("there is no such tool here")
	}
	args := json.RawMessage(c.Arguments)
	if tool.Name == tools.ReadSkill {
		return b.readSkill(args)
	}
	if !b.allows(tool.Name, tool.Group) {
		return "", errors.New("this tool is not allowed any more")
	}
	if remote := b.servers[tool.Name]; remote != nil {
		return remote.Call(ctx, args)
	}
	action, err := tool.Plan(b.turn, args)
	if err != nil {
		return "", err
	}
	if err := b.inChat(ctx, action); err != nil {
		return "", err
	}
	if tool.Confirm {
		return b.askOwner(ctx, action)
	}
	data, err := b.a.act(ctx, b.message.account, action.Name, action.Params)
	if err != nil {
		return "", err
	}
	b.spoke = b.spoke || tool.Group == tools.Send
	return tools.Result(action.Name, data), nil
}

// offers reports whether a tool of a group may be used.
func (b *toolbox) offers(group string) bool {
	return slices.ContainsFunc(b.offered, func(t tools.Tool) bool { return t.Group == group })
}

// inChat refuses an action on a message of another chat.
func (b *toolbox) inChat(ctx context.Context, action tools.Action) error {
	id, named := action.Params["message_id"]
	if !named {
		return nil
	}
	data, err := b.a.act(ctx, b.message.account, "get_msg", map[string]any{"message_id": id})
	if err != nil {
		return err
	}
	if chat, ok := chatOf(data, b.message.self); !ok || chat != b.message.chat {
		return errors.New("that message is not of this chat")
	}
	return nil
}

// chatOf says where a message of get_msg was written.
func chatOf(data json.RawMessage, self uint64) (policy.Chat, bool) {
	var msg struct {
		Type     string      `json:"message_type"`
		GroupID  json.Number `json:"group_id"`
		UserID   json.Number `json:"user_id"`
		TargetID json.Number `json:"target_id"`
	}
	if json.Unmarshal(data, &msg) != nil {
		return policy.Chat{}, false
	}
	if msg.Type == "group" {
		return policy.Chat{Group: true, ID: number(msg.GroupID)}, true
	}
	if number(msg.UserID) == self && number(msg.TargetID) != 0 {
		return policy.Chat{ID: number(msg.TargetID)}, true
	}
	return policy.Chat{ID: number(msg.UserID)}, true
}

// askOwner shows an action to the chat's owners instead of doing it.
func (b *toolbox) askOwner(ctx context.Context, action tools.Action) (string, error) {
	code, err := b.a.ask(b.message.account, b.turn, action)
	if err != nil {
		return "", err
	}
	if _, err := b.a.send(ctx, b.message, []segment{textSegment(b.a.texts().confirm(preview(action), b.whose(), code, confirmTime))}); err != nil {
		return "", err
	}
	b.spoke = true
	return "Not done yet: an owner of the bot has to confirm it in this chat. He was told how; do not ask again.", nil
}

// whose names the people that an action may come from, each once. They chose their names themselves.
func (b *toolbox) whose() string {
	var all []string
	for _, m := range b.asked {
		if who := (prompt.Speaker{QQ: m.user, Name: m.name}).String(); !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	return strings.Join(all, ", ")
}

func (b *toolbox) readSkill(args json.RawMessage) (string, error) {
	name, err := tools.SkillName(args)
	if err != nil {
		return "", err
	}
	for _, s := range b.skills {
		if s.Name == name {
			return s.Text(b.dir.FS())
		}
	}
	return "", fmt.Errorf("there is no skill called %q", name)
}
