package store

import (
	"errors"
	"slices"
	"sort"

	"go.etcd.io/bbolt"
)

const (
	// pageEvents and pageBytes bound what one read of the queue table brings back for a cursor.
	pageEvents = 256
	pageBytes  = 128 << 10
	// maxShelf bounds the rows of the queue table, and with them what a start takes over from it.
	maxShelf = 1 << 18
)

// shelf is what waits in the queue table only: the ring has forgotten it, or it was written by a former process. Of
// each event only the number stays in memory, so a backlog may be far longer than the ring. All under Journal.mu.
type shelf struct {
	rows []shelved // in order
	gone int       // of these, wanted by nobody any more
}

// shelved is one event on the shelf.
type shelved struct {
	seq     uint64
	cost    int32 // of its row
	holders int16 // places that stand for it; an event has at most maxWaitingApps
	request bool
}

// put adds an event that places stand for.
func (s *shelf) put(r shelved) {
	if n := len(s.rows); n == 0 || s.rows[n-1].seq < r.seq {
		s.rows = append(s.rows, r)
		return
	}
	s.rows = slices.Insert(s.rows, s.find(r.seq), r)
}

// find returns the place of the first row that is not before seq.
func (s *shelf) find(seq uint64) int {
	return sort.Search(len(s.rows), func(i int) bool { return s.rows[i].seq >= seq })
}

// take lets one place go. After the last one, release is told what the row costs.
func (s *shelf) take(seq uint64, release func(uint64, int32)) {
	i := s.find(seq)
	if i == len(s.rows) || s.rows[i].seq != seq || s.rows[i].holders == 0 {
		return
	}
	if s.rows[i].holders--; s.rows[i].holders > 0 {
		return
	}
	release(seq, s.rows[i].cost)
	s.gone++
	if s.gone > 64 && s.gone > len(s.rows)/2 {
		s.rows = slices.DeleteFunc(s.rows, func(r shelved) bool { return r.holders == 0 })
		s.gone = 0
		if cap(s.rows) > 4*len(s.rows)+256 {
			s.rows = slices.Clone(s.rows)
		}
	}
}

// drop lets all places of an event go.
func (s *shelf) drop(seq uint64, release func(uint64, int32)) {
	if i := s.find(seq); i < len(s.rows) && s.rows[i].seq == seq && s.rows[i].holders > 0 {
		s.rows[i].holders = 1
		s.take(seq, release)
	}
}

// shelve moves an event that left the ring to the shelf: it is in the queue table, so its cursors need not hold it.
func (j *Journal) shelve(ev *Event) {
	var holders int16
	for _, c := range j.cursors {
		if c.shelve(ev) {
			holders++
		}
	}
	ev.holders = 0
	if holders > 0 {
		j.saver.shelf.put(shelved{seq: ev.Seq, cost: ev.row, holders: holders, request: ev.Class == ClassRequest})
	} else {
		j.saver.released(ev)
	}
}

// unshelve says that one place less stands for an event on the shelf.
func (j *Journal) unshelve(seq uint64) { j.saver.shelf.take(seq, j.saver.release) }

// fetch reads events back from the queue table. No lock is held: a slow card delays only the app that was away.
// Events that are not there are left out.
func (j *Journal) fetch(seqs []uint64) ([]*Event, error) {
	if j.log == nil {
		return nil, ErrClosed
	}
	steady, wall, boot := j.steady(), j.now(), j.boot()
	page := make([]*Event, 0, len(seqs))
	err := j.log.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketQueue).Cursor()
		var at uint64 // where c stands; 0 = nowhere
		var v []byte
		for _, seq := range seqs {
			var k []byte
			// Neighbours are the rule: one step is cheaper than a search.
			if at != 0 && seq == at+1 {
				k, v = c.Next()
			}
			if got, ok := seqOf(k); !ok || got != seq {
				k, v = c.Seek(seqKey(seq))
			}
			if got, ok := seqOf(k); !ok || got != seq {
				at = 0
				continue
			}
			at = seq
			w, err := decodeWaiting(v)
			if err != nil {
				continue
			}
			page = append(page, &Event{
				Seq: seq, At: w.at, Class: w.class, Raw: w.raw, born: steady - w.age(boot, steady, wall), saved: saveDone,
			})
		}
		return nil
	})
	return page, err
}

// wanted lists what has to be read back before the place can be: it and what follows it on the shelf.
func (l *line) wanted(from int) []uint64 {
	var seqs []uint64
	var bytes int64
	for i := from; i < l.n && len(seqs) < pageEvents && bytes < pageBytes; i++ {
		e := l.at(i)
		if e.gone {
			continue
		}
		if !e.shelved {
			break
		}
		seqs = append(seqs, e.seq)
		bytes += int64(e.size)
	}
	return seqs
}

// fromPage returns an event that was read back, nil when it was not.
func (l *line) fromPage(seq uint64) *Event {
	for len(l.page) > 0 && l.page[0].Seq < seq {
		l.page[0] = nil
		l.page = l.page[1:]
	}
	if len(l.page) == 0 {
		l.page = nil
		return nil
	}
	if l.page[0].Seq != seq {
		return nil
	}
	return l.page[0]
}

// find returns the place of an event in the line, -1 when it is not there.
func (l *line) find(seq uint64) int {
	i := sort.Search(l.n, func(i int) bool { return l.at(i).seq >= seq })
	if i == l.n || l.at(i).seq != seq {
		return -1
	}
	return i
}

// shelve lets go of an event that the queue table keeps, and reports whether the cursor still counts on it.
func (c *Cursor) shelve(ev *Event) bool {
	l := c.lineOf(ev.Class)
	var e *place
	if i := l.find(ev.Seq); i >= 0 {
		e = l.at(i)
	}
	if e == nil || e.ev != ev {
		if e = c.asideOf(ev); e == nil {
			return false
		}
	}
	e.ev, e.shelved = nil, true
	return true
}

// readBack fetches what a line needs next. The lock is free meanwhile, so everything may have changed after it. What
// cannot be read is given up. False when the store is closed.
func (c *Cursor) readBack(l *line, seqs []uint64) bool {
	page, err := c.j.fetch(seqs)
	if errors.Is(err, ErrClosed) {
		return false
	}
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	rest := page
	for _, seq := range seqs {
		if len(rest) > 0 && rest[0].Seq == seq {
			rest = rest[1:]
			continue
		}
		if i := l.find(seq); i >= l.sent && !l.at(i).gone && l.at(i).shelved {
			c.discard(l, i)
			c.dropped++
		}
	}
	l.page = page
	l.trim()
	return true
}
