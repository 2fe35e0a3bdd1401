package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// indexEvery records the index is brought up to date: one page of it is then touched for many records.
	indexEvery = 256
	// trimSlack is how far a chat may exceed its window on the disk before it is trimmed, in one run.
	trimSlack = 50
	// maxTrim bounds the deletions per chat and commit when a window became much smaller.
	maxTrim = 1024
	// sweepRun is how many records one transaction of the sweep looks at.
	sweepRun = 512
	// sweepSlack dead records are always tolerated.
	sweepSlack = 512
)

var (
	keyIndexed = []byte("indexed") // records up to this seq are in the index
	keyTotal   = []byte("total")   // number of records up to there
	keyInUse   = []byte("inuse")   // of these, those in the index
)

// historyBatch is what one commit writes of the history.
type historyBatch struct {
	names   []string
	first   int // number of names[0]
	rows    []row
	values  [][]byte
	recalls []recall
	tail    []row // as it was, then as it will be
	indexed uint64
	total   int64
	inUse   int64
}

// ready reports whether a group should be written now, and else how long to wait; 0 = nothing waits.
func (h *History) ready(now time.Duration) (bool, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting)-h.gone == 0 && len(h.recalls) == 0 {
		return false, 0
	}
	if h.bytes >= h.full() {
		return true, 0
	}
	wait := h.since + h.o.Sync - now
	return wait <= 0, max(wait, time.Millisecond)
}

// full is how many bytes make a group that does not wait. A group that the disk holds up must leave most of the budget to
// what comes after it.
func (h *History) full() int64 { return min(groupBytes, h.o.UnflushedBytes/4) }

// take hands a group to the committer. Its records stay visible.
func (h *History) take() *historyBatch {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := &historyBatch{
		names: slices.Clone(h.names[h.named:]), first: h.named, recalls: slices.Clone(h.recalls),
		tail: slices.Clone(h.tail), indexed: h.indexed, total: h.total, inUse: h.inUse,
	}
	var bytes int64
	for len(h.waiting) > 0 && bytes < h.full() {
		u := h.waiting[0]
		h.waiting[0] = nil
		h.waiting = h.waiting[1:]
		if u.gone {
			h.gone--
			continue
		}
		h.unlist(u)
		h.group = append(h.group, u)
		bytes += u.size()
		b.rows = append(b.rows, row{u.key, u.seq, u.id, u.time, u.limit})
		b.values = append(b.values, u.value)
	}
	if len(h.waiting) == 0 {
		h.waiting = nil
	}
	return b
}

// written takes over what a commit did.
func (h *History) written(b *historyBatch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range h.group {
		h.bytes -= u.size()
	}
	h.group = nil
	h.named = b.first + len(b.names)
	h.recalls = slices.Delete(h.recalls, 0, len(b.recalls))
	h.tail, h.indexed, h.total, h.inUse = b.tail, b.indexed, b.total, b.inUse
	h.since = h.o.Steady()
}

// failed puts the group back in front of what came meanwhile.
func (h *History) failed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	group := h.group
	h.group = nil
	h.waiting = append(slices.Clone(group), h.waiting...)
	for _, u := range slices.Backward(group) {
		h.chats[u.key] = slices.Insert(h.chats[u.key], 0, u)
	}
	for key, chat := range h.chats {
		for len(chat) > chat[len(chat)-1].limit {
			h.forget(chat[0])
			chat = slices.Delete(chat, 0, 1)
		}
		h.chats[key] = chat
	}
	h.since = h.o.Steady()
}

// write puts a batch into a transaction; with index set the index is brought up to date in any case.
func (b *historyBatch) write(tx *bbolt.Tx, index bool) error {
	names := tx.Bucket(bucketNames)
	for i, name := range b.names {
		if err := names.Put([]byte(name), binary.BigEndian.AppendUint16(nil, uint16(b.first+i))); err != nil {
			return fmt.Errorf("writing an account name: %w", err)
		}
	}
	events := tx.Bucket(bucketEvents)
	events.FillPercent = appendFill
	for i, r := range b.rows {
		if err := events.Put(seqKey(r.seq), b.values[i]); err != nil {
			return fmt.Errorf("writing a message: %w", err)
		}
	}
	b.tail = append(b.tail, b.rows...)
	for _, r := range b.recalls {
		if err := b.recall(tx, r); err != nil {
			return fmt.Errorf("emptying a recalled message: %w", err)
		}
	}
	if len(b.tail) >= indexEvery || index && len(b.tail) > 0 {
		if err := b.index(tx); err != nil {
			return fmt.Errorf("writing the index: %w", err)
		}
	}
	return nil
}

// recall empties the newest message of an id.
func (b *historyBatch) recall(tx *bbolt.Tx, r recall) error {
	seq, ok := uint64(0), false
	for _, t := range slices.Backward(b.tail) {
		if t.key == r.key && t.id == r.id && t.seq <= r.upTo {
			seq, ok = t.seq, true
			break
		}
	}
	if !ok {
		eachIndexed(tx, r.key, func(s uint64, id int64) bool {
			seq, ok = s, id == r.id && s <= r.upTo
			return !ok
		})
	}
	if !ok {
		return nil
	}
	events := tx.Bucket(bucketEvents)
	value := events.Get(seqKey(seq))
	if value == nil {
		return nil
	}
	return events.Put(seqKey(seq), emptied(slices.Clone(value)))
}

