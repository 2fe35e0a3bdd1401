package store

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func seqs(list []*Event) (out []uint64) {
	for _, ev := range list {
		out = append(out, ev.Seq&(1<<seqBits-1))
	}
	return out
}

// ringOnly makes a journal without files.
func ringOnly(c *clock, bytes int64) *Journal {
	o := c.options()
	o.RingBytes = bytes
	return newJournal(3, o.withDefaults())
}

func TestJournalOrder(t *testing.T) {
	j := ringOnly(newClock(), 1<<20)
	woken := map[string]int{}
	open := func(app string, slot uint8, account uint16) *Cursor {
		return j.OpenCursor(CursorOptions{App: app, Account: fmt.Sprint(account), Slot: slot, AccountIndex: account, Wake: func() { woken[app]++ }})
	}
	a, b, other := open("a", 0, 0), open("b", 1, 0), open("other", 0, 1)
	if got := j.Append(Event{For: 0b01, Raw: []byte("one")}); got != 3<<seqBits|1 {
		t.Errorf("first seq %x", got)
	}
	j.Append(Event{For: 0b11, Class: ClassRequest})
	j.Append(Event{For: 0b10})
	j.Append(Event{For: 0b11, Account: 1})
	j.Append(Event{})
	if got := fmt.Sprint(seqs(a.Next(nil, 0, 0)), seqs(b.Next(nil, 0, 0)), seqs(other.Next(nil, 0, 0))); got != "[1 2] [2 3] [4]" {
		t.Errorf("read %s", got)
	}
	if got := fmt.Sprint(woken); got != "map[a:2 b:2 other:1]" {
		t.Errorf("woken %s", got)
	}
	if got := j.Last() & (1<<seqBits - 1); got != 5 {
		t.Errorf("Last = %d", got)
	}
	if a2 := open("a", 5, 0); a2 != a {
		t.Error("a second OpenCursor made a second cursor")
	}
	j.Append(Event{For: 1})
	j.Append(Event{For: 1 << 5})
	if got := fmt.Sprint(seqs(a.Next(nil, 0, 0))); got != "[7]" {
		t.Errorf("after the slot moved: %s", got)
	}
	j.CloseCursor(b)
	j.Append(Event{For: 0b10})
	if got := b.Next(nil, 0, 0); got != nil {
		t.Errorf("a closed cursor gave %v", seqs(got))
	}
	if woken["b"] != 2 {
		t.Error("a closed cursor was woken")
	}
}

func TestNextLimits(t *testing.T) {
	j := ringOnly(newClock(), 1<<20)
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b"})
	for range 6 {
		j.Append(Event{For: 1, Raw: make([]byte, 100)})
	}
	var got []string
	for _, limit := range []struct {
		events int
		bytes  int64
	}{{2, 0}, {9, 250}, {9, 1}, {0, 0}, {5, 5}} {
		got = append(got, fmt.Sprint(seqs(c.Next(nil, limit.events, limit.bytes))))
	}
	if s := strings.Join(got, " "); s != "[1 2] [3 4] [5] [6] []" {
		t.Errorf("read %s", s)
	}
}

func TestFault_T24_TooOld(t *testing.T) {
	clk := newClock()
	j := ringOnly(clk, 1<<20)
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b", Bounds: Bounds{MaxAgeMessage: 10 * time.Minute, MaxAgeNotice: 5 * time.Minute, MaxAgeRequest: 24 * time.Hour}})
	all := func() {
		for class := ClassMessage; class <= ClassMeta; class++ {
			j.Append(Event{For: 1, Class: class})
		}
	}
	all()
	clk.pass(6 * time.Minute)
	all()
	// A late event counts from its own time, one from the future from now.
	j.Append(Event{For: 1, At: clk.wall.Load() - int64(9*time.Minute)})
	j.Append(Event{For: 1, At: clk.wall.Load() + int64(9*time.Hour)})
	// The wall clock jumping by years expires nothing (S09).
	clk.wall.Add(int64(20 * 365 * 24 * time.Hour))
	clk.pass(2 * time.Minute)
	if got := fmt.Sprint(seqs(c.Next(nil, 0, 0))); got != "[1 3 5 6 7 8 10]" {
		t.Errorf("read %s", got)
	}
	if st := c.Stats(); st.Skipped != 3 || st.Dropped != 0 || st.Backlog != 7 {
		t.Errorf("%+v", st)
	}
}

