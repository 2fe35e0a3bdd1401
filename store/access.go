package store

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/catflap/catflap/policy"
)

// State is what the store knows about a user.
type State string

// The states of an Entry.
const (
	StatePending  State = "pending"
	StateApproved State = "approved"
	StateBlocked  State = "blocked"
)

// Access keeps who asked to talk to which account, who was let in and who is blocked. Every change is on the disk
// before its call returns. Approved and Blocked read memory and never wait for a commit.
type Access struct {
	f      *file
	now    func() time.Time
	steady func() time.Duration
	boot   func() string
	random io.Reader

	// changes orders the changes, and guards the books: they move with the file. It is held over a commit.
	changes sync.Mutex
	books   map[string]*book

	mu       sync.RWMutex // guards the two sets; never held over a commit
	approved map[subject]grant
	blocked  map[subject]grant
}

// subject is one user at one account.
type subject struct {
	account string
	user    uint64
}

// grant is when an approval or a block was made and by whom.
type grant struct {
	at time.Time
	by uint64
}

// book is one account's requests and the limits that were last used with them.
type book struct {
	*policy.Book
	limits policy.PairingLimits
}

func newAccess(f *file, o Options) *Access {
	return &Access{
		f: f, now: o.Now, steady: o.Steady, boot: o.BootID, random: o.Random,
		books: map[string]*book{}, approved: map[subject]grant{}, blocked: map[subject]grant{},
	}
}

// Approved reports whether a user was let in at an account.
func (a *Access) Approved(account string, user uint64) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	_, ok := a.approved[subject{account, user}]
	return ok
}

// Blocked reports whether a user was blocked at an account.
func (a *Access) Blocked(account string, user uint64) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	_, ok := a.blocked[subject{account, user}]
	return ok
}

// Ask is the answer to a stranger's message.
type Ask struct {
	Pending policy.Pending // the request, new or known
	Reply   bool           // the pairing reply is due now; it is never due again for this request
}

// Ask notes a stranger's message. It waits for the disk only when something has to be remembered: a new request, or a
// reply that is due. After an error no reply may be sent, and the next message tries again.
func (a *Access) Ask(account string, user uint64, l policy.PairingLimits) (Ask, error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	b := a.book(account)
	b.limits = l
	now := a.steady()
	_, known := b.Find(strconv.FormatUint(user, 10), now, l)
	p, reply, removed, err := b.Ask(user, now, l, a.random)
	if err != nil {
		return Ask{}, fmt.Errorf("account %s: %w", account, err)
	}
	if known && !reply && len(removed) == 0 {
		return Ask{Pending: p}, nil
	}
	err = a.f.update(func(tx *bbolt.Tx) error {
		t := tx.Bucket(bucketAccess)
		for _, r := range removed {
			if r.User == user {
				continue
			}
			if err := t.Delete(accessKey(account, kindPending, r.User)); err != nil {
				return err
			}
		}
		return a.putPending(t, account, p, l)
	})
	if err != nil {
		b.Remove(user)
		return Ask{}, fmt.Errorf("saving the pairing request of %d at account %s: %w", user, account, err)
	}
	return Ask{Pending: p, Reply: reply}, nil
}

// Approval says whom a change was about.
type Approval struct {
	Account string
	User    uint64
	Code    string // of the request that was found; "" when there was none
	Changed bool   // false when it was so already
}

// Approve lets a user in: by the code or the QQ number of a pending request, or with force by a number that nobody
// asked with. by is the QQ number of the owner who does it, 0 = somebody at the machine. account "" means the account
// that has the request. ErrNoRequest, ErrOwnCode, ErrAmbiguous.
func (a *Access) Approve(account, codeOrUser string, by uint64, force bool, l policy.PairingLimits) (Approval, error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	s, code, err := a.find(account, codeOrUser, force, l)
	if err != nil {
		return Approval{}, err
	}
	if by != 0 && by == s.user {
		return Approval{}, fmt.Errorf("approving %d at account %s: %w: somebody else has to do it", s.user, s.account, ErrOwnCode)
	}
	return a.settle(s, code, kindApproved, by)
}

