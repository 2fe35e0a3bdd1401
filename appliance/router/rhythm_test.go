package router

import (
	"slices"
	"testing"
	"time"
)

func TestRhythm(t *testing.T) {
	clock := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	r := &Router{Options: Options{Now: func() time.Time { return clock }}}
	last := func() []uint32 { return r.Messages()[Minutes-5:] }
	for _, step := range []struct {
		name string
		pass time.Duration
		add  int
		want []uint32
	}{
		{"the first", 0, 2, []uint32{0, 0, 0, 0, 2}},
		{"the same minute", 59 * time.Second, 1, []uint32{0, 0, 0, 0, 3}},
		{"the next", time.Second, 1, []uint32{0, 0, 0, 3, 1}},
		{"silence", 2 * time.Minute, 0, []uint32{0, 3, 1, 0, 0}},
		{"the clock jumps back", -time.Hour, 4, []uint32{0, 3, 1, 0, 4}},
		{"and forward by years", 24 * 365 * time.Hour, 1, []uint32{0, 0, 0, 0, 1}},
	} {
		clock = clock.Add(step.pass)
		for range step.add {
			r.rhythm.count(clock)
		}
		if got := last(); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
}
