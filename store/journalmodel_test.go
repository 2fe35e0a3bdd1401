package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// model is a cursor as DELIVERY describes it, written as simply as possible.
type model struct {
	slot    uint64
	bounds  Bounds
	waiting []*modelEvent // not acknowledged, in order
	dropped uint64
	skipped uint64
	repeats uint64
	poison  uint64
	total   uint64
	acked   uint64
	ackedN  uint64
	sent    uint64
	began   uint64
}

type modelEvent struct {
	seq     uint64
	class   Class
	size    int
	born    time.Duration
	read    bool
	evicted bool
	writing bool // a commit has it in hand
	left    bool // and the ring has forgotten it meanwhile
	saved   bool
	strikes int
	blame   int
	again   bool // read once, and not since
	tried   bool // read once
}

func (m *model) remove(e *modelEvent) {
	m.waiting = slices.DeleteFunc(m.waiting, func(x *modelEvent) bool { return x == e })
}

func (m *model) unread(request bool) (list []*modelEvent, bytes int) {
	for _, e := range m.waiting {
		if !e.read && (e.class == ClassRequest) == request {
			list = append(list, e)
			bytes += e.size
		}
	}
	return list, bytes
}

// fresh is what waits and was never sent.
func (m *model) fresh(request bool) (list []*modelEvent, bytes int) {
	all, _ := m.unread(request)
	for _, e := range all {
		if !e.tried {
			list = append(list, e)
			bytes += e.size
		}
	}
	return list, bytes
}

func (m *model) flight() (list []*modelEvent) {
	for _, e := range m.waiting {
		if e.read {
			list = append(list, e)
		}
	}
	return list
}

func (m *model) suspect(e *modelEvent) bool {
	return m.bounds.MaxStrikes > 0 && e.strikes >= max(1, m.bounds.MaxStrikes-1)
}

// strike is DELIVERY's rule of poison, as Cursor.Strike says it.
func (m *model) strike() {
	flight := m.flight()
	if m.bounds.MaxStrikes == 0 || len(flight) == 0 {
		return
	}
	for _, e := range flight {
		e.strikes++
	}
	first, limit := flight[0], m.bounds.MaxStrikes
	if len(flight) > 1 && m.acked != m.began {
		return
	}
	first.blame++
	if first.class == ClassRequest {
		limit += 2
	}
	if len(flight) == 1 && first.strikes >= limit && first.blame >= min(2, limit) {
		m.remove(first)
		m.poison++
	}
}

func (m *model) bound() {
	for {
		list, bytes := m.fresh(false)
		if len(list) == 0 || (m.bounds.MaxEvents <= 0 || len(list) <= m.bounds.MaxEvents) && (m.bounds.MaxBytes <= 0 || int64(bytes) <= m.bounds.MaxBytes) {
			break
		}
		m.remove(list[0])
		m.dropped++
	}
	for {
		list, _ := m.fresh(true)
		if len(list) <= maxRequests {
			break
		}
		m.remove(list[0])
		m.dropped++
	}
}

// expire is what looking at the numbers does to events that became too old unread.
func (m *model) expire(now time.Duration) {
	for _, request := range []bool{false, true} {
		list, _ := m.unread(request)
		for _, e := range list {
			if age := m.bounds.maxAge(e.class); age <= 0 || now-e.born <= age {
				break
			}
			m.remove(e)
			m.skipped++
		}
	}
}

func (m *model) next(now time.Duration, n int, limit int64) (out []uint64) {
	var bytes int64
	for _, e := range slices.Clone(m.waiting) {
		if e.read {
			continue
		}
		if n > 0 && len(out) >= n {
			break
		}
		if flight := m.flight(); len(flight) > 0 && (m.suspect(e) || slices.ContainsFunc(flight, m.suspect)) {
			break
		}
		if age := m.bounds.maxAge(e.class); age > 0 && now-e.born > age {
			m.remove(e)
			m.skipped++
			continue
		}
		if limit > 0 && len(out) > 0 && bytes+int64(e.size) > limit {
			break
		}
		bytes += int64(e.size)
		e.read, e.tried = true, true
		if e.again {
			e.again = false
			m.repeats++
		}
		m.sent = max(m.sent, e.seq)
		out = append(out, e.seq)
	}
	return out
}

