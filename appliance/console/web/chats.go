package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/policy"
)

// Bounds of reading history for a page.
const (
	maxShown  = 200 // messages of one chat
	maxHits   = 100 // of a search
	maxLooked = 200 // chats that a search reads
	maxQuery  = 200 // characters
	maxQuote  = 80  // characters of a quoted message
	maxNamed  = 50  // private chats that a list of chats reads for their names
)

// chats is the list of chats, or what a search has found.
type chats struct {
	Query string
	Rows  []chatRow
	Hits  []hit
	Many  bool // accounts
	Full  bool // there are more hits
}

type chatRow struct {
	console.HistoryChat
	Name  string // of a group, or of who is on the other side
	Group bool
	ID    uint64
}

// Link is the chat's page.
func (c chatRow) Link() string {
	return "/chats/talk?" + url.Values{"account": {c.Account}, "chat": {c.Chat}}.Encode()
}

// hit is one message that a search has found.
type hit struct {
	Of chatRow
	bubble
}

func (s *Site) chatRows(ctx context.Context) ([]chatRow, error) {
	var all []console.HistoryChat
	if err := s.see(ctx, "history", nil, &all); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(x, y console.HistoryChat) int { return y.Last.Compare(x.Last) })
	rows := make([]chatRow, len(all))
	looked := 0
	for i, c := range all {
		if rows[i] = s.chatRow(c); !rows[i].Group && rows[i].Name == "" && looked < maxNamed {
			looked++
			if _, err := s.bubbles(ctx, c.Account, c.Chat, "", 10); err == nil { // somebody's own messages name them
				rows[i] = s.chatRow(c)
			}
		}
	}
	return rows, nil
}

func (s *Site) chatRow(c console.HistoryChat) chatRow {
	row := chatRow{HistoryChat: c}
	if chat, err := policy.ParseChat(c.Chat); err == nil {
		row.Group, row.ID = chat.Group, chat.ID
		switch {
		case !chat.Group:
			row.Name = s.people.name(chat.ID)
		case s.API.GroupNames != nil:
			row.Name = s.API.GroupNames(c.Account)[chat.ID]
		}
	}
	return row
}

func (s *Site) chatsPage(w http.ResponseWriter, r *http.Request) {
	page := chats{Query: query(r)}
	v := view{Name: "chats", keep: url.Values{"q": {page.Query}}}
	rows, err := s.chatRows(r.Context())
	if err != nil {
		v.Data = page
		s.failed(w, r, v, err)
		return
	}
	page.Many = len(s.accountNames()) > 1
	if page.Query == "" {
		page.Rows = rows
	} else {
		err = s.search(r.Context(), rows, &page)
	}
	v.Data = page
	if err != nil {
		s.failed(w, r, v, err)
		return
	}
	s.draw(w, r, http.StatusOK, v)
}

// query is what is searched for.
func query(r *http.Request) string {
	q := []rune(strings.TrimSpace(r.URL.Query().Get("q")))
	return string(q[:min(len(q), maxQuery)])
}

// search looks through the chats one by one, the newest first.
func (s *Site) search(ctx context.Context, rows []chatRow, page *chats) error {
	for _, row := range rows[:min(len(rows), maxLooked)] {
		talk, err := s.bubbles(ctx, row.Account, row.Chat, page.Query, maxHits+1-len(page.Hits))
		if err != nil {
			return err
		}
		for _, b := range slices.Backward(talk) {
			if len(page.Hits) == maxHits {
				page.Full = true
				return nil
			}
			page.Hits = append(page.Hits, hit{Of: row, bubble: b})
		}
	}
	return nil
}

// talk is one chat.
type talk struct {
	chatRow
	Query   string
	Bubbles []bubble
	Many    bool
}

// Stream is the address of the part that lives; a search stands still.
func (t talk) Stream() string {
	return "/live?" + url.Values{"page": {"talk"}, "account": {t.Account}, "chat": {t.Chat}}.Encode()
}

// Export is the address of the whole chat as a file.
func (t talk) Export() string {
	return "/api/v1/history/export?" + url.Values{"account": {t.Account}, "chat": {t.Chat}}.Encode()
}

// File is the name of the export.
func (t talk) File() string { return strings.ReplaceAll(t.Chat, ":", "-") + ".ndjson" }

