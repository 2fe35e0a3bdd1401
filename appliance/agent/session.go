package agent

import (
	"slices"
	"time"
)

// maxTranscript bounds the text of a session, bytes.
const maxTranscript = 16 << 10

// session is what was said between the agent and its partners since they began.
type session struct {
	began time.Time // zero = never anew
	from  uint64    // the history up to here is not shown to the model
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

// restart forgets all, and the history up to from. Times would not do for that: QQ's clock is not this machine's.
func (s *session) restart(now time.Time, from uint64) { *s = session{began: now, from: from} }

// rest begins anew after a silence of idle (0 = never).
func (s *session) rest(now time.Time, idle time.Duration) {
	if idle > 0 && !s.last.IsZero() && now.Sub(s.last) > idle {
		from := s.from
		if n := len(s.turns); n > 0 {
			from = s.turns[n-1].seq
		}
		s.restart(s.last, from)
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
