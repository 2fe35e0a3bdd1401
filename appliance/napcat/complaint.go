package napcat

import (
	"context"
	"log/slog"
	"time"
)

// complainEvery is how often a reason that stays is said again: what has to be set right by a person may take days, and
// every dial is a new link.
const complainEvery = time.Hour

// complaint is why links are given up again and again. Account.mu guards it.
type complaint struct {
	why    string
	said   time.Time
	unsaid int // since then
}

// complain reports whether a reason is to be logged now, and how often it came up since it was logged last.
func (a *Account) complain(why string) (times int, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, now := &a.complaint, a.Now()
	if c.why == why && now.Sub(c.said) < complainEvery {
		c.unsaid++
		return 0, false
	}
	if c.why == why {
		times = c.unsaid
	}
	*c = complaint{why: why, said: now}
	return times + 1, true
}

// logEnded says that a link has ended. The reason of a link that was given up is said once while it stays the same.
func (a *Account) logEnded(s *session, err error) {
	a.mu.Lock()
	refusal, foreign := s.refusal, s.foreign
	a.mu.Unlock()
	if refusal == nil {
		a.Log.Warn("NapCat link ended", "account", a.Name(), "err", err)
		return
	}
	level, text := slog.LevelWarn, "NapCat link ended"
	if foreign {
		level, text = slog.LevelError, "NapCat is logged in as another account"
	}
	times, due := a.complain(refusal.Error())
	if !due {
		level = slog.LevelDebug
	}
	a.Log.Log(context.Background(), level, text, "account", a.Name(), "err", err, "times", times)
}

// logLinked says that a link is up. One that follows a refusal will most likely be given up again.
func (a *Account) logLinked(remote string) {
	a.mu.Lock()
	level := slog.LevelInfo
	if a.complaint.why != "" {
		level = slog.LevelDebug
	}
	a.mu.Unlock()
	a.Log.Log(context.Background(), level, "NapCat linked", "account", a.Name(), "link", a.Config.Link, "remote", remote)
}

// contented forgets the complaint: NapCat has answered as it should.
func (a *Account) contented() {
	a.mu.Lock()
	was := a.complaint.why
	a.complaint = complaint{}
	a.mu.Unlock()
	if was != "" {
		a.Log.Info("NapCat linked, and what was wrong is right now", "account", a.Name(), "was", was)
	}
}
