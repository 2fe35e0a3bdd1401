package store

import "time"

// plausible is the earliest wall clock that is believed: a board without a clock battery starts in 1970, or where a
// file last was.
var plausible = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// stamp is a moment as it is stored: how old the thing already was, and when that was so, on two clocks.
type stamp struct {
	Age    int64  `json:"age"`    // ns
	Boot   string `json:"boot"`   // boot id at that moment; "" = unknown
	Steady int64  `json:"steady"` // ns on the steady clock of that boot
	Wall   int64  `json:"wall"`   // unix ns
}

// newStamp stamps something that is age old now.
func newStamp(age time.Duration, boot string, steady time.Duration, wall time.Time) stamp {
	return stamp{Age: int64(max(age, 0)), Boot: boot, Steady: int64(steady), Wall: wall.UnixNano()}
}

// age returns how old the thing is now. In the same boot that is exact. Over a reboot only the wall clocks are left:
// their difference counts when both moments can be true, else no time has passed. So neither the first NTP sync after
// a start in 1970 expires a request of a minute ago, nor does a jump back give one a longer life than its age allows.
func (s stamp) age(boot string, steady time.Duration, wall time.Time) time.Duration {
	var passed int64
	switch {
	case boot != "" && s.Boot == boot:
		passed = int64(steady) - s.Steady
	case s.Wall >= plausible:
		passed = wall.UnixNano() - s.Wall
	}
	return time.Duration(max(s.Age, 0) + max(passed, 0))
}

// portableSteady is a steady clock that starts at the call: Go's own monotonic reading.
func portableSteady() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}
