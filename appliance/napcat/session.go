package napcat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
)

// session is one link of an account from its upgrade to its end.
type session struct {
	account   *Account
	road      road
	stop      context.CancelFunc // ends what runs beside the link
	head      onebot.Head        // of the frame at hand; the one reader uses it
	heard     atomic.Uint64      // events
	refusal   error              // why the link will end, if known better than by its close; Account.mu guards it
	foreign   bool               // NapCat is logged in as somebody else; set before refusal
	deaf      atomic.Bool        // nothing of what still comes may be used: it may be another account's
	announced bool               // everybody has heard of it; Account.mu guards it
	patient   bool               // a link on which events come stays although calls fail
}

// errHalfDead is why a link was given up on which NapCat talked, or was there, but did not answer.
var errHalfDead = errors.New("NapCat was connected but did not answer get_status; the link was closed so that a new one comes")

// silence is why a link is given up after err, the failure of its last probe.
func (s *session) silence(err error) error {
	if _, ok := s.road.(*web); ok {
		return fmt.Errorf("NapCat's HTTP server does not answer any more: %w", err)
	}
	return errHalfDead
}

// refused notes why the link will end.
func (s *session) refused(why error) {
	s.account.mu.Lock()
	s.refusal = why
	s.account.mu.Unlock()
}

// frame takes one frame from NapCat.
func (s *session) frame(data []byte) error {
	a := s.account
	if s.deaf.Load() {
		return nil
	}
	if err := onebot.PeekHead(data, &s.head); err != nil {
		a.mu.Lock()
		a.state.BadFrames++
		first := a.state.BadFrames == 1
		a.mu.Unlock()
		if first {
			a.Log.Warn("NapCat sent a frame that is not OneBot; such frames are dropped and counted", "account", a.Name(), "bytes", len(data), "err", err)
		}
		return nil
	}
	if s.head.IsResponse() {
		s.response(data)
		return nil
	}
	if !s.head.IsEvent() {
		return nil
	}
	a.order.Lock()
	defer a.order.Unlock()
	if self := s.head.SelfID; self != 0 && a.Self() == 0 {
		if err := a.adopt(self); err != nil {
			return err
		}
	}
	switch {
	case s.head.PostType == "meta_event":
		s.meta(data)
		return nil
	case s.head.PostType == "notice" && s.head.Detail == "bot_offline":
		a.setOnline(s, false)
	}
	s.heard.Add(1)
	a.heard.Store(a.Now().UnixNano())
	a.Event(data, &s.head)
	return nil
}

// response hands an answer to the call that waits for it. NapCat's forward server says that a token is
// wrong by a frame without echo before it closes (reference: WebSocket server, token rules).
func (s *session) response(data []byte) {
	a := s.account
	if a.calls.complete(data, &s.head) {
		return
	}
	const tokenRefused = 1403
	if s.head.Retcode == tokenRefused && (s.head.Echo == nil || string(s.head.Echo) == "null") {
		s.refused(fmt.Errorf("%w (1403): accessToken here must be the token of NapCat's WebSocket server", errToken))
		return
	}
	a.countLate()
}

// meta reads NapCat's own heartbeat. Applications get lifecycle and heartbeat events from catflap instead,
// which tell the truth about the whole way and not about this link alone.
func (s *session) meta(data []byte) {
	if s.head.Detail != "heartbeat" {
		return
	}
	var beat struct {
		Status struct {
			Online *bool `json:"online"`
		} `json:"status"`
	}
	if json.Unmarshal(data, &beat) == nil && beat.Status.Online != nil {
		s.account.setOnline(s, *beat.Status.Online)
	}
}

// introduce asks who is there until NapCat has said it: it may be busy, or not quite up yet.
func (s *session) introduce(ctx context.Context) {
	for !s.account.learn(ctx, s) && link.Wait(ctx, s.account.interval()) {
	}
}

// interval is the time between probes. Whoever sets none gets the default of the configuration.
func (a *Account) interval() time.Duration {
	const usual = 30 * time.Second
	if d := a.Config.Heartbeat.Interval; d > 0 {
		return d
	}
	return usual
}

// maxMisses is after how many unanswered probes in a row a link is half-dead and closed.
const maxMisses = 2

// watch probes the link at once, for QQ may be offline already, and then each interval: a WebSocket ping and
// get_status. After two misses the link is half-dead and closed, so that NapCat dials again.
func (s *session) watch(ctx context.Context) {
	a := s.account
	beat := a.Config.Heartbeat
	if !beat.Enabled {
		return
	}
	tick := time.NewTicker(a.interval())
	defer tick.Stop()
	var heard uint64 // events before the first miss
	patient := false // the link stayed although it was half-dead
	for misses := 0; ; {
		err := s.probe(ctx, beat.Timeout)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			misses, patient = 0, false
			a.setHalfDead(s, nil)
		default:
			if misses++; misses == 1 {
				heard = s.heard.Load()
			}
			level := slog.LevelWarn
			if patient {
				level = slog.LevelDebug
			}
			a.Log.Log(ctx, level, "NapCat did not answer get_status", "account", a.Name(), "misses", misses, "err", err)
			a.setHalfDead(s, err)
		}
		if misses == maxMisses && s.patient && s.heard.Load() != heard {
			misses, patient = 0, true // it has been said
		}
		if misses == maxMisses {
			s.refused(s.silence(err))
			s.road.close(1001, "no answer to get_status")
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// probe is one ping and one get_status. Any answer, a failure too, proves that NapCat is alive.
func (s *session) probe(ctx context.Context, timeout time.Duration) error {
	a := s.account
	s.road.ping()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var status struct {
		Online *bool `json:"online"`
	}
	err := a.Ask(ctx, "get_status", nil, &status)
	if errors.Is(err, ErrAway) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrBusy) || errors.Is(err, ErrDropped) || ctx.Err() != nil {
		if err == nil {
			err = ctx.Err()
		}
		return err
	}
	if status.Online != nil {
		a.setOnline(s, *status.Online)
	}
	return nil
}
