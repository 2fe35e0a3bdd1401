package router

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// Bounds of watching.
const (
	maxTails    = 8
	tailBuffer  = 256
	maxTailText = 200
)

// Passed is one event as `catflap tail` shows it. Text is filled for admitted messages only.
type Passed struct {
	Time                time.Time
	Account, Chat, Kind string
	User                uint64
	Sender, Text        string
	Outcome, Reason     string
	Apps                []store.AppDecision
}

// errTooManyTails refuses one watcher more than the bound.
var errTooManyTails = errors.New("too many watch already")

// tails are those who watch events pass. A slow one misses events; it delays nobody.
type tails struct {
	count atomic.Int32
	mu    sync.Mutex
	all   map[chan Passed]struct{}
}

func (t *tails) active() bool { return t.count.Load() > 0 }

// Tail emits what passes until ctx ends or emit fails.
func (r *Router) Tail(ctx context.Context, emit func(Passed) error) error {
	t := &r.tails
	ch := make(chan Passed, tailBuffer)
	t.mu.Lock()
	if len(t.all) >= maxTails {
		t.mu.Unlock()
		return errTooManyTails
	}
	if t.all == nil {
		t.all = make(map[chan Passed]struct{})
	}
	t.all[ch] = struct{}{}
	t.count.Add(1)
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		delete(t.all, ch)
		t.count.Add(-1)
		t.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-ch:
			if err := emit(p); err != nil {
				return err
			}
		}
	}
}

func (t *tails) emit(l *Lane, f *policy.Facts, h *onebot.Head, chat policy.Chat, v policy.Verdict) {
	p := Passed{
		Time: l.router.Now(), Account: l.name, Kind: l.event.names.kind(f), User: f.User,
		Outcome: v.Outcome.String(), Reason: string(v.Reason), Apps: l.event.memo,
	}
	if chat.ID != 0 {
		p.Chat = chat.String()
	}
	if v.Outcome == policy.Deliver || v.Outcome == policy.Context {
		p.Sender = onebot.SenderName(h.Sender)
		p.Text = onebot.Summary(h.Message, maxTailText)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for ch := range t.all {
		select {
		case ch <- p:
		default:
		}
	}
}
