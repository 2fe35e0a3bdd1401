package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/media"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

const (
	maxMessages = 10_000 // the cap of historyLimit
	maxSummary  = 500    // characters of the line that stands for a message
	maxFound    = 200    // messages that a search gives
	shortRead   = 200    // messages that are read without waiting for a turn
)

// kept is how many messages of each chat of an account show. A limit that was lowered holds at once, though the store
// trims a chat only when the next message comes.
func (a *API) kept(account string) int {
	if a.HistoryLimit == nil {
		return maxMessages
	}
	limit := a.HistoryLimit(account)
	if limit < 0 {
		return maxMessages
	}
	return min(limit, maxMessages)
}

// chats lists the chats of an account ("" = of all) that have messages to show.
func (a *API) chats(account string) []store.ChatInfo {
	all := a.Store.History().List(account)
	out := all[:0]
	for _, c := range all {
		if c.Messages = min(c.Messages, a.kept(c.Account)); c.Messages > 0 {
			out = append(out, c)
		}
	}
	return out
}

func (a *API) historyList(w http.ResponseWriter, r *http.Request) error {
	account, err := a.account(r.URL.Query().Get("account"))
	if err != nil {
		return err
	}
	chats := a.chats(account)
	out := make([]HistoryChat, len(chats))
	for i, c := range chats {
		out[i] = HistoryChat{Account: c.Account, Chat: c.Chat.String(), Messages: c.Messages, Last: time.Unix(c.Last, 0)}
	}
	return writeJSON(w, out)
}

func (a *API) historyShow(w http.ResponseWriter, r *http.Request) error {
	limit, err := number(r, "limit", 50, maxMessages)
	if err != nil {
		return err
	}
	chat, err := policy.ParseChat(r.URL.Query().Get("chat"))
	if err != nil {
		return wrongUse("chat "+quote(r.URL.Query().Get("chat"))+" is not a chat",
			"write group:NUMBER or user:NUMBER, as `catflap history list` shows them")
	}
	account, err := a.holder(r.URL.Query().Get("account"), chat)
	if err != nil {
		return err
	}
	if a.kept(account) == 0 {
		account = ""
	}
	limit = min(limit, a.kept(account))
	if q := strings.TrimSpace(r.URL.Query().Get("q")); q != "" {
		return a.historySearch(w, r, account, chat, q, min(limit, maxFound))
	}
	if limit > shortRead {
		done, err := a.long.take(r.Context())
		if err != nil {
			return err
		}
		defer done()
	}
	out := array{w: w, rc: http.NewResponseController(w)}
	if account != "" {
		err := a.Store.History().Oldest(account, chat, limit, func(record store.Record) bool { return out.add(message(&record)) })
		if err != nil && !out.begun {
			return err
		}
		if err != nil {
			panic(http.ErrAbortHandler) // the status is out: break the body, so that nobody takes it for the whole
		}
	}
	out.end()
	return nil
}

