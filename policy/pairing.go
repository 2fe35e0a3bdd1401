package policy

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Defaults of PairingLimits.
const (
	DefaultPairingExpiry = time.Hour
	DefaultMaxPending    = 20
)

// PairingLimits bounds one account's pairing requests.
type PairingLimits struct {
	Expiry         time.Duration // from creation; not positive: DefaultPairingExpiry
	MaxPending     int           // not positive: DefaultMaxPending
	RepliesPerHour int           // not positive: no replies
}

func (l PairingLimits) sane() PairingLimits {
	if l.Expiry <= 0 {
		l.Expiry = DefaultPairingExpiry
	}
	if l.MaxPending <= 0 {
		l.MaxPending = DefaultMaxPending
	}
	return l
}

// Pending is one stranger's request. Times are of a steady clock: one that only counts up, whatever happens to the date.
type Pending struct {
	User    uint64
	Code    string
	Created time.Duration
	Seen    time.Duration // last message
	Replied bool          // the pairing reply was granted
}

// expired reports whether the request is Expiry old. One from the future is damaged, and would live for ever: it is expired too.
func (p Pending) expired(now time.Duration, l PairingLimits) bool {
	age := now - p.Created
	return age < 0 || age >= l.Expiry
}

// Book holds one account's pairing requests, oldest first. It is not safe for concurrent use; Find and List only read.
type Book struct {
	pending []Pending
	replies []time.Duration // of the last hour, oldest first
}

// ErrNoUser means a request without a QQ number.
var ErrNoUser = errors.New("a pairing request needs a QQ number")

// NewBook takes over the requests that were kept, in any order. Of two for one user or with one code the newer one stays;
// what is no request is left out. Replies already given in the last hour are counted by the requests that got them.
func NewBook(kept []Pending) *Book {
	b := &Book{}
	kept = slices.Clone(kept)
	slices.SortStableFunc(kept, func(x, y Pending) int { return cmp.Compare(x.Created, y.Created) })
	users, codes := idSet{}, map[string]struct{}{}
	for _, p := range slices.Backward(kept) {
		_, taken := codes[p.Code]
		if p.User == 0 || !validCode(p.Code) || taken || users.has(p.User) {
			continue
		}
		users[p.User], codes[p.Code] = struct{}{}, struct{}{}
		b.pending = append(b.pending, p)
	}
	slices.Reverse(b.pending)
	for _, p := range b.pending {
		if p.Replied {
			b.replies = append(b.replies, p.Created)
		}
	}
	return b
}

// Ask notes a message of a stranger. The first one makes a request; later ones find it again, with the same code, until it
// expires. reply says that the pairing reply is due now: once per request, and only within RepliesPerHour, so one that was not
// granted yet may be due at a later message. removed are the requests that expired or had to make room, for the store to forget.
// After an error nothing has changed.
func (b *Book) Ask(user uint64, now time.Duration, l PairingLimits, random io.Reader) (p Pending, reply bool, removed []Pending, err error) {
	if user == 0 {
		return Pending{}, false, nil, ErrNoUser
	}
	l = l.sane()
	known := slices.ContainsFunc(b.pending, func(p Pending) bool { return p.User == user && !p.expired(now, l) })
	code := ""
	if !known {
		if code, err = b.freshCode(random); err != nil {
			return Pending{}, false, nil, fmt.Errorf("noting the request of %d: %w", user, err)
		}
	}
	removed = b.expire(now, l)
	if !known {
		b.pending = append(b.pending, Pending{User: user, Code: code, Created: now})
	}
	i := slices.IndexFunc(b.pending, func(p Pending) bool { return p.User == user })
	b.pending[i].Seen = now
	if !b.pending[i].Replied && b.grantReply(now, l) {
		b.pending[i].Replied, reply = true, true
	}
	p = b.pending[i]
	for len(b.pending) > l.MaxPending { // more than one goes if the limit was lowered since
		removed = append(removed, b.evict(user))
	}
	return p, reply, removed, nil
}

// freshCode makes a code that no request has, expired ones included.
func (b *Book) freshCode(random io.Reader) (string, error) {
	for range codeTries {
		code, err := NewCode(random)
		if err != nil {
			return "", err
		}
		if !slices.ContainsFunc(b.pending, func(p Pending) bool { return p.Code == code }) {
			return code, nil
		}
	}
	return "", fmt.Errorf("%w: the random source repeats itself", ErrRandom)
}

func (b *Book) expire(now time.Duration, l PairingLimits) (removed []Pending) {
	b.pending = slices.DeleteFunc(b.pending, func(p Pending) bool {
		if p.expired(now, l) {
			removed = append(removed, p)
			return true
		}
		return false
	})
	return removed
}

// evict takes out the least recently seen request of somebody else. Of equals the oldest goes.
func (b *Book) evict(user uint64) Pending {
	victim := -1
	for i, p := range b.pending {
		if p.User != user && (victim < 0 || p.Seen < b.pending[victim].Seen) {
			victim = i
		}
	}
	p := b.pending[victim]
	b.pending = slices.Delete(b.pending, victim, victim+1)
	return p
}

// grantReply keeps the replies of the last hour within their bound.
func (b *Book) grantReply(now time.Duration, l PairingLimits) bool {
	b.replies = slices.DeleteFunc(b.replies, func(t time.Duration) bool { return now-t >= time.Hour || t > now })
	if len(b.replies) >= l.RepliesPerHour {
		return false
	}
	b.replies = append(b.replies, now)
	return true
}

// Find looks up an unexpired request by its code, trimmed and whatever its case, or by its user's QQ number.
func (b *Book) Find(codeOrUser string, now time.Duration, l PairingLimits) (Pending, bool) {
	l = l.sane()
	text := strings.TrimSpace(codeOrUser)
	user, isNumber := parseID(text)
	for _, p := range b.pending {
		if !p.expired(now, l) && (asciiEqualFold(p.Code, text) || isNumber && p.User == user) {
			return p, true
		}
	}
	return Pending{}, false
}

// Remove forgets a user's request; false if there is none. The reply it got still counts.
func (b *Book) Remove(user uint64) bool {
	before := len(b.pending)
	b.pending = slices.DeleteFunc(b.pending, func(p Pending) bool { return p.User == user })
	return len(b.pending) < before
}

// List gives the unexpired requests, oldest first. The slice is the caller's.
func (b *Book) List(now time.Duration, l PairingLimits) []Pending {
	l = l.sane()
	var list []Pending
	for _, p := range b.pending {
		if !p.expired(now, l) {
			list = append(list, p)
		}
	}
	return list
}
