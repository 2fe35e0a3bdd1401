package napcat

import "time"

// One take-over is how a dead link ends. This many within this time are two clients that dial for one account: each takes
// the link from the other and is redialled after NapCat's reconnectInterval, 5 s mostly, for ever.
const (
	contestCount = 4
	contestTime  = 2 * time.Minute
)

// contest remembers the last take-overs. The zero value is ready; Account.mu guards it.
type contest struct {
	times [contestCount]time.Time
	next  int
}

func (c *contest) note(now time.Time) {
	c.times[c.next] = now
	c.next = (c.next + 1) % contestCount
}

// on reports whether all that are remembered are recent.
func (c *contest) on(now time.Time) bool {
	oldest := c.times[c.next]
	return !oldest.IsZero() && now.Sub(oldest) < contestTime
}
