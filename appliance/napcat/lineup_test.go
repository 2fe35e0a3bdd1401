package napcat

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestLineupKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whoever is late by real time would be overtaken
		var l lineup
		var order []int
		places := make([]*place, 5)
		for i := range places {
			places[i] = l.enter()
		}
		var wg sync.WaitGroup
		for _, i := range []int{4, 2, 1, 3} {
			wg.Go(func() { l.deliver(places[i], func() { order = append(order, i) }) })
		}
		l.deliver(places[0], func() { order = append(order, 0) })
		wg.Wait()
		for i := range places {
			l.leave(places[i])
		}
		if diff := cmp.Diff([]int{0, 1, 2, 3, 4}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if len(l.queue) != 0 {
			t.Errorf("%d places are left", len(l.queue))
		}
	})
}

func TestLineupOvertakesTheSlow(t *testing.T) {
	var l lineup
	var order []string
	slow, gone, fast := l.enter(), l.enter(), l.enter()
	l.leave(gone)
	l.deliver(fast, func() { order = append(order, "fast") })
	l.deliver(slow, func() { order = append(order, "slow") })
	if diff := cmp.Diff([]string{"fast", "slow"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}