// bubble is one message as it is shown.
type bubble struct {
	console.HistoryMessage
	Key      string
	Quote    string // what it quotes, "" when that is not here
	QuotedBy string
}

// Own reports whether the bot said it.
func (b bubble) Own() bool { return b.Direction == "out" }

// Says is the text, or what stands for it.
func (b bubble) Says() string {
	if strings.TrimSpace(b.Text) != "" {
		return b.Text
	}
	if len(b.Media) > 0 {
		return ""
	}
	return b.Summary
}

// bubbles reads the newest messages of a chat, or of those that a text is found in; the oldest message first.
func (s *Site) bubbles(ctx context.Context, account, chat, query string, limit int) ([]bubble, error) {
	var all []console.HistoryMessage
	err := s.see(ctx, "history/show", url.Values{"account": {account}, "chat": {chat}, "q": {query}, "limit": {strconv.Itoa(limit)}}, &all)
	if err != nil {
		return nil, err
	}
	where, _ := policy.ParseChat(chat)
	byID := make(map[int64]*console.HistoryMessage, len(all))
	out := make([]bubble, len(all))
	for i, m := range all {
		if !where.Group && m.Direction == "in" && m.UserID == where.ID && m.Sender != "" {
			s.people.learn(m.UserID, m.Sender, s.Now())
		}
		out[i] = bubble{HistoryMessage: m, Key: fmt.Sprintf("m%d-%d", m.MessageID, m.Time.Unix())}
		byID[m.MessageID] = &all[i]
		quoted := byID[m.ReplyTo]
		if m.ReplyTo != 0 && quoted == nil && query != "" { // a search has left out what lies between
			if found, ok := s.API.Message(account, where, m.ReplyTo); ok {
				quoted = &found
			}
		}
		if m.ReplyTo != 0 && quoted != nil && !quoted.Recalled {
			text := []rune(quoted.Summary)
			if len(text) == 0 {
				text = []rune(quoted.Text)
			}
			if len(text) > maxQuote {
				text = append(text[:maxQuote], '…')
			}
			out[i].Quote, out[i].QuotedBy = string(text), quoted.Sender
		}
	}
	return out, nil
}

// talkOf reads a chat for its page.
func (s *Site) talkOf(ctx context.Context, account, chat, query string) (talk, error) {
	t := talk{Query: query, chatRow: s.chatRow(console.HistoryChat{Account: account, Chat: chat})}
	var err error
	if t.Bubbles, err = s.bubbles(ctx, account, chat, query, maxShown); err != nil {
		return t, err
	}
	t.Many = len(s.accountNames()) > 1
	return t, nil
}

func (s *Site) talkPage(w http.ResponseWriter, r *http.Request) {
	account, chat := r.URL.Query().Get("account"), r.URL.Query().Get("chat")
	_, err := policy.ParseChat(chat)
	if account == "" || err != nil {
		s.missing(w, r)
		return
	}
	t, err := s.talkOf(r.Context(), account, chat, query(r))
	v := view{Name: "talk", Data: t, keep: url.Values{"account": {account}, "chat": {chat}, "q": {t.Query}}}
	if err != nil {
		s.failed(w, r, v, err)
		return
	}
	s.draw(w, r, http.StatusOK, v)
}

// talkPart is the live part of one chat.
func (s *Site) talkPart(account, chat string) *part {
	if _, err := policy.ParseChat(chat); account == "" || err != nil {
		return nil
	}
	return &part{name: "talk", snapshot: func() any {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		t, _ := s.talkOf(ctx, account, chat, "") // an account that is gone has nothing to show
		return t
	}}
}

func (s *Site) clearChat(w http.ResponseWriter, r *http.Request) {
	req := console.ClearRequest{Account: r.PostForm.Get("account"), Chat: r.PostForm.Get("chat")}
	if req.Account == "" || req.Chat == "" { // empty would mean all
		s.draw(w, r, http.StatusBadRequest, view{Name: "problem", Data: "problem.form"})
		return
	}
	if err := s.ask(r.Context(), http.MethodPost, "history/clear", nil, req, nil); err != nil {
		rows, _ := s.chatRows(r.Context())
		s.failed(w, r, view{Name: "chats", Data: chats{Rows: rows}}, err)
		return
	}
	s.done(w, r, "/chats", "cleared", nil)
}
