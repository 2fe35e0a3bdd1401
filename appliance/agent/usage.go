package agent

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/policy"
)

// scope says whose budget is meant.
type scope int

const (
	ofUser scope = iota
	ofGroup
	ofAll
)

// maxSpenders bounds the users and groups whose use of a day is known: the smallest are forgotten first.
const maxSpenders = 1000

// usage counts the tokens of a day, by the local calendar.
type usage struct {
	now  func() time.Time
	save func(text string) error

	mu  sync.Mutex
	day spent
}

// spent is one day, as it is kept, and what outlives the day.
type spent struct {
	Day   string           `json:"day"` // 2006-01-02
	Turns int64            `json:"turns"`
	All   int64            `json:"all"`
	By    map[string]int64 `json:"by"` // tokens by "user:1" and "group:2"
	// Began is when conversations that a backend keeps were begun anew, by name; in seconds.
	Began map[string]int64 `json:"began,omitempty"`
	// Answered are the newest messages that were answered, by answerKey.
	Answered []string `json:"answered,omitempty"`
}

// newUsage goes on with what was kept.
func newUsage(kept string, now func() time.Time, save func(string) error) *usage {
	u := &usage{now: now, save: save}
	if json.Unmarshal([]byte(kept), &u.day) != nil {
		u.day = spent{}
	}
	return u
}

// today begins another day if it has come. The caller holds the lock.
func (u *usage) today() *spent {
	if day := u.now().Format(time.DateOnly); u.day.Day != day || u.day.By == nil {
		if u.day.Day != day {
			u.day = spent{Day: day, Began: u.day.Began, Answered: u.day.Answered}
		}
		u.day.By = map[string]int64{}
	}
	return &u.day
}

// exceeded finds a budget that is used up, and when it is renewed.
func (u *usage) exceeded(b config.Budgets, user uint64, chat policy.Chat) (whose scope, until time.Time, yes bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	day := u.today()
	switch {
	case b.TokensPerDay > 0 && day.All >= b.TokensPerDay:
		whose = ofAll
	case chat.Group && b.GroupTokensPerDay > 0 && day.By[chat.String()] >= b.GroupTokensPerDay:
		whose = ofGroup
	case b.UserTokensPerDay > 0 && day.By[userKey(user)] >= b.UserTokensPerDay:
		whose = ofUser
	default:
		return 0, time.Time{}, false
	}
	now := u.now()
	return whose, time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location()), true
}

// turn counts an answer; the next sum that is kept holds it.
func (u *usage) turn() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.today().Turns++
}

// spend counts the tokens of an answer and keeps the sum.
func (u *usage) spend(tokens int64, user uint64, chat policy.Chat) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	day := u.today()
	day.All += tokens
	day.By[userKey(user)] += tokens
	if chat.Group {
		day.By[chat.String()] += tokens
	}
	if len(day.By) > maxSpenders {
		keys := slices.Collect(maps.Keys(day.By))
		slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(day.By[a], day.By[b]) })
		for _, k := range keys[:len(keys)-maxSpenders] {
			delete(day.By, k)
		}
	}
	return u.keep()
}

// keep saves the day. The caller holds the lock.
func (u *usage) keep() error {
	text, err := json.Marshal(u.day)
	if err != nil {
		return err
	}
	return u.save(string(text))
}

// began is when a conversation was begun anew; zero = never.
func (u *usage) began(name string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if at, ok := u.day.Began[name]; ok {
		return time.Unix(at, 0)
	}
	return time.Time{}
}

// begin keeps when a conversation was begun anew; the oldest of too many is forgotten.
func (u *usage) begin(name string, at time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	day := u.today()
	if day.Began == nil {
		day.Began = map[string]int64{}
	}
	day.Began[name] = at.Unix()
	if len(day.Began) > maxTalks {
		oldest := name
		for other, began := range day.Began {
			if began < day.Began[oldest] {
				oldest = other
			}
		}
		delete(day.Began, oldest)
	}
	return u.keep()
}

// sum is what was used today.
func (u *usage) sum() (turns, tokens int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	day := u.today()
	return day.Turns, day.All
}

func userKey(user uint64) string { return "user:" + strconv.FormatUint(user, 10) }
