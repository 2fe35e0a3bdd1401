package agent

import (
	"maps"
	"time"
)

// Status is what is shown of an agent.
type Status struct {
	Model       string
	Busy        int   // answers being made
	Talks       int   // conversations that are known
	TurnsToday  int64 // answers
	TokensToday int64
	Turns       map[Outcome]uint64 // since the agent was made
	Tokens      int64              // likewise
	Trouble     string             // why the last answer failed; "" if it did not
	TroubleAt   time.Time
}

// Outcome is how a turn ended.
type Outcome string

// Outcomes of turns.
const (
	Answered Outcome = "answered"
	Silent   Outcome = "silent"  // the model chose to say nothing, or said it by a tool
	Failed   Outcome = "failed"  // no answer came of the model
	Broken   Outcome = "broken"  // the answer broke off in its middle
	Unsent   Outcome = "unsent"  // it could not be sent
	Stopped  Outcome = "stopped" // by a user, or by the end of catflap
	Refused  Outcome = "refused" // a budget is used up
)

// count counts how a turn ended.
func (a *Agent) count(o Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turns[o]++
}

// Status returns the state of the agent.
func (a *Agent) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status()
}

// status: the caller holds the lock.
func (a *Agent) status() Status {
	s := Status{Busy: a.busy, Talks: len(a.talks), Turns: maps.Clone(a.turns), Tokens: a.tokens}
	if _, app := a.settings(); app != nil {
		s.Model = app.Agent.Model
	}
	s.TurnsToday, s.TokensToday = a.usage.sum()
	if a.trouble != nil {
		s.Trouble, s.TroubleAt = a.trouble.Error(), a.since
	}
	return s
}
