package alert

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/catflap/catflap/appliance/alert/address"
)

// sendNtfy publishes as JSON to the root of the server: headers cannot hold Chinese
// (docs.ntfy.sh/publish, "Publish as JSON").
func sendNtfy(ctx context.Context, t *address.Target, m Message) error {
	n := t.Ntfy
	body := struct {
		Topic    string   `json:"topic"`
		Title    string   `json:"title"`
		Message  string   `json:"message"`
		Priority int      `json:"priority,omitempty"`
		Tags     []string `json:"tags,omitempty"`
		Click    string   `json:"click,omitempty"`
		Icon     string   `json:"icon,omitempty"`
		Email    string   `json:"email,omitempty"`
	}{n.Topic, m.Title, m.Body, n.Priority, n.Tags, n.Click, n.Icon, n.Email}
	if body.Priority == 0 && m.Urgent {
		body.Priority = 4
	}
	header := make(http.Header)
	switch {
	case n.Token != "":
		header.Set("Authorization", "Bearer "+n.Token)
	case n.User != "":
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(n.User+":"+n.Password)))
	}
	u := t.Base
	u.Path = "/"
	_, err := postJSON(ctx, t, u.String(), header, body)
	return err
}

// sendBark posts to /push (github.com/Finb/bark-server, docs/API_V2.md).
func sendBark(ctx context.Context, t *address.Target, m Message) error {
	b := t.Bark
	body := struct {
		DeviceKey string `json:"device_key"`
		Title     string `json:"title"`
		Body      string `json:"body"`
		Level     string `json:"level,omitempty"`
		Group     string `json:"group"`
		Sound     string `json:"sound,omitempty"`
		Icon      string `json:"icon,omitempty"`
		URL       string `json:"url,omitempty"`
	}{b.Key, m.Title, m.Body, b.Level, b.Group, b.Sound, b.Icon, b.URL}
	if body.Level == "" && m.Urgent {
		body.Level = "timeSensitive"
	}
	if body.Group == "" {
		body.Group = "catflap"
	}
	u := t.Base
	u.Path = b.Path + "/push"
	answer, err := postJSON(ctx, t, u.String(), nil, body)
	if err != nil {
		return err
	}
	return judged(t, answer)
}

// maxTelegram is the longest text of one message, in characters (core.telegram.org/bots/api#sendmessage).
const maxTelegram = 4096

// sendTelegram calls sendMessage for each chat. Text without a parse mode needs no escaping.
func sendTelegram(ctx context.Context, t *address.Target, m Message) error {
	g := t.Telegram
	text := m.Title + "\n" + m.Body
	if utf8.RuneCountInString(text) > maxTelegram {
		text = string([]rune(text)[:maxTelegram-1]) + "…"
	}
	u := t.Base
	u.Path = "/bot" + g.Token + "/sendMessage"
	for _, chat := range g.Chats {
		body := struct {
			ChatID  string `json:"chat_id"`
			Thread  int64  `json:"message_thread_id,omitempty"`
			Text    string `json:"text"`
			Silent  bool   `json:"disable_notification,omitempty"`
			Preview *hide  `json:"link_preview_options,omitempty"`
		}{ChatID: chat, Text: text, Silent: g.Silent}
		if id, thread, ok := strings.Cut(chat, ":"); ok {
			body.ChatID = id
			body.Thread, _ = strconv.ParseInt(thread, 10, 64)
		}
		if !g.Preview {
			body.Preview = &hide{true}
		}
		answer, err := postJSON(ctx, t, u.String(), nil, body)
		if err != nil {
			return err
		}
		var said struct {
			OK         bool `json:"ok"`
			Parameters struct {
				RetryAfter uint16 `json:"retry_after"`
			} `json:"parameters"`
		}
		if json.Unmarshal(answer, &said) == nil && !said.OK {
			return &SendError{Final: said.Parameters.RetryAfter == 0, After: time.Duration(said.Parameters.RetryAfter) * time.Second,
				text: t.Host + ": " + cmp.Or(reason(answer), "the answer is not one of Telegram")}
		}
	}
	return nil
}

type hide struct {
	Disabled bool `json:"is_disabled"`
}
