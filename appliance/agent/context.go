package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/agent/endpoint"
	"github.com/catflap/catflap/appliance/agent/prompt"
	"github.com/catflap/catflap/appliance/agent/tools"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/store"
)

// Bounds of what is fetched for a turn, after the message was admitted.
const (
	maxPictures     = 4
	maxPicture      = 2 << 20 // one picture, bytes
	maxPictureBytes = 4 << 20 // all of them
	maxTextFile     = 64 << 10
	maxForwards     = 3
	fetchTime       = 20 * time.Second // for one of them
)

// chat is how the chat of a message is told to the model.
func (a *Agent) chat(m *message) *prompt.Chat {
	c := &prompt.Chat{Language: prompt.Language(a.live.Load().Language), Self: prompt.Speaker{QQ: m.self, Name: a.SelfName(m.account)}, Random: a.Random}
	if m.chat.Group {
		c.Group = m.chat.ID
		c.GroupName = m.group
	} else {
		c.Peer = prompt.Speaker{QQ: m.user, Name: m.name}
	}
	return c
}

// messages is what the model is told: who it is, what was said before, and what it is to answer.
func (a *Agent) messages(ctx context.Context, chat *prompt.Chat, app *config.App, t *talk, batch []*turnItem, box *toolbox) []endpoint.Message {
	a.mu.Lock()
	t.session.rest(a.Now(), app.Agent.Sessions.Idle)
	from := t.session.from
	past := slices.Clone(t.session.turns)
	a.mu.Unlock()
	if size := a.contextSize(app, t.key.account); 2*len(past) > size {
		past = past[len(past)-size/2:] // historyMessages may have become less
	}
	account := a.live.Load().Account(t.key.account)
	base := strings.TrimSpace(app.Agent.SystemPrompt)
	of := ""
	if account != nil && t.key.chat.Group {
		if of = groupOf(account, t.key.chat).SystemPrompt; of == "" {
			of = account.Groups["*"].SystemPrompt
		}
	}
	own := ""
	if account != nil {
		own = account.SystemPrompt
	}
	messages := []endpoint.Message{{Role: endpoint.System, Text: chat.System(base, own, of, skillList(chat.Language, box.skills))}}
	keeps := app.Agent.Backend == endpoint.OpenClaw // the backend has the conversation itself
	if !keeps {
		for _, e := range past {
			messages = append(messages, endpoint.Message{Role: endpoint.User, Text: e.asked}, endpoint.Message{Role: endpoint.Assistant, Text: e.answered})
		}
	}
	var text strings.Builder
	var pictures []endpoint.Image
	for i, item := range batch {
		turn := &prompt.Turn{Now: time.Unix(item.time, 0), From: prompt.Speaker{QQ: item.user, Name: item.name}, Segments: item.segments}
		if i == 0 {
			turn.History = a.history(app, t, from, past, batch, keeps)
			chat.Names = names(turn.History)
		}
		pictures = append(pictures, a.gather(ctx, app, item.message, turn, pictures)...)
		if i > 0 {
			text.WriteString("\n")
		}
		text.WriteString(chat.Turn(turn))
	}
	if box.offers(tools.Send) {
		text.WriteString(mediaList(batch, a.Own))
	}
	return append(messages, endpoint.Message{Role: endpoint.User, Text: text.String(), Images: pictures})
}

// names are those of who has spoken lately, for mentions that bring none.
func names(lines []prompt.Line) func(uint64) string {
	known := make(map[uint64]string, len(lines))
	for _, l := range lines {
		known[l.From.QQ] = l.From.Name
	}
	return func(qq uint64) string { return known[qq] }
}

// skillList names the skills; what they say is read by a tool.
func skillList(l prompt.Language, skills []tools.Skill) string {
	if len(skills) == 0 {
		return ""
	}
	var b strings.Builder
	if l == prompt.Chinese {
		b.WriteString("可用技能（做相关的事之前，先用 " + tools.ReadSkill + " 读取）：")
	} else {
		b.WriteString("Skills (read one with " + tools.ReadSkill + " before you do what it is about):")
	}
	for _, s := range skills {
		fmt.Fprintf(&b, "\n- %s: %s", s.Name, s.Description)
	}
	return b.String()
}

