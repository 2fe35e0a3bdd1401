package agent

import "time"

// Status is what is shown of an agent.
type Status struct {
	Model       string
	Busy        int   // answers being made
	Talks       int   // conversations that are known
	TurnsToday  int64 // answers
	TokensToday int64
	Trouble     string // why the last answer failed; "" if it did not
	TroubleAt   time.Time
}

// Status returns the state of the agent.
func (a *Agent) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status()
}

// status: the caller holds the lock.
func (a *Agent) status() Status {
	s := Status{Busy: a.busy, Talks: len(a.talks)}
	if _, app := a.settings(); app != nil {
		s.Model = app.Agent.Model
	}
	s.TurnsToday, s.TokensToday = a.usage.sum()
	if a.trouble != nil {
		s.Trouble, s.TroubleAt = a.trouble.Error(), a.since
	}
	return s
}