func TestFault_T25_Bounds(t *testing.T) {
	j := ringOnly(newClock(), 8<<20)
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b", Bounds: Bounds{MaxEvents: 10, MaxBytes: 700}})
	j.Append(Event{For: 1, Class: ClassRequest, Raw: make([]byte, 10)})
	for range 12 {
		j.Append(Event{For: 1, Raw: make([]byte, 50)})
	}
	if st := c.Stats(); st.Backlog != 11 || st.Dropped != 2 {
		t.Errorf("by count: %+v", st)
	}
	j.Append(Event{For: 1, Raw: make([]byte, 600)}) // leaves room for two of 50
	if st := c.Stats(); st.Backlog != 4 || st.Dropped != 10 {
		t.Errorf("by bytes: %+v", st)
	}
	if got := fmt.Sprint(seqs(c.Next(nil, 0, 0))); got != "[1 12 13 14]" {
		t.Errorf("read %s", got)
	}
	for range maxRequests + 5 {
		j.Append(Event{For: 1, Class: ClassRequest})
	}
	if st := c.Stats(); st.Unread != maxRequests || st.Dropped != 15 {
		t.Errorf("requests: %+v", st)
	}
	c.DropBacklog()
	if st := c.Stats(); st.Backlog != 0 || st.Dropped != 15+4+maxRequests {
		t.Errorf("DropBacklog: %+v", st)
	}
}

// Messages push neither the ring's requests out of a cursor nor more memory into it.
func TestRingEviction(t *testing.T) {
	j := ringOnly(newClock(), 20*(eventOverhead+100))
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b"})
	j.Append(Event{For: 1, Class: ClassRequest, Raw: make([]byte, 100)})
	for range 30 {
		j.Append(Event{For: 1, Raw: make([]byte, 100)})
	}
	if st := c.Stats(); st.Dropped != 10 || st.Backlog != 21 {
		t.Errorf("%+v", st)
	}
	if got := seqs(c.Next(nil, 3, 0)); fmt.Sprint(got) != "[1 12 13]" {
		t.Errorf("read %v", got)
	}
	for range 15 { // 12 and 13 are in flight when the ring forgets them
		j.Append(Event{For: 1, Raw: make([]byte, 100)})
	}
	if st := c.Stats(); st.Dropped != 10+13 {
		t.Errorf("in flight counted too early: %+v", st)
	}
	c.Ack(3<<seqBits | 12)
	c.Rewind()
	if st := c.Stats(); st.Dropped != 10+13+1 || st.Repeated != 0 || st.Acked != 3<<seqBits|12 {
		t.Errorf("%+v", st)
	}
	if j.bytes > j.limit {
		t.Errorf("the ring holds %d bytes of %d", j.bytes, j.limit)
	}
}

func TestRewindTo(t *testing.T) {
	j := ringOnly(newClock(), 1<<20)
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b"})
	for i := range 8 {
		j.Append(Event{For: 1, Class: Class(i % 4)})
	}
	c.Next(nil, 6, 0)
	c.Ack(3<<seqBits | 5)
	c.RewindTo(3<<seqBits | 2)
	if got := fmt.Sprint(seqs(c.Next(nil, 0, 0))); got != "[3 4 5 6 7 8]" {
		t.Errorf("read %s", got)
	}
	if st := c.Stats(); st.Repeated != 4 || st.Backlog != 6 {
		t.Errorf("%+v", st)
	}
	c.RewindTo(3<<seqBits | 7) // forward: it is an acknowledgement
	if got := fmt.Sprint(seqs(c.Next(nil, 0, 0))); got != "[8]" {
		t.Errorf("read %s", got)
	}
	c.Ack(1 << 62) // more than was read
	if st := c.Stats(); st.Backlog != 0 || st.Acked != 3<<seqBits|8 {
		t.Errorf("%+v", st)
	}
}

