package store

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/policy"
)

// Nothing waits while somebody holds the file.
func TestFault_T09_HeldWrite(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Millisecond, QueueSync: time.Millisecond, UnflushedBytes: 64 << 10})
	c := s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot"})
	tx, err := s.log.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	var got []*Event
	for i := range int64(20_000) { // far more than the budget, and the committer hangs
		s.History().Add("bot", 10_000, message(groupOne, i))
		s.Journal().Append(Event{For: 1, Raw: []byte("{}")})
		s.History().Recall("bot", groupOne, i)
		s.Audit().Add(AuditEntry{Action: "x"})
		s.Decisions().Add(Decision{})
		got = c.Next(got[:0], 10, 0)
		c.Ack(got[0].Seq)
	}
	if list, err := s.History().Show("bot", groupOne, 10); err != nil || len(list) != 10 {
		t.Errorf("Show = %d, %v", len(list), err)
	}
	st := s.Stats()
	if st.UnflushedBytes > 64<<10+groupBytes+maxAuditWaiting*200 || st.DroppedUnflushed == 0 {
		t.Errorf("%+v", st)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	flushed(t, s)
	if got := newest(t, s); got != 19_999 {
		t.Errorf("the newest message is %d", got)
	}
}

// A group that the disk holds up does not use up the budget of what comes after it.
func TestFault_T09_HeldGroup(t *testing.T) {
	const budget = 64 << 10
	s := opened(t, t.TempDir(), Options{Sync: time.Hour, UnflushedBytes: budget})
	// No kick: the test says when a group is taken.
	s.history.kick = func() {}
	next := int64(0)
	for s.Stats().DroppedUnflushed == 0 {
		next++
		s.History().Add("bot", maxLimit, message(groupOne, next))
	}
	tx, err := s.log.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.History().Flush(context.Background()) }()
	for taken := false; !taken; runtime.Gosched() {
		s.history.mu.Lock()
		taken = len(s.history.group) > 0
		s.history.mu.Unlock()
	}
	for range 100 {
		next++
		s.History().Add("bot", maxLimit, message(groupOne, next))
	}
	if got := ids(t, s, "bot", groupOne, 100); !slices.Equal(got, span(next-99, next)) {
		t.Errorf("kept %v", got)
	}
	if got := s.Stats().UnflushedBytes; got > budget {
		t.Errorf("%d bytes unwritten", got)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// What is written between the look at memory and the one at the file is not shown twice.
func TestShowAcrossCommit(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour})
	for i := range int64(300) {
		s.History().Add("bot", 400, message(groupOne, i))
		if i == 99 {
			flushed(t, s) // so there is a tail, too
		}
	}
	l, _ := s.History().look("bot", groupOne)
	flushed(t, s)
	if s.history.hasTail() {
		t.Fatal("the test wants everything in the index")
	}
	var list []Record
	err := s.History().each(l, 0, true, func(r Record) bool {
		list = append(list, r)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 300 || list[0].MessageID != 0 || list[299].MessageID != 299 {
		t.Errorf("%d messages", len(list))
	}
}

// Who looks while groups are written sees every message once, in order.
func TestShowDuringCommits(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Nanosecond})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := int64(1); ; i++ {
			select {
			case <-stop:
				return
			default:
				s.History().Add("bot", 50, message(groupOne, i))
			}
		}
	})
	for range 300 {
		got := ids(t, s, "bot", groupOne, 0) // checks the order
		if len(got) > 1 && !slices.Equal(got, span(got[0], got[len(got)-1])) {
			t.Fatalf("a gap in %v", got)
		}
		if list := s.History().List("bot"); len(list) == 1 && list[0].Messages > 50 {
			t.Fatalf("%v", list)
		}
	}
	close(stop)
	wg.Wait()
	flushed(t, s)
	audit(t, s)
}

func newest(t *testing.T, s *Store) int64 {
	t.Helper()
	list, err := s.History().Show("bot", groupOne, 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("Show = %v, %v", list, err)
	}
	return list[0].MessageID
}

// A full disk: nothing stops, what waits is kept and bounded, and writing resumes by itself.
func TestFault_S08_DiskFull(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{Steady: portableSteady(), UnflushedBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.log.fault.Store(&noSpace)
		for i := range int64(2000) {
			s.History().Add("bot", 5000, message(groupOne, i))
			if i == 1000 {
				time.Sleep(10 * time.Minute)
				synctest.Wait()
			}
		}
		st := s.Stats()
		if st.CommitErrors < 5 || st.CommitErrors > 30 || st.DroppedUnflushed == 0 || st.UnflushedBytes > 64<<10 || st.LastError != "no space left on device" {
			t.Errorf("while full: %+v", st)
		}
		kept := ids(t, s, "bot", groupOne, 0)
		if len(kept) == 0 || !slices.Equal(kept, span(kept[0], 1999)) {
			t.Errorf("kept %v", kept)
		}
		s.log.fault.Store(nil)
		time.Sleep(lastRetry + time.Second)
		synctest.Wait()
		if st := s.Stats(); st.UnflushedBytes != 0 || st.LastError != "" {
			t.Errorf("after: %+v", st)
		}
		if got := ids(t, s, "bot", groupOne, 0); !slices.Equal(got, kept) {
			t.Errorf("%d messages after, %d before", len(got), len(kept))
		}
	})
}

