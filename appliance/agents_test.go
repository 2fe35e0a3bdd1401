package appliance

import (
	"testing"
	"time"
)

// A change of the configuration waits for agents to end, so what they look up must not wait for the change.
func TestAgentsDoNotWaitForAChange(t *testing.T) {
	a := &Appliance{}
	a.mu.Lock()
	defer a.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if a.nickname("default") != "" || a.linked("default") {
			t.Error("an account that does not exist is there")
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("an agent waits for a change of the configuration")
	}
}