// Deny removes a pending request; the user may ask again. ErrNoRequest, ErrAmbiguous.
func (a *Access) Deny(account, codeOrUser string, l policy.PairingLimits) (Approval, error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	s, code, err := a.find(account, codeOrUser, false, l)
	if err != nil {
		return Approval{}, err
	}
	return a.settle(s, code, 0, 0)
}

// Block refuses a user for good, whatever was granted before: by code, or by QQ number with or without a request.
// ErrNoRequest when a code is unknown, ErrAmbiguous.
func (a *Access) Block(account, codeOrUser string, l policy.PairingLimits) (Approval, error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	s, code, err := a.find(account, codeOrUser, true, l)
	if err != nil {
		return Approval{}, err
	}
	return a.settle(s, code, kindBlocked, 0)
}

// Revoke takes an approval back. ErrNoRequest when the user has none, ErrAmbiguous.
func (a *Access) Revoke(account, user string) (Approval, error) {
	return a.takeBack(account, user, a.approved, "approval")
}

// Unblock lifts a block. ErrNoRequest when the user has none, ErrAmbiguous.
func (a *Access) Unblock(account, user string) (Approval, error) {
	return a.takeBack(account, user, a.blocked, "block")
}

// takeBack removes a user from one of the sets.
func (a *Access) takeBack(account, text string, set map[subject]grant, what string) (Approval, error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	user, ok := parseUser(text)
	if !ok {
		return Approval{}, fmt.Errorf("%q is not a QQ number: `catflap pairing list` shows them", text)
	}
	a.mu.RLock()
	var found []string
	for s := range set {
		if s.user == user && (account == "" || s.account == account) {
			found = append(found, s.account)
		}
	}
	a.mu.RUnlock()
	at, err := one(found, text)
	if err != nil {
		return Approval{}, fmt.Errorf("there is no %s of %s to take back: %w", what, text, err)
	}
	return a.settle(subject{at, user}, "", 0, 0)
}

// settle makes a user approved, blocked or (kind 0) neither, and ends a pending request.
func (a *Access) settle(s subject, code string, kind byte, by uint64) (Approval, error) {
	g := grant{at: a.now(), by: by}
	err := a.f.update(func(tx *bbolt.Tx) error {
		t := tx.Bucket(bucketAccess)
		for _, k := range []byte{kindPending, kindApproved, kindBlocked} {
			if k != kind {
				if err := t.Delete(accessKey(s.account, k, s.user)); err != nil {
					return err
				}
			}
		}
		if kind == 0 {
			return nil
		}
		return putGrant(t, s, kind, g)
	})
	if err != nil {
		return Approval{}, fmt.Errorf("saving what was decided about %d at account %s: %w", s.user, s.account, err)
	}
	a.book(s.account).Remove(s.user)
	a.mu.Lock()
	defer a.mu.Unlock()
	_, wasApproved := a.approved[s]
	_, wasBlocked := a.blocked[s]
	delete(a.approved, s)
	delete(a.blocked, s)
	changed := wasApproved || wasBlocked || code != ""
	switch kind {
	case kindApproved:
		a.approved[s] = g
		changed = !wasApproved
	case kindBlocked:
		a.blocked[s] = g
		changed = !wasBlocked
	}
	return Approval{Account: s.account, User: s.user, Code: code, Changed: changed}, nil
}

