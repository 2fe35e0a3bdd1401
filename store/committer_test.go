package store

import (
	"testing"
	"testing/synctest"
	"time"
)

// state.db cannot be written, journal.db can, and the other way round: what goes into the sound one is written on time.
func TestFault_S08_OneFileFails(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{QueueSync: time.Second, Sync: time.Second, Steady: portableSteady()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.Journal().OpenCursor(CursorOptions{App: "away", Account: "bot"})
		second := func() {
			time.Sleep(1500 * time.Millisecond)
			synctest.Wait()
		}
		second()
		for _, tc := range []struct{ broken, sound *file }{{s.state, s.log}, {s.log, s.state}} {
			tc.broken.fault.Store(&noSpace)
			for range 100 { // long enough for the back-off to be a minute
				s.Audit().Add(AuditEntry{Action: "send_msg", Outcome: "refused"})
				s.Journal().Append(Event{For: 1, Raw: []byte("{}")})
				commits := tc.sound.commits.Load()
				second()
				if tc.sound.commits.Load() == commits {
					t.Fatalf("%s waits for %s", tc.sound.path, tc.broken.path)
				}
			}
			if got := tc.broken.failures.Load(); got < 5 || got > 20 {
				t.Errorf("%d attempts to write %s in 150 s", got, tc.broken.path)
			}
			tc.broken.fault.Store(nil)
			time.Sleep(lastRetry)
			synctest.Wait()
		}
		if got := rows(t, s, bucketQueue); got != 200 || s.Audit().pending() || s.Stats().LastError != "" {
			t.Errorf("%d events are written, %+v", got, s.Stats())
		}
	})
}
