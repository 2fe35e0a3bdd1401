package soak

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/store"
)

// TestSoak makes random faults for -soak.time and holds what arrived against what had to.
func TestSoak(t *testing.T) {
	s := seed(t)
	d := mountDisk(t, "64m")
	w := newWorld(t, s, d, filepath.Join(d.dir, "data"))
	began := time.Now()
	w.speak(25 * time.Millisecond)
	w.fillDisk()
	w.startFull()
	w.approve()
	for time.Since(began) < *soakTime {
		w.wait(w.between(50*time.Millisecond, 800*time.Millisecond))
		w.fault()
	}
	w.catchUp()
	w.finish(began)
}

// TestKillMinusNine kills catflap again and again under load, with apps that come and go.
func TestKillMinusNine(t *testing.T) {
	s := seed(t)
	w := newWorld(t, s, nil, filepath.Join(t.TempDir(), "data"))
	began := time.Now()
	w.speak(20 * time.Millisecond)
	for w.kills < *soakKills {
		w.wait(w.between(50*time.Millisecond, 1500*time.Millisecond))
		var a *app
		if w.random.IntN(2) == 0 {
			a = w.anyApp()
			a.leave(true)
			w.wait(w.between(0, time.Second))
		}
		if w.random.IntN(10) == 0 {
			w.approve()
		} else {
			w.kill(w.between(0, 300*time.Millisecond))
		}
		if a != nil {
			a.leave(false)
		}
	}
	w.catchUp()
	w.finish(began)
}

// catchUp ends the faults with one that nothing disturbs: what was said meanwhile on the account that catches up must
// arrive, all of it and in order.
func (w *world) catchUp() {
	for _, a := range w.apps {
		a.free()
	}
	w.linked()
	w.wait(10 * time.Second) // a search for what was missed ends within that
	w.ledger.mu.Lock()
	from := len(w.ledger.said[late])
	w.ledger.mu.Unlock()
	w.kill(3 * time.Second)
	w.linked()
	w.ledger.mu.Lock()
	to := len(w.ledger.said[late])
	w.ledger.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		var gone []int
		w.ledger.mu.Lock()
		for n := from; n < to; n++ {
			if _, ok := w.ledger.of(lateApp, late).when[n]; !ok && len(w.ledger.said[late][n].wants) > 0 {
				gone = append(gone, n)
			}
		}
		w.ledger.mu.Unlock()
		if len(gone) == 0 {
			w.t.Logf("caught up: %d messages said around the last kill", to-from)
			return
		}
		if !pause(ctx, 50*time.Millisecond) {
			w.ledger.fail("never caught up after an undisturbed kill: %v of %d..%d\n%s", gone, from, to-1, w.ledger.excerpt(late, gone[0]))
			return
		}
	}
}

// finish ends the talking, waits for what must still come, and judges.
func (w *world) finish(began time.Time) {
	t := w.t
	w.quiet()
	w.talk.Wait()
	for _, a := range w.apps {
		a.free()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for w.ledger.missing(views()) > 0 && pause(ctx, 200*time.Millisecond) {
	}
	last, err := w.cat.status()
	w.must(err)
	in, err := w.cat.approved()
	w.must(err)
	for _, who := range w.friends {
		if !in[who] {
			w.ledger.fail("the approval of %d is gone", who)
		}
	}
	w.must(w.cat.stop())
	for _, name := range []string{"state.db", "journal.db"} {
		if err := store.Check(filepath.Join(w.cat.data, name)); err != nil {
			w.ledger.fail("%s at the end: %v", name, err)
		}
	}

	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %v, %d kills, slowest start %v\nfaults:", w.seed, time.Since(began).Round(time.Second), w.kills, w.cat.slow.Round(time.Millisecond))
	for _, what := range slices.Sorted(maps.Keys(w.counts)) {
		fmt.Fprintf(&b, " %s %d;", what, w.counts[what])
	}
	fmt.Fprintf(&b, "\n%-10s %8s %8s %9s %8s %6s\n", "app", "expected", "arrived", "repeated", "allowed", "lost")
	for _, name := range slices.Sorted(maps.Keys(views())) {
		of := views()[name]
		a := w.ledger.audit(name, of)
		allowed := 0
		for _, n := range a.excused {
			allowed += n
		}
		fmt.Fprintf(&b, "%-10s %8d %8d %9d %8d %6d", name, a.expected, a.got, a.again, allowed, len(a.lost))
		for _, why := range slices.Sorted(maps.Keys(a.excused)) {
			fmt.Fprintf(&b, "  %d %s", a.excused[why], why)
			if old := a.oldest[why]; old > 0 {
				fmt.Fprintf(&b, " (%v at most)", old.Round(time.Millisecond))
			}
			b.WriteByte(';')
		}
		if of == late {
			fmt.Fprintf(&b, "  %d caught up", a.late)
		}
		b.WriteByte('\n')
		w.judge(a, last)
	}
	fmt.Fprintf(&b, "commits of the last run %d, failed %d %s; complaints of failed commits in all runs %d\n", last.Store.Commits, last.Store.CommitErrors, last.Store.LastError, w.cat.logs.full)
	if w.counts["disk full"] > 0 && w.cat.logs.full == 0 {
		t.Errorf("seed %d: the disk was full and the store never felt it", w.seed)
	}
	t.Log(b.String())
	w.ledger.mu.Lock()
	wrong := slices.Clone(w.ledger.wrong)
	w.ledger.mu.Unlock()
	for _, line := range wrong[:min(len(wrong), 20)] {
		t.Errorf("seed %d: %s", w.seed, line)
	}
	if bad := w.cat.logs.bad; len(bad) > 0 {
		t.Errorf("seed %d: catflap printed %v", w.seed, bad)
	}
	if t.Failed() {
		t.Logf("---- catflap printed:\n%s", w.cat.logs.last(20000))
	}
}

// judge turns one app's audit into failures.
func (w *world) judge(a audit, last status) {
	if a.got == 0 {
		w.t.Errorf("seed %d: %s received nothing at all", w.seed, a.app)
	}
	if len(a.lost) > 0 {
		w.t.Errorf("seed %d: %s never received %d messages, among them %v; status says %+v\n%s", w.seed, a.app, len(a.lost), a.lost[:min(len(a.lost), 20)], last.Apps, w.ledger.excerpt(a.lane, a.lost[0]))
	}
	if len(a.swapped) > 0 {
		w.t.Errorf("seed %d: %s received %d messages out of order, among them (newer, older) %v\n%s", w.seed, a.app, len(a.swapped), a.swapped[:min(len(a.swapped), 20)], w.ledger.excerpt(a.lane, a.swapped[0][1]))
	}
}
