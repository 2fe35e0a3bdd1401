package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// written is an event that a former process had written.
type written struct {
	seq      uint64
	born     time.Duration // arrival on the steady clock, as far as this process can tell
	size     int32         // of the frame
	cost     int32         // of its row
	audience int32
	class    Class
}

// audience is for whom an event waits.
type audience struct {
	account string
	apps    []string
}

// highestSeq returns the highest event number that a journal.db knows.
func highestSeq(tx *bbolt.Tx) (uint64, error) {
	var most uint64
	if k, _ := tx.Bucket(bucketQueue).Cursor().Last(); len(k) == 8 {
		most = binary.BigEndian.Uint64(k)
	}
	err := tx.Bucket(bucketCursors).ForEach(func(_, v []byte) error {
		if len(v) == 8 {
			most = max(most, binary.BigEndian.Uint64(v))
		}
		return nil
	})
	return most, err
}

// load reads the stored cursors, and of the waiting events for whom they are. The events themselves stay on the disk
// until their apps ask for them. The queue table is short on a healthy box, so this reads little.
func (j *Journal) load(tx *bbolt.Tx) error {
	s := &j.saver
	s.upTo = j.last
	s.known = map[string]uint64{}
	err := tx.Bucket(bucketCursors).ForEach(func(k, v []byte) error {
		if len(v) == 8 {
			s.known[string(k)] = binary.BigEndian.Uint64(v)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the cursors: %w", err)
	}
	steady, wall, boot := j.steady(), j.now(), j.boot()
	numbers := map[string]int32{}
	c := tx.Bucket(bucketQueue).Cursor()
	for k, v := c.Last(); k != nil; k, v = c.Prev() {
		seq, ok := seqOf(k)
		if !ok {
			continue
		}
		cost := rowCost(len(v))
		s.stored += int64(cost)
		s.rows++
		w, err := decodeWaitingHead(v)
		if err == nil && seq <= j.last && len(s.backlog) < maxShelf {
			n := s.audienceOf(numbers, w.account, w.apps)
			if len(s.audiences[n].apps) > 0 {
				s.backlog = append(s.backlog, written{seq: seq, born: steady - w.age(boot, steady, wall), size: int32(len(w.raw)), cost: cost, audience: n, class: w.class})
				continue
			}
		}
		if len(s.free) >= deleteAt {
			break
		}
		s.release(seq, cost)
	}
	slices.Reverse(s.backlog)
	for _, w := range s.backlog {
		s.shelf.put(shelved{seq: w.seq, cost: w.cost, holders: int16(len(s.audiences[w.audience].apps)), request: w.class == ClassRequest})
	}
	return nil
}

// audienceOf returns the number of an audience: those apps that still have a cursor.
func (s *saver) audienceOf(numbers map[string]int32, account string, apps []string) int32 {
	key := account + "\x00" + strings.Join(apps, "\x00")
	n, ok := numbers[key]
	if !ok {
		n = int32(len(s.audiences))
		numbers[key] = n
		apps = slices.DeleteFunc(apps, func(app string) bool { _, ok := s.known[cursorName(app, account)]; return !ok })
		s.audiences = append(s.audiences, audience{account, apps})
	}
	return n
}

// adopt gives a new cursor what a former process kept for it.
func (s *saver) adopt(c *Cursor) {
	name := cursorName(c.o.App, c.o.Account)
	s.removed = slices.DeleteFunc(s.removed, func(n string) bool { return n == name })
	acked, ok := s.known[name]
	if !ok {
		// New: it starts with the next event, and exists on the disk after the next commit.
		c.acked, c.sent, c.began = c.j.last, c.j.last, c.j.last
		s.armed = true
		c.j.wakeSaver()
		return
	}
	c.acked, c.sent, c.began, c.storedAck, c.stored = acked, acked, acked, acked, true
	s.claim(c.j, name, func(w written) bool {
		if w.seq <= acked {
			return false
		}
		c.lineOf(w.class).pushPlace(place{seq: w.seq, born: w.born, size: w.size, class: w.class, shelved: true})
		c.bound()
		return true
	})
}

// claim settles what a former process kept for a cursor: take says which of it still waits.
func (s *saver) claim(j *Journal, name string, take func(written) bool) {
	delete(s.known, name)
	member := make([]bool, len(s.audiences))
	for i, a := range s.audiences {
		member[i] = slices.ContainsFunc(a.apps, func(app string) bool { return cursorName(app, a.account) == name })
	}
	for _, w := range s.backlog {
		if member[w.audience] && !take(w) {
			j.unshelve(w.seq)
		}
	}
	if len(s.known) == 0 {
		s.backlog, s.audiences = nil, nil
	}
}

// Subscriber is a cursor that a former process kept, and that nobody has opened yet in this one.
type Subscriber struct{ App, Account string }

// Subscribers lists the stored cursors that are not open. Open those that the configuration still knows before the
// first Append, so that their apps miss nothing; pass the others to Forget.
func (j *Journal) Subscribers() []Subscriber {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []Subscriber
	for name := range j.saver.known {
		if app, account, ok := bytes.Cut([]byte(name), []byte{0}); ok {
			list = append(list, Subscriber{App: string(app), Account: string(account)})
		}
	}
	slices.SortFunc(list, func(a, b Subscriber) int {
		return bytes.Compare([]byte(cursorName(a.App, a.Account)), []byte(cursorName(b.App, b.Account)))
	})
	return list
}

// Forget removes a stored cursor that was never opened.
func (j *Journal) Forget(s Subscriber) {
	j.mu.Lock()
	defer j.mu.Unlock()
	name := cursorName(s.App, s.Account)
	if _, ok := j.saver.known[name]; !ok {
		return
	}
	j.saver.claim(j, name, func(written) bool { return false })
	j.saver.removed = append(j.saver.removed, name)
}
