package agent

import (
	"context"
	"strconv"
	"time"
)

// typingEvery is how often QQ is told again that an answer is being written: the mark goes out by itself.
const typingEvery = 6 * time.Second

// typing shows in a private chat with a friend that an answer is being written, until stop is called. QQ has no such mark
// in groups.
func (a *Agent) typing(ctx context.Context, m *message) (stop func()) {
	if m.chat.Group || m.temp != 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(typingEvery)
		defer t.Stop()
		for {
			_, err := a.act(ctx, m.account, "set_input_status", map[string]any{"user_id": strconv.FormatUint(m.chat.ID, 10), "event_type": 1})
			if err != nil {
				return // it may be denied to the app; the answer is what matters
			}
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
