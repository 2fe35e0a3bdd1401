package agent

import (
	"slices"
	"time"
)

// maxTranscript bounds the text of a session, bytes.
const maxTranscript = 16 << 10

// session is what was said between the agent and its partners since they began.
type session struct {
	began time.Time // what is older is not shown to the model; zero = no such bound
	last  time.Time // of the newest exchange
	turns []exchange
}

// exchange is one answer and what it answered.
type exchange struct {
	ids      []int64 // of the messages that were answered
	sent     []int64 // of the answer
	seq      uint64  // the history up to here has been told
	asked    string
	answered string
}

// restart forgets all.
func (s *session) restart(now time.Time) { *s = session{began: now} }

// rest begins anew after a silence of idle (0 = never).
func (s *session) rest(now time.Time, idle time.Duration) {
	if idle > 0 && !s.last.IsZero() && now.Sub(s.last) > idle {
		s.restart(s.last)
	}
}

// add keeps an exchange within the bounds; most is how many messages the model may be told.
func (s *session) add(now time.Time, e exchange, most int) {
	s.last = now
	s.turns = append(s.turns, e)
	size := 0
	for i := len(s.turns) - 1; i >= 0; i-- {
		if size += len(s.turns[i].asked) + len(s.turns[i].answered); size > maxTranscript || 2*(len(s.turns)-i) > most {
			s.turns = slices.Delete(s.turns, 0, i+1)
			return
		}
	}
}

// forget takes a recalled message out.
func (s *session) forget(id int64) {
	s.turns = slices.DeleteFunc(s.turns, func(e exchange) bool { return slices.Contains(e.ids, id) || slices.Contains(e.sent, id) })
}
