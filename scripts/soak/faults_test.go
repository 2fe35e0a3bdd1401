package soak

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/catflap/catflap/store"
)

// between is a random time.
func (w *world) between(from, to time.Duration) time.Duration {
	return from + time.Duration(w.random.Int64N(int64(to-from)+1))
}

func (w *world) wait(d time.Duration) { pause(context.Background(), d) }

// anyApp picks an app.
func (w *world) anyApp() *app {
	names := []string{all, opsOnly, mentions, reverse, lateApp}
	return w.apps[names[w.random.IntN(len(names))]]
}

func (w *world) count(what string) {
	w.counts[what]++
	w.ledger.note("%s", what)
}

// killed notes what a kill may cost: what was said within 1.25 times queueSync and one commit before, or since the disk
// was full and until its next attempt to write.
func (w *world) killed(at time.Time) {
	from, why := at.Add(-queueSync*5/4-commitTime), "younger than 1.25 queueSync and a commit at a kill"
	if w.unwritten(at) {
		from, why = w.full.from.Add(-queueSync*5/4-commitTime), "at a kill before the store had recovered from a full disk"
	}
	w.ledger.mayLose(plain, from, at, why)
	w.ledger.mayLose(late, from, at, why)
}

// unwritten reports whether the store may not have written yet what came since the disk was full.
func (w *world) unwritten(at time.Time) bool {
	full := w.full
	if full.from.IsZero() {
		return false
	}
	// The pauses between attempts double from 1 s on, so the next one comes no later than the time since the first.
	return full.to.IsZero() || at.Before(full.to.Add(full.to.Sub(full.from)+3*time.Second))
}

// kill is kill -9, a time of darkness, and a restart; the store must open every time.
func (w *world) kill(dark time.Duration) {
	w.count("kill -9")
	w.kills++
	at := time.Now()
	w.must(w.cat.kill())
	w.killed(at)
	if w.kills%5 == 1 {
		w.must(w.tear())
	}
	w.wait(dark)
	w.start()
}

func (w *world) start() {
	w.must(w.cat.start())
	w.must(w.cat.ready())
	w.ledger.note("catflap serves again")
}

// stop is a restart as a service manager does it.
func (w *world) stop() {
	w.count("SIGTERM")
	at := time.Now()
	w.must(w.cat.stop())
	if full := w.full; !full.from.IsZero() && full.to.IsZero() {
		w.killed(at) // Close tries once
	}
	w.start()
}

// faults is the deck that is dealt from: each kind comes as often as it says before the deck is shuffled again, so that
// even a short run meets every kind.
var faults = []struct {
	times int
	make  func(*world)
}{
	{4, func(w *world) { w.kill(w.between(0, time.Second)) }},
	{1, func(w *world) { w.kill(0); w.kill(0) }}, // killed as soon as it serves
	{2, (*world).stop},
	{2, (*world).reload},
	{3, func(w *world) { w.count("app link reset"); w.anyApp().cable.cut() }},
	{1, func(w *world) { w.count("app link closed"); w.anyApp().close() }},
	{2, (*world).stallApp},
	{2, (*world).swallow},
	{4, (*world).sendAway},
	{1, (*world).leaveBehind},
	{2, func(w *world) { w.count("NapCat link reset"); w.naps[w.anyLane()].Drop() }},
	{1, (*world).stallNapCat},
	{1, (*world).fillDisk},
	{1, (*world).startFull},
	{1, (*world).approve},
}

// deal makes a new deck: indexes of faults in random order.
func (w *world) deal() []int {
	var deck []int
	for i, f := range faults {
		for range f.times {
			deck = append(deck, i)
		}
	}
	w.random.Shuffle(len(deck), func(i, k int) { deck[i], deck[k] = deck[k], deck[i] })
	return deck
}

