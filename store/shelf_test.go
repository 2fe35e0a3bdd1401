package store

import (
	"fmt"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

const frameSize = 600

// numbered is a frame that tells its number.
func numbered(i int) []byte {
	return append(make([]byte, 0, frameSize), fmt.Sprintf("%0*d", frameSize, i)...)
}

// fillBacklog appends n numbered messages for the given slots, no faster than the disk takes them.
func fillBacklog(t *testing.T, s *Store, slots uint64, from, n int) {
	t.Helper()
	j := s.Journal()
	for i := range n {
		j.Append(Event{For: slots, Raw: numbered(from + i)})
		for {
			j.mu.Lock()
			waits := j.saver.pressed
			j.mu.Unlock()
			if !waits {
				break
			}
			flushed(t, s) // gives the committer a turn
		}
	}
}

// inMemory counts the frames that the journal itself holds, in the ring and through cursors.
func inMemory(j *Journal) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	held := map[*Event]bool{}
	for i := range j.n {
		held[j.at(i)] = true
	}
	for _, c := range j.cursors {
		for _, l := range []*line{&c.messages, &c.requests} {
			for i := range l.n {
				if ev := l.at(i).ev; ev != nil {
					held[ev] = true
				}
			}
			for _, ev := range l.page {
				held[ev] = true
			}
		}
	}
	return len(held)
}

// drain reads and acknowledges everything in batches, and checks that it is from, from+1, ... in order.
func drain(t *testing.T, c *Cursor, from int) (next int) {
	t.Helper()
	next = from
	for buf := []*Event(nil); ; next += len(buf) {
		buf = c.Next(buf[:0], 64, 64<<10)
		if len(buf) == 0 {
			return next
		}
		for i, ev := range buf {
			if string(ev.Raw) != string(numbered(next+i)) {
				t.Fatalf("event %d: read %.20q", next+i, ev.Raw)
			}
		}
		c.Ack(buf[len(buf)-1].Seq)
	}
}

// A backlog many times as long as the ring is kept, within memory that does not grow with it, read back in order, also
// after a restart, and its rows are deleted when it was taken. QueueSync plays no part: the ring's fill level does.
func TestFault_T25_BacklogBeyondRing(t *testing.T) {
	const n, ring = 3000, 256 << 10
	dir := t.TempDir()
	o := Options{RingBytes: ring, QueueSync: time.Hour}
	s := opened(t, dir, o)
	open := func(app string, slot uint8) *Cursor {
		return s.Journal().OpenCursor(CursorOptions{App: app, Account: "bot", Slot: slot, Bounds: Bounds{MaxEvents: 20_000, MaxBytes: 16 << 20}})
	}
	a, b, forgotten := open("a", 0), open("b", 1), open("forgotten", 2)
	fillBacklog(t, s, 7, 0, n)
	for name, c := range map[string]*Cursor{"a": a, "b": b, "forgotten": forgotten} {
		if st := c.Stats(); st.Backlog != n || st.Dropped != 0 {
			t.Errorf("%s: %+v", name, st)
		}
	}
	if got := inMemory(s.Journal()); got > ring/frameSize {
		t.Errorf("%d frames are in memory", got)
	}

	// Read but not acknowledged, then read again.
	for range 40 {
		b.Next(nil, 10, 0)
	}
	b.Rewind()
	if st := b.Stats(); st.Repeated != 0 || st.Unread != n || st.Dropped != 0 {
		t.Errorf("after Rewind: %+v", st)
	}
	if got := drain(t, a, 0); got != n {
		t.Errorf("a read %d events", got)
	}
	first := b.Next(nil, 1000, 0)
	b.Ack(first[999].Seq)
	if st := b.Stats(); st.Repeated != 400 {
		t.Errorf("read again: %+v", st)
	}
	if got := inMemory(s.Journal()); got > ring/frameSize+pageEvents {
		t.Errorf("%d frames are in memory while reading", got)
	}
	closed(t, s)

	s = opened(t, dir, o)
	if got := inMemory(s.Journal()); got != 0 {
		t.Errorf("%d frames are in memory after a restart", got)
	}
	s.Journal().Forget(Subscriber{"forgotten", "bot"})
	a, b = open("a", 0), open("b", 1)
	if st := b.Stats(); st.Backlog != n-1000 {
		t.Errorf("b after a restart: %+v", st)
	}
	fillBacklog(t, s, 3, n, 1000)
	if got := drain(t, b, 1000); got != n+1000 {
		t.Errorf("b read up to %d", got)
	}
	if got := drain(t, a, n); got != n+1000 {
		t.Errorf("a read up to %d", got)
	}
	if st := b.Stats(); st.Backlog != 0 || st.Dropped != 0 || st.Skipped != 0 {
		t.Errorf("b at the end: %+v", st)
	}
	j := s.Journal()
	if len(j.saver.backlog) != 0 || len(j.saver.shelf.rows) > 2*64 {
		t.Errorf("kept for nobody: %d, %d", len(j.saver.backlog), len(j.saver.shelf.rows))
	}
	closed(t, s)
	s = opened(t, dir, o)
	if got := rows(t, s, bucketQueue); got != 0 {
		t.Errorf("%d rows are left in the queue table", got)
	}
}

