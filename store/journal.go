package store

import (
	"slices"
	"sort"
	"sync"
	"time"
)

// seqBits is how many low bits of a sequence number count events; the start number lies above them.
const seqBits = 40

// eventOverhead is what an event costs in memory beside its bytes: the struct and its places in ring and cursors.
const eventOverhead = 160

// Class decides how long an event may wait and which bound it falls under.
type Class uint8

// The classes of events. Meta events are as old as notices when they are too old.
const (
	ClassMessage Class = iota
	ClassNotice
	ClassRequest
	ClassMeta
)

// String returns the post_type that the class stands for.
func (c Class) String() string {
	switch c {
	case ClassMessage:
		return "message"
	case ClassNotice:
		return "notice"
	case ClassRequest:
		return "request"
	case ClassMeta:
		return "meta_event"
	}
	return "unknown"
}

// Event is one admitted event. Nothing in it changes after Append; many cursors hand out the same pointer.
type Event struct {
	Seq     uint64 // given by Append: start number << 40 | n, contiguous within one start
	At      int64  // arrival (for catch-up: event.time) in unix ns; 0 = now
	Account uint16 // index of the account, as in CursorOptions.AccountIndex
	Class   Class
	For     uint64 // one bit per app slot; 0 on events that were read back from the disk
	Raw     []byte // the frame; immutable, owned by the journal

	born    time.Duration // arrival on the steady clock
	holders int32         // cursors that still want it; under Journal.mu
	row     int32         // what its row in the queue table costs; under Journal.mu
	saved   saveState     // under Journal.mu
}

// saveState is where the queue table stands with an event.
type saveState uint8

const (
	saveNone saveState = iota
	saveWriting
	saveDone
	saveFreed // wanted by nobody any more: its row is being deleted
)

// size is what the event counts for against byte bounds.
func (e *Event) size() int64 { return int64(len(e.Raw)) + eventOverhead }

// Journal is the newest part of all events in memory, shared by all apps. It never waits for a file.
type Journal struct {
	now       func() time.Time
	steady    func() time.Duration
	boot      func() string
	limit     int64
	queueSync time.Duration
	wakeSaver func() // tells the committer that something may have to be written; never blocks
	log       *file  // journal.db, for reading back what the ring has forgotten; nil = memory only

	mu      sync.Mutex
	epoch   uint64
	last    uint64 // newest sequence number given
	ring    []*Event
	head, n int // ring[head] is the oldest of n
	bytes   int64
	cursors []*Cursor // replaced as a whole, so that Append may use it after unlocking

	saver saver
}

func newJournal(epoch uint64, o Options) *Journal {
	return &Journal{
		now: o.Now, steady: o.Steady, boot: o.BootID, limit: o.RingBytes, queueSync: o.QueueSync,
		wakeSaver: func() {}, epoch: epoch, last: epoch << seqBits,
		saver: saver{share: o.MaxBytes / 2, limit: o.MaxBytes / 2},
	}
}

// Append keeps an event, gives it its number and wakes the cursors it is for. Past RingBytes the oldest events
// leave; what was written to the queue table by then is read back from there, the rest counts as dropped. e.Raw belongs to the journal from now on.
func (j *Journal) Append(e Event) uint64 {
	ev := &Event{At: e.At, Account: e.Account, Class: e.Class, For: e.For, Raw: e.Raw}
	now := j.steady()
	ev.born = now
	wall := j.now().UnixNano()
	if ev.At == 0 {
		ev.At = wall
	}
	// A late event is as old as its own time says; one from the future is new.
	if late := wall - ev.At; late > 0 {
		ev.born -= time.Duration(late)
	}

	j.mu.Lock()
	j.last++
	ev.Seq = j.last
	j.push(ev)
	cursors := j.cursors
	for _, c := range cursors {
		if c.wants(ev) {
			c.add(ev)
		}
	}
	for j.bytes > j.limit && j.n > 1 {
		j.evict()
	}
	arm := ev.holders > 0 && !j.saver.armed
	if arm {
		j.saver.armed = true
	}
	if j.pressed() {
		j.saver.pressed, arm = true, true
	}
	seq := ev.Seq
	j.mu.Unlock()

	if arm {
		j.wakeSaver()
	}
	for _, c := range cursors {
		if c.wants(ev) {
			if wake := c.wake.Load(); wake != nil {
				(*wake)()
			}
		}
	}
	return seq
}