func (m *model) ack(seq uint64) {
	seq = min(seq, m.sent)
	if seq <= m.acked {
		return
	}
	m.acked = seq
	for _, e := range slices.Clone(m.waiting) {
		if e.read && e.seq <= seq {
			m.remove(e)
			m.ackedN++
		}
	}
}

func (m *model) rewind() {
	for _, e := range slices.Clone(m.waiting) {
		if !e.read {
			continue
		}
		if e.evicted {
			m.remove(e)
			m.dropped++
			continue
		}
		e.read, e.again = false, true
	}
	m.sent, m.began = m.acked, m.acked
	m.bound()
}

func (m *model) evict(seq uint64) {
	for _, e := range slices.Clone(m.waiting) {
		if e.seq != seq || e.class == ClassRequest || e.saved {
			continue
		}
		if e.writing {
			e.left = true
			continue
		}
		e.evicted = true
		if !e.read {
			m.remove(e)
			m.dropped++
		}
	}
}

// begin is the start of a commit that takes everything which waits.
func (m *model) begin() {
	for _, e := range m.waiting {
		e.writing = !e.saved && !e.evicted
	}
}

// end is its end: what left the ring meanwhile is on the disk, or nowhere.
func (m *model) end(ok bool) {
	for _, e := range slices.Clone(m.waiting) {
		if !e.writing {
			continue
		}
		e.writing, e.saved = false, ok
		if e.left && !ok {
			e.left = false
			m.evict(e.seq)
		}
	}
}

// crowd gives up the oldest rows, messages first, until what is left takes no more than room.
func crowd(models []*model, costs map[uint64]int64, room int64) {
	live := map[uint64]Class{}
	for _, m := range models {
		for _, e := range m.waiting {
			if e.saved {
				live[e.seq] = e.class
			}
		}
	}
	for seq := range live {
		room -= costs[seq]
	}
	for _, requests := range []bool{false, true} {
		for _, seq := range slices.Sorted(maps.Keys(live)) {
			if room >= 0 || (live[seq] == ClassRequest) != requests {
				continue
			}
			room += costs[seq]
			for _, m := range models {
				for _, e := range slices.Clone(m.waiting) {
					switch {
					case e.seq != seq:
					case e.read:
						e.saved, e.evicted = false, true
					default:
						m.remove(e)
						m.dropped++
					}
				}
			}
		}
	}
}

func TestJournalModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { journalModel(t, nil) })
}

// The same with a queue table behind the ring, whose commits succeed, fail, and take their time.
func TestJournalModelOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), journalName)
	rapid.Check(t, func(t *rapid.T) {
		if err := errors.Join(create(path, journalSchema())); err != nil {
			t.Fatal(err)
		}
		f, err := openFile(path, fileOptions{schema: journalSchema()})
		if err != nil {
			t.Fatal(err)
		}
		f.db.NoSync = true // nobody cuts the power here
		defer func() {
			if err := errors.Join(f.close(), os.Remove(path)); err != nil {
				t.Fatal(err)
			}
		}()
		journalModel(t, f)
	})
}

