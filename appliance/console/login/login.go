// Package login knows who may use the console: the password, links that work once, and sessions. The store holds only
// hashes of them, so that a copy of state.db lets nobody in.
package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"github.com/catflap/catflap/store"
)

// Bounds of passwords, links and sessions.
const (
	MinPassword = 8    // characters
	maxPassword = 1024 // bytes
	LinkTime    = 15 * time.Minute
	// FirstLinkTime is how long the link of an installation works: until somebody has got round to starting catflap.
	FirstLinkTime = 24 * time.Hour
	IdleTime      = 30 * 24 * time.Hour // a session that nobody uses ends
	WholeTime     = 90 * 24 * time.Hour // every session ends
	maxLinks      = 4
	maxSessions   = 32
	// seenEvery is how often the use of a session is written: more often would wear the card out for nothing.
	seenEvery = 24 * time.Hour
)

// Keys of the store's settings.
const (
	keyPassword = "console.password"
	keyLinks    = "console.links"
	keySessions = "console.sessions"
	keyScrape   = "console.scrape"
)

// What may be wrong with a login.
var (
	ErrWrong      = errors.New("that is not the password")
	ErrNoPassword = errors.New("no password is set yet")
	ErrLink       = errors.New("the link has been used or is too old")
	ErrBusy       = errors.New("too many people log in at the same time")
)

// BadPasswordError says why a password cannot be set.
type BadPasswordError struct{ Short bool }

func (e *BadPasswordError) Error() string {
	if e.Short {
		return fmt.Sprintf("the password needs at least %d characters", MinPassword)
	}
	return fmt.Sprintf("the password may have at most %d bytes, in UTF-8", maxPassword)
}

// WaitError says that an address has guessed too often.
type WaitError struct{ For time.Duration }

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many wrong passwords: try again in %v", e.For.Round(time.Second))
}

// Session is what is known of somebody who is logged in.
type Session struct {
	CSRF string // every form and every changing request of the session carries it
	// Fresh is true for a while after a login by link: the password may be changed without knowing the old one.
	Fresh bool
}

// entry is a session or a link as the store keeps it. Times are Unix seconds.
type entry struct {
	Hash    string `json:"hash"`
	Created int64  `json:"created"`
	Seen    int64  `json:"seen,omitempty"`
	ByLink  bool   `json:"by_link,omitempty"`
	First   bool   `json:"first,omitempty"` // a link that works within FirstLinkTime
}

// Keeper lets people in. All methods are safe for concurrent use.
type Keeper struct {
	settings *store.Settings
	audit    *store.Audit
	now      func() time.Time
	cost     int
	guesses  guesses

	mu       sync.Mutex
	links    []entry // oldest first
	sessions []entry // in the order of the last use that was written
	changed  chan struct{}
}

// Options are what a Keeper needs. The zero value of every field means its default.
type Options struct {
	Now  func() time.Time // time.Now
	Cost int              // of bcrypt: 10 takes a good part of a second of a small board
}

// New reads what the store knows.
func New(st *store.Store, o Options) *Keeper {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Cost == 0 {
		o.Cost = bcrypt.DefaultCost
	}
	k := &Keeper{settings: st.Settings(), audit: st.Audit(), now: o.Now, cost: o.Cost, changed: make(chan struct{})}
	k.guesses.init(o.Now)
	// An unreadable list is an empty one: people log in again.
	_ = json.Unmarshal([]byte(k.settings.Get(keyLinks)), &k.links)
	_ = json.Unmarshal([]byte(k.settings.Get(keySessions)), &k.sessions)
	return k
}

// HasPassword reports whether a password is set.
func (k *Keeper) HasPassword() bool { return k.settings.Get(keyPassword) != "" }

