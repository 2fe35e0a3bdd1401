package store

import (
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
	// deleteGroup of them leave with a commit that events make: one by one each would cost the page that it lies on.
	deleteGroup = 64
	// deleteRun bounds the deletions of one commit, deleteCrowd those of one that has to make room.
	deleteRun   = 1024
	deleteCrowd = 8192
)

// saver is the journal's side of the queue table: which events wait for somebody who is away, and which of the
// written ones nobody waits for any more. All fields are under Journal.mu.
type saver struct {
	armed   bool   // the committer was told that something may become due
	pressed bool   // and that the ring runs full of it
	upTo    uint64 // everything up to it was looked at
	orphans []*Event
	free    []freed // written and wanted by nobody: deleted with the next commit
	shelf   shelf
	known   map[string]uint64 // cursor name -> acknowledged seq as stored, for cursors not opened yet
	removed []string          // names of closed cursors

	// What the table takes in the file, by rowCost, against its share (share.go).
	rows                          int
	stored, freeing, limit, share int64

	// What a former process had written, oldest first, until every known cursor was opened or forgotten.
	backlog   []written
	audiences []audience
}

// cursorName is a cursor's key on disk.
func cursorName(app, account string) string { return app + "\x00" + account }

// released is called when nobody wants an event any more.
func (s *saver) released(ev *Event) {
	if ev.saved == saveDone {
		ev.saved = saveFreed
		s.release(ev.Seq, ev.row)
	}
}

// orphan is called when a request that somebody waits for leaves the ring.
func (s *saver) orphan(ev *Event) {
	if ev.saved == saveNone && ev.Seq > s.upTo && len(s.orphans) < maxOrphans {
		s.orphans = append(s.orphans, ev)
	}
}

// forget drops a cursor's stored position with the next commit.
func (s *saver) forget(c *Cursor) {
	s.removed = append(s.removed, cursorName(c.o.App, c.o.Account))
	s.armed = true
	c.j.wakeSaver()
}

// queueBatch is what one commit does to the queue and cursors tables.
type queueBatch struct {
	events  []*Event
	values  [][]byte
	bytes   int64 // of values, with what each costs beside
	cost    int64 // of their rows in the file
	free    []freed
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
	for _, c := range j.cursors {
		c.expire(steady)
	}
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
	if len(b.events) > 0 && (s.stored+b.cost > s.limit || s.rows+len(b.events) > maxShelf) {
		j.makeRoom(b.cost, len(b.events))
		b.free = slices.Clone(s.free[:min(len(s.free), deleteCrowd)])
	}
	b.removed = slices.Clone(s.removed)
	b.acks = map[string]uint64{}
	fresh := false
	for _, c := range j.cursors {
		if settled := c.settled(); !c.stored || settled != c.storedAck {
			b.acks[cursorName(c.o.App, c.o.Account)] = settled
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
		if c.holds(ev) {
			w.account = c.o.Account
			w.apps = append(w.apps, c.o.App)
		}
	}
	if len(w.apps) == 0 || len(w.apps) > maxWaitingApps {
		return
	}
	value := encodeWaiting(&w)
	cost := rowCost(len(value))
	if int64(cost) > j.saver.share/2 {
		return // it would push out everything else; it waits in memory only
	}
	ev.saved, ev.row = saveWriting, cost
	b.cost += int64(cost)
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
	for _, r := range b.free {
		if err := queue.Delete(seqKey(r.seq)); err != nil {
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
	s.stored += b.cost
	s.rows += len(b.events)
	for _, ev := range b.events {
		ev.saved = saveDone
		switch {
		case ev.holders == 0:
			s.released(ev)
		case ev.Class != ClassRequest && !inRing(ev):
			j.shelve(ev)
		}
	}
	s.deleted(len(b.free))
	// Not by number: a cursor that was opened again meanwhile has left the list.
	s.removed = slices.DeleteFunc(s.removed, func(name string) bool { return slices.Contains(b.removed, name) })
	for _, c := range j.cursors {
		if acked, ok := b.acks[cursorName(c.o.App, c.o.Account)]; ok {
			c.storedAck, c.stored = acked, true
		}
	}
}