// journalModel compares a journal with the model; f is nil for one in memory only.
func journalModel(t *rapid.T, f *file) {
	clk := newClock()
	j := ringOnly(clk, int64(rapid.IntRange(2, 40).Draw(t, "ring"))*(eventOverhead+20))
	if f != nil {
		j.log = f
		j.saver.share = int64(rapid.IntRange(600, 6000).Draw(t, "share"))
		j.saver.limit = j.saver.share
	}
	costs := map[uint64]int64{} // of rows that were written
	var cursors []*Cursor
	var models []*model
	for i := range 3 {
		b := Bounds{
			MaxAgeMessage: time.Duration(rapid.IntRange(0, 30).Draw(t, "age")) * time.Second,
			MaxAgeRequest: time.Minute,
			MaxEvents:     rapid.IntRange(0, 12).Draw(t, "events"),
			MaxBytes:      int64(rapid.IntRange(0, 400).Draw(t, "bytes")),
			MaxStrikes:    rapid.IntRange(0, 3).Draw(t, "strikes"),
		}
		cursors = append(cursors, j.OpenCursor(CursorOptions{App: fmt.Sprint(i), Account: "bot", Slot: uint8(i), Bounds: b}))
		models = append(models, &model{slot: 1 << i, bounds: b, acked: j.last, sent: j.last, began: j.last})
	}
	type kept struct {
		seq  uint64
		size int64
	}
	var ring []kept
	var ringBytes int64
	which := func(t *rapid.T) int { return rapid.IntRange(0, 2).Draw(t, "cursor") }
	last := make([]uint64, 3) // highest seq read since the last rewind: order and uniqueness
	appendSome := func(t *rapid.T, least int) {
		for range rapid.IntRange(least, 8).Draw(t, "n") {
			e := Event{For: rapid.Uint64Range(0, 7).Draw(t, "for"), Raw: make([]byte, rapid.IntRange(0, 60).Draw(t, "size"))}
			if rapid.IntRange(0, 4).Draw(t, "request") == 0 {
				e.Class = ClassRequest
			}
			seq := j.Append(e)
			ring = append(ring, kept{seq, int64(len(e.Raw)) + eventOverhead})
			ringBytes += int64(len(e.Raw)) + eventOverhead
			for _, m := range models {
				if e.For&m.slot != 0 {
					m.total++
					m.waiting = append(m.waiting, &modelEvent{seq: seq, class: e.Class, size: len(e.Raw), born: time.Duration(clk.steady.Load())})
					m.bound()
				}
			}
			for ringBytes > j.limit && len(ring) > 1 {
				for _, m := range models {
					m.evict(ring[0].seq)
				}
				ringBytes -= ring[0].size
				ring = ring[1:]
			}
		}
	}
	save := func(t *rapid.T) {
		b, _, _ := j.due(true, true)
		if len(b.events) > 0 {
			crowd(models, costs, j.saver.share-b.cost)
		}
		for i, ev := range b.events {
			costs[ev.Seq] = int64(rowCost(len(b.values[i])))
		}
		for _, m := range models {
			m.begin()
		}
		appendSome(t, 0)
		ok := rapid.IntRange(0, 3).Draw(t, "fails") > 0
		err := f.update(func(tx *bbolt.Tx) error {
			if !ok {
				return noSpace()
			}
			return b.write(tx)
		})
		if (err == nil) != ok {
			t.Fatal(err)
		}
		j.finish(&b, ok)
		for _, m := range models {
			m.end(ok)
		}
		if live := j.saver.stored - j.saver.freeing; len(b.events) > 0 && live > max(j.saver.share, b.cost) {
			t.Fatalf("the rows take %d bytes of %d", live, j.saver.share)
		}
	}
	actions := map[string]func(*rapid.T){
		"append": func(t *rapid.T) { appendSome(t, 1) },
		"next": func(t *rapid.T) {
			i := which(t)
			n, bytes := rapid.IntRange(0, 6).Draw(t, "max"), int64(rapid.IntRange(0, 100).Draw(t, "maxBytes"))
			var got []uint64
			for _, ev := range cursors[i].Next(nil, n, bytes) {
				if ev.Seq <= last[i] {
					t.Fatalf("cursor %d: %x after %x", i, ev.Seq, last[i])
				}
				last[i] = ev.Seq
				got = append(got, ev.Seq)
			}
			if want := models[i].next(time.Duration(clk.steady.Load()), n, bytes); !slices.Equal(got, want) {
				t.Fatalf("cursor %d: read %x, want %x", i, got, want)
			}
		},
		"ack": func(t *rapid.T) {
			i := which(t)
			seq := j.epoch<<seqBits | uint64(rapid.IntRange(0, int(j.last&(1<<seqBits-1))+2).Draw(t, "seq"))
			cursors[i].Ack(seq)
			models[i].ack(seq)
		},
		"ack all": func(t *rapid.T) {
			i := which(t)
			cursors[i].Ack(last[i])
			models[i].ack(last[i])
		},
		"rewind": func(t *rapid.T) {
			i := which(t)
			if rapid.Bool().Draw(t, "strike") {
				_, _ = cursors[i].Strike()
				models[i].strike()
			}
			cursors[i].Rewind()
			models[i].rewind()
			last[i] = models[i].acked
		},
		"time": func(t *rapid.T) { clk.pass(time.Duration(rapid.IntRange(0, 20).Draw(t, "s")) * time.Second) },
		"": func(t *rapid.T) {
			for i, c := range cursors {
				m := models[i]
				m.expire(time.Duration(clk.steady.Load()))
				unread := 0
				for _, e := range m.waiting {
					if !e.read {
						unread++
					}
				}
				want := CursorStats{Backlog: len(m.waiting), Unread: unread, Dropped: m.dropped, Skipped: m.skipped, Poisoned: m.poison, Repeated: m.repeats, Acked: m.acked}
				if got := c.Stats(); got != want {
					t.Fatalf("cursor %d: %+v, want %+v", i, got, want)
				}
				if sum := m.ackedN + uint64(len(m.waiting)) + m.dropped + m.skipped + m.poison; sum != m.total {
					t.Fatalf("cursor %d: %d events accounted for, %d were for it", i, sum, m.total)
				}
			}
			if j.bytes != ringBytes || j.n != len(ring) {
				t.Fatalf("ring of %d bytes in %d events, want %d in %d", j.bytes, j.n, ringBytes, len(ring))
			}
			// Every holder is a live place of a cursor, and the other way round.
			held := map[*Event]int32{}
			shelf := map[uint64]int32{}
			for _, c := range cursors {
				for _, l := range []*line{&c.messages, &c.requests} {
					for k := range l.n {
						if e := l.at(k); e.ev != nil {
							held[e.ev]++
						} else if e.shelved && !e.gone {
							shelf[e.seq]++
						}
					}
				}
			}
			for ev, n := range held {
				if ev.holders != n {
					t.Fatalf("event %x has %d holders, counted %d", ev.Seq, n, ev.holders)
				}
			}
			for k := range j.n {
				if ev := j.at(k); ev.holders != held[ev] {
					t.Fatalf("event %x counts %d holders, has %d", ev.Seq, ev.holders, held[ev])
				}
			}
			checkShelf(t, j, f, held, shelf)
		},
	}
	if f != nil {
		actions["save"] = save
	}
	t.Repeat(actions)
}

