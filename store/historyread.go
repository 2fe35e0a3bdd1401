package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/catflap/catflap/policy"
)

const (
	// recentRun is how many records are copied out per transaction.
	recentRun = 64
	// recentScan bounds the walk for the newest records of one account among those of others.
	recentScan = 50_000
)

// ChatInfo is one row of the list of chats.
type ChatInfo struct {
	Account  string
	Chat     policy.Chat
	Messages int
	Last     int64 // time of the newest message, unix seconds
}

// inMemory returns copies of the unwritten records that match, in order.
func (h *History) inMemory(match func(chatKey) bool) []*unwritten {
	var list []*unwritten
	for _, u := range h.group {
		if match(u.key) {
			c := *u
			list = append(list, &c)
		}
	}
	for _, u := range h.waiting {
		if u != nil && !u.gone && match(u.key) {
			c := *u
			list = append(list, &c)
		}
	}
	return list
}

// recalled reports whether a record waits to be emptied on the disk. It has to be asked from the newest record on, since
// an order means the newest record of its id; seen remembers the orders that have found theirs.
func recalled(orders []recall, key chatKey, id int64, seq uint64, seen map[recall]bool) (yes bool) {
	for _, r := range orders {
		if r.key == key && r.id == id && seq <= r.upTo && !seen[r] {
			seen[r], yes = true, true
		}
	}
	return yes
}

// look is what memory knew of a chat at one moment.
type look struct {
	account string
	key     chatKey
	memory  []*unwritten
	tail    []row
	orders  []recall
}

// look takes a snapshot of a chat; false when its account has no history.
func (h *History) look(account string, chat policy.Chat) (look, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	number, ok := h.number(account, false)
	if !ok {
		return look{}, false
	}
	l := look{account: account, key: chatKey{account: number, group: chat.Group, id: chat.ID}, orders: slices.Clone(h.recalls)}
	l.memory = h.inMemory(func(k chatKey) bool { return k == l.key })
	for _, r := range h.tail {
		if r.key == l.key {
			l.tail = append(l.tail, r)
		}
	}
	return l, true
}

// Show returns the newest limit messages of a chat (limit <= 0: its whole window), oldest first, written or not. It
// holds all of them in memory; Newest and Oldest do not.
func (h *History) Show(account string, chat policy.Chat, limit int) ([]Record, error) {
	var list []Record
	err := h.Newest(account, chat, limit, func(r Record) bool {
		list = append(list, r)
		return true
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(list)
	return list, nil
}

// List returns the chats of an account ("" = of all) that have messages, by account and chat. When journal.db
// cannot be read it returns what is in memory.
func (h *History) List(account string) []ChatInfo {
	h.mu.Lock()
	number, known := h.number(account, false)
	names := slices.Clone(h.names)
	match := func(k chatKey) bool { return account == "" || known && k.account == number }
	memory := h.inMemory(match)
	var rows []row
	for _, r := range h.tail {
		if match(r.key) {
			rows = append(rows, r)
		}
	}
	h.mu.Unlock()
	for _, u := range memory {
		rows = append(rows, row{u.key, u.seq, u.id, u.time, u.limit})
	}
	found := map[chatKey]chatValue{}
	_ = h.f.view(func(tx *bbolt.Tx) error {
		indexed := getUint(tx.Bucket(bucketMeta), keyIndexed)
		c := tx.Bucket(bucketChats).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if key, ok := parseChatKey(k); ok && match(key) {
				found[key] = parseChat(v)
			}
		}
		// What went into the index since the look at memory is counted there.
		rows = slices.DeleteFunc(rows, func(r row) bool { return r.seq <= indexed })
		return nil
	})
	for _, r := range rows {
		c := found[r.key]
		c.count++
		c.limit, c.last = uint32(r.limit), r.time
		found[r.key] = c
	}
	var list []ChatInfo
	for key, c := range found {
		if int(key.account) < len(names) {
			list = append(list, ChatInfo{Account: names[key.account], Chat: key.chat(), Messages: int(min(c.count, c.limit)), Last: c.last})
		}
	}
	slices.SortFunc(list, func(a, b ChatInfo) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Chat.String(), b.Chat.String()))
	})
	return list
}

// Recent calls fn with the newest n messages of an account ("" = of all), newest first, over all chats. fn runs
// outside of any transaction and may take its time. It is made to seed memories at start.
func (h *History) Recent(account string, n int, fn func(Record)) error {
	h.mu.Lock()
	number, known := h.number(account, false)
	names := slices.Clone(h.names)
	match := func(k chatKey) bool { return account == "" || known && k.account == number }
	memory := h.inMemory(match)
	orders := slices.Clone(h.recalls)
	before := h.last + 1
	h.mu.Unlock()

	seen := map[recall]bool{}
	read := func(seq uint64, value []byte) (Record, bool) {
		r, head, err := decodeRecord(value)
		if err != nil || !match(head.key) || int(head.key.account) >= len(names) {
			return Record{}, false
		}
		if recalled(orders, head.key, head.messageID, seq, seen) {
			r.Recalled, r.Raw, r.Text = true, nil, ""
		}
		r.Account, r.Seq = names[head.key.account], seq
		return r, true
	}
	for _, u := range slices.Backward(memory) {
		if n <= 0 {
			return nil
		}
		before = u.seq
		if r, ok := read(u.seq, u.value); ok {
			fn(r)
			n--
		}
	}
	for scanned := 0; n > 0 && before > 0 && scanned < recentScan; {
		var list []Record
		looked := 0
		err := h.f.view(func(tx *bbolt.Tx) error {
			c := tx.Bucket(bucketEvents).Cursor()
			step := c.Prev
			if k, _ := c.Seek(seqKey(before)); k == nil {
				step = c.Last
			}
			k, v := step()
			for ; k != nil && len(list) < min(n, recentRun) && looked < 16*recentRun; k, v = c.Prev() {
				looked++
				if len(k) != 8 {
					continue
				}
				before = binary.BigEndian.Uint64(k)
				if r, ok := read(before, v); ok {
					list = append(list, r)
				}
			}
			if k == nil {
				before = 0
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading the newest messages: %w", err)
		}
		scanned += max(looked, 1)
		for _, r := range list {
			fn(r)
		}
		n -= len(list)
	}
	return nil
}
