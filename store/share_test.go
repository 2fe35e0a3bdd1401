package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/catflap/catflap/policy"
)

// appendPaced appends an event and waits until the disk has taken what the ring cannot keep.
func appendPaced(t *testing.T, s *Store, e Event) {
	t.Helper()
	j := s.Journal()
	j.Append(e)
	for {
		j.mu.Lock()
		waits := j.saver.pressed
		j.mu.Unlock()
		if !waits {
			return
		}
		flushed(t, s) // gives the committer a turn
	}
}

// fileSize is what a file takes on the disk.
func fileSize(t *testing.T, s *Store) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(s.dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// Apps whose bounds allow far more than journal.db may take: the file keeps its size, the history its messages, and of what
// waits the newest stays. Nothing is lost without being counted, over a restart too.
func TestFault_T25_QueueShare(t *testing.T) {
	const most, ring = 8 << 20, 256 << 10
	wide := Bounds{MaxEvents: 100_000, MaxBytes: 1 << 30}
	for _, size := range []int{300, 1500, 2100, 9000, 200_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			dir := t.TempDir()
			o := Options{RingBytes: ring, QueueSync: time.Hour, MaxBytes: most}
			if size > ring/8 {
				o.RingBytes = 2 << 20
			}
			s := opened(t, dir, o)
			chat := policy.Chat{Group: true, ID: 7}
			for i := range 2000 {
				s.History().Add("bot", 2000, message(chat, int64(i)))
			}
			flushed(t, s)
			open := func(app string, slot uint8) *Cursor {
				return s.Journal().OpenCursor(CursorOptions{App: app, Account: "bot", Slot: slot, Bounds: wide})
			}
			a, b := open("a", 0), open("b", 1)
			n := 3 * most / size
			const requests = 40
			for range requests {
				appendPaced(t, s, Event{For: 3, Class: ClassRequest, Raw: []byte("request")})
			}
			for i := range n {
				raw := append(make([]byte, 0, size), fmt.Sprintf("%0*d", size, i)...)
				appendPaced(t, s, Event{For: 1 + 2*uint64(i&1), Raw: raw}) // b gets every other one
			}
			check := func(c *Cursor, of int, dropped uint64) (backlog int) {
				t.Helper()
				st := c.Stats()
				if st.Backlog+int(st.Dropped+dropped) != of+requests || st.Backlog <= requests {
					t.Errorf("%s: %d wait and %d fell out of %d", c.o.App, st.Backlog, st.Dropped, of+requests)
				}
				return st.Backlog
			}
			check(a, n, 0)
			check(b, n/2, 0)
			if a.Stats().Dropped == 0 || b.Stats().Dropped == 0 {
				t.Error("nothing fell out: the test proves nothing")
			}
			if got := fileSize(t, s); got > most {
				t.Errorf("the file has %d bytes of %d", got, most)
			}
			if got := s.log.used(); got > s.committer.softLimit+growStep {
				t.Errorf("%d bytes of the file are used, the soft limit is %d", got, s.committer.softLimit)
			}
			if list, err := s.History().Show("bot", chat, 0); err != nil || len(list) != 2000 {
				t.Errorf("the history has %d messages of 2000 (%v)", len(list), err)
			}
			closed(t, s)
			droppedA, droppedB := a.Stats().Dropped, b.Stats().Dropped

			s = opened(t, dir, o)
			a, b = open("a", 0), open("b", 1)
			wantA, wantB := check(a, n, droppedA), check(b, n/2, droppedB)
			for c, want := range map[*Cursor]int{a: wantA, b: wantB} {
				list := c.Next(nil, 0, 0)
				if len(list) != want {
					t.Fatalf("%s read %d events, %d should wait", c.o.App, len(list), want)
				}
				if c.Stats().Dropped != 0 {
					t.Errorf("%s: %d rows were not there", c.o.App, c.Stats().Dropped)
				}
				for i := range requests {
					if list[i].Class != ClassRequest {
						t.Fatalf("%s: the first requests fell out", c.o.App)
					}
				}
				step := 1
				if c == b {
					step = 2
				}
				number := n - 1 // the newest that is for the app
				if step == 2 && number&1 == 0 {
					number--
				}
				for i := len(list) - 1; i >= requests; i-- {
					if want := fmt.Sprintf("%0*d", size, number); string(list[i].Raw) != want {
						t.Fatalf("%s: event %d is %.20q, want number %d", c.o.App, i, list[i].Raw, number)
					}
					number -= step
				}
			}
		})
	}
}
