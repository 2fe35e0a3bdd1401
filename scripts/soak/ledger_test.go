package soak

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// lane is a stream of numbered messages of one account.
type lane string

// The lanes: one account whose gaps stay gaps, one that catches up from NapCat's history.
const (
	plain lane = "p"
	late  lane = "l"
)

// said is one message as the harness let it be said.
type said struct {
	at     time.Time
	chat   string
	linked bool // a link was up the whole time
	wants  []string
}

// span is a time in which messages may be lost, and why.
type span struct {
	from, to time.Time
	why      string
}

// arrivals is what one app received of one lane.
type arrivals struct {
	when  map[int]time.Time
	size  map[int]int // of the frame, in bytes
	order []int       // of first arrivals
	again int
	late  int // marked as caught up
}

// ledger knows what was said and what arrived.
type ledger struct {
	mu       sync.Mutex
	said     map[lane][]said
	apps     map[string]map[lane]*arrivals
	spans    map[lane][]span
	links    map[lane][]time.Time // when NapCat's link was seen to end
	halfDead map[lane][]span      // when NapCat did not read, but talked
	wrong    []string
	events   []string // the faults, for the excerpt
	lastNews time.Time
}

func newLedger() *ledger {
	return &ledger{said: make(map[lane][]said), apps: make(map[string]map[lane]*arrivals), spans: make(map[lane][]span), links: make(map[lane][]time.Time), halfDead: make(map[lane][]span)}
}

// note writes a line of the story.
func (l *ledger) note(format string, a ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, a...))
}

// fail notes something that must not be.
func (l *ledger) fail(format string, a ...any) {
	line := fmt.Sprintf(format, a...)
	l.note("WRONG: %s", line)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, line)
}

// next numbers a message that is about to be said.
func (l *ledger) next(of lane, chat string, wants []string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said[of] = append(l.said[of], said{at: time.Now(), chat: chat, wants: wants})
	return len(l.said[of]) - 1
}

// spoken says whether a link was up all the time.
func (l *ledger) spoken(of lane, n int, linked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said[of][n].linked = linked
}

// mayLose allows the loss of what a lane's NapCat said in a time.
func (l *ledger) mayLose(of lane, from, to time.Time, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spans[of] = append(l.spans[of], span{from, to, why})
}

// stalled notes when a lane's NapCat did not read. catflap closes such a link, and NapCat does not notice at once.
func (l *ledger) stalled(of lane, from, to time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halfDead[of] = append(l.halfDead[of], span{from, to, "said into a half-dead link that catflap was closing"})
}

func (l *ledger) linkEnded(of lane, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.links[of] = append(l.links[of], at)
}

// mark is how a message carries its number.
func mark(of lane, n int) string { return fmt.Sprintf("<%s%d>", of, n) }

// number finds it again. JSON may write the brackets as they are or escaped, so the text is looked at around them.
func number(frame []byte) (lane, int, bool) {
	for _, brackets := range [][2]string{{"<", ">"}, {`\u003c`, `\u003e`}} {
		_, rest, found := bytes.Cut(frame, []byte(brackets[0]))
		if !found || len(rest) < 2 {
			continue
		}
		text, _, found := bytes.Cut(rest, []byte(brackets[1]))
		if !found {
			continue
		}
		if n, err := strconv.Atoi(string(text[1:])); err == nil {
			return lane(text[:1]), n, true
		}
	}
	return "", 0, false
}

// arrived takes a frame that an app received.
func (l *ledger) arrived(app string, frame []byte) {
	of, n, ok := number(frame)
	if !ok {
		return // lifecycle, heartbeats
	}
	marked := bytes.Contains(frame, []byte(`"catflap_late"`))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastNews = time.Now()
	if n < 0 || n >= len(l.said[of]) {
		l.wrong = append(l.wrong, fmt.Sprintf("%s received %s, which nobody said", app, mark(of, n)))
		return
	}
	s := &l.said[of][n]
	if !slices.Contains(s.wants, app) {
		l.wrong = append(l.wrong, fmt.Sprintf("%s received %s of %s, which is not for it", app, mark(of, n), s.chat))
		return
	}
	a := l.of(app, of)
	if marked {
		a.late++
	}
	if _, known := a.when[n]; known {
		a.again++
		return
	}
	a.when[n], a.size[n] = l.lastNews, len(frame)
	a.order = append(a.order, n)
}