// eachIndexed walks a chat's index from its newest message on, until fn says stop.
func eachIndexed(tx *bbolt.Tx, key chatKey, fn func(seq uint64, id int64) bool) {
	prefix := key.append(nil)
	c := tx.Bucket(bucketIndex).Cursor()
	k, v := c.Seek(binary.BigEndian.AppendUint64(slices.Clone(prefix), ^uint64(0)))
	if k == nil {
		k, v = c.Last()
	} else if string(k) > string(prefix) && !hasPrefix(k, prefix) {
		k, v = c.Prev()
	}
	for ; hasPrefix(k, prefix) && len(k) == indexKeyLen; k, v = c.Prev() {
		var id int64
		if len(v) == 8 {
			id = int64(binary.BigEndian.Uint64(v))
		}
		if !fn(binary.BigEndian.Uint64(k[chatKeyLen:]), id) {
			return
		}
	}
}

// hasPrefix is bytes.HasPrefix that is false for a nil key.
func hasPrefix(k, prefix []byte) bool {
	return len(k) >= len(prefix) && string(k[:len(prefix)]) == string(prefix)
}

// indexKey is a record's key in the index.
func indexKey(key chatKey, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(key.append(make([]byte, 0, indexKeyLen)), seq)
}

// chatValue is a row of the chats table.
type chatValue struct {
	count uint32 // rows in the index
	limit uint32 // the chat's window
	last  int64  // time of the newest message
}

func getChat(b *bbolt.Bucket, key chatKey) chatValue {
	return parseChat(b.Get(key.append(nil)))
}

func parseChat(v []byte) chatValue {
	if len(v) != 16 {
		return chatValue{}
	}
	return chatValue{
		count: binary.BigEndian.Uint32(v), limit: min(binary.BigEndian.Uint32(v[4:]), maxLimit),
		last: int64(binary.BigEndian.Uint64(v[8:])),
	}
}

func putChat(b *bbolt.Bucket, key chatKey, c chatValue) error {
	if c.count == 0 {
		return b.Delete(key.append(nil))
	}
	v := binary.BigEndian.AppendUint32(nil, c.count)
	v = binary.BigEndian.AppendUint32(v, c.limit)
	return b.Put(key.append(nil), binary.BigEndian.AppendUint64(v, uint64(c.last)))
}

// index writes the rows that the index does not have yet, chat by chat, and trims the chats that grew too long.
func (b *historyBatch) index(tx *bbolt.Tx) error {
	index, chats := tx.Bucket(bucketIndex), tx.Bucket(bucketChats)
	b.total += int64(len(b.tail))
	b.inUse += int64(len(b.tail))
	b.indexed = b.tail[len(b.tail)-1].seq
	slices.SortStableFunc(b.tail, func(x, y row) int {
		return cmp.Or(slices.Compare(x.key.append(nil), y.key.append(nil)), cmp.Compare(x.seq, y.seq))
	})
	for rows := b.tail; len(rows) > 0; {
		key := rows[0].key
		c := getChat(chats, key)
		n := 0
		for ; n < len(rows) && rows[n].key == key; n++ {
			r := rows[n]
			if err := index.Put(indexKey(key, r.seq), binary.BigEndian.AppendUint64(nil, uint64(r.id))); err != nil {
				return err
			}
			c.count++
			c.limit, c.last = uint32(r.limit), r.time
		}
		rows = rows[n:]
		if c.count > c.limit+trimSlack {
			trimmed, err := trimChat(index, key, int(min(c.count-c.limit, maxTrim)))
			if err != nil {
				return err
			}
			c.count -= min(uint32(trimmed), c.count)
			b.inUse -= int64(trimmed)
		}
		if err := putChat(chats, key, c); err != nil {
			return err
		}
	}
	b.tail = nil
	return b.putMeta(tx)
}

// putMeta writes the counters.
func (b *historyBatch) putMeta(tx *bbolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	b.total, b.inUse = max(b.total, 0), max(b.inUse, 0)
	if err := putUint(meta, keyIndexed, b.indexed); err != nil {
		return err
	}
	if err := putUint(meta, keyTotal, uint64(b.total)); err != nil {
		return err
	}
	return putUint(meta, keyInUse, uint64(b.inUse))
}

// commit runs one transaction of maintenance, with the counters and the tail; only the committer calls it.
func (h *History) commit(fn func(*bbolt.Tx, *historyBatch) error) error {
	h.mu.Lock()
	b := &historyBatch{
		names: slices.Clone(h.names[h.named:]), first: h.named,
		tail: slices.Clone(h.tail), indexed: h.indexed, total: h.total, inUse: h.inUse,
	}
	h.mu.Unlock()
	if err := h.f.update(func(tx *bbolt.Tx) error { return fn(tx, b) }); err != nil {
		return err
	}
	h.mu.Lock()
	h.tail, h.indexed, h.total, h.inUse = b.tail, b.indexed, b.total, b.inUse
	h.mu.Unlock()
	return nil
}

// Flush writes all history that is in memory and waits until it is on the disk, or until ctx ends.
func (h *History) Flush(ctx context.Context) error {
	if err := h.inside(ctx, nil); err != nil {
		return fmt.Errorf("flushing the history: %w", err)
	}
	return nil
}