// fault makes the next fault and waits until it is over, but not until its consequences are.
func (w *world) fault() {
	if len(w.deck) == 0 {
		w.deck = w.deal()
	}
	next := w.deck[0]
	w.deck = w.deck[1:]
	faults[next].make(w)
}

// reload adds an app before all others, or removes it. At the next start the others have other places in the journal.
func (w *world) reload() {
	w.count("SIGHUP")
	w.extra = !w.extra
	text := w.text
	if w.extra {
		text = strings.Replace(text, "apps:\n", "apps:\n  extra: {accessToken: soak-extra}\n", 1)
	}
	w.must(w.cat.write(text))
	w.cat.hangUp()
}

// stallApp lets an app stop reading, now and then over a kill.
func (w *world) stallApp() {
	w.count("app stalls")
	a := w.anyApp()
	a.stall(true)
	w.wait(w.between(time.Second, 3*time.Second))
	if w.random.IntN(2) == 0 {
		w.kill(0)
	}
	a.stall(false)
}

// swallow puts an app behind a network that passes nothing and says nothing.
func (w *world) swallow() {
	w.count("app behind a black hole")
	a := w.anyApp()
	a.cable.hold(true)
	w.wait(w.between(time.Second, 3*time.Second))
	if w.random.IntN(2) == 0 {
		a.cable.cut()
	}
	a.cable.hold(false)
}

// sendAway lets an app be away for a while, mostly over a kill.
func (w *world) sendAway() {
	w.count("app away")
	a := w.anyApp()
	a.leave(true)
	w.wait(w.between(500*time.Millisecond, 3*time.Second))
	if w.random.IntN(4) > 0 {
		w.kill(w.between(0, 300*time.Millisecond))
	}
	if w.random.IntN(3) == 0 { // what a former process wrote outlives the next one too
		w.wait(w.between(0, 500*time.Millisecond))
		w.kill(0)
	}
	a.leave(false)
}

// leaveBehind keeps an app away while more is said than the ring in memory holds: the rest comes from the disk.
func (w *world) leaveBehind() {
	w.count("app far behind")
	a := w.apps[[]string{all, opsOnly, reverse}[w.random.IntN(3)]]
	a.leave(true)
	w.flood.Store(30 * 300)
	for w.flood.Load() > 0 {
		w.wait(50 * time.Millisecond)
	}
	if w.random.IntN(2) == 0 {
		w.kill(0)
	}
	if w.random.IntN(2) == 0 {
		a.leave(false)
		w.wait(w.between(20*time.Millisecond, 300*time.Millisecond))
		w.kill(0) // while it catches up
	}
	a.leave(false)
}

func (w *world) stallNapCat() {
	w.count("NapCat stalls")
	of, from := w.anyLane(), time.Now()
	w.naps[of].Stall(true)
	w.wait(w.between(500*time.Millisecond, 4*time.Second))
	w.naps[of].Stall(false)
	w.ledger.stalled(of, from, time.Now())
}

func (w *world) anyLane() lane {
	if w.random.IntN(3) == 0 {
		return late
	}
	return plain
}

// fillDisk leaves catflap without a byte for a while. An app is away, and much is said, so that it has something to write.
// Free pages within the files still take some of it: a disk that fills up is felt most while the files are small.
func (w *world) fillDisk() {
	w.count("disk full")
	a := w.apps[[]string{all, opsOnly, reverse}[w.random.IntN(3)]]
	a.leave(true)
	w.takeDisk()
	w.flood.Store(10 * 300)
	w.wait(w.between(2*time.Second, 4*time.Second))
	a.leave(false)
	w.freeDisk()
}

// startFull kills catflap on a full disk and starts it there: it must serve, forward, and write when there is room again.
func (w *world) startFull() {
	w.count("start on a full disk")
	w.takeDisk()
	w.wait(w.between(100*time.Millisecond, 500*time.Millisecond))
	at := time.Now()
	w.must(w.cat.kill())
	w.killed(at)
	w.kills++
	w.start()
	w.linked()
	w.flood.Store(300)
	w.wait(w.between(time.Second, 3*time.Second))
	w.freeDisk()
}

