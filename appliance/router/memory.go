package router

import (
	"hash/maphash"
	"sync"

	"github.com/catflap/catflap/policy"
)

// How much of the recent past an account remembers (design: DELIVERY Duplicates, POLICY Mention).
const (
	maxSeen = 5000
	maxSent = 2000
)

// seenMemory knows the last events by a hash of what names them. message_id alone is a 31-bit hash of NapCat's
// and repeats, so the key has the chat and real_seq too.
type seenMemory struct {
	seed   maphash.Seed
	known  map[uint64]struct{}
	recent []uint64
	next   int
}

type messageKey struct {
	chat policy.Chat
	id   int64
	seq  uint64
}

type requestKey struct {
	kind, flag string
}

func (m *seenMemory) init() {
	m.seed = maphash.MakeSeed()
	m.known = make(map[uint64]struct{})
}

// message notes a message and reports whether it was known.
func (m *seenMemory) message(chat policy.Chat, id int64, seq []byte) bool {
	return m.add(maphash.Comparable(m.seed, messageKey{chat, id, maphash.Bytes(m.seed, seq)}))
}

// request notes a request and reports whether it was known.
func (m *seenMemory) request(kind string, flag []byte) bool {
	return m.add(maphash.Comparable(m.seed, requestKey{kind, string(flag)}))
}

func (m *seenMemory) add(h uint64) bool {
	if _, ok := m.known[h]; ok {
		return true
	}
	if len(m.recent) < maxSeen {
		m.recent = append(m.recent, h)
	} else {
		delete(m.known, m.recent[m.next])
		m.recent[m.next] = h
		m.next = (m.next + 1) % maxSeen
	}
	m.known[h] = struct{}{}
	return false
}

// idMemory knows the last message ids of one kind. It is used by several goroutines.
type idMemory struct {
	mu     sync.Mutex
	known  map[int64]struct{}
	recent []int64
	next   int
}

// add notes an id and reports whether it is new.
func (m *idMemory) add(id int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[id]; ok {
		return false
	}
	if m.known == nil {
		m.known = make(map[int64]struct{})
	}
	if len(m.recent) < maxSent {
		m.recent = append(m.recent, id)
	} else {
		delete(m.known, m.recent[m.next])
		m.recent[m.next] = id
		m.next = (m.next + 1) % maxSent
	}
	m.known[id] = struct{}{}
	return true
}

func (m *idMemory) has(id int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.known[id]
	return ok
}
