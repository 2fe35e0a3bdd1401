package store

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"
)

// texts returns what a cursor reads.
func texts(c *Cursor) (out []string) {
	for _, ev := range c.Next(nil, 0, 0) {
		out = append(out, string(ev.Raw))
	}
	return out
}

// rows counts the rows of a table.
func rows(t testing.TB, s *Store, table []byte) (n int) {
	t.Helper()
	if err := s.log.view(func(tx *bbolt.Tx) error { n = tx.Bucket(table).Stats().KeyN; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// What was not acknowledged at Close is read again after the next start, before anything newer and byte for byte.
func TestFault_T26_AfterRestart(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	koishi := CursorOptions{App: "koishi", Account: "bot", AccountIndex: 2, Slot: 3}
	other := CursorOptions{App: "other", Account: "bot", AccountIndex: 2, Slot: 4}
	c, o := s.Journal().OpenCursor(koishi), s.Journal().OpenCursor(other)
	for i := range 6 {
		s.Journal().Append(Event{For: 1<<3 | 1<<4, Account: 2, Class: Class(i % 3), Raw: fmt.Appendf(nil, "frame %d", i)})
	}
	s.Journal().Append(Event{For: 1 << 3, Account: 2, Raw: []byte("koishi's")})
	o.Next(nil, 0, 0)
	o.Ack(s.Journal().Last())
	got := c.Next(nil, 4, 0)
	c.Ack(got[1].Seq)
	closed(t, s)

	for round := range 2 { // nothing is acknowledged the first time, so it comes again
		s = opened(t, dir, Options{QueueSync: time.Hour})
		if got := fmt.Sprint(s.Journal().Subscribers()); got != "[{koishi bot} {other bot}]" {
			t.Errorf("Subscribers = %s", got)
		}
		// The configuration changed: the app has another slot and the account another index.
		c = s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot", AccountIndex: 0, Slot: 0})
		o = s.Journal().OpenCursor(CursorOptions{App: "other", Account: "bot", AccountIndex: 0, Slot: 1})
		seq := s.Journal().Append(Event{For: 3, Raw: []byte("new")})
		list := c.Next(nil, 0, 0)
		var raws []string
		for _, ev := range list {
			raws = append(raws, string(ev.Raw))
		}
		if got := fmt.Sprint(raws); got != "[frame 2 frame 3 frame 4 frame 5 koishi's new]" {
			t.Errorf("read %s", got)
		}
		if list[0].Class != ClassRequest || list[1].Class != ClassMessage || list[5].Seq != seq {
			t.Errorf("%+v", list[0])
		}
		if got := fmt.Sprint(texts(o)); got != "[new]" {
			t.Errorf("the other app read %s", got)
		}
		if round == 0 {
			dir = killed(t, s) // "new" was lost: it was younger than QueueSync
			continue
		}
		o.Ack(seq)
		s.Journal().CloseCursor(o)
		o = s.Journal().OpenCursor(other)
		if got := texts(o); got != nil {
			t.Errorf("a new subscription starts with %v", got)
		}
	}
	c.Ack(s.Journal().Last())
	closed(t, s)
	s = opened(t, dir, Options{})
	c = s.Journal().OpenCursor(koishi)
	if got := texts(c); got != nil {
		t.Errorf("acknowledged, and read again: %v", got)
	}
	if n := rows(t, s, bucketQueue); n != 0 {
		t.Errorf("%d rows are left in the queue table", n)
	}
}

func TestQueueSync(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{QueueSync: time.Second, Steady: portableSteady()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		here := s.Journal().OpenCursor(CursorOptions{App: "here", Account: "bot", Slot: 0})
		away := s.Journal().OpenCursor(CursorOptions{App: "away", Account: "bot", Slot: 1})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := rows(t, s, bucketCursors); n != 2 {
			t.Errorf("%d cursors are stored", n)
		}

		// Every app took it: never written, and no commit.
		commits := s.log.commits.Load()
		for range 100 {
			here.Ack(s.Journal().Append(Event{For: 1, Raw: []byte("fast")}))
			here.Ack(here.Next(nil, 0, 0)[0].Seq)
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if got := s.log.commits.Load(); got != commits {
			t.Errorf("%d commits for events that were taken", got-commits)
		}

		// One that waits is on the disk 1.25 times QueueSync later at the latest.
		for i := range 7 {
			time.Sleep(time.Duration(130*i) * time.Millisecond)
			before := rows(t, s, bucketQueue)
			s.Journal().Append(Event{For: 2, Raw: []byte("wait")})
			time.Sleep(1250 * time.Millisecond)
			synctest.Wait()
			if n := rows(t, s, bucketQueue); n != before+1 {
				t.Errorf("%d: %d rows, want %d", i, n, before+1)
			}
		}
		// Taken at last: the next commit that writes anyway clears them.
		away.Next(nil, 0, 0)
		away.Ack(s.Journal().Last())
		commits = s.log.commits.Load()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.log.commits.Load(); got != commits {
			t.Errorf("%d commits for an acknowledgement", got-commits)
		}
		s.History().Add("bot", 10, message(groupOne, 1))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if n := rows(t, s, bucketQueue); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// An app that is away costs one commit in 1.25 times QueueSync, whatever the rate: each takes along what is younger. What
// an app takes in time is not written beside it.
func TestQueueGroups(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{QueueSync: time.Second, Sync: time.Hour, Steady: portableSteady()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		here := s.Journal().OpenCursor(CursorOptions{App: "here", Account: "bot", Slot: 0})
		s.Journal().OpenCursor(CursorOptions{App: "away", Account: "bot", Slot: 1})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		commits := s.log.commits.Load()
		const n = 500
		for i := range n {
			both := uint64(3)
			if i%2 == 0 {
				both = 1
			}
			s.Journal().Append(Event{For: both, Raw: []byte("{}")})
			here.Ack(here.Next(nil, 0, 0)[0].Seq)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		// 50 s at 10 events/s
		if got := s.log.commits.Load() - commits; got > 41 || got < 35 {
			t.Errorf("%d commits, want about 40", got)
		}
		if got := rows(t, s, bucketQueue); got != n/2 {
			t.Errorf("%d rows, want %d", got, n/2)
		}
	})
}

// History that is due takes the queue along, and the other way round.
func TestSharedCommits(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{QueueSync: time.Second, Sync: 5 * time.Second, Steady: portableSteady()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.Journal().OpenCursor(CursorOptions{App: "away", Account: "bot"})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		commits := s.log.commits.Load()
		for i := range int64(200) {
			s.Journal().Append(Event{For: 1, Raw: []byte("{}")})
			s.History().Add("bot", 1000, message(groupOne, i))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		// 20 s: 16 for the queue, and no more than the last one for the history alone
		if got := s.log.commits.Load() - commits; got > 18 {
			t.Errorf("%d commits", got)
		}
		if q, h := rows(t, s, bucketQueue), rows(t, s, bucketEvents); q != 200 || h != 200 {
			t.Errorf("%d waiting events and %d records are written", q, h)
		}
	})
}

// The power goes: what waited longer than QueueSync is there, an acknowledgement that was committed holds.
func TestQueueAfterKill(t *testing.T) {
	s := opened(t, t.TempDir(), Options{QueueSync: time.Millisecond})
	c := s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot"})
	const n = 500
	for i := range n {
		s.Journal().Append(Event{For: 1, Raw: fmt.Appendf(nil, "%03d", i)})
	}
	for rows(t, s, bucketQueue) < n {
		flushed(t, s) // gives the committer a turn
	}
	s = opened(t, killed(t, s), Options{})
	again := s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot"})
	list := texts(again)
	if len(list) != n || list[0] != "000" || list[n-1] != "499" {
		t.Errorf("%d events came back", len(list))
	}
	_ = c
}

// An event that two apps waited for stays for the one that did not take it, and only for that one.
func TestQueueSharedEvent(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{QueueSync: time.Millisecond})
	a := s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot", Slot: 0})
	s.Journal().OpenCursor(CursorOptions{App: "b", Account: "bot", Slot: 1})
	for range 5 {
		s.Journal().Append(Event{For: 3, Raw: []byte("both")})
	}
	for rows(t, s, bucketQueue) < 5 {
		flushed(t, s) // gives the committer a turn
	}
	a.Next(nil, 3, 0)
	a.Ack(s.Journal().Last())
	closed(t, s)
	s = opened(t, dir, Options{})
	a = s.Journal().OpenCursor(CursorOptions{App: "a", Account: "bot", Slot: 0})
	b := s.Journal().OpenCursor(CursorOptions{App: "b", Account: "bot", Slot: 1})
	if x, y := len(texts(a)), len(texts(b)); x != 2 || y != 5 {
		t.Errorf("read %d and %d events, want 2 and 5", x, y)
	}
}

// A request of an app that is away survives a flood of messages, in memory and on the disk.
func TestRequestSurvivesFlood(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{RingBytes: 64 << 10, QueueSync: time.Hour})
	s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot", Bounds: Bounds{MaxEvents: 50}})
	s.Journal().Append(Event{For: 1, Class: ClassRequest, Raw: []byte("request")})
	for range 5000 {
		s.Journal().Append(Event{For: 1, Raw: []byte("message")})
	}
	closed(t, s)
	s = opened(t, dir, Options{RingBytes: 64 << 10})
	c := s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot"})
	if list := texts(c); len(list) != 51 || list[0] != "request" {
		t.Errorf("%d events, the first is %q", len(list), list[:1])
	}
}

// Waiting events age over a restart like pairing requests do.
func TestFault_S09_WaitingEvents(t *testing.T) {
	for _, tc := range []struct {
		name string
		wall time.Duration
		boot string
		up   time.Duration
		want int
	}{
		{"same boot", 5 * time.Minute, "boot-1", 15 * time.Minute, 1},
		{"same boot, too old", 11 * time.Minute, "boot-1", 21 * time.Minute, 0},
		{"same boot, the date jumps by years", 90_000 * time.Hour, "boot-1", 15 * time.Minute, 1},
		{"reboot", 5 * time.Minute, "boot-2", time.Second, 1},
		{"reboot, too old", 11 * time.Minute, "boot-2", time.Second, 0},
		{"reboot into the past", -90_000 * time.Hour, "boot-2", time.Second, 1},
	} {
		clk := newClock()
		dir := t.TempDir()
		b := Bounds{MaxAgeMessage: 10 * time.Minute}
		s := opened(t, dir, clk.options())
		s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot", Bounds: b})
		s.Journal().Append(Event{For: 1})
		closed(t, s)
		clk.wall.Add(int64(tc.wall))
		clk.reboot(tc.boot, tc.up)
		s = opened(t, dir, clk.options())
		c := s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot", Bounds: b})
		if got := len(c.Next(nil, 0, 0)); got != tc.want {
			t.Errorf("%s: %d events, want %d", tc.name, got, tc.want)
		}
	}
}

// A full disk does not touch what the apps read, and the waiting events are written when there is room again.
func TestFault_S08_QueueDiskFull(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{QueueSync: time.Millisecond})
	c := s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot"})
	flushed(t, s)
	s.log.fault.Store(&noSpace)
	for i := range 10 {
		s.Journal().Append(Event{For: 1, Raw: fmt.Appendf(nil, "%d", i)})
	}
	for s.Stats().CommitErrors == 0 {
		_ = s.History().Flush(t.Context())
	}
	if got := fmt.Sprint(texts(c)); got != "[0 1 2 3 4 5 6 7 8 9]" {
		t.Errorf("read %s", got)
	}
	s.log.fault.Store(nil)
	closed(t, s)
	s = opened(t, dir, Options{})
	c = s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot"})
	if got := fmt.Sprint(texts(c)); got != "[0 1 2 3 4 5 6 7 8 9]" {
		t.Errorf("after a restart %s", got)
	}
}

func TestForget(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	s.Journal().OpenCursor(CursorOptions{App: "gone", Account: "bot"})
	s.Journal().Append(Event{For: 1})
	closed(t, s)
	s = opened(t, dir, Options{})
	s.Journal().Forget(Subscriber{"gone", "bot"})
	s.Journal().Forget(Subscriber{"never", "bot"})
	closed(t, s)
	s = opened(t, dir, Options{})
	if got := s.Journal().Subscribers(); got != nil {
		t.Errorf("Subscribers = %v", got)
	}
}

// What fell out or was given up before a restart does not come back after it, though the event is kept for another app,
// and is not counted again.
func TestGivenUpStaysGone(t *testing.T) {
	for _, kill := range []bool{false, true} {
		dir := t.TempDir()
		s := opened(t, dir, Options{QueueSync: time.Millisecond})
		o := CursorOptions{App: "a", Account: "bot", Slot: 0, Bounds: Bounds{MaxEvents: 5, MaxStrikes: 1}}
		a := s.Journal().OpenCursor(o)
		s.Journal().OpenCursor(CursorOptions{App: "b", Account: "bot", Slot: 1})
		for i := range 20 {
			s.Journal().Append(Event{For: 3, Raw: fmt.Appendf(nil, "%d", i)})
		}
		for rows(t, s, bucketQueue) < 20 {
			flushed(t, s) // gives the committer a turn
		}
		a.Next(nil, 1, 0)
		_, _ = a.Strike() // 15 was in flight
		a.Rewind()
		if st := a.Stats(); st.Dropped != 15 || st.Poisoned != 1 || st.Backlog != 4 {
			t.Errorf("%+v", st)
		}
		s.Journal().Append(Event{For: 2, Raw: []byte("last")}) // makes the next commit
		for rows(t, s, bucketQueue) < 21 {
			flushed(t, s)
		}
		if kill {
			dir = killed(t, s)
		} else {
			closed(t, s)
		}
		s = opened(t, dir, Options{})
		a = s.Journal().OpenCursor(o)
		b := s.Journal().OpenCursor(CursorOptions{App: "b", Account: "bot", Slot: 1})
		if got := fmt.Sprint(texts(a)); got != "[16 17 18 19]" {
			t.Errorf("killed %v: a read %s", kill, got)
		}
		if st := a.Stats(); st.Dropped != 0 {
			t.Errorf("killed %v: counted again: %+v", kill, st)
		}
		if got := len(texts(b)); got != 21 {
			t.Errorf("killed %v: b read %d events", kill, got)
		}
	}
}