// SetPassword changes the password and ends all sessions and links. It is on the disk when the call returns.
// by goes into the audit log.
func (k *Keeper) SetPassword(password, by string) error {
	if utf8.RuneCountInString(password) < MinPassword {
		return &BadPasswordError{Short: true}
	}
	if len(password) > maxPassword || !utf8.ValidString(password) {
		return &BadPasswordError{}
	}
	hash, err := bcrypt.GenerateFromPassword(digest(password), k.cost)
	if err != nil {
		return fmt.Errorf("hashing the password: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// Sessions first: if the power goes in between, nobody is in by what has been taken back.
	if err := k.saveLocked(nil, nil); err != nil {
		return err
	}
	if err := k.settings.Set(keyPassword, string(hash)); err != nil {
		return fmt.Errorf("keeping the password: %w", err)
	}
	k.audit.Add(store.AuditEntry{Action: "console.password", Outcome: "done", By: by})
	return nil
}

// Adopt sets a first password from the configuration, if none is set.
func (k *Keeper) Adopt(password string) error {
	if password == "" || k.HasPassword() {
		return nil
	}
	return k.SetPassword(password, "console.password of the configuration")
}

// digest makes any password fit into the 72 bytes that bcrypt looks at.
func digest(password string) []byte {
	sum := sha256.Sum256([]byte(password))
	return base64.RawStdEncoding.AppendEncode(nil, sum[:])
}

// Enter checks a password and returns the token of a new session. Wrong ones cost the address growing time; passwords
// are compared one at a time, since each takes a good part of a second of a small board.
func (k *Keeper) Enter(ctx context.Context, from netip.Addr, password string) (token string, err error) {
	if !k.HasPassword() {
		return "", ErrNoPassword
	}
	if err := k.compare(ctx, from, password); err != nil {
		return "", err
	}
	token, err = k.begin(false)
	if err == nil {
		k.audit.Add(store.AuditEntry{Action: "console.login", Target: from.String(), Outcome: "done", By: "password"})
	}
	return token, err
}

// Confirm checks a password as Enter does, and begins no session.
func (k *Keeper) Confirm(ctx context.Context, from netip.Addr, password string) error {
	return k.compare(ctx, from, password)
}

func (k *Keeper) compare(ctx context.Context, from netip.Addr, password string) error {
	leave, err := k.guesses.enter(ctx, from)
	if err != nil {
		return err
	}
	wrong := len(password) > maxPassword || bcrypt.CompareHashAndPassword([]byte(k.settings.Get(keyPassword)), digest(password)) != nil
	if said := leave(wrong); said > 0 {
		k.audit.Add(store.AuditEntry{Action: "console.login", Target: from.String(), Outcome: "refused",
			Reason: fmt.Sprintf("%d wrong passwords", said), By: "password"})
	}
	if wrong {
		return ErrWrong
	}
	return nil
}

// NewLink makes a key that lets somebody in once, within LinkTime.
func (k *Keeper) NewLink(by string) (key string, err error) { return k.newLink(by, false) }

// NewFirstLink makes a key that lets somebody in once, within FirstLinkTime. It is for a console that nobody has a way into
// yet: where a password is set, it is as short as any. It returns how long it works.
func (k *Keeper) NewFirstLink(by string) (key string, within time.Duration, err error) {
	within = LinkTime
	if !k.HasPassword() {
		within = FirstLinkTime
	}
	key, err = k.newLink(by, within == FirstLinkTime)
	return key, within, err
}

func (k *Keeper) newLink(by string, first bool) (key string, err error) {
	key = newToken()
	k.mu.Lock()
	defer k.mu.Unlock()
	links := append(k.links[:len(k.links):len(k.links)], entry{Hash: hash(key), Created: k.now().Unix(), First: first})
	if len(links) > maxLinks {
		links = links[len(links)-maxLinks:]
	}
	if err := k.saveLocked(links, k.sessions); err != nil {
		return "", err
	}
	k.audit.Add(store.AuditEntry{Action: "console.link", Outcome: "done", By: by})
	return key, nil
}

// Redeem takes a link's key and returns the token of a new session. Keys cannot be guessed, so nobody is delayed.
func (k *Keeper) Redeem(from netip.Addr, key string) (token string, err error) {
	k.mu.Lock()
	wanted, good := hash(key), false
	var rest []entry
	for _, l := range k.links {
		age, most := k.now().Sub(time.Unix(l.Created, 0)), LinkTime
		if l.First {
			most = FirstLinkTime
		}
		switch {
		case age < -most || age > most: // too old, or the clock has jumped back: it is easy to have a new one
		case same(l.Hash, wanted):
			good = true
		default:
			rest = append(rest, l)
		}
	}
	if good {
		err = k.saveLocked(rest, k.sessions) // used up on the disk before anybody is in
	}
	k.mu.Unlock()
	if err != nil {
		return "", err
	}
	if !good {
		return "", ErrLink
	}
	token, err = k.begin(true)
	if err == nil {
		k.audit.Add(store.AuditEntry{Action: "console.login", Target: from.String(), Outcome: "done", By: "link"})
	}
	return token, err
}

// begin makes a session. The one that was not used for longest makes room.
func (k *Keeper) begin(byLink bool) (string, error) {
	token := newToken()
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now().Unix()
	sessions := append(k.liveLocked(), entry{Hash: hash(token), Created: now, Seen: now, ByLink: byLink})
	if len(sessions) > maxSessions {
		sessions = sessions[len(sessions)-maxSessions:]
	}
	if err := k.saveLocked(k.links, sessions); err != nil {
		return "", err
	}
	return token, nil
}

// Session finds the session of a token. ok is false when there is none or it has ended.
func (k *Keeper) Session(token string) (s Session, ok bool) {
	if token == "" {
		return s, false
	}
	wanted := hash(token)
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	for i, e := range k.sessions {
		if !same(e.Hash, wanted) {
			continue
		}
		if e.over(now) {
			return s, false
		}
		if since(e.Seen, now) > seenEvery || !plausible(e.Created) && plausible(now.Unix()) {
			if !plausible(e.Created) { // it began before the board knew the time
				e.Created = now.Unix()
			}
			e.Seen = now.Unix()
			sessions := append(append(append([]entry(nil), k.sessions[:i]...), k.sessions[i+1:]...), e)
			_ = k.saveLocked(k.links, sessions) // it is tried again at the next request
		}
		mac := hmac.New(sha256.New, []byte(token))
		mac.Write([]byte("csrf"))
		return Session{CSRF: base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), Fresh: e.ByLink && since(e.Created, now) < LinkTime}, true
	}
	return s, false
}

// Sessions is how many people are logged in.
func (k *Keeper) Sessions() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.liveLocked())
}

