package router

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/localfile"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// Bounds of actions whose files are being handed to NapCat, and of what waits behind them, per account.
const (
	maxHandovers  = 64
	handoverBytes = 16 << 20
	handoverTime  = 5 * time.Minute
	handsAtOnce   = 2 // of all accounts: each reads a file
)

// Handover is an action that names files which NapCat cannot read by itself: media of catflap, or files of this box.
type Handover struct {
	Account string
	Action  string // without suffix
	Params  []byte
	// Files may be read; nil = none of this box.
	Files localfile.Roots
	Max   int64 // the account's mediaMaxMb in bytes
	Peer  napcat.State
}

// handovers keeps the sends of one chat in order while the files of an earlier one are on their way.
type handovers struct {
	mu    sync.Mutex
	lines map[policy.Chat][]handover // a line that is there is being worked on
	count int
	bytes int
}

type handover struct {
	call   call
	files  bool
	chunks [][]byte // the parts of its message, which go one by one; nil = it is one
}

// size is what the action holds in memory, bytes.
func (h *handover) size() int {
	n := len(h.call.params)
	for _, part := range h.chunks {
		n += len(part)
	}
	return n
}

// send sends a call. When it names files that NapCat has to be handed first, or makes several messages, that happens beside:
// frames do not wait for it, later sends to the same chat do.
func (l *Lane) send(c call) {
	chunks, err := l.chunks(&c)
	if err != nil {
		c.done(napcat.Answer{Final: true, Err: &handoverError{err}})
		return
	}
	files := l.router.HandOver != nil && l.namesFiles(&c)
	chat := chatOf(c.target)
	ordered := c.effect == policy.EffectSend && chat.ID != 0
	h := &l.handovers
	h.mu.Lock()
	_, busy := h.lines[chat]
	busy = busy && ordered
	if !files && !busy && chunks == nil {
		h.mu.Unlock()
		l.dispatch(c)
		return
	}
	next := handover{c, files, chunks}
	if chunks != nil {
		next.call.params = nil
	}
	if h.count >= maxHandovers || h.count > 0 && h.bytes+next.size() > handoverBytes {
		h.mu.Unlock()
		c.done(napcat.Answer{Final: true, Err: napcat.ErrBusy})
		return
	}
	next.call.params = slices.Clone(next.call.params)
	h.count++
	h.bytes += next.size()
	if busy {
		h.lines[chat] = append(h.lines[chat], next)
		h.mu.Unlock()
		return
	}
	if ordered {
		if h.lines == nil {
			h.lines = make(map[policy.Chat][]handover)
		}
		h.lines[chat] = nil
	}
	h.mu.Unlock()
	if !l.router.spawn(func() { l.work(next, chat, ordered) }) {
		l.work(next, chat, ordered) // the router closes: the call ends at once
	}
}

// work hands over the files of one action, and does what waits behind it.
func (l *Lane) work(next handover, chat policy.Chat, ordered bool) {
	h := &l.handovers
	for {
		size := next.size()
		if next.chunks != nil {
			l.sendChunks(next.call, next.chunks)
		} else {
			l.handOver(next)
		}
		h.mu.Lock()
		h.count--
		h.bytes -= size
		line := h.lines[chat]
		if !ordered || len(line) == 0 {
			if ordered {
				delete(h.lines, chat)
			}
			h.mu.Unlock()
			return
		}
		next, h.lines[chat] = line[0], line[1:]
		h.mu.Unlock()
	}
}

// handOver gives NapCat the files of an action and sends it.
func (l *Lane) handOver(next handover) {
	c := next.call
	rules := l.router.plan.Load().accounts[l.name]
	if !next.files || rules == nil {
		l.dispatch(c)
		return
	}
	ctx, cancel := context.WithTimeout(l.router.ctx, handoverTime)
	defer cancel()
	o := Handover{Account: l.name, Action: c.base, Params: c.params, Max: rules.mediaMax, Peer: l.State()}
	if c.app != "" {
		o.Files = rules.files
	}
	if await := l.router.AwaitFiles; await != nil {
		if err := await(ctx, o); err != nil {
			c.done(napcat.Answer{Final: true, Err: &handoverError{err}})
			return
		}
	}
	select {
	case l.router.hands <- struct{}{}:
	case <-ctx.Done():
		c.done(napcat.Answer{Final: true, Err: napcat.ErrAway})
		return
	}
	defer func() { <-l.router.hands }()
	params, err := l.router.HandOver(ctx, o)
	if err != nil {
		c.done(napcat.Answer{Final: true, Err: &handoverError{err}})
		return
	}
	c.said = l.kept(c.params, rules) // history has the key of a medium, not what NapCat was given for it
	c.params = params
	l.dispatch(c)
}

// Waiting is how many actions of an account have files on their way to NapCat, or wait behind such.
func (r *Router) Waiting(account string) int {
	l := r.lane(account)
	if l == nil {
		return 0
	}
	l.handovers.mu.Lock()
	defer l.handovers.mu.Unlock()
	return l.handovers.count
}

// handoverError is why an action's file did not reach NapCat. Nothing was done.
type handoverError struct{ err error }

func (e *handoverError) Error() string { return "nothing was sent: " + e.err.Error() }

func (e *handoverError) Unwrap() error { return e.err }

// namesFiles reports whether an action may name files of catflap's. It costs a look at the params only.
func (l *Lane) namesFiles(c *call) bool {
	if bytes.Contains(c.params, []byte("/media/")) || bytes.Contains(c.params, []byte(`\/media\/`)) {
		return true
	}
	if c.app == "" {
		return false // what the owner names is as NapCat sees it
	}
	rules := l.router.plan.Load().accounts[l.name]
	return rules != nil && len(onebot.LocalPaths(c.base, c.params)) > 0 // without files.roots they are media of catflap's
}

// isHandover reports whether a call ended before NapCat was asked.
func isHandover(err error) bool {
	var h *handoverError
	return errors.As(err, &h)
}
