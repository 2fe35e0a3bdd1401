package simulator

import (
	"maps"
	"slices"
	"time"
)

// Answer changes what one call gets. The zero value changes nothing.
type Answer struct {
	Delay   time.Duration // wait before acting, on top of the latency
	Silent  bool          // act, but never answer
	Skip    bool          // do not act, and never answer unless Retcode, Data or Raw is set
	Retcode int64         // not 0: do not act, answer as failed with this code
	Message string        // message and wording of that failure
	Data    any           // not nil: do not act, answer ok with this
	Raw     [][]byte      // not nil: do not act, send these frames
	Drop    bool          // act, then cut the link instead of answering
	// NextLink holds the answer back until the next connection and writes it there (reference 2.5).
	NextLink bool
	Repeat   int // that many extra copies of the answer
}

// faults is what is broken now. NapCat.linkMu guards it.
type faults struct {
	hooks   map[string]func(Call) Answer
	stall   bool
	silence bool
	mute    bool
	extra   int
}

// OnAction installs a hook for an action (its name without suffix; "*" = every action that has no hook of its own);
// nil removes it. The hook runs in the goroutine of the call, possibly several at once.
func (n *NapCat) OnAction(name string, hook func(Call) Answer) {
	n.linkMu.Lock()
	defer n.linkMu.Unlock()
	if hook == nil {
		delete(n.faults.hooks, name)
		return
	}
	if n.faults.hooks == nil {
		n.faults.hooks = make(map[string]func(Call) Answer)
	}
	n.faults.hooks[name] = hook
}

func (n *NapCat) hook(c Call) Answer {
	n.linkMu.Lock()
	hook := n.faults.hooks[c.Name]
	if hook == nil {
		hook = n.faults.hooks["*"]
	}
	n.linkMu.Unlock()
	if hook == nil {
		return Answer{}
	}
	return hook(c)
}

// Drop cuts every connection with a TCP reset. When it returns nobody is connected, but for an HTTP client that posts; a
// dialled link comes back after ReconnectInterval.
func (n *NapCat) Drop() {
	n.linkMu.Lock()
	victims := make([]*session, 0, len(n.sessions))
	for s := range n.sessions {
		victims = append(victims, s)
	}
	wires := slices.Collect(maps.Keys(n.cables))
	maps.DeleteFunc(n.outlets, func(o *outlet, _ struct{}) bool { return o.stream })
	n.linkMu.Unlock()
	for _, s := range victims {
		n.cut(s)
	}
	for _, c := range wires {
		c.cut()
	}
	n.changed.ring()
}

func (n *NapCat) cut(s *session) {
	n.linkMu.Lock()
	delete(n.sessions, s)
	n.linkMu.Unlock()
	s.end()
	s.cable.cut()
	n.changed.ring()
}

// Stall stops reading from every connection, present and future, or reads on. Bytes then pile up in the kernel and
// pings stay unanswered, as with a frozen process; events still go out.
func (n *NapCat) Stall(on bool) {
	n.linkMu.Lock()
	defer n.linkMu.Unlock()
	n.faults.stall = on
	for s := range n.sessions {
		s.cable.stall(on)
	}
	for c := range n.cables {
		c.stall(on)
	}
}

// Silence makes NapCat half-dead: calls are recorded but neither done nor answered, while events and heartbeats go on.
func (n *NapCat) Silence(on bool) {
	n.linkMu.Lock()
	defer n.linkMu.Unlock()
	n.faults.silence = on
}

func (n *NapCat) silenced() bool {
	n.linkMu.Lock()
	defer n.linkMu.Unlock()
	return n.faults.silence
}

// Mute is the other half-death: calls are done and answered, heartbeats go on, but no other event is sent.
func (n *NapCat) Mute(on bool) {
	n.linkMu.Lock()
	defer n.linkMu.Unlock()
	n.faults.mute = on
}

// Duplicate sends every event that many extra times (reference 10.9). 0 ends it.
func (n *NapCat) Duplicate(extra int) {
	n.linkMu.Lock()
	defer n.linkMu.Unlock()
	n.faults.extra = max(extra, 0)
}

// jitter is the latency of one call.
func (n *NapCat) jitter() time.Duration {
	l := n.opts.Latency
	if l.Max <= l.Min {
		return l.Min
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return l.Min + time.Duration(n.state.random.Int64N(int64(l.Max-l.Min)+1))
}
