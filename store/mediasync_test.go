package store

import (
	"testing"
	"testing/synctest"
	"time"
)

// What addresses in events stand for is on the disk as soon as events are, however seldom history is written.
func TestMediaRowsFollowQueueSync(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{QueueSync: time.Second, Sync: time.Hour, Steady: portableSteady()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Media().Put(Medium{Key: mediaKey(1), Name: "a.png"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if n := rows(t, s, bucketMedia); n != 1 {
			t.Errorf("after 1.5 times QueueSync %d rows are stored, want 1", n)
		}
	})
}
