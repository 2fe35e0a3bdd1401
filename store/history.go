package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/catflap/catflap/policy"
)

const (
	// groupBytes of unwritten history make a commit before Options.Sync has passed, and bound one commit.
	groupBytes = 256 << 10
	// maxLimit is the cap of historyLimit.
	maxLimit = 10_000
	// maxRecordBytes bounds one record; Add refuses a larger one.
	maxRecordBytes = 512 << 10
	// recordOverhead is what a waiting record costs in memory beside its bytes.
	recordOverhead = 128
	// appendFill fills the pages of tables that only grow at their end.
	appendFill = 0.95
	maxRecalls = 1000
)

// Direction tells whose message a record is.
type Direction uint8

// In is a message that somebody sent to the bot or its groups, Out one that the bot sent.
const (
	In Direction = iota
	Out
)

// String returns "in" or "out".
func (d Direction) String() string {
	if d == Out {
		return "out"
	}
	return "in"
}

// Record is one message of a chat.
type Record struct {
	Seq       uint64 // given by Add: order within the history
	Account   string
	Chat      policy.Chat
	Time      int64 // as in the event: unix seconds
	User      uint64
	Sender    string // name to show
	MessageID int64
	RealSeq   string
	Direction Direction
	Context   bool   // the bot was not addressed
	Recalled  bool   // Raw and Text are empty
	Raw       []byte // the message's segments as kept (JSON)
	Text      string
}

// History keeps the newest messages of every chat: in memory until the next group commit, then in journal.db. Nothing
// here waits for a commit save Clear and Flush.
type History struct {
	f    *file
	o    Options
	kick func() // tells the committer that the group is full, or that a first record waits
	// inside runs something in the committer and waits for it: whatever writes journal.db runs there.
	inside func(context.Context, func() error) error

	mu      sync.Mutex
	names   []string // number of an account -> name
	numbers map[string]uint16
	named   int // how many of them are on the disk
	last    uint64
	waiting []*unwritten             // in order
	gone    int                      // of these, pushed out
	group   []*unwritten             // in the hands of the committer
	chats   map[chatKey][]*unwritten // waiting by chat, none gone
	bytes   int64                    // waiting and group
	dropped uint64
	since   time.Duration // when the oldest waiting record came, steady
	recalls []recall
	tail    []row // written, not in the index yet; in order
	indexed uint64

	total int64 // records in the events table, up to indexed
	inUse int64 // of these, inside the windows of their chats

	sweep    uint64 // the committer's alone: where its walk for dead records stands
	sweeping bool
}

// unwritten is a record in memory.
type unwritten struct {
	key   chatKey
	seq   uint64
	id    int64
	time  int64
	limit int
	value []byte // replaced, never changed
	gone  bool
}

func (u *unwritten) size() int64 { return int64(len(u.value)) + recordOverhead }

// row is what the index has to learn of a written record.
type row struct {
	key   chatKey
	seq   uint64
	id    int64
	time  int64
	limit int
}

// recall is an order to empty a record on the disk: the newest of that id, but none that came after the order.
type recall struct {
	key  chatKey
	id   int64
	upTo uint64
}

func newHistory(f *file, o Options) *History {
	return &History{f: f, o: o, kick: func() {}, numbers: map[string]uint16{}, chats: map[chatKey][]*unwritten{}}
}

// Add keeps a message among the newest limit of its chat (limit <= 0: not at all). It never waits: the record is
// written with the next group, unless newer ones of its chat push it out before. r.Raw may be reused after the call.
func (h *History) Add(account string, limit int, r Record) {
	if limit <= 0 {
		return
	}
	limit = min(limit, maxLimit)
	h.mu.Lock()
	number, ok := h.number(account, true)
	key := chatKey{account: number, group: r.Chat.Group, id: r.Chat.ID}
	if !ok || len(r.Raw)+len(r.Text)+len(r.Sender)+len(r.RealSeq) > maxRecordBytes {
		h.dropped++
		h.mu.Unlock()
		return
	}
	h.last++
	u := &unwritten{key: key, seq: h.last, id: r.MessageID, time: r.Time, limit: limit, value: encodeRecord(key, limit, &r)}
	first := h.begin()
	h.waiting = append(h.waiting, u)
	h.bytes += u.size()
	chat := append(h.chats[key], u)
	for len(chat) > limit {
		h.forget(chat[0])
		chat[0] = nil
		chat = chat[1:]
	}
	h.chats[key] = chat
	for h.bytes > h.o.UnflushedBytes && h.dropOldest() {
		h.dropped++
	}
	if h.gone > 256 && h.gone > len(h.waiting)/2 {
		h.waiting = slices.DeleteFunc(h.waiting, func(u *unwritten) bool { return u.gone })
		h.gone = 0
	}
	full := h.bytes >= h.full()
	h.mu.Unlock()
	if first || full {
		h.kick()
	}
}