// takeDisk leaves not a byte on the disk. If the store has not written what came since the time before, room that was there
// for a moment changes nothing.
func (w *world) takeDisk() {
	now := time.Now()
	if w.unwritten(now) {
		w.full.to = time.Time{}
	} else {
		w.full = span{from: now}
	}
	if err := w.disk.fill(); err != nil {
		w.must(fmt.Errorf("filling the disk: %w", err))
	}
}

func (w *world) freeDisk() {
	if err := w.disk.free(); err != nil {
		w.must(err)
	}
	w.full.to = time.Now()
	w.ledger.note("the disk has room again")
}

// approve lets one more stranger in. From the moment that the command has said so, no kill may forget it.
func (w *world) approve() {
	if len(w.friends) >= 12 {
		return
	}
	w.count("approval")
	who := uint64(40001 + len(w.friends))
	if out, err := w.cat.command("pairing", "approve", fmt.Sprint(who), "--account", "plain", "--force", "--quiet"); err != nil {
		w.must(fmt.Errorf("approving %d: %w\n%s", who, err, out))
	}
	w.mu.Lock()
	w.friends = append(w.friends[:len(w.friends):len(w.friends)], who)
	w.mu.Unlock()
	w.kill(0)
}

// tear opens copies of the files of the dead catflap: as they are, and with a garbled or missing end. A sound copy must
// open; a torn one opens or is refused as damaged, and opens once it is set aside.
func (w *world) tear() error {
	for _, torn := range []string{"", "state.db", "journal.db"} {
		if err := w.tearOne(torn); err != nil {
			return fmt.Errorf("a copy with a torn end of %q: %w", torn, err)
		}
	}
	w.counts["copies opened"] += 3
	return nil
}

func (w *world) tearOne(torn string) error {
	dir, err := os.MkdirTemp("", "catflap-torn")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"state.db", "journal.db", "state.db.bak"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(w.cat.data, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if torn != "" {
		if err := w.damage(filepath.Join(dir, torn)); err != nil {
			return err
		}
	}
	s, err := store.Open(dir, store.Options{})
	if err != nil && torn != "" {
		w.counts["torn copies refused"]++
		if _, aside := store.SetAside(dir, torn, time.Now()); aside != nil {
			return fmt.Errorf("refused (%w), and not to be set aside: %w", err, aside)
		}
		s, err = store.Open(dir, store.Options{})
	}
	if err != nil {
		return err
	}
	// Whatever is read from it, a damaged page is an error and never the end of the process.
	for _, of := range s.Journal().Subscribers() {
		c := s.Journal().OpenCursor(store.CursorOptions{App: of.App, Account: of.Account})
		c.Next(nil, 0, 0)
	}
	for _, account := range []string{"plain", "late"} {
		for _, chat := range s.History().List(account) {
			if _, err := s.History().Show(account, chat.Chat, 100); err != nil && torn == "" {
				return err
			}
		}
		s.History().Recent(account, 5000, func(store.Record) {})
	}
	if torn == "" || torn == "journal.db" {
		for _, who := range w.friends {
			if !s.Access().Approved("plain", who) {
				w.ledger.fail("the approval of %d is not in the file after a kill", who)
			}
		}
	}
	if err := s.Close(); err != nil && torn == "" {
		return err
	}
	return nil
}

// damage cuts the end off or writes over it.
func (w *world) damage(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	size := 1 + w.random.Int64N(info.Size()/2)
	if w.random.IntN(2) == 0 {
		return os.Truncate(path, info.Size()-size)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	noise := make([]byte, min(size, 64<<10))
	for i := range noise {
		noise[i] = byte(w.random.Uint32())
	}
	_, err = f.WriteAt(noise, info.Size()-size)
	return err
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