// An age bound and a smaller event bound hold for what a former process kept, too.
func TestBacklogBounds(t *testing.T) {
	clk := newClock()
	dir := t.TempDir()
	o := clk.options()
	s := opened(t, dir, o)
	s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot"})
	for i := range 300 {
		s.Journal().Append(Event{For: 1, Raw: numbered(i)})
		clk.pass(time.Second)
	}
	closed(t, s)
	s = opened(t, dir, o)
	c := s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot", Bounds: Bounds{MaxEvents: 200, MaxAgeMessage: 150 * time.Second}})
	if st := c.Stats(); st.Dropped != 100 || st.Unread != 150 || st.Skipped != 50 {
		t.Errorf("%+v", st)
	}
	if got := drain(t, c, 150); got != 300 {
		t.Errorf("read up to %d", got)
	}
	if st := c.Stats(); st.Skipped != 50 || st.Backlog != 0 {
		t.Errorf("%+v", st)
	}
}

// Rows that vanish or cannot be read back count as dropped, and what follows them arrives.
func TestBacklogHoles(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot"})
	var seqs []uint64
	for i := range 6 {
		seqs = append(seqs, s.Journal().Append(Event{For: 1, Class: Class(i % 3), Raw: fmt.Appendf(nil, "%d", i)}))
	}
	closed(t, s)
	s = opened(t, dir, Options{})
	c := s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot"})
	err := s.log.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueue)
		for _, i := range []int{0, 2} {
			if err := b.Delete(seqKey(seqs[i])); err != nil {
				return err
			}
		}
		return b.Put(seqKey(seqs[4]), []byte("damaged"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(texts(c)); got != "[1 3 5]" {
		t.Errorf("read %s", got)
	}
	if st := c.Stats(); st.Dropped != 3 || st.Backlog != 3 {
		t.Errorf("%+v", st)
	}
	closed(t, s)
	c.Rewind()
	if got := texts(c); got != nil {
		t.Errorf("a closed store gave %v", got)
	}
	if st := c.Stats(); st.Dropped != 3 || st.Backlog != 3 {
		t.Errorf("closed: %+v", st)
	}
}

// Last-Event-ID in front of a backlog of which a part is on the disk only.
func TestRewindToBeforeShelf(t *testing.T) {
	s := opened(t, t.TempDir(), Options{RingBytes: 64 << 10, QueueSync: time.Hour})
	c := s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot"})
	fillBacklog(t, s, 1, 0, 200)
	j := s.Journal()
	j.mu.Lock()
	oldest := int(j.at(0).Seq&(1<<seqBits-1)) - 1 // number of the oldest frame in the ring
	j.mu.Unlock()
	list := c.Next(nil, oldest+20, 0)
	c.Ack(list[oldest+9].Seq) // ten in the ring are acknowledged, ten in flight
	c.RewindTo(list[oldest+4].Seq)
	fillBacklog(t, s, 1, 200, 200) // pushes all of them out of the ring
	before := c.Stats()
	got := texts(c)
	// What was acknowledged is not written again, so the five that were rewound to are lost with the ring.
	if before.Dropped != 5 || len(got) != 400-oldest-10 || got[0] != string(numbered(oldest+10)) {
		t.Errorf("%+v, %d events, the first is %.60q, the ring began at %d", before, len(got), got[0], oldest)
	}
}

// While the disk refuses everything, what falls out of the ring is counted, and a line does not grow with it.
func TestFault_S08_BacklogDiskFull(t *testing.T) {
	s := opened(t, t.TempDir(), Options{RingBytes: 64 << 10, QueueSync: time.Hour})
	c := s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot", Bounds: Bounds{MaxEvents: 20_000}})
	fillBacklog(t, s, 1, 0, 500)
	s.log.fault.Store(&noSpace)
	const n = 20_000
	for i := range n {
		s.Journal().Append(Event{For: 1, Raw: numbered(500 + i)})
	}
	st := c.Stats()
	if st.Dropped == 0 || int(st.Dropped)+st.Backlog != 500+n {
		t.Errorf("%+v", st)
	}
	if got := c.messages.n; got > 500+64<<10/frameSize+1024+1 {
		t.Errorf("the line has %d places for %d events", got, st.Backlog)
	}
	s.log.fault.Store(nil)
	// The oldest are on the disk, the newest in the ring.
	list := c.Next(nil, 0, 0)
	if len(list) != st.Backlog || string(list[0].Raw) != string(numbered(0)) || string(list[len(list)-1].Raw) != string(numbered(500+n-1)) {
		t.Errorf("read %d events of %d", len(list), st.Backlog)
	}
	for i := 1; i < len(list); i++ {
		if list[i-1].Seq >= list[i].Seq {
			t.Fatalf("%x before %x", list[i-1].Seq, list[i].Seq)
		}
	}
}

func BenchmarkReadBack(b *testing.B) {
	dir := b.TempDir()
	s := opened(b, dir, Options{})
	o := CursorOptions{App: "a", Account: "bot"}
	s.Journal().OpenCursor(o)
	const n = 4000
	for i := range n {
		s.Journal().Append(Event{For: 1, Raw: numbered(i)})
	}
	closed(b, s)
	s = opened(b, dir, Options{})
	c := s.Journal().OpenCursor(o)
	buf := make([]*Event, 0, 64)
	b.ReportAllocs()
	b.SetBytes(frameSize)
	for b.Loop() {
		if buf = c.Next(buf[:0], 1, 0); len(buf) == 0 {
			c.Rewind()
		}
	}
}