// Last returns the newest sequence number given.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// OpenCursor subscribes an app to an account. The cursor outlives its connections until CloseCursor; a second call
// with the same App and Account returns the same one, with everything else replaced. A new cursor starts with the
// next event; one that a former process kept starts with what that process had not seen acknowledged.
func (j *Journal) OpenCursor(o CursorOptions) *Cursor {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.cursors {
		if c.o.App == o.App && c.o.Account == o.Account {
			c.configure(o)
			c.bound()
			return c
		}
	}
	c := &Cursor{j: j}
	c.configure(o)
	j.saver.adopt(c)
	j.cursors = append(slices.Clone(j.cursors), c)
	return c
}

// CloseCursor ends a subscription for good: its backlog and its stored position are forgotten. It is for apps that
// were removed, not for shutdown.
func (j *Journal) CloseCursor(c *Cursor) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := slices.Index(j.cursors, c)
	if i < 0 {
		return
	}
	j.cursors = slices.Delete(slices.Clone(j.cursors), i, i+1)
	c.wake.Store(nil)
	c.clear()
	j.saver.forget(c)
}

// Subscribed are the slots (as in Event.For) that have a cursor for an account: for all others an event is kept for nobody.
func (j *Journal) Subscribed(account uint16) (slots uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.cursors {
		if c.acct.Load() == uint32(account) {
			slots |= c.slot.Load()
		}
	}
	return slots
}

// at returns the i-th oldest event.
func (j *Journal) at(i int) *Event { return j.ring[(j.head+i)&(len(j.ring)-1)] }

// after returns the place of the first event with a higher number than seq.
func (j *Journal) after(seq uint64) int {
	return sort.Search(j.n, func(i int) bool { return j.at(i).Seq > seq })
}

// push appends to the ring and doubles it when it is full; the byte bound keeps it small.
func (j *Journal) push(ev *Event) {
	if j.n == len(j.ring) {
		grown := make([]*Event, max(64, 2*len(j.ring)))
		for i := range j.n {
			grown[i] = j.at(i)
		}
		j.ring, j.head = grown, 0
	}
	j.ring[(j.head+j.n)&(len(j.ring)-1)] = ev
	j.n++
	j.bytes += ev.size()
}

// evict forgets the oldest event.
func (j *Journal) evict() {
	ev := j.ring[j.head]
	j.ring[j.head] = nil
	j.head = (j.head + 1) & (len(j.ring) - 1)
	j.n--
	j.bytes -= ev.size()
	if ev.holders == 0 {
		return
	}
	switch {
	case ev.Class == ClassRequest: // their own bound keeps them few; they stay in memory
		j.saver.orphan(ev)
	case ev.saved == saveDone:
		j.shelve(ev)
	case ev.saved == saveWriting: // finish decides
	default:
		j.lose(ev)
	}
}

// lose tells the cursors that an event is neither in the ring nor on the disk.
func (j *Journal) lose(ev *Event) {
	for _, c := range j.cursors {
		c.evicted(ev)
	}
}

// pressed reports whether events that somebody waits for will leave the ring before QueueSync has passed. The event
// at a quarter of the ring stands for all: each passes there.
func (j *Journal) pressed() bool {
	if j.saver.pressed || j.bytes <= j.limit/2 {
		return false
	}
	ev := j.at(j.n / 4)
	return ev.holders > 0 && ev.saved == saveNone && ev.Seq > j.saver.upTo
}

// release says that one cursor less wants the event.
func (j *Journal) release(ev *Event) {
	ev.holders--
	if ev.holders == 0 {
		j.saver.released(ev)
	}
}