// checkShelf compares the shelf with the places that stand for it, and the queue table with both: no row is kept that
// nobody waits for, and none is missing.
func checkShelf(t *rapid.T, j *Journal, f *file, held map[*Event]int32, places map[uint64]int32) {
	rows := map[uint64]bool{}
	for i, r := range j.saver.shelf.rows {
		if int32(r.holders) != places[r.seq] || i > 0 && j.saver.shelf.rows[i-1].seq >= r.seq {
			t.Fatalf("shelf %v, places %v", j.saver.shelf.rows, places)
		}
		if r.holders > 0 {
			rows[r.seq] = true
			delete(places, r.seq)
		}
	}
	if len(places) > 0 {
		t.Fatalf("places %v stand for nothing", places)
	}
	if f == nil {
		return
	}
	for ev := range held {
		if ev.saved == saveDone {
			rows[ev.Seq] = true
		}
	}
	for _, r := range j.saver.free {
		if rows[r.seq] {
			t.Fatalf("event %x is wanted and free", r.seq)
		}
		rows[r.seq] = true
	}
	var stored, freeing int64
	count := 0
	for _, r := range j.saver.free {
		freeing += int64(r.cost)
	}
	_ = f.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketQueue).ForEach(func(k, v []byte) error {
			seq, _ := seqOf(k)
			stored += int64(rowCost(len(v)))
			count++
			if !rows[seq] {
				t.Fatalf("event %x lies in the queue table for nobody", seq)
			}
			delete(rows, seq)
			return nil
		})
	})
	if len(rows) > 0 {
		t.Fatalf("events %v miss in the queue table", rows)
	}
	if s := &j.saver; s.stored != stored || s.freeing != freeing || s.rows != count {
		t.Fatalf("%d bytes in %d rows, %d of them to be freed; counted %d, %d, %d", stored, count, freeing, s.stored, s.rows, s.freeing)
	}
}
