package router

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/catflap/catflap/policy"
)

// How much of the recent past an account remembers (design: DELIVERY Duplicates, POLICY Mention).
const (
	maxSeen = 5000
	maxSent = 2000
	maxChat = 5000 // as many as NapCat itself resolves

	maxQueueSeed = 1000 // waiting events that are looked at: history lacks the last seconds only
)

// recent knows the last limit things that were added.
type recent[K comparable] struct {
	limit int
	known map[K]struct{}
	order []K // a ring once it is full
	next  int // place of the oldest in a full ring
}

// add notes a thing and reports whether it is new.
func (r *recent[K]) add(k K) bool {
	if _, ok := r.known[k]; ok {
		return false
	}
	if r.known == nil {
		r.known = make(map[K]struct{})
	}
	if len(r.order) < r.limit {
		r.order = append(r.order, k)
	} else {
		delete(r.known, r.order[r.next])
		r.order[r.next] = k
		r.next = (r.next + 1) % r.limit
	}
	r.known[k] = struct{}{}
	return true
}

func (r *recent[K]) has(k K) bool {
	_, ok := r.known[k]
	return ok
}

// seenMemory knows the last messages by a hash of what names them. message_id alone is a 31-bit hash of NapCat's
// and repeats, so the key has the chat and real_seq too.
type seenMemory struct {
	seed   maphash.Seed
	hashes recent[uint64]
}

type messageKey struct {
	chat policy.Chat
	id   int64
	seq  uint64
}

func (m *seenMemory) init() {
	m.seed = maphash.MakeSeed()
	m.hashes.limit = maxSeen
}

// message notes a message and reports whether it was known.
func (m *seenMemory) message(chat policy.Chat, id int64, seq []byte) bool {
	return !m.hashes.add(maphash.Comparable(m.seed, messageKey{chat, id, maphash.Bytes(m.seed, seq)}))
}

// has reports whether a message is known.
func (m *seenMemory) has(chat policy.Chat, id int64, seq []byte) bool {
	return m.hashes.has(maphash.Comparable(m.seed, messageKey{chat, id, maphash.Bytes(m.seed, seq)}))
}

// sentMemory knows the ids of the last messages that the bot sent. It is used by several goroutines.
type sentMemory struct {
	mu  sync.Mutex
	ids recent[int64]
}

// add notes an id and reports whether it is new.
func (m *sentMemory) add(id int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ids.add(id)
}

func (m *sentMemory) has(id int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ids.has(id)
}

// chatMemory knows the chats of the last messages, received and sent: an action that names only a message id writes to
// that chat. It knows their authors, too. It is used by several goroutines.
type chatMemory struct {
	mu    sync.Mutex
	limit int
	chats map[int64]place
	order []int64 // a ring once it is full
	next  int     // place of the oldest in a full ring
}

// place is where a message is, and whose it is: 0 = not known.
type place struct {
	chat   policy.Chat
	author uint64
}

// note keeps the chat of a message. An id that repeats means the newer message, as in NapCat. 0 stands for no id.
func (m *chatMemory) note(id int64, chat policy.Chat) {
	if id == 0 || chat.ID == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.chats == nil {
		m.chats = make(map[int64]place)
	}
	_, known := m.chats[id]
	switch {
	case known:
	case len(m.order) < m.limit:
		m.order = append(m.order, id)
	default:
		delete(m.chats, m.order[m.next])
		m.order[m.next] = id
		m.next = (m.next + 1) % m.limit
	}
	m.chats[id] = place{chat: chat}
}

// wrote keeps the author of a message whose chat is known.
func (m *chatMemory) wrote(id int64, author uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.chats[id]; ok {
		p.author = author
		m.chats[id] = p
	}
}

// author is who wrote a message, 0 if that is not known.
func (m *chatMemory) author(id int64) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.chats[id].author
}

func (m *chatMemory) of(id int64) (policy.Chat, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.chats[id]
	return p.chat, ok
}

// Bounds of the join and friend requests that an account remembers, over restarts too: NapCat reports those that nobody
// decided again and again.
const (
	maxRequests = 200
	maxRequest  = 256 // bytes of one request's type and flag; NapCat's have some twenty
)

// requestMemory knows the last requests by type and flag.
type requestMemory struct {
	known []string // oldest first
}

// add notes a request and reports whether it was known, and whether it is kept: one that could not be stored is not, and
// is new each time.
func (m *requestMemory) add(kind string, flag []byte) (known, kept bool) {
	if len(kind)+1+len(flag) > maxRequest {
		return false, false
	}
	request := kind + " " + string(flag)
	if strings.Contains(request, betweenRequests) {
		return false, false
	}
	if slices.Contains(m.known, request) {
		return true, true
	}
	if len(m.known) >= maxRequests {
		m.known = append(m.known[:0], m.known[1:]...)
	}
	m.known = append(m.known, request)
	return false, true
}

// betweenRequests is what separates requests in the text; add keeps none that has it.
const betweenRequests = "\n"

// text is what the store keeps, and load reads.
func (m *requestMemory) text() string { return strings.Join(m.known, betweenRequests) }

func (m *requestMemory) load(text string) {
	m.known = nil
	for request := range strings.SplitSeq(text, betweenRequests) {
		if kind, flag, ok := strings.Cut(request, " "); ok {
			m.add(kind, []byte(flag))
		}
	}
}
