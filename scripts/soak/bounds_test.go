package soak

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

// Bounds of the two apps that are away in TestQueueBounds.
const (
	boundEvents = 150
	boundBytes  = 1 << 20
)

// TestQueueBounds lets two apps be away while more passes than their queues hold, one by events and one by bytes: exactly
// the oldest fall out, they are counted, and the rest arrives in order, before anything newer; also over a restart.
func TestQueueBounds(t *testing.T) {
	s := seed(t)
	w := newWorld(t, s, nil, filepath.Join(t.TempDir(), "data"))
	w.quiet = func() {}
	text := w.text
	for app, queue := range map[string]string{opsOnly: "maxEvents: 150", reverse: "maxEvents: 20000, maxMb: 1"} {
		before, line, _ := strings.Cut(text, "  "+app+": ")
		text = before + "  " + app + ": " + strings.Replace(line, "maxEvents: 20000", queue, 1)
	}
	w.must(w.cat.write(text))
	w.stop()
	w.linked()

	dice := rand.New(rand.NewPCG(s, 5))
	for _, restart := range []bool{false, true} {
		w.settle(all, opsOnly, reverse)
		counted, err := w.cat.status()
		w.must(err)
		for _, name := range []string{opsOnly, reverse} {
			w.apps[name].leave(true)
			w.gone(name) // else the first messages are on their way into a closed socket
		}
		from := w.sayMany(dice, 2500)
		to := w.settle(all)

		keep := map[string]int{opsOnly: to - boundEvents, reverse: to}
		w.ledger.mu.Lock()
		sizes := w.ledger.of(all, plain).size
		for bytes := 0; keep[reverse] > from; keep[reverse]-- {
			if bytes += sizes[keep[reverse]-1]; bytes > boundBytes {
				break
			}
		}
		w.ledger.mu.Unlock()
		last, err := w.cat.status()
		w.must(err)
		for name, first := range keep {
			if got, want := last.dropped(name)-counted.dropped(name), uint64(first-from); got != want || want == 0 {
				t.Errorf("%s: status says that %d fell out, want %d of %d", name, got, want, to-from)
			}
		}

		if restart {
			w.stop()
			w.linked()
		}
		for name := range keep {
			w.apps[name].leave(false)
		}
		newer := w.sayMany(dice, 50)
		w.settle(all, opsOnly, reverse)
		// What was said before the app read on has pushed out some more.
		after, err := w.cat.status()
		w.must(err)
		for name, first := range keep {
			before := last.dropped(name)
			if restart {
				before = 0
			}
			first += int(after.dropped(name) - before)
			w.ledger.mu.Lock()
			a := w.ledger.of(name, plain)
			got := slices.Clone(a.order[slices.IndexFunc(a.order, func(n int) bool { return n >= from }):])
			w.ledger.mu.Unlock()
			for i, n := range got {
				if n != first+i {
					t.Errorf("%s: arrival %d is %d, want %d: the first that had room, all after it, in order", name, i, n, first+i)
					break
				}
			}
			if first+len(got) < newer+50 {
				t.Errorf("%s: only %d arrived of %d", name, len(got), newer+50-first)
			}
			t.Logf("%s: %d fell out of %d, %d arrived (restart %v)", name, first-from, newer+50-from, len(got), restart)
		}
	}
	w.must(w.cat.stop())
	if bad := w.cat.logs.bad; len(bad) > 0 {
		t.Errorf("catflap printed %v\n%s", bad, w.cat.logs.last(8000))
	}
}

// gone waits until catflap knows that an app is away.
func (w *world) gone(name string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		st, err := w.cat.status()
		w.must(err)
		if !st.Apps[st.find(name)].Connected {
			return
		}
		if !pause(ctx, 20*time.Millisecond) {
			w.t.Fatalf("seed %d: catflap never saw %s leave", w.seed, name)
		}
	}
}

// sayMany lets many messages be said that all three apps want, and returns the number of the first.
func (w *world) sayMany(dice *rand.Rand, n int) (first int) {
	for i := range n {
		from := simulator.InGroup(ops, []uint64{ann, bob}[dice.IntN(2)])
		number := w.say(plain, from, "group:ops", false, all, opsOnly, reverse)
		if i == 0 {
			first = number
		}
		if i%100 == 99 {
			w.wait(20 * time.Millisecond) // NapCat itself bounds what waits in it
		}
	}
	return first
}

// settle waits until apps have the newest message that was said, and returns the number of the one after it.
func (w *world) settle(apps ...string) (next int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, name := range apps {
		for {
			w.ledger.mu.Lock()
			next = len(w.ledger.said[plain])
			_, there := w.ledger.of(name, plain).when[next-1]
			w.ledger.mu.Unlock()
			if there || next == 0 {
				break
			}
			if !pause(ctx, 20*time.Millisecond) {
				w.t.Fatalf("seed %d: %s never received number %d\n%s\n---- catflap printed:\n%s", w.seed, name, next-1, w.ledger.excerpt(plain, next-1), w.cat.logs.last(8000))
			}
		}
	}
	return next
}

// find returns the place of an app in the status.
func (s status) find(app string) int {
	return slices.IndexFunc(s.Apps, func(a appStatus) bool { return a.Name == app })
}

// dropped is how much fell out of an app's queue.
func (s status) dropped(app string) uint64 { return s.Apps[s.find(app)].Dropped }
