package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// message is what the agent needs of a message event.
type message struct {
	account  string
	self     uint64
	chat     policy.Chat
	group    string // name of the group
	user     uint64
	name     string // group card or nickname
	role     string // owner | admin | member; "" in private chats
	temp     uint64 // group of a temporary session; 0 of a friend
	id       int64
	time     int64
	segments []onebot.Segment
}

// recall is a message that was taken back.
type recall struct {
	chat policy.Chat
	id   int64
}

// errOther is an event that is no message of somebody else.
var errOther = errors.New("no message for an agent")

// wire is the part of an event that is read.
type wire struct {
	PostType   string          `json:"post_type"`
	Type       string          `json:"message_type"`
	SubType    string          `json:"sub_type"`
	NoticeType string          `json:"notice_type"`
	MessageID  json.Number     `json:"message_id"`
	UserID     json.Number     `json:"user_id"`
	GroupID    json.Number     `json:"group_id"`
	GroupName  string          `json:"group_name"`
	Time       json.Number     `json:"time"`
	Message    json.RawMessage `json:"message"`
	Sender     struct {
		Nickname string      `json:"nickname"`
		Card     string      `json:"card"`
		Role     string      `json:"role"`
		GroupID  json.Number `json:"group_id"`
	} `json:"sender"`
}

// read decodes an event: a message, or what was recalled. Others wrap errOther.
func read(account string, self uint64, raw []byte) (*message, *recall, error) {
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, nil, fmt.Errorf("reading an event: %w", err)
	}
	group, user := number(w.GroupID), number(w.UserID)
	id, _ := strconv.ParseInt(w.MessageID.String(), 10, 64)
	switch {
	case w.NoticeType == "group_recall":
		return nil, &recall{policy.Chat{Group: true, ID: group}, id}, nil
	case w.NoticeType == "friend_recall":
		return nil, &recall{policy.Chat{ID: user}, id}, nil
	case w.PostType != "message" || user == 0 || user == self:
		return nil, nil, errOther
	}
	m := &message{account: account, self: self, user: user, id: id, role: w.Sender.Role}
	m.time, _ = w.Time.Int64()
	switch w.Type {
	case "group":
		m.chat, m.group = policy.Chat{Group: true, ID: group}, w.GroupName
	case "private":
		m.chat = policy.Chat{ID: user}
		m.role = ""
		if w.SubType == "group" {
			m.temp = max(number(w.Sender.GroupID), group)
		}
	default:
		return nil, nil, errOther
	}
	if m.name = strings.TrimSpace(w.Sender.Card); m.name == "" {
		m.name = strings.TrimSpace(w.Sender.Nickname)
	}
	segments, err := onebot.ParseMessage(w.Message)
	if err != nil {
		return nil, nil, err
	}
	m.segments = segments
	return m, nil, nil
}

func number(n json.Number) uint64 {
	v, _ := strconv.ParseUint(n.String(), 10, 64)
	return v
}

// text is what the sender wrote, without the mention of the bot and what is quoted: commands are looked for in it.
func (m *message) text() string {
	var b strings.Builder
	for _, s := range m.segments {
		switch s.Type {
		case "text":
			if t, ok := s.Data["text"].(string); ok {
				b.WriteString(t)
			}
		case "reply":
		case "at":
			if fmt.Sprint(s.Data["qq"]) != strconv.FormatUint(m.self, 10) {
				return "" // somebody else is spoken to as well
			}
		default:
			return ""
		}
	}
	return strings.TrimSpace(b.String())
}

// quoted is the id of the message that this one answers to.
func (m *message) quoted() (int64, bool) {
	for _, s := range m.segments {
		if s.Type == "reply" {
			id, err := strconv.ParseInt(fmt.Sprint(s.Data["id"]), 10, 64)
			return id, err == nil
		}
	}
	return 0, false
}
