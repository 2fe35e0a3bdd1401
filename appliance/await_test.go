package appliance

import (
	"testing"
	"time"
)

// await waits for a condition.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	late, again := time.NewTimer(30*time.Second), time.NewTicker(time.Millisecond)
	defer late.Stop()
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}