// of returns an app's arrivals. The caller holds the lock.
func (l *ledger) of(app string, of lane) *arrivals {
	lanes := l.apps[app]
	if lanes == nil {
		lanes = make(map[lane]*arrivals)
		l.apps[app] = lanes
	}
	if lanes[of] == nil {
		lanes[of] = &arrivals{when: make(map[int]time.Time), size: make(map[int]int)}
	}
	return lanes[of]
}

// excuse says why a message may be missing, "" if it may not.
func (l *ledger) excuse(of lane, s said) string {
	if !s.linked {
		return "NapCat was not linked"
	}
	for _, w := range l.spans[of] {
		if s.at.After(w.from) && s.at.Before(w.to) {
			return w.why
		}
	}
	for _, ended := range l.links[of] {
		if s.at.After(ended.Add(-linkSlack)) && s.at.Before(ended) {
			return "on its way when NapCat's link ended"
		}
		for _, h := range l.halfDead[of] {
			if ended.After(h.from) && ended.Before(h.to.Add(closeTime)) && s.at.After(ended.Add(-closeTime-linkSlack)) && s.at.Before(ended) {
				return h.why
			}
		}
	}
	return ""
}

// closeTime is how long catflap gives a link to say goodbye; it reads no events meanwhile.
const closeTime = time.Second

// linkSlack is how long a message may be on its way from NapCat to catflap on a busy machine.
const linkSlack = time.Second

// age is how long before the end of NapCat's link, or before the kill, an excused message was said.
func (l *ledger) age(of lane, s said) time.Duration {
	least := time.Hour
	for _, ended := range l.links[of] {
		if d := ended.Sub(s.at); d >= 0 && d < least {
			least = d
		}
	}
	return least
}

// audit is what became of a lane in one app.
type audit struct {
	app      string
	lane     lane
	expected int
	got      int
	again    int
	late     int
	excused  map[string]int
	oldest   map[string]time.Duration // of the excused: how long before the end of the link they were said
	lost     []int                    // without an excuse
	swapped  [][2]int
}

// audit compares what was said with what arrived. Order counts in the whole lane, or within a chat where messages may
// be caught up.
func (l *ledger) audit(app string, of lane) audit {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.of(app, of)
	r := audit{app: app, lane: of, got: len(a.order), again: a.again, late: a.late, excused: make(map[string]int), oldest: make(map[string]time.Duration)}
	for n, s := range l.said[of] {
		if !slices.Contains(s.wants, app) {
			continue
		}
		r.expected++
		if _, ok := a.when[n]; ok {
			continue
		}
		if why := l.excuse(of, s); why != "" {
			r.excused[why]++
			if s.linked {
				r.oldest[why] = max(r.oldest[why], l.age(of, s))
			}
		} else {
			r.lost = append(r.lost, n)
		}
	}
	newest := make(map[string]int)
	for _, n := range a.order {
		key := ""
		if of == late {
			key = l.said[of][n].chat
		}
		if m, ok := newest[key]; ok && m > n {
			r.swapped = append(r.swapped, [2]int{m, n})
		}
		newest[key] = max(newest[key], n)
	}
	return r
}

// missing counts what an app still has to receive; the harness waits for it to become 0.
func (l *ledger) missing(apps map[string]lane) int {
	n := 0
	for app, of := range apps {
		n += len(l.audit(app, of).lost)
	}
	return n
}

// excerpt is what was said, and what happened, around a message.
func (l *ledger) excerpt(of lane, n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	at := l.said[of][n].at
	fmt.Fprintf(&b, "%s was said at %s in %s, linked %v, for %v\n", mark(of, n), at.Format("15:04:05.000"), l.said[of][n].chat, l.said[of][n].linked, l.said[of][n].wants)
	for app, lanes := range l.apps {
		if a := lanes[of]; a != nil {
			if when, ok := a.when[n]; ok {
				fmt.Fprintf(&b, "  %s has it since %s\n", app, when.Format("15:04:05.000"))
			}
		}
	}
	from, to := at.Add(-4*time.Second).Format("15:04:05.000"), at.Add(8*time.Second).Format("15:04:05.000")
	for _, e := range l.events {
		if e >= from && e <= to {
			fmt.Fprintf(&b, "  %s\n", e)
		}
	}
	for _, ended := range l.links[of] {
		if d := ended.Sub(at); d > -4*time.Second && d < 8*time.Second {
			fmt.Fprintf(&b, "  %s NapCat's link ended\n", ended.Format("15:04:05.000"))
		}
	}
	return b.String()
}
