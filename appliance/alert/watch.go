package alert

import (
	"slices"
	"time"
)

// How long something has to be wrong until it is told, and right until it is told that it is over.
const (
	startGrace   = 3 * time.Minute // after the start: a box boots catflap before NapCat
	linkAfter    = 30 * time.Second
	offlineAfter = 30 * time.Second
	appAfter     = 2 * time.Minute
	settleUsual  = 30 * time.Second
	settleLong   = time.Minute
	flapWindow   = time.Hour // what comes again within it has to stay away longer and longer
	maxFlaps     = 5
)

// verdict is what one look says of one thing.
type verdict uint8

const (
	unknown verdict = iota // nothing changes
	good
	bad
)

// key is what alerts are de-duplicated by.
type key struct {
	event   Event
	subject string
	urgent  bool // the second stage of a link that is away
}

// finding is one thing as a look finds it.
type finding struct {
	key
	verdict       verdict
	after, settle time.Duration
	raised, over  Notice
	silent        bool // its end is not told
	telling       bool // raised says more than that of other looks at the same trouble
}

// trouble is what is remembered of one key.
type trouble struct {
	bad       time.Duration // how much of the time since it began
	wasBad    bool          // at the last look
	goodSince time.Time     // zero while bad
	told      bool
	notice    Notice      // what was told
	raises    []time.Time // within flapWindow
	better    *Notice     // of a look that was telling
}

// Watch decides what is told. It is not safe for concurrent use, and knows no clock: each look brings its time, of one clock
// that does not jump (time.Now's monotonic reading).
type Watch struct {
	began    time.Time
	last     time.Time
	troubles map[key]*trouble
	store    storeWatch
	asked    map[Request]bool // pairing requests that are known
	primed   bool             // requests of before the start have been told by whom ran then
	doors    map[string]*doorWatch
	update   string
	full     bool // the disk was low at the last look
}

// NewWatch makes a Watch that has seen nothing.
func NewWatch() *Watch {
	return &Watch{troubles: make(map[key]*trouble), asked: make(map[Request]bool), doors: make(map[string]*doorWatch)}
}

// Look takes the facts of a moment and returns what is to be told, in the order of the facts.
func (w *Watch) Look(now time.Time, f Facts) []Notice {
	if w.began.IsZero() {
		w.began, w.last = now, now
	}
	step := max(now.Sub(w.last), 0)
	w.last = now
	var out []Notice
	seen := make(map[key]bool)
	for _, found := range w.findings(f) {
		seen[found.key] = true
		n, ok := w.judge(now, step, found)
		if !ok {
			continue
		}
		if last := len(out) - 1; found.urgent && last >= 0 && out[last].Event == n.Event && out[last].Subject == n.Subject && out[last].State == Raised {
			out = out[:last] // the second stage at once says it all
		}
		out = append(out, n)
	}
	for k := range w.troubles {
		if !seen[k] {
			delete(w.troubles, k) // it is not configured any more
		}
	}
	out = append(out, w.requests(now, f.Pairing)...)
	out = append(out, w.tokens(now, f.Doors)...)
	if f.Update != "" && f.Update != w.update {
		w.update = f.Update
		out = append(out, updateNotice(f.Update))
	}
	for i := range out {
		out[i].At = now
	}
	return out
}

// Active is what has been told and is not over, the oldest first. The bound is that of the configuration.
func (w *Watch) Active() []Notice {
	var out []Notice
	for k, t := range w.troubles {
		second := w.troubles[key{k.event, k.subject, true}]
		if !t.told || !k.urgent && second != nil && second.told {
			continue
		}
		i := len(out)
		for i > 0 && (t.notice.At.Before(out[i-1].At) || t.notice.At.Equal(out[i-1].At) && t.notice.Subject < out[i-1].Subject) {
			i--
		}
		out = slices.Insert(out, i, t.notice)
	}
	return out
}

// findings are the things that can be wrong for a while.
func (w *Watch) findings(f Facts) []finding {
	grace := time.Duration(0)
	if w.last.Sub(w.began) < startGrace {
		grace = startGrace
	}
	var out []finding
	for _, a := range f.Accounts {
		out = append(out, linkFindings(a, grace)...)
		out = append(out, offlineFinding(a), limitedFinding(a))
	}
	for _, a := range f.Apps {
		out = append(out, appFinding(a, grace))
	}
	if f.DiskTotal > 0 {
		found := diskFinding(f, w.full)
		w.full = found.verdict == bad
		out = append(out, found)
	}
	return append(out, w.store.finding(f))
}

// judge remembers one finding and says what is to be told of it.
func (w *Watch) judge(now time.Time, step time.Duration, f finding) (Notice, bool) {
	t := w.troubles[f.key]
	if t == nil {
		if f.verdict != bad {
			return Notice{}, false
		}
		t = &trouble{}
		w.troubles[f.key] = t
	}
	t.raises = slices.DeleteFunc(t.raises, func(at time.Time) bool { return now.Sub(at) > flapWindow })
	switch f.verdict {
	case bad:
		if t.wasBad {
			t.bad += step
		}
		t.wasBad, t.goodSince = true, time.Time{}
		if f.telling {
			t.better = &f.raised
		}
		if t.told || t.bad < f.after {
			return Notice{}, false
		}
		n := f.raised
		if t.better != nil {
			n = *t.better
		}
		n.At = now
		t.told, t.notice = true, n
		if len(t.raises) == maxFlaps {
			t.raises = t.raises[1:]
		}
		t.raises = append(t.raises, now)
		return n, true
	case good:
		t.wasBad = false
		if t.goodSince.IsZero() {
			t.goodSince = now
		}
		if now.Sub(t.goodSince) < f.settle<<max(len(t.raises)-1, 0) {
			return Notice{}, false
		}
		told := t.told
		t.told, t.bad, t.better = false, 0, nil
		if len(t.raises) == 0 {
			delete(w.troubles, f.key)
		}
		return f.over, told && !f.silent
	default:
		t.wasBad, t.goodSince = false, time.Time{}
		return Notice{}, false
	}
}
