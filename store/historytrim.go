package store

import (
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"
)

// trimChat deletes the oldest n rows of a chat from the index. Their records are dead from then on; the sweep deletes
// them in runs, since one by one each would cost a page.
func trimChat(index *bbolt.Bucket, key chatKey, n int) (int, error) {
	prefix := key.append(nil)
	var old [][]byte
	c := index.Cursor()
	for k, _ := c.Seek(prefix); hasPrefix(k, prefix) && len(old) < n; k, _ = c.Next() {
		old = append(old, slices.Clone(k))
	}
	for _, k := range old {
		if err := index.Delete(k); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// wantsSweep reports whether so many records are dead that a walk pays.
func (h *History) wantsSweep() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sweeping || h.total-h.inUse > h.inUse/2+sweepSlack
}

// setSweeping says whether the walk has reached the end.
func (h *History) setSweeping(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sweeping = on
}

// hasTail reports whether written records miss in the index.
func (h *History) hasTail() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.tail) > 0
}

// recalling reports whether a recall waits for the disk.
func (h *History) recalling() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.recalls) > 0
}

// refresh makes a batch ready to be written again after the first try failed and maintenance went in between.
func (h *History) refresh(b *historyBatch, before historyBatch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*b = before
	b.tail, b.indexed, b.total, b.inUse = slices.Clone(h.tail), h.indexed, h.total, h.inUse
}

// sweepStep deletes the dead among the next records; only the committer calls it. Neighbours are dead together as a
// rule, so whole pages come free.
func (b *historyBatch) sweepStep(tx *bbolt.Tx, from uint64) (next uint64, err error) {
	events, index := tx.Bucket(bucketEvents), tx.Bucket(bucketIndex)
	var dead [][]byte
	c := events.Cursor()
	k, v := c.Seek(seqKey(from))
	for i := 0; k != nil && i < sweepRun; i++ {
		seq, ok := seqOf(k)
		if ok && seq > b.indexed {
			k = nil
			break
		}
		head, err := decodeHead(v)
		if !ok || err != nil || index.Get(indexKey(head.key, seq)) == nil {
			dead = append(dead, slices.Clone(k))
		}
		next = seq + 1
		k, v = c.Next()
	}
	if k == nil {
		next = 0
	}
	for _, k := range dead {
		if err := events.Delete(k); err != nil {
			return 0, err
		}
	}
	b.total -= int64(len(dead))
	if len(dead) == 0 {
		return next, errUnchanged
	}
	return next, b.putMeta(tx)
}

// seqOf reads a key of the events table.
func seqOf(k []byte) (uint64, bool) {
	if len(k) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(k), true
}

// trimOldest deletes the oldest records of all chats, dead or not, to make room in the file; 0 = none is left.
func (b *historyBatch) trimOldest(tx *bbolt.Tx, n int) (int, error) {
	events, index, chats := tx.Bucket(bucketEvents), tx.Bucket(bucketIndex), tx.Bucket(bucketChats)
	var old [][]byte
	gone := map[chatKey]uint32{}
	c := events.Cursor()
	for k, v := c.First(); k != nil && len(old) < n; k, v = c.Next() {
		seq, ok := seqOf(k)
		if ok && seq > b.indexed {
			break
		}
		old = append(old, slices.Clone(k))
		if head, err := decodeHead(v); ok && err == nil && index.Get(indexKey(head.key, seq)) != nil {
			gone[head.key]++
			b.inUse--
			if err := index.Delete(indexKey(head.key, seq)); err != nil {
				return 0, err
			}
		}
	}
	for _, k := range old {
		if err := events.Delete(k); err != nil {
			return 0, err
		}
	}
	for key, n := range gone {
		c := getChat(chats, key)
		c.count -= min(n, c.count)
		if err := putChat(chats, key, c); err != nil {
			return 0, err
		}
	}
	if len(old) == 0 {
		return 0, errUnchanged
	}
	b.total -= int64(len(old))
	return len(old), b.putMeta(tx)
}
