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

const (
	// maxOrphans bounds requests that left the ring before they were written.
	maxOrphans = 256
	// deleteAt is how many written events must be free before a commit is made only to delete them.
	deleteAt = 4096
	// deleteGroup of them leave with a commit that events make: one by one each would cost the page that it lies on.
	deleteGroup = 64
	// deleteRun bounds the deletions of one commit.
	deleteRun = 1024
)

// saver is the journal's side of the queue table: which events wait for somebody who is away, and which of the
// written ones nobody waits for any more. All fields are under Journal.mu.
type saver struct {
	armed   bool   // the committer was told that something may become due
	pressed bool   // and that the ring runs full of it
	upTo    uint64 // everything up to it was looked at
	orphans []*Event
	free    []uint64 // written and wanted by nobody: deleted with the next commit
	shelf   shelf
	known   map[string]uint64 // cursor name -> acknowledged seq as stored, for cursors not opened yet
	removed []string          // names of closed cursors

	// What a former process had written, oldest first, until every known cursor was opened or forgotten.
	backlog   []written
	audiences []audience
}

// written is an event that a former process had written.
type written struct {
	seq      uint64
	size     int32 // of the frame
	audience int32
	class    Class
}

// audience is for whom an event waits.
type audience struct {
	account string
	apps    []string
}

// cursorName is a cursor's key on disk.
func cursorName(app, account string) string { return app + "\x00" + account }

// released is called when nobody wants an event any more.
func (s *saver) released(ev *Event) {
	if ev.saved == saveDone {
		ev.saved = saveFreed
		s.free = append(s.free, ev.Seq)
	}
}

// orphan is called when a request that somebody waits for leaves the ring.
func (s *saver) orphan(ev *Event) {
	if ev.saved == saveNone && ev.Seq > s.upTo && len(s.orphans) < maxOrphans {
		s.orphans = append(s.orphans, ev)
	}
}

