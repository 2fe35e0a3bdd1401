package store

import (
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/catflap/catflap/policy"
)

// walkRun and walkBytes bound what is copied out of the file at a time: a chat is never in memory as a whole.
const (
	walkRun   = 64
	walkBytes = 256 << 10
)

// walk is a chat at one moment: the numbers of its records, not what is in them.
type walk struct {
	seqs     []uint64          // newest first
	memory   map[uint64][]byte // values of those that the file may not have yet
	recalled map[uint64]bool   // wait to be emptied on the disk
}

// Newest calls fn with the newest limit messages of a chat (limit <= 0: its whole window), newest first, written or not,
// until fn says stop. fn runs outside of any transaction and may take its time; what is trimmed meanwhile is left out.
func (h *History) Newest(account string, chat policy.Chat, limit int, fn func(Record) bool) error {
	return h.walk(account, chat, limit, false, fn)
}

// Oldest is Newest in the order in which the messages came. limit still means the newest so many.
func (h *History) Oldest(account string, chat policy.Chat, limit int, fn func(Record) bool) error {
	return h.walk(account, chat, limit, true, fn)
}

func (h *History) walk(account string, chat policy.Chat, limit int, forward bool, fn func(Record) bool) error {
	l, ok := h.look(account, chat)
	if !ok {
		return nil
	}
	if err := h.each(l, limit, forward, fn); err != nil {
		return fmt.Errorf("reading the history of %s: %w", chat, err)
	}
	return nil
}

// each walks a chat as a snapshot and the file know it.
func (h *History) each(l look, limit int, forward bool, fn func(Record) bool) error {
	w, err := h.begun(l, limit, nil)
	if err != nil {
		return err
	}
	if forward {
		slices.Reverse(w.seqs)
	}
	var run []Record
	for len(w.seqs) > 0 {
		if run, err = h.run(w, run[:0]); err != nil {
			return err
		}
		for i := range run {
			run[i].Account = l.account
			if !fn(run[i]) {
				return nil
			}
			run[i] = Record{}
		}
	}
	return nil
}

// Find returns the newest message of a chat that has the id, within the chat's window; false when none is kept.
func (h *History) Find(account string, chat policy.Chat, messageID int64) (Record, bool, error) {
	l, ok := h.look(account, chat)
	if !ok {
		return Record{}, false, nil
	}
	var list []Record
	w, err := h.begun(l, 0, func(id int64) bool { return id == messageID })
	for err == nil && len(w.seqs) > 0 && len(list) == 0 {
		w.seqs = w.seqs[:1]
		list, err = h.run(w, nil)
	}
	if err != nil {
		return Record{}, false, fmt.Errorf("reading the history of %s: %w", chat, err)
	}
	if len(list) == 0 {
		return Record{}, false, nil
	}
	list[0].Account = account
	return list[0], true, nil
}

// begun joins a snapshot of memory with the numbers that the file has, which may be newer: of the newest limit messages
// those whose id match wants (nil = all).
func (h *History) begun(l look, limit int, match func(id int64) bool) (*walk, error) {
	w := &walk{memory: make(map[uint64][]byte, len(l.memory)), recalled: make(map[uint64]bool)}
	window := 0
	switch {
	case len(l.memory) > 0:
		window = l.memory[len(l.memory)-1].limit
	case len(l.tail) > 0:
		window = l.tail[len(l.tail)-1].limit
	}
	seen := map[recall]bool{}
	n, last := 0, ^uint64(0)
	add := func(seq uint64, id int64) {
		if seq >= last {
			return // written or indexed since the snapshot, which had it
		}
		last = seq
		n++
		if recalled(l.orders, l.key, id, seq, seen) {
			w.recalled[seq] = true
		}
		if match == nil || match(id) {
			w.seqs = append(w.seqs, seq)
		}
	}
	err := h.f.view(func(tx *bbolt.Tx) error {
		if window == 0 {
			window = int(getChat(tx.Bucket(bucketChats), l.key).limit)
		}
		if limit <= 0 || limit > window {
			limit = window
		}
		for _, u := range slices.Backward(l.memory) {
			if n >= limit {
				return nil
			}
			w.memory[u.seq] = u.value
			add(u.seq, u.id)
		}
		for _, r := range slices.Backward(l.tail) {
			if n >= limit {
				return nil
			}
			add(r.seq, r.id)
		}
		eachIndexed(tx, l.key, func(seq uint64, id int64) bool {
			if n >= limit {
				return false
			}
			add(seq, id)
			return true
		})
		return nil
	})
	return w, err
}

// run reads the next records and takes their numbers off the walk.
func (h *History) run(w *walk, dst []Record) ([]Record, error) {
	err := h.f.view(func(tx *bbolt.Tx) error {
		events := tx.Bucket(bucketEvents)
		size := 0
		for len(w.seqs) > 0 && len(dst) < walkRun && size < walkBytes {
			seq := w.seqs[0]
			w.seqs = w.seqs[1:]
			value := w.memory[seq]
			if value == nil {
				value = events.Get(seqKey(seq))
			}
			if value == nil {
				continue
			}
			r, _, err := decodeRecord(value)
			if err != nil {
				continue
			}
			size += len(value)
			if w.recalled[seq] {
				r.Recalled, r.Raw, r.Text = true, nil, ""
			}
			r.Seq = seq
			dst = append(dst, r)
		}
		return nil
	})
	return dst, err
}