// What may have arrived is not dropped for its number after a rewind: the bound is for what was never sent.
func TestRewindKeepsWhatWasSent(t *testing.T) {
	j := ringOnly(newClock(), 1<<20)
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b", Bounds: Bounds{MaxEvents: 3}})
	for range 3 {
		j.Append(Event{For: 1})
	}
	c.Next(nil, 2, 0) // 1 and 2 are in flight
	j.Append(Event{For: 1})
	c.Rewind() // four unread where three may be that were never sent
	if st := c.Stats(); st.Dropped != 0 || st.Repeated != 0 || st.Unread != 4 {
		t.Errorf("%+v", st)
	}
	for range 3 {
		j.Append(Event{For: 1}) // 3 and 4 make room
	}
	if st := c.Stats(); st.Dropped != 2 || st.Unread != 5 {
		t.Errorf("%+v", st)
	}
	if got := fmt.Sprint(seqs(c.Next(nil, 0, 0))); got != "[1 2 5 6 7]" {
		t.Errorf("read %s", got)
	}
	if st := c.Stats(); st.Dropped != 2 || st.Repeated != 2 {
		t.Errorf("%+v", st)
	}
}

// Many writers and readers at once: every cursor gets each of its events once, in order.
func TestFault_T04_OrderUnderLoad(t *testing.T) {
	const events, readers = 20_000, 3
	j := newJournal(1, Options{RingBytes: 64 << 20}.withDefaults())
	var wg sync.WaitGroup
	for i := range readers {
		wake := make(chan struct{}, 1)
		c := j.OpenCursor(CursorOptions{App: fmt.Sprint(i), Account: "bot", Slot: uint8(i), Wake: func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		}})
		wg.Go(func() {
			var buf []*Event
			for next := uint64(1); next <= events; {
				buf = c.Next(buf[:0], 64, 0)
				if len(buf) == 0 {
					<-wake
				}
				for _, ev := range buf {
					if got := ev.Seq & (1<<seqBits - 1); got != next {
						t.Errorf("reader %d: %d, want %d", i, got, next)
						return
					}
					next++
				}
				if len(buf) > 0 {
					c.Ack(buf[len(buf)-1].Seq)
				}
			}
		})
	}
	for range events {
		j.Append(Event{For: 7, Raw: []byte("{}")})
	}
	wg.Wait()
}

func TestAppendAllocates(t *testing.T) {
	j := ringOnly(newClock(), 64<<10)
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b"})
	buf := make([]*Event, 0, 64)
	step := func() {
		j.Append(Event{For: 1})
		buf = c.Next(buf[:0], 0, 0)
		c.Ack(buf[len(buf)-1].Seq)
	}
	for range 2000 {
		step()
	}
	if got := testing.AllocsPerRun(2000, step); got > 1 {
		t.Errorf("Append, Next and Ack allocate %v times, want the event alone", got)
	}
}

func BenchmarkAppendNext3(b *testing.B) {
	j := newJournal(1, Options{}.withDefaults())
	var cursors [3]*Cursor
	for i := range cursors {
		cursors[i] = j.OpenCursor(CursorOptions{App: fmt.Sprint(i), Account: "bot", Slot: uint8(i), Bounds: Bounds{MaxAgeMessage: time.Minute, MaxEvents: 2000, MaxBytes: 16 << 20}, Wake: func() {}})
	}
	raw := make([]byte, 600)
	buf := make([]*Event, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		j.Append(Event{For: 7, Raw: raw})
		for _, c := range cursors {
			buf = c.Next(buf[:0], 64, 0)
			c.Ack(buf[len(buf)-1].Seq)
		}
	}
	runtime.KeepAlive(buf)
}