// mediaList names the media of the messages by their addresses: tools that send take these and no others.
func mediaList(batch []*turnItem, own func(string) (string, bool)) string {
	var b strings.Builder
	for _, item := range batch {
		for _, s := range item.segments {
			address, _ := s.Data["url"].(string)
			if _, ok := own(address); ok {
				fmt.Fprintf(&b, "\n[%s file=%s]", s.Type, address)
			}
		}
	}
	return b.String()
}

// history is what was said in the chat after what has been told, or is not to be.
func (a *Agent) history(app *config.App, t *talk, told uint64, past []exchange, batch []*turnItem, pending bool) []prompt.Line {
	size := a.contextSize(app, t.key.account)
	if size <= 0 {
		return nil
	}
	records, err := a.History.Show(t.key.account, t.key.chat, size+len(batch))
	if err != nil {
		a.Log.Warn("the history of a chat could not be read for the agent", "app", a.Name, "account", t.key.account, "chat", t.key.chat.String(), "err", err)
		return nil
	}
	known := map[int64]bool{}
	for _, item := range batch {
		known[item.id] = true
	}
	a.mu.Lock()
	for _, id := range a.asides {
		known[id] = true
	}
	a.mu.Unlock()
	for _, e := range past {
		told = max(told, e.seq)
		for _, id := range append(slices.Clone(e.ids), e.sent...) {
			known[id] = true
		}
	}
	var lines []prompt.Line
	newest := told
	for _, r := range records {
		newest = max(newest, r.Seq)
		switch {
		case pending && r.Direction == store.Out:
			lines = nil // the backend knows what came before its own answer
			continue
		case r.Recalled, r.MessageID != 0 && known[r.MessageID], r.Seq <= told:
			continue
		}
		lines = append(lines, lineOf(r, batch[0].self))
	}
	a.mu.Lock()
	t.told = newest
	a.mu.Unlock()
	return lines[max(0, len(lines)-(size-2*len(past))):]
}

// lineOf is one record as the model is told of it.
func lineOf(r store.Record, self uint64) prompt.Line {
	segments, err := onebot.ParseMessage(r.Raw)
	if err != nil {
		segments = []onebot.Segment{{Type: "text", Data: map[string]any{"text": r.Text}}}
	}
	from := prompt.Speaker{QQ: r.User, Name: r.Sender}
	if r.Direction == store.Out {
		from.QQ = self
	}
	return prompt.Line{ID: r.MessageID, Time: time.Unix(r.Time, 0), From: from, Segments: segments}
}

// gather fetches what a message points to: what it quotes, forwarded chats, pictures and small text files. What cannot be had
// is left out; the model reads the short form of it.
func (a *Agent) gather(ctx context.Context, app *config.App, m *message, turn *prompt.Turn, have []endpoint.Image) (pictures []endpoint.Image) {
	type source struct {
		id       int64
		segments []onebot.Segment
	}
	sources := []source{{m.id, m.segments}}
	if id, ok := m.quoted(); ok {
		if line := a.quotation(ctx, m, id); line != nil {
			turn.Quote = line
			sources = append(sources, source{id, line.Segments})
		}
	}
	total := 0
	for _, p := range have {
		total += len(p.Data)
	}
	for _, src := range sources {
		chats, ids := prompt.Forwarded(src.segments)
		turn.Forwards = append(turn.Forwards, chats...)
		for _, id := range ids[:min(len(ids), maxForwards)] {
			if data, err := a.act(ctx, m.account, "get_forward_msg", map[string]any{"message_id": id}); err == nil {
				if nodes, err := prompt.ReadForward(data, time.Local); err == nil {
					turn.Forwards = append(turn.Forwards, nodes)
				}
			}
		}
		for _, s := range src.segments {
			medium := mediumOf(m, src.id, s)
			switch s.Type {
			case "image":
				if !a.sees(app) || len(have)+len(pictures) >= maxPictures || total >= maxPictureBytes {
					continue
				}
				data, err := a.fetch(ctx, medium, int64(min(maxPicture, maxPictureBytes-total)))
				kind := http.DetectContentType(data)
				if err != nil || !strings.HasPrefix(kind, "image/") {
					continue
				}
				total += len(data)
				pictures = append(pictures, endpoint.Image{Type: kind, Data: data, Note: map[bool]string{true: "[图片]", false: "[image]"}[a.live.Load().Language == "zh"]})
			case "file":
				if !textual(medium.File) || medium.Size > maxTextFile {
					continue
				}
				if data, err := a.fetch(ctx, medium, maxTextFile); err == nil {
					turn.Files = append(turn.Files, prompt.File{Name: medium.File, Data: data})
				}
			}
		}
	}
	return pictures
}