// historySearch gives the newest messages that have a text in them, oldest first.
func (a *API) historySearch(w http.ResponseWriter, r *http.Request, account string, chat policy.Chat, q string, limit int) error {
	done, err := a.long.take(r.Context())
	if err != nil {
		return err
	}
	defer done()
	q = strings.ToLower(q)
	found := []HistoryMessage{}
	err = a.Store.History().Newest(account, chat, a.kept(account), func(record store.Record) bool {
		if m := message(&record); m.has(q) {
			found = append(found, m)
		}
		return len(found) < limit && r.Context().Err() == nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(found)
	return writeJSON(w, found)
}

// has reports whether somebody who searches for a text in lower case means this message.
func (m *HistoryMessage) has(q string) bool {
	return strings.Contains(strings.ToLower(m.Text), q) || strings.Contains(strings.ToLower(m.Summary), q) ||
		strings.Contains(strings.ToLower(m.Sender), q) || strconv.FormatUint(m.UserID, 10) == q
}

// Message is the newest message of a chat that has an id; false when none is kept.
func (a *API) Message(account string, chat policy.Chat, id int64) (HistoryMessage, bool) {
	if a.kept(account) == 0 {
		return HistoryMessage{}, false
	}
	record, ok, err := a.Store.History().Find(account, chat, id)
	if err != nil || !ok {
		return HistoryMessage{}, false
	}
	return message(&record), true
}

// holder finds the account whose history has the chat; empty when none has.
func (a *API) holder(text string, chat policy.Chat) (string, error) {
	if text != "" {
		return a.account(text)
	}
	var found []string
	for _, c := range a.chats("") {
		if c.Chat == chat {
			found = append(found, c.Account)
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	return "", wrongUse("several accounts have a history of "+chat.String(), "say which with --account NAME: "+strings.Join(found, ", "))
}

// historyExport streams one message a line, chat by chat: nothing of the history is in memory for longer than it takes to write it.
func (a *API) historyExport(w http.ResponseWriter, r *http.Request) error {
	account, err := a.account(r.URL.Query().Get("account"))
	if err != nil {
		return err
	}
	only, err := chatName(r.URL.Query().Get("chat"))
	if err != nil {
		return err
	}
	done, err := a.long.take(r.Context())
	if err != nil {
		return err
	}
	defer done()
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	out := array{w: w, rc: http.NewResponseController(w)}
	for _, c := range a.chats(account) {
		if only != "" && c.Chat.String() != only {
			continue
		}
		err := a.Store.History().Oldest(c.Account, c.Chat, a.kept(c.Account), func(record store.Record) bool {
			m := message(&record)
			m.Account, m.Chat = c.Account, c.Chat.String()
			return out.line(m)
		})
		if err != nil {
			// The status is out with the first chat: break the body, so that nobody takes the rest for the whole.
			panic(http.ErrAbortHandler)
		}
		if out.gone {
			return nil
		}
	}
	return nil
}

func message(r *store.Record) HistoryMessage {
	m := HistoryMessage{Time: time.Unix(r.Time, 0), MessageID: r.MessageID, UserID: r.User, Sender: r.Sender,
		Direction: "in", Text: r.Text, Media: []Medium{}, Recalled: r.Recalled, Context: r.Context}
	if r.Direction == store.Out {
		m.Direction = "out"
	}
	if r.Recalled {
		m.Text = ""
		return m
	}
	if m.Text == "" {
		m.Text = string(onebot.AppendText(nil, r.Raw))
	}
	m.Summary = onebot.Summary(r.Raw, maxSummary)
	segments, err := onebot.ParseMessage(r.Raw)
	if err != nil {
		return m
	}
	for _, s := range segments {
		switch s.Type {
		case "reply":
			m.ReplyTo = messageID(s.Data["id"])
		case "image", "record", "video", "file", "mface":
			file, url := field(s.Data, "file"), field(s.Data, "url")
			m.Media = append(m.Media, Medium{Type: s.Type, File: file, URL: url, Key: mediaKey(url, file)})
		}
	}
	return m
}

// mediaKey finds the key in the addresses of catflap's media.
func mediaKey(addresses ...string) string {
	for _, a := range addresses {
		if i := strings.LastIndex(a, media.Path); i >= 0 {
			if key, ok := media.ParseKey(a[i+len(media.Path):]); ok {
				return key.String()
			}
		}
	}
	return ""
}

// messageID reads an id that NapCat writes as a text and others as a number.
func messageID(v any) int64 {
	id, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func field(data map[string]any, key string) string {
	text, _ := data[key].(string)
	return text
}

func (a *API) historyClear(w http.ResponseWriter, r *http.Request) error {
	var req ClearRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	account, err := a.account(req.Account)
	if err != nil {
		return err
	}
	only, err := chatName(req.Chat)
	if err != nil {
		return err
	}
	var result ClearResult
	var errs []error
	for _, c := range a.Store.History().List(account) {
		if only != "" && c.Chat.String() != only {
			continue
		}
		if err := a.Store.History().Clear(c.Account, c.Chat); err != nil {
			errs = append(errs, err)
			continue
		}
		result.Chats++
		result.Messages += c.Messages
	}
	a.Store.Audit().Add(store.AuditEntry{Account: account, Action: "history.clear", Target: only, Outcome: "done",
		Reason: strconv.Itoa(result.Messages) + " messages", By: by(r)})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return writeJSON(w, result)
}