// adopt gives a new cursor what a former process kept for it.
func (s *saver) adopt(c *Cursor) {
	name := cursorName(c.o.App, c.o.Account)
	s.removed = slices.DeleteFunc(s.removed, func(n string) bool { return n == name })
	acked, ok := s.known[name]
	if !ok {
		// New: it starts with the next event, and exists on the disk after the next commit.
		c.acked, c.sent = c.j.last, c.j.last
		s.armed = true
		c.j.wakeSaver()
		return
	}
	c.acked, c.sent, c.storedAck, c.stored = acked, acked, acked, true
	s.claim(c.j, name, func(w written) bool {
		if w.seq <= acked {
			return false
		}
		c.lineOf(w.class).pushPlace(place{seq: w.seq, size: w.size, shelved: true})
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

// forget drops a cursor's stored position with the next commit.
func (s *saver) forget(c *Cursor) {
	s.removed = append(s.removed, cursorName(c.o.App, c.o.Account))
	s.armed = true
	c.j.wakeSaver()
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

// queueBatch is what one commit does to the queue and cursors tables.
type queueBatch struct {
	events  []*Event
	values  [][]byte
	bytes   int64 // of values, with what each costs beside
	free    []uint64
	acks    map[string]uint64
	removed []string
	upTo    uint64
	orphans int
}

// due collects what has been unacknowledged for queueSync (all of it when all is set). A commit costs far more than an
// event in it: so one that is made anyway (along says that history makes it) also takes what is younger, where the app
// that it waits for is behind by older events. next is how long until more has to be written, 0 when nothing waits;
// a quarter of queueSync is added to it, for the same reason. write is false when the queue has no reason for a commit.
func (j *Journal) due(all, along bool) (b queueBatch, next time.Duration, write bool) {
	steady, wall, boot := j.steady(), j.now(), j.boot()
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &j.saver
	b.upTo = s.upTo
	b.orphans = len(s.orphans)
	soon := 0 // places of the ring that must not wait, since they will leave it
	if s.pressed {
		soon = j.n / 2
	}
	for _, ev := range s.orphans {
		j.collect(&b, ev, boot, steady, wall)
	}
	for i := j.after(s.upTo); i < j.n; i++ {
		ev := j.at(i)
		if b.bytes > groupBytes {
			next = time.Millisecond
			break
		}
		young := steady-ev.born < j.queueSync && !all && ev.holders > 0 && i >= soon
		if young && !((along || len(b.events) > 0) && j.waitsForLate(ev, steady)) {
			s.pressed = false
			next = ev.born + j.queueSync + j.queueSync/4 - steady
			break
		}
		j.collect(&b, ev, boot, steady, wall)
		b.upTo = ev.Seq
	}
	if all || along || len(s.free) >= deleteGroup {
		b.free = slices.Clone(s.free[:min(len(s.free), deleteRun)])
	}
	b.removed = slices.Clone(s.removed)
	b.acks = map[string]uint64{}
	fresh := false
	for _, c := range j.cursors {
		if !c.stored || c.acked != c.storedAck {
			b.acks[cursorName(c.o.App, c.o.Account)] = c.acked
			fresh = fresh || !c.stored
		}
	}
	if len(b.events) == 0 {
		s.upTo, s.pressed = b.upTo, false
		s.armed = next > 0
	}
	write = len(b.events) > 0 || fresh || len(b.removed) > 0 || len(s.free) >= deleteAt || all && (len(b.free) > 0 || len(b.acks) > 0)
	return b, next, write
}

// waitsForLate reports whether an app that has not acknowledged something for queueSync is to get the event.
func (j *Journal) waitsForLate(ev *Event, steady time.Duration) bool {
	for _, c := range j.cursors {
		if c.wants(ev) && ev.Seq > c.acked && (c.messages.late(steady-j.queueSync) || c.requests.late(steady-j.queueSync)) {
			return true
		}
	}
	return false
}

// collect adds an event to the batch when somebody waits for it and it is not written.
func (j *Journal) collect(b *queueBatch, ev *Event, boot string, steady time.Duration, wall time.Time) {
	if ev.holders == 0 || ev.saved != saveNone {
		return
	}
	w := waiting{class: ev.Class, at: ev.At, raw: ev.Raw, stamp: newStamp(steady-ev.born, boot, steady, wall)}
	for _, c := range j.cursors {
		if c.wants(ev) && ev.Seq > c.acked {
			w.account = c.o.Account
			w.apps = append(w.apps, c.o.App)
		}
	}
	if len(w.apps) == 0 || len(w.apps) > maxWaitingApps {
		return
	}
	ev.saved = saveWriting
	value := encodeWaiting(&w)
	b.events = append(b.events, ev)
	b.values = append(b.values, value)
	b.bytes += int64(len(value)) + eventOverhead
}

// write puts the batch into a transaction.
func (b *queueBatch) write(tx *bbolt.Tx) error {
	queue, cursors := tx.Bucket(bucketQueue), tx.Bucket(bucketCursors)
	queue.FillPercent = appendFill
	for i, ev := range b.events {
		if err := queue.Put(seqKey(ev.Seq), b.values[i]); err != nil {
			return fmt.Errorf("writing a waiting event: %w", err)
		}
	}
	for _, seq := range b.free {
		if err := queue.Delete(seqKey(seq)); err != nil {
			return fmt.Errorf("deleting a delivered event: %w", err)
		}
	}
	for _, name := range b.removed {
		if err := cursors.Delete([]byte(name)); err != nil {
			return fmt.Errorf("deleting a cursor: %w", err)
		}
	}
	for name, acked := range b.acks {
		if err := putUint(cursors, []byte(name), acked); err != nil {
			return fmt.Errorf("writing a cursor: %w", err)
		}
	}
	return nil
}

// finish tells the journal what became of a batch.
func (j *Journal) finish(b *queueBatch, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &j.saver
	inRing := func(ev *Event) bool { return j.n > 0 && ev.Seq >= j.at(0).Seq }
	if !ok {
		for _, ev := range b.events {
			ev.saved = saveNone
			switch {
			case ev.holders == 0 || inRing(ev):
			case ev.Class != ClassRequest:
				j.lose(ev)
			case len(s.orphans) < maxOrphans && !slices.Contains(s.orphans, ev):
				s.orphans = append(s.orphans, ev)
			}
		}
		return
	}
	s.upTo = max(s.upTo, b.upTo)
	s.orphans = slices.Delete(s.orphans, 0, b.orphans)
	if len(s.orphans) == 0 {
		s.orphans = nil
	}
	for _, ev := range b.events {
		ev.saved = saveDone
		switch {
		case ev.holders == 0:
			s.released(ev)
		case ev.Class != ClassRequest && !inRing(ev):
			j.shelve(ev)
		}
	}
	s.free = slices.Delete(s.free, 0, len(b.free))
	// Not by number: a cursor that was opened again meanwhile has left the list.
	s.removed = slices.DeleteFunc(s.removed, func(name string) bool { return slices.Contains(b.removed, name) })
	for _, c := range j.cursors {
		if acked, ok := b.acks[cursorName(c.o.App, c.o.Account)]; ok {
			c.storedAck, c.stored = acked, true
		}
	}
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
	numbers := map[string]int32{}
	c := tx.Bucket(bucketQueue).Cursor()
	for k, v := c.Last(); k != nil; k, v = c.Prev() {
		seq, ok := seqOf(k)
		if !ok {
			continue
		}
		w, err := decodeWaitingHead(v)
		if err == nil && seq <= j.last && len(s.backlog) < maxShelf {
			n := s.audienceOf(numbers, w.account, w.apps)
			if len(s.audiences[n].apps) > 0 {
				s.backlog = append(s.backlog, written{seq: seq, size: int32(len(w.raw)), audience: n, class: w.class})
				continue
			}
		}
		if len(s.free) >= deleteAt {
			break
		}
		s.free = append(s.free, seq)
	}
	slices.Reverse(s.backlog)
	for _, w := range s.backlog {
		s.shelf.put(w.seq, int32(len(s.audiences[w.audience].apps)))
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
