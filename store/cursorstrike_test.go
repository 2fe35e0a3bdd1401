package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// life is one connection: it reads, acknowledges what it proves, and is ended by the peer at a poisonous event. Batches are
// of the size that a connection sends; a suspect comes alone.
func life(c *Cursor, poison uint64) (ended bool, given GivenUp) {
	c.Rewind()
	for {
		batch := c.Next(nil, 64, 0)
		if len(batch) == 0 {
			return false, given
		}
		if slices.ContainsFunc(batch, func(e *Event) bool { return e.Seq == poison }) {
			given, _ = c.Strike()
			return true, given
		}
		c.Ack(batch[len(batch)-1].Seq)
	}
}

// Exactly the poisonous event is given up, wherever it stands, and within few disconnects; a request is kept for longer.
func TestPoison(t *testing.T) {
	for _, tt := range []struct {
		at, lives int
		class     Class
	}{{0, 3, ClassMessage}, {1, 4, ClassNotice}, {63, 4, ClassMessage}, {64, 3, ClassMessage}, {199, 4, ClassMessage}, {0, 5, ClassRequest}, {40, 5, ClassRequest}} {
		t.Run(fmt.Sprintf("%v %d", tt.class, tt.at), func(t *testing.T) {
			j := ringOnly(newClock(), 1<<20)
			c := j.OpenCursor(CursorOptions{App: "a", Account: "b", Bounds: Bounds{MaxStrikes: 3}})
			var poison uint64
			for i := range 200 {
				e := Event{For: 1}
				if i == tt.at {
					e.Class = tt.class
				}
				if seq := j.Append(e); i == tt.at {
					poison = seq
				}
			}
			lives := 0
			for {
				ended, given := life(c, poison)
				if !ended {
					break
				}
				lives++
				if (given.Seq == poison) != (lives == tt.lives) || given.Seq != 0 && given != (GivenUp{poison, tt.class}) {
					t.Fatalf("disconnect %d: %+v", lives, given)
				}
			}
			if st := c.Stats(); lives != tt.lives || st.Poisoned != 1 || st.Backlog != 0 || st.Dropped != 0 {
				t.Errorf("%d disconnects, want %d; %+v", lives, tt.lives, st)
			}
		})
	}
}

// A peer that is killed again and again, and proves little, loses nothing: what is innocent is never alone for long.
func TestKilledIsNotPoisoned(t *testing.T) {
	j := ringOnly(newClock(), 1<<20)
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b", Bounds: Bounds{MaxStrikes: 3}})
	for range 400 {
		j.Append(Event{For: 1})
	}
	got := 0
	for range 1000 {
		c.Rewind()
		first := c.Next(nil, 64, 0)
		if len(first) == 0 {
			break
		}
		c.Next(nil, 64, 0) // unproven
		c.Ack(first[0].Seq)
		got++
		if given, ok := c.Strike(); ok {
			t.Fatalf("%+v is given up", given)
		}
	}
	if st := c.Stats(); got != 400 || st.Poisoned != 0 || st.Backlog != 0 {
		t.Errorf("%d lives, %+v", got, st)
	}
}

// Connections that end for another reason strike nobody.
func TestRewindIsNoStrike(t *testing.T) {
	j := ringOnly(newClock(), 1<<20)
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b", Bounds: Bounds{MaxStrikes: 3}})
	j.Append(Event{For: 1})
	for range 10 {
		if n := len(c.Next(nil, 0, 0)); n != 1 {
			t.Fatalf("%d events", n)
		}
		c.Rewind()
	}
}

// A suspect is alone in flight, and its acknowledgement wakes the reader for the next.
func TestSuspectsTravelAlone(t *testing.T) {
	j := ringOnly(newClock(), 1<<20)
	woken := 0
	c := j.OpenCursor(CursorOptions{App: "a", Account: "b", Bounds: Bounds{MaxStrikes: 3}, Wake: func() { woken++ }})
	for range 3 {
		j.Append(Event{For: 1})
	}
	for range 2 {
		c.Rewind()
		c.Next(nil, 2, 0)
		_, _ = c.Strike()
	}
	c.Rewind()
	if got := c.SuspectUpTo(); got != 3<<seqBits|2 {
		t.Errorf("suspects up to %x", got)
	}
	woken = 0
	for i, want := range []string{"[1]", "[2]", "[3]"} {
		batch := c.Next(nil, 64, 0)
		if got := fmt.Sprint(seqs(batch)); got != want {
			t.Errorf("read %s, want %s", got, want)
		}
		if more := c.Next(nil, 64, 0); len(more) != 0 {
			t.Errorf("%d more while a suspect is in flight", len(more))
		}
		c.Ack(batch[0].Seq)
		if want := min(i+1, 2); woken != want {
			t.Errorf("woken %d times, want %d", woken, want)
		}
	}
}

// What was set aside waits for its own acknowledgement, outlives a restart, and joins the queue again.
func TestSetAside(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{QueueSync: 1})
	c := s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot"})
	for i := range 4 {
		s.Journal().Append(Event{For: 1, Raw: fmt.Appendf(nil, "%d", i)})
	}
	first := c.Next(nil, 1, 0)[0].Seq
	if !c.SetAside(first) || c.SetAside(first) || c.SetAside(first+1) {
		t.Fatal("only what is in flight is set aside, and once")
	}
	second := c.Next(nil, 1, 0)[0].Seq
	c.Ack(second)
	if st := c.Stats(); st.Backlog != 3 || st.Acked != second || !c.Aside(first) {
		t.Errorf("%+v", st)
	}
	for rows(t, s, bucketQueue) < 3 {
		flushed(t, s)
	}
	c.Rejoin()
	if got := fmt.Sprint(texts(c)); got != "[0 2 3]" {
		t.Errorf("read %s", got)
	}
	c.Rewind()
	if !c.SetAside(c.Next(nil, 1, 0)[0].Seq) {
		t.Fatal("not set aside again")
	}
	c.Ack(c.Next(nil, 1, 0)[0].Seq)
	closed(t, s)
	s = opened(t, dir, Options{})
	c = s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot"})
	got := texts(c)
	if len(got) == 0 || got[0] != "0" || got[len(got)-1] != "3" {
		t.Errorf("after a restart %v", got)
	}
	c.Rewind()
	c.Next(nil, 1, 0)
	c.SetAside(first)
	c.AckAside(first)
	if c.Aside(first) {
		t.Error("acknowledged and there still")
	}
}

// Where damage made the database library read beyond a page, people are told so, and not what Go says of it.
func TestDamageIsSaidInWords(t *testing.T) {
	f := &file{path: "journal.db"}
	err := f.guard(func() error { var page []byte; _ = page[:len(f.path)]; return nil })
	if !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "runtime error") || !strings.Contains(err.Error(), "a page of it makes no sense") {
		t.Errorf("%v", err)
	}
}
