package simulator

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"
)

// Bounds of the world. NapCat's own map of short ids holds 5000 entries (reference 10.1).
const (
	maxShortIDs     = 5000
	maxPerChat      = 500
	maxChats        = 1000
	maxRequests     = 1000
	maxFileBytes    = 16 << 20
	maxFiles        = 1000
	maxUploadBytes  = 100 << 20
	maxStreams      = 64
	defaultHistory  = 20
	secondsPerEpoch = 1735689600 // 2025-01-01: where real_seq starts counting, so that a later run continues above an earlier one
)

// state is everything that QQ and NapCat know. NapCat.mu guards it.
type state struct {
	*World
	online   bool
	debug    bool
	report   bool
	random   *rand.Rand
	now      func() time.Time
	chats    map[chatKey]*chat
	order    []chatKey // oldest chat first
	ids      map[int64]*message
	idOrder  []int64
	requests []*request // oldest first
	files    shelf
	uploads  map[string]*upload
}

func newState(w *World, o Options) state {
	return state{World: w, online: true, debug: o.Debug, report: o.ReportSelf, random: o.Rand, now: o.Now,
		chats: make(map[chatKey]*chat), ids: make(map[int64]*message), uploads: make(map[string]*upload)}
}

// chatKey is a conversation: a group, or another user.
type chatKey struct {
	group bool
	id    uint64
}

type chat struct {
	messages []*message // oldest first
	seq      uint64
}

// message is one message as QQ's server keeps it.
type message struct {
	id       int64  // short id: a hash (reference 10.1)
	nt       uint64 // 19-digit NT id
	seq      uint64
	time     int64
	chat     chatKey
	viaGroup uint64 // group of a temporary session
	sender   uint64
	nick     string // of a node of a forwarded log, where the sender is whoever its maker says
	segments []Segment
	recalled bool
	likes    []like
	nodes    []*message // content of a forwarded log
}

type like struct {
	ID    string `json:"emoji_id"`
	Type  string `json:"emoji_type"`
	Count string `json:"likes_cnt"`
}

// peerUID is NT's name of a conversation: a group is called by its number, a user by an opaque text.
func (k chatKey) peerUID() string {
	if k.group {
		return decimal(k.id)
	}
	return userUID(k.id)
}

func userUID(id uint64) string { return "u_" + digest(decimal(id))[:22] }

func digest(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// chatType is 1 for friends, 2 for groups, 100 for temporary sessions.
func (m *message) chatType() int {
	switch {
	case m.chat.group:
		return 2
	case m.viaGroup != 0:
		return 100
	}
	return 1
}

// shortID is the first 4 bytes of md5("msgId|chatType|peerUid") with the top bit cleared (reference 10.1).
func shortID(nt uint64, chatType int, peerUID string) int64 {
	sum := md5.Sum(fmt.Appendf(nil, "%d|%d|%s", nt, chatType, peerUID))
	return int64(binary.BigEndian.Uint32(sum[:4]) &^ (1 << 31))
}

// store puts a message into its chat and gives it its numbers.
func (s *state) store(m *message) {
	now := s.now()
	if m.time == 0 {
		m.time = now.Unix()
	}
	c := s.chats[m.chat]
	if c == nil {
		if len(s.order) >= maxChats {
			delete(s.chats, s.order[0])
			s.order = s.order[1:]
		}
		c = &chat{seq: uint64(max(now.Unix()-secondsPerEpoch, 0))}
		s.chats[m.chat] = c
		s.order = append(s.order, m.chat)
	}
	c.seq++
	m.seq = c.seq
	s.number(m)
	if len(c.messages) >= maxPerChat {
		c.messages = append(c.messages[:0:0], c.messages[1:]...)
	}
	c.messages = append(c.messages, m)
}

// number gives a message its NT id and the short id made of it. NT ids begin with the time, as the real ones do.
func (s *state) number(m *message) {
	m.nt = 7<<60>>1 | uint64(s.now().Unix())&0x3fffffff<<28 | uint64(s.random.Uint32())>>4
	m.id = shortID(m.nt, m.chatType(), m.chat.peerUID())
}

// register makes a short id resolvable, as NapCat does when it shows a message to an adapter.
func (s *state) register(m *message) {
	if s.ids[m.id] == m {
		return
	}
	if len(s.idOrder) >= maxShortIDs {
		if old := s.idOrder[0]; s.ids[old] != nil {
			delete(s.ids, old)
		}
		s.idOrder = s.idOrder[1:]
	}
	s.ids[m.id] = m
	s.idOrder = append(s.idOrder, m.id)
}

// forget loses every short id, as a restart of NapCat does.
func (s *state) forget() {
	s.ids, s.idOrder = make(map[int64]*message), nil
	s.uploads = make(map[string]*upload)
}

// request is a friend or group request that waits for an answer.
type request struct {
	Request
	done bool
}

// findRequest looks from the newest on.
func (s *state) findRequest(kind, flag string) *request {
	for i := len(s.requests) - 1; i >= 0; i-- {
		if r := s.requests[i]; r.Type == kind && r.Flag == flag {
			return r
		}
	}
	return nil
}