// The file stays below its bound, old messages leave first, and the tables stay whole.
func TestJournalSizeBound(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour, MaxBytes: minMaxBytes})
	for i := range int64(12_000) {
		r := message(policy.Chat{ID: uint64(i%40 + 1)}, i)
		r.Raw = make([]byte, 1000)
		s.History().Add("bot", maxLimit, r)
		if i%100 == 0 {
			flushed(t, s)
		}
	}
	flushed(t, s)
	st := s.Stats()
	if st.JournalBytes > minMaxBytes || st.CommitErrors != 0 || st.DroppedUnflushed != 0 {
		t.Errorf("%+v", st)
	}
	if used := s.log.used(); used > minMaxBytes/5*4 || used < minMaxBytes/3 {
		t.Errorf("%d bytes in use", used)
	}
	audit(t, s)
	if got := ids(t, s, "bot", policy.Chat{ID: 40}, 1); len(got) != 1 || got[0] != 11_999 {
		t.Errorf("the newest is %v", got)
	}
}

// A smaller window holds at once, also over a restart, and the disk follows.
func TestHistoryWindowShrinks(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{Sync: time.Hour})
	for i := range int64(600) {
		s.History().Add("bot", 500, message(groupOne, i))
	}
	closed(t, s)
	s = opened(t, dir, Options{Sync: time.Hour})
	if got := ids(t, s, "bot", groupOne, 0); !slices.Equal(got, span(100, 599)) {
		t.Errorf("%d messages", len(got))
	}
	s.History().Add("bot", 10, message(groupOne, 600))
	if got := ids(t, s, "bot", groupOne, 0); !slices.Equal(got, span(591, 600)) {
		t.Errorf("%v", got)
	}
	closed(t, s)
	s = opened(t, dir, Options{Sync: time.Hour})
	if got := ids(t, s, "bot", groupOne, 0); !slices.Equal(got, span(591, 600)) {
		t.Errorf("after a restart %v", got)
	}
	if got := s.History().List("bot"); got[0].Messages != 10 {
		t.Errorf("%v", got)
	}
	audit(t, s)
}

// Dead records do not pile up, and the file does not grow with the number of messages.
func TestHistorySweep(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour})
	n := int64(0)
	for range 300 {
		for range 100 {
			n++
			s.History().Add("bot", 100, message(policy.Chat{ID: uint64(n%10 + 1)}, n))
		}
		flushed(t, s)
	}
	audit(t, s)
	s.history.mu.Lock()
	total, inUse := s.history.total, s.history.inUse
	s.history.mu.Unlock()
	if inUse < 1000 || inUse > 10*(100+trimSlack) || total > inUse*3/2+sweepSlack+2*sweepRun {
		t.Errorf("%d records, %d in use", total, inUse)
	}
	if st := s.Stats(); st.JournalBytes > 3<<20 {
		t.Errorf("the file has %d bytes", st.JournalBytes)
	}
}

func TestAddRefusesGiants(t *testing.T) {
	s := opened(t, t.TempDir(), Options{})
	r := message(groupOne, 1)
	r.Raw = make([]byte, maxRecordBytes)
	s.History().Add("bot", 10, r)
	if st := s.Stats(); st.DroppedUnflushed != 1 || st.UnflushedBytes != 0 {
		t.Errorf("%+v", st)
	}
}

// large makes a journal.db of about the given size.
func large(b testing.TB, dir string, size int64) {
	s := opened(b, dir, Options{})
	raw := make([]byte, 1500)
	for i := int64(0); s.log.used() < size; i++ {
		s.History().Add("bot", maxLimit, Record{Chat: policy.Chat{ID: uint64(i % 200)}, MessageID: i, Raw: raw})
		if i%1000 == 0 {
			flushed(b, s)
		}
	}
	closed(b, s)
}

// Opening reads the same few pages whatever the size: 100 MB in a few milliseconds.
func BenchmarkOpen100MB(b *testing.B) {
	dir := b.TempDir()
	large(b, dir, 100<<20)
	for b.Loop() {
		s, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkHistoryAdd(b *testing.B) {
	s := opened(b, b.TempDir(), Options{})
	r := message(groupOne, 1)
	r.Raw = make([]byte, 600)
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		i++
		r.Chat.ID = i % 200
		s.History().Add("bot", 100, r)
	}
	b.ReportMetric(float64(s.Stats().WrittenBytes)/float64(b.N), "diskB/op")
}

// BenchmarkFlash reports the bytes written per message in steady state, at five messages per commit.
func BenchmarkFlash(b *testing.B) {
	s := opened(b, b.TempDir(), Options{Sync: time.Hour})
	r := message(groupOne, 1)
	r.Raw = make([]byte, 600)
	i := uint64(0)
	step := func() {
		for range 5 {
			i++
			r.Chat.ID = (i * i * 2654435761) % 200
			s.History().Add("bot", 100, r)
		}
		flushed(b, s)
	}
	for range 6000 {
		step()
	}
	before := s.Stats().WrittenBytes
	for b.Loop() {
		step()
	}
	b.ReportMetric(float64(s.Stats().WrittenBytes-before)/float64(5*b.N), "diskB/msg")
}