// find looks a request up, at one account or at all of them. With free a plain number is enough, if it is clear at
// which account.
func (a *Access) find(account, text string, free bool, l policy.PairingLimits) (subject, string, error) {
	now := a.steady()
	type hit struct {
		account string
		p       policy.Pending
	}
	var hits []hit
	var names []string
	for name, b := range a.books {
		if account != "" && name != account {
			continue
		}
		if p, ok := b.Find(text, now, l); ok {
			hits = append(hits, hit{name, p})
			names = append(names, name)
		}
	}
	at, err := one(names, text)
	if err == nil {
		i := slices.IndexFunc(hits, func(h hit) bool { return h.account == at })
		return subject{at, hits[i].p.User}, hits[i].p.Code, nil
	}
	user, isNumber := parseUser(text)
	if len(hits) > 0 || !free || !isNumber {
		return subject{}, "", err
	}
	if account == "" {
		known := a.knownAccounts()
		if len(known) != 1 {
			return subject{}, "", fmt.Errorf("%d has no request, so the account has to be named with --account: %w", user, ErrAmbiguous)
		}
		account = known[0]
	}
	return subject{account, user}, "", nil
}

// one insists on exactly one account.
func one(accounts []string, text string) (string, error) {
	switch len(accounts) {
	case 0:
		return "", fmt.Errorf("%q: %w: `catflap pairing list` shows what waits", text, ErrNoRequest)
	case 1:
		return accounts[0], nil
	}
	slices.Sort(accounts)
	return "", fmt.Errorf("%q: %w (%s): name one with --account", text, ErrAmbiguous, strings.Join(accounts, ", "))
}

// knownAccounts lists the accounts that the store has heard of.
func (a *Access) knownAccounts() []string {
	set := map[string]struct{}{}
	for name := range a.books {
		set[name] = struct{}{}
	}
	a.mu.RLock()
	for s := range a.approved {
		set[s.account] = struct{}{}
	}
	for s := range a.blocked {
		set[s.account] = struct{}{}
	}
	a.mu.RUnlock()
	var list []string
	for name := range set {
		list = append(list, name)
	}
	return list
}

// parseUser reads a QQ number.
func parseUser(text string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n != 0
}

// book returns an account's requests.
func (a *Access) book(account string) *book {
	b := a.books[account]
	if b == nil {
		b = &book{Book: policy.NewBook(nil), limits: policy.PairingLimits{Expiry: policy.DefaultPairingExpiry}}
		a.books[account] = b
	}
	return b
}

// Entry is one row of the pairing list.
type Entry struct {
	Account string
	UserID  uint64
	Code    string // of a pending request
	State   State
	Created time.Time // of the request, the approval or the block
	Expires time.Time // of a pending request; else zero
	By      uint64    // who approved, 0 = somebody at the machine
}

// List returns what is known at an account ("" = at all), pending first, then by account and age.
func (a *Access) List(account string) []Entry {
	var list []Entry
	wall, steady := a.now(), a.steady()
	a.changes.Lock()
	for name, b := range a.books {
		if account != "" && name != account {
			continue
		}
		expiry := b.limits.Expiry
		if expiry <= 0 {
			expiry = policy.DefaultPairingExpiry
		}
		for _, p := range b.List(steady, b.limits) {
			created := wall.Add(p.Created - steady)
			list = append(list, Entry{Account: name, UserID: p.User, Code: p.Code, State: StatePending, Created: created, Expires: created.Add(expiry)})
		}
	}
	a.changes.Unlock()
	a.mu.RLock()
	for state, set := range map[State]map[subject]grant{StateApproved: a.approved, StateBlocked: a.blocked} {
		for s, g := range set {
			if account == "" || s.account == account {
				list = append(list, Entry{Account: s.account, UserID: s.user, State: state, Created: g.at, By: g.by})
			}
		}
	}
	a.mu.RUnlock()
	slices.SortFunc(list, func(x, y Entry) int {
		if d := strings.Compare(order(x.State), order(y.State)); d != 0 {
			return d
		}
		if d := strings.Compare(x.Account, y.Account); d != 0 {
			return d
		}
		if d := x.Created.Compare(y.Created); d != 0 {
			return d
		}
		return strings.Compare(strconv.FormatUint(x.UserID, 10), strconv.FormatUint(y.UserID, 10))
	})
	return list
}

// order sorts pending before the rest.
func order(s State) string {
	if s == StatePending {
		return ""
	}
	return string(s)
}