// sees reports whether the model is shown pictures.
func (a *Agent) sees(app *config.App) bool {
	client := a.endpoint.Load()
	return app.Agent.Vision == "on" || app.Agent.Vision == "auto" && client != nil && client.TakesImages()
}

// fetch reads a medium within the time that one may take.
func (a *Agent) fetch(ctx context.Context, m Medium, max int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	data, err := a.Read(ctx, m, max)
	if err != nil {
		a.Log.Debug("a medium was not shown to the model", "app", a.Name, "account", m.Account, "type", m.Type, "err", err)
	}
	return data, err
}

// quotation finds the message that another one answers to: in the history, else at NapCat.
func (a *Agent) quotation(ctx context.Context, m *message, id int64) *prompt.Line {
	if record, ok, err := a.History.Find(m.account, m.chat, id); err == nil && ok && !record.Recalled {
		line := lineOf(record, m.self)
		return &line
	}
	data, err := a.act(ctx, m.account, "get_msg", map[string]any{"message_id": id})
	if err != nil {
		return nil
	}
	if chat, ok := chatOf(data, m.self); !ok || chat != m.chat {
		return nil // an id of another chat: what is said there is none of this one's business
	}
	var msg struct {
		Time    json.Number     `json:"time"`
		Message json.RawMessage `json:"message"`
		Sender  struct {
			UserID   json.Number `json:"user_id"`
			Nickname string      `json:"nickname"`
			Card     string      `json:"card"`
		} `json:"sender"`
	}
	if json.Unmarshal(data, &msg) != nil {
		return nil
	}
	segments, err := onebot.ParseMessage(msg.Message)
	if err != nil {
		return nil
	}
	name := msg.Sender.Card
	if name == "" {
		name = msg.Sender.Nickname
	}
	at, _ := msg.Time.Int64()
	return &prompt.Line{ID: id, Time: time.Unix(at, 0), From: prompt.Speaker{QQ: number(msg.Sender.UserID), Name: name}, Segments: segments}
}

// mediumOf reads the fields of a segment that name its medium.
func mediumOf(m *message, id int64, s onebot.Segment) Medium {
	get := func(key string) string {
		v, _ := s.Data[key].(string)
		return v
	}
	size, _ := strconv.ParseInt(fmt.Sprint(s.Data["file_size"]), 10, 64)
	return Medium{Account: m.account, MessageID: id, Group: m.chat.Group, Type: s.Type, File: get("file"), FileID: get("file_id"), URL: get("url"), Size: size}
}

// textual reports whether a file's name promises text.
func textual(name string) bool {
	at := strings.LastIndexByte(name, '.')
	if at < 0 {
		return false
	}
	switch strings.ToLower(name[at+1:]) {
	case "txt", "md", "markdown", "json", "json5", "jsonl", "yaml", "yml", "toml", "ini", "cfg", "conf", "csv", "tsv", "log", "xml", "html", "htm", "css",
		"js", "ts", "jsx", "tsx", "py", "go", "rs", "c", "h", "cpp", "hpp", "cc", "java", "kt", "swift", "php", "rb", "sh", "bat", "ps1", "sql", "lua", "tex", "srt", "diff", "patch":
		return true
	}
	return false
}
