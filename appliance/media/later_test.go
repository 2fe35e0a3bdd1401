package media

import (
	"fmt"
	"testing"
)

// What comes while the queue of fetches is full is fetched once it is not; only what is above that bound, too, is left to
// its reader, and counted.
func TestWhatFindsTheQueueFull(t *testing.T) {
	q := newQQ(t)
	wait := make(chan struct{})
	q.wait = wait
	b := newBox(t, "", nil)
	const all = maxQueue + eagerWorkers + 300
	keys := make([]Key, all)
	for i := range all {
		keys[i] = b.offer(image(q, i, picture(i, 200)))
		until(t, "the offer is looked at", func() bool { return b.unseen.Load() == 0 })
	}
	if s := b.Stats(); s.Waiting != all || s.Skipped != 0 {
		t.Errorf("%d wait, %d were skipped, of %d", s.Waiting, s.Skipped, all)
	}
	b.mu.Lock()
	b.later = append(b.later, make([]Key, maxLater-len(b.later))...)
	b.mu.Unlock()
	last := b.offer(Offered{Account: "bot", Type: "image", File: fmt.Sprintf("%032x.png", 1<<30), URL: q.put("last", picture(9999, 200)), Size: 200})
	until(t, "the offer is looked at", func() bool { return b.unseen.Load() == 0 })
	if s := b.Stats(); s.Skipped != 1 {
		t.Errorf("%d were skipped", s.Skipped)
	}
	close(wait)
	b.settleDown()
	if s := b.Stats(); s.Fetched != all {
		t.Errorf("%d of %d were fetched", s.Fetched, all)
	}
	b.want(last, picture(9999, 200))
}
