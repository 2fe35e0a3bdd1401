package store

import (
	"cmp"
	"slices"
)

// What waits for apps shares journal.db with the history. Whatever the queues of all apps together may hold, it takes at
// most half of Options.MaxBytes and maxShelf rows. Beyond that the oldest messages and notices fall out, for every app
// that waited for them; requests last.

// pageFill is how much of a page rows that are only appended use.
const pageFill = pageSize * 95 / 100

// rowCost is about what a row takes in the file. bbolt puts at least two into a leaf page, and what does not fit continues
// on the pages after it, so a row just over half a page costs a whole one.
func rowCost(value int) int32 {
	row := value + 8 + elementSize
	n := max(2, pageFill/row)
	used := pageHeader + n*row
	return int32((used + pageSize - 1) / pageSize * pageSize / n)
}

// freed is a row that nobody waits for any more.
type freed struct {
	seq  uint64
	cost int32
}

// release marks a row for the next deletion.
func (s *saver) release(seq uint64, cost int32) {
	s.free = append(s.free, freed{seq, cost})
	s.freeing += int64(cost)
}

// deleted takes over that the first n rows of free are gone from the file.
func (s *saver) deleted(n int) {
	for _, r := range s.free[:n] {
		s.stored -= int64(r.cost)
		s.freeing -= int64(r.cost)
	}
	s.rows -= n
	s.free = slices.Delete(s.free, 0, n)
	if s.rows == 0 {
		s.limit = s.share
	}
}

// crowded returns how many bytes and rows there are too many, if so many more are to be written.
func (s *saver) crowded(bytes int64, rows int) (int64, int) {
	return s.stored - s.freeing + bytes - s.limit, s.rows - len(s.free) + rows - maxShelf
}

// tighten takes a quarter of a full file's table away, if it holds more than so many bytes, and returns the rows to delete.
// bbolt needs runs of pages for large rows, and rows whose neighbours were taken cost up to four times what rowCost says:
// it joins pages only when they are a quarter full. The share is whole again once the table is empty.
func (j *Journal) tighten(above int64) []freed {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &j.saver
	live := s.stored - s.freeing
	if live <= above {
		return nil
	}
	if s.freeing <= live/4 { // else what was given up before has to leave first
		s.limit = min(s.limit, live/4*3)
		j.makeRoom(0, 0)
	}
	return slices.Clone(s.free[:min(len(s.free), deleteCrowd)])
}

// makeRoom gives up the oldest events on the disk until so many bytes and rows more have room.
func (j *Journal) makeRoom(bytes int64, rows int) {
	for _, requests := range []bool{false, true} {
		overBytes, overRows := j.saver.crowded(bytes, rows)
		if overBytes <= 0 && overRows <= 0 {
			return
		}
		for _, seq := range j.oldestSaved(requests, overBytes, overRows) {
			j.giveUp(seq)
		}
	}
}

// oldestSaved lists the oldest events on the disk that somebody waits for, as many as so many bytes and rows take.
func (j *Journal) oldestSaved(requests bool, bytes int64, rows int) (list []uint64) {
	more := func(seq uint64, cost int32) bool {
		list = append(list, seq)
		bytes -= int64(cost)
		rows--
		return bytes > 0 || rows > 0
	}
	for _, r := range j.saver.shelf.rows {
		if r.holders > 0 && r.request == requests && !more(r.seq, r.cost) {
			return list
		}
	}
	// Requests stay in memory when the ring forgets them, so those are not on the shelf. The others follow it in order.
	var held []*Event
	if requests {
		for _, c := range j.cursors {
			for i := range c.requests.n {
				if ev := c.requests.at(i).ev; ev != nil && !slices.Contains(held, ev) {
					held = append(held, ev)
				}
			}
		}
		slices.SortFunc(held, func(a, b *Event) int { return cmp.Compare(a.Seq, b.Seq) })
	} else {
		for i := range j.n {
			held = append(held, j.at(i))
		}
	}
	for _, ev := range held {
		if ev.saved == saveDone && ev.holders > 0 && (ev.Class == ClassRequest) == requests && !more(ev.Seq, ev.row) {
			return list
		}
	}
	return list
}

// giveUp takes an event from all who wait for it.
func (j *Journal) giveUp(seq uint64) {
	for _, c := range j.cursors {
		for _, l := range []*line{&c.messages, &c.requests} {
			if i := l.find(seq); i >= 0 && !l.at(i).gone {
				c.giveUp(l, i)
			}
		}
		c.giveUpAside(seq)
	}
	// Cursors that are not open yet count it when they do not find it.
	j.saver.shelf.drop(seq, j.saver.release)
}

// giveUp loses an event of a line: unread it is dropped; read, it cannot be repeated any more.
func (c *Cursor) giveUp(l *line, i int) {
	if i >= l.sent {
		c.discard(l, i)
		c.dropped++
		l.trim()
		return
	}
	e := l.at(i)
	was := *e
	e.ev, e.shelved = nil, false
	c.letGo(was)
}