// begin starts the clock of a group when nothing waited before.
func (h *History) begin() bool {
	if len(h.waiting)-h.gone > 0 || len(h.recalls) > 0 {
		return false
	}
	h.since = h.o.Steady()
	return true
}

// forget marks a waiting record as gone and lets go of its bytes.
func (h *History) forget(u *unwritten) {
	h.bytes -= u.size()
	u.gone, u.value = true, nil
	h.gone++
}

// dropOldest gives up the oldest waiting record.
func (h *History) dropOldest() bool {
	for len(h.waiting) > 0 {
		u := h.waiting[0]
		h.waiting[0] = nil
		h.waiting = h.waiting[1:]
		if u.gone {
			h.gone--
			continue
		}
		h.bytes -= u.size()
		h.unlist(u)
		return true
	}
	return false
}

// unlist takes the oldest waiting record of its chat off the chat's list.
func (h *History) unlist(u *unwritten) {
	chat := h.chats[u.key]
	if i := slices.Index(chat, u); i >= 0 {
		chat = slices.Delete(chat, i, i+1)
	}
	if len(chat) == 0 {
		delete(h.chats, u.key)
		return
	}
	h.chats[u.key] = chat
}

// number returns an account's number, and makes one when create is set.
func (h *History) number(account string, create bool) (uint16, bool) {
	n, ok := h.numbers[account]
	if !ok && create && len(h.names) < 1<<16-1 {
		n, ok = uint16(len(h.names)), true
		h.names = append(h.names, account)
		h.numbers[account] = n
	}
	return n, ok
}

// Recall empties a message's content: in memory at once, on the disk with the next commit. Ids repeat, so the newest
// message of that id is meant. A message that is not kept is no error.
func (h *History) Recall(account string, chat policy.Chat, messageID int64) {
	h.mu.Lock()
	number, ok := h.number(account, false)
	if !ok {
		h.mu.Unlock()
		return
	}
	key := chatKey{account: number, group: chat.Group, id: chat.ID}
	for _, u := range slices.Backward(h.chats[key]) {
		if u.id == messageID {
			before := u.size()
			u.value = emptied(u.value)
			h.bytes += u.size() - before
			h.mu.Unlock()
			return
		}
	}
	for _, u := range slices.Backward(h.group) {
		if u.id == messageID && u.key == key {
			before := u.size()
			u.value = emptied(u.value)
			h.bytes += u.size() - before
			break
		}
	}
	h.begin()
	if len(h.recalls) < maxRecalls {
		h.recalls = append(h.recalls, recall{key, messageID, h.last})
	} else {
		h.dropped++
	}
	h.mu.Unlock()
	h.kick()
}

// emptied returns the value of a record without its content.
func emptied(value []byte) []byte {
	r, head, err := decodeRecord(value)
	if err != nil {
		return value
	}
	r.Recalled, r.Raw, r.Text = true, nil, ""
	return encodeRecord(head.key, head.limit, &r)
}

// unflushed returns the bytes that are in memory only and the records that were given up.
func (h *History) unflushed() (int64, uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bytes, h.dropped
}

// load reads the names, the counters, and the few records that the index does not know yet.
func (h *History) load(tx *bbolt.Tx) error {
	type named struct {
		name   string
		number uint16
	}
	var list []named
	err := tx.Bucket(bucketNames).ForEach(func(k, v []byte) error {
		if len(v) == 2 {
			list = append(list, named{string(k), binary.BigEndian.Uint16(v)})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the account names: %w", err)
	}
	slices.SortFunc(list, func(a, b named) int { return int(a.number) - int(b.number) })
	for i, n := range list {
		if int(n.number) != i {
			return damaged(h.f.path, "the account names have a gap")
		}
		h.names = append(h.names, n.name)
		h.numbers[n.name] = n.number
	}
	h.named = len(list)
	meta := tx.Bucket(bucketMeta)
	h.indexed = getUint(meta, keyIndexed)
	h.total = int64(getUint(meta, keyTotal))
	h.inUse = int64(getUint(meta, keyInUse))
	h.last = h.indexed
	c := tx.Bucket(bucketEvents).Cursor()
	for k, v := c.Seek(seqKey(h.indexed + 1)); k != nil; k, v = c.Next() {
		if len(k) != 8 {
			continue
		}
		h.last = binary.BigEndian.Uint64(k)
		if head, err := decodeHead(v); err == nil {
			h.tail = append(h.tail, row{head.key, h.last, head.messageID, head.time, head.limit})
		}
	}
	return nil
}

// seqKey is the key of a sequence number.
func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 0, 8), seq) }
