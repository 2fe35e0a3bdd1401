package web

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

// Bounds of what is remembered of people.
const (
	maxPeople   = 500
	maxWanted   = 10 // who is asked for at one time
	maxNickname = 60 // characters
	nameFresh   = 6 * time.Hour
	nameRetry   = 10 * time.Minute // for somebody of whom nothing was to be had
	askTime     = 2 * time.Second
)

// people are the nicknames of QQ users. Those who wait to be let in have left no message that is kept: NapCat is asked for
// them. Names are what QQ says of them; they prove nothing.
type people struct {
	asking sync.Mutex // one question at a time

	mu     sync.Mutex
	known  map[uint64]nickname
	wanted map[uint64]string // account that can be asked, by who is asked for
}

type nickname struct {
	text  string // "" = not to be had
	until time.Time
}

// name gives a nickname, "" while it is not known.
func (p *people) name(id uint64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[id].text
}

// want gives a nickname, and asks for it at the next meet when it is not known or old.
func (p *people) want(account string, id uint64, now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.known[id]
	if now.After(known.until) && len(p.wanted) < maxWanted {
		if p.wanted == nil {
			p.wanted = make(map[uint64]string)
		}
		p.wanted[id] = account
	}
	return known.text
}

// learn remembers a nickname. An empty one replaces no other.
func (p *people) learn(id uint64, text string, now time.Time) {
	if runes := []rune(text); len(runes) > maxNickname {
		text = string(runes[:maxNickname-1]) + "…"
	}
	if text == strconv.FormatUint(id, 10) {
		text = "" // says nothing
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = make(map[uint64]nickname)
	}
	if _, ok := p.known[id]; !ok && len(p.known) >= maxPeople {
		for old := range p.known {
			delete(p.known, old) // anyone: who is still shown is asked for again
			break
		}
	}
	if text != "" {
		p.known[id] = nickname{text, now.Add(nameFresh)}
		return
	}
	p.known[id] = nickname{p.known[id].text, now.Add(nameRetry)}
}

// take gives who is asked for, and forgets it.
func (p *people) take() map[uint64]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := p.wanted
	p.wanted = nil
	return wanted
}

// meet asks NapCat for the names that pages have wanted and not had. It takes no longer than askTime.
func (s *Site) meet(ctx context.Context) {
	if s.API.Call == nil || !s.people.asking.TryLock() {
		return
	}
	defer s.people.asking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	for id, account := range s.people.take() {
		s.people.learn(id, s.nickname(ctx, account, id), s.Now())
	}
}

func (s *Site) nickname(ctx context.Context, account string, id uint64) string {
	answer, err := s.API.Call(ctx, account, "get_stranger_info", []byte(`{"user_id":`+strconv.FormatUint(id, 10)+`}`))
	if err != nil {
		return "" // the number has to do
	}
	var said struct {
		Data struct {
			Nickname string `json:"nickname"`
		} `json:"data"`
	}
	if json.Unmarshal(answer, &said) != nil {
		return ""
	}
	return said.Data.Nickname
}
