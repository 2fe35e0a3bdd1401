package store

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/catflap/catflap/policy"
)

// Clear deletes a chat's messages, dead ones included, from memory and disk, and waits until that is done. The zero
// chat means all chats of the account, account "" all accounts.
func (h *History) Clear(account string, chat policy.Chat) error {
	err := h.inside(context.Background(), func() error { return h.clear(account, chat) })
	if err != nil {
		return fmt.Errorf("clearing the history: %w", err)
	}
	return nil
}

// clear runs in the committer.
func (h *History) clear(account string, chat policy.Chat) error {
	h.mu.Lock()
	number, known := h.number(account, false)
	if account != "" && !known {
		h.mu.Unlock()
		return nil
	}
	match := func(k chatKey) bool {
		return (account == "" || k.account == number) && (chat == policy.Chat{} || k.chat() == chat)
	}
	for key, list := range h.chats {
		if match(key) {
			for _, u := range list {
				h.forget(u)
			}
			delete(h.chats, key)
		}
	}
	upTo := h.last
	h.mu.Unlock()

	// The index first, so that the tables tell the whole story; then everything that matches, in runs.
	if err := h.commit(func(tx *bbolt.Tx, b *historyBatch) error { return b.write(tx, true) }); err != nil {
		return err
	}
	for from, done := uint64(0), false; !done; {
		err := h.commit(func(tx *bbolt.Tx, b *historyBatch) (err error) {
			from, done, err = b.clearStep(tx, from, upTo, match)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// clearStep deletes the matching ones of the next records.
func (b *historyBatch) clearStep(tx *bbolt.Tx, from, upTo uint64, match func(chatKey) bool) (next uint64, done bool, err error) {
	events, index, chats := tx.Bucket(bucketEvents), tx.Bucket(bucketIndex), tx.Bucket(bucketChats)
	type hit struct {
		seq uint64
		key chatKey
	}
	var hits []hit
	c := events.Cursor()
	k, v := c.Seek(seqKey(from))
	for i := 0; k != nil && i < 4*sweepRun; i++ {
		seq, ok := seqOf(k)
		if ok && seq > upTo {
			k = nil
			break
		}
		next = seq + 1
		if head, err := decodeHead(v); ok && err == nil && match(head.key) {
			hits = append(hits, hit{seq, head.key})
		}
		k, v = c.Next()
	}
	for _, x := range hits {
		if err := events.Delete(seqKey(x.seq)); err != nil {
			return 0, false, err
		}
		b.total--
		ik := indexKey(x.key, x.seq)
		if index.Get(ik) == nil {
			continue
		}
		b.inUse--
		if err := index.Delete(ik); err != nil {
			return 0, false, err
		}
		row := getChat(chats, x.key)
		row.count -= min(1, row.count)
		if err := putChat(chats, x.key, row); err != nil {
			return 0, false, err
		}
	}
	if len(hits) == 0 {
		return next, k == nil, errUnchanged
	}
	return next, k == nil, b.putMeta(tx)
}
