package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// maxOrphans bounds requests that left the ring before they were written.
	maxOrphans = 256
	// deleteAt is how many written events must be free before a commit is made only to delete them.
	deleteAt = 4096
	// deleteRun bounds the deletions of one commit.
	deleteRun = 1024
)

// saver is the journal's side of the queue table: which events wait for somebody who is away, and which of the
// written ones nobody waits for any more. All fields are under Journal.mu.
type saver struct {
	armed    bool   // the committer was told that something may become due
	upTo     uint64 // everything up to it was looked at
	orphans  []*Event
	free     []uint64 // written and wanted by nobody: deleted with the next commit
	restored []restored
	known    map[string]uint64 // cursor name -> acknowledged seq as stored, for cursors not opened yet
	removed  []string          // names of closed cursors
}

// restored is an event that a former process had written.
type restored struct {
	ev      *Event
	account string
	apps    []string
	claimed bool // a cursor took it, and ev.Account was set
}

// cursorName is a cursor's key on disk.
func cursorName(app, account string) string { return app + "\x00" + account }

// released is called when nobody wants an event any more.
func (s *saver) released(ev *Event) {
	if ev.saved == saveDone {
		s.free = append(s.free, ev.Seq)
	}
}

// evicted is called when an event leaves the ring.
func (s *saver) evicted(ev *Event) {
	switch {
	case ev.holders > 0 && ev.saved == saveNone && ev.Seq > s.upTo:
		if len(s.orphans) < maxOrphans {
			s.orphans = append(s.orphans, ev)
		}
	case ev.saved == saveDone && len(s.restored) > 0:
		// Restored. When no app ever asked for it nobody else frees it.
		if i := slices.IndexFunc(s.restored, func(r restored) bool { return r.ev == ev }); i >= 0 {
			if !s.restored[i].claimed {
				s.free = append(s.free, ev.Seq)
			}
			s.restored = slices.Delete(s.restored, i, i+1)
		}
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
	delete(s.known, name)
	c.acked, c.sent, c.storedAck, c.stored = acked, acked, acked, true
	for i := range s.restored {
		r := &s.restored[i]
		k := slices.Index(r.apps, c.o.App)
		if r.account != c.o.Account || k < 0 {
			continue
		}
		r.apps = slices.Delete(r.apps, k, k+1)
		if !r.claimed {
			r.ev.Account, r.claimed = c.o.AccountIndex, true
			if r.ev.Seq <= c.acked && len(r.apps) == 0 {
				s.free = append(s.free, r.ev.Seq) // acknowledged before the restart
			}
		}
		if r.ev.Seq > c.acked {
			c.add(r.ev)
		}
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
	delete(j.saver.known, name)
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

// due collects what has been unacknowledged for queueSync (all of it when all is set). next is how long until more may
// be due, 0 when nothing waits. write is false when there is no reason for a commit of its own.
func (j *Journal) due(all bool) (b queueBatch, next time.Duration, write bool) {
	steady, wall, boot := j.steady(), j.now(), j.boot()
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &j.saver
	b.upTo = s.upTo
	b.orphans = len(s.orphans)
	for _, ev := range s.orphans {
		j.collect(&b, ev, boot, steady, wall)
	}
	for i := j.after(s.upTo); i < j.n; i++ {
		ev := j.at(i)
		if wait := ev.born + j.queueSync - steady; wait > 0 && !all && ev.holders > 0 {
			next = wait
			break
		}
		if b.bytes > groupBytes {
			next = time.Millisecond
			break
		}
		j.collect(&b, ev, boot, steady, wall)
		b.upTo = ev.Seq
	}
	b.free = slices.Clone(s.free[:min(len(s.free), deleteRun)])
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
		s.upTo = b.upTo
		s.armed = next > 0
	}
	write = len(b.events) > 0 || fresh || len(b.removed) > 0 || len(s.free) >= deleteAt || all && (len(b.free) > 0 || len(b.acks) > 0)
	return b, next, write
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
	if !ok {
		for _, ev := range b.events {
			ev.saved = saveNone
			inRing := j.n > 0 && ev.Seq >= j.at(0).Seq
			if !inRing && ev.holders > 0 && len(s.orphans) < maxOrphans && !slices.Contains(s.orphans, ev) {
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
		if ev.holders == 0 {
			s.free = append(s.free, ev.Seq)
		}
	}
	s.free = slices.Delete(s.free, 0, len(b.free))
	s.removed = slices.Delete(s.removed, 0, len(b.removed))
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

// load reads the stored cursors and the newest waiting events, as many as the ring holds. What is older is marked for
// deletion. The queue table is short on a healthy box, so this reads little.
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
	var bytes int64
	c := tx.Bucket(bucketQueue).Cursor()
	for k, v := c.Last(); k != nil; k, v = c.Prev() {
		if len(k) != 8 {
			continue
		}
		seq := binary.BigEndian.Uint64(k)
		w, err := decodeWaiting(v)
		if bytes+int64(len(v)) > j.limit || err != nil || seq > j.last {
			if len(s.free) >= deleteAt {
				break
			}
			s.free = append(s.free, seq)
			continue
		}
		bytes += int64(len(v)) + eventOverhead
		ev := &Event{Seq: seq, At: w.at, Class: w.class, Raw: w.raw, born: steady - w.age(boot, steady, wall), saved: saveDone}
		s.restored = append(s.restored, restored{ev: ev, account: w.account, apps: w.apps})
	}
	slices.Reverse(s.restored)
	for _, r := range s.restored {
		j.push(r.ev)
	}
	return nil
}