// End logs one session out; one that is over already is no error.
func (k *Keeper) End(token string) error {
	wanted := hash(token)
	k.mu.Lock()
	defer k.mu.Unlock()
	var rest []entry
	for _, e := range k.sessions {
		if !same(e.Hash, wanted) {
			rest = append(rest, e)
		}
	}
	return k.saveLocked(k.links, rest)
}

// EndAll logs everybody out and makes links void.
func (k *Keeper) EndAll(by string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.saveLocked(nil, nil); err != nil {
		return err
	}
	k.audit.Add(store.AuditEntry{Action: "console.logout", Target: "all", Outcome: "done", By: by})
	return nil
}

// Changed is closed at the next change of who is logged in: streams look again then.
func (k *Keeper) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// NewScrapeToken makes the token with which /metrics may be read from elsewhere; an older one is void.
func (k *Keeper) NewScrapeToken(by string) (string, error) {
	token := newToken()
	if err := k.settings.Set(keyScrape, hash(token)); err != nil {
		return "", fmt.Errorf("keeping the token: %w", err)
	}
	k.audit.Add(store.AuditEntry{Action: "console.token", Outcome: "done", By: by})
	return token, nil
}

// Scrapes reports whether a token may read /metrics.
func (k *Keeper) Scrapes(token string) bool {
	known := k.settings.Get(keyScrape)
	return known != "" && token != "" && same(known, hash(token))
}

// liveLocked are the sessions that have not ended, in a slice of their own. The caller holds the lock.
func (k *Keeper) liveLocked() []entry {
	var out []entry
	now := k.now()
	for _, e := range k.sessions {
		if !e.over(now) {
			out = append(out, e)
		}
	}
	return out
}

// saveLocked makes links and sessions the ones that count, on the disk first. The caller holds the lock.
func (k *Keeper) saveLocked(links, sessions []entry) error {
	for _, part := range []struct {
		key  string
		list []entry
	}{{keyLinks, links}, {keySessions, sessions}} {
		value := ""
		if len(part.list) > 0 {
			text, err := json.Marshal(part.list)
			if err != nil {
				return fmt.Errorf("keeping logins: %w", err)
			}
			value = string(text)
		}
		if err := k.settings.Set(part.key, value); err != nil {
			return fmt.Errorf("keeping logins: %w", err)
		}
	}
	k.links, k.sessions = links, sessions
	close(k.changed)
	k.changed = make(chan struct{})
	return nil
}

// over reports whether a session has ended.
func (e entry) over(now time.Time) bool {
	return since(e.Seen, now) > IdleTime || since(e.Created, now) > WholeTime
}

// since is the time that has passed, as far as it can be known: a board without a clock battery starts in 1970, and a
// first look at a time server must not log everybody out.
func since(at int64, now time.Time) time.Duration {
	if !plausible(at) || !plausible(now.Unix()) {
		return 0
	}
	return max(0, now.Sub(time.Unix(at, 0)))
}

// plausible reports whether the clock may have been right.
func plausible(unix int64) bool { return unix > 1735689600 } // 2025

// newToken is a secret of 256 bits.
func newToken() string { return strings.ToLower(rand.Text() + rand.Text()) }

// hash is what the store keeps of a token. Tokens are random, so one round is enough.
func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// same compares two hashes in a time that depends on neither.
func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
