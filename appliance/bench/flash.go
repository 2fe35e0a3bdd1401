package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// flashWarm is how long after the preload the first counters are read: longer than store.sync.
const flashWarm = 7 * time.Second

// Flash is the report of the flash scenario.
type Flash struct {
	Machine string    `json:"machine"`
	Length  float64   `json:"seconds"` // of each run
	Cases   []Written `json:"cases"`
}

// Written is what one case wrote to the block device.
type Written struct {
	Case    string  `json:"case"`
	Rate    int     `json:"rate"`
	Events  int     `json:"events"`
	Bytes   int64   `json:"bytes"`
	PerItem float64 `json:"bytes_per_event"`
	PerDay  float64 `json:"mb_per_day"`           // 10^6 bytes at this rate
	Goal    float64 `json:"goal_bytes_per_event"` // -1 = none
	Lost    int64   `json:"lost"`
}

// flashCase is one configuration at one rate.
type flashCase struct {
	name      string
	rate      int
	noHistory bool
	away      bool
	goal      float64 // bytes per event; < 0 = none
}

// flashCases are all apps present at every rate, without history at the highest, and one app away at 10/s.
func flashCases(rates []int) []flashCase {
	goals := map[int]float64{1: 8 << 10, 10: 3 << 10, 50: 2.5 * 1024}
	var list []flashCase
	for _, rate := range rates {
		goal, ok := goals[rate]
		if !ok {
			goal = -1
		}
		list = append(list, flashCase{name: "all apps present", rate: rate, goal: goal})
	}
	list = append(list, flashCase{name: "all apps present, historyLimit 0", rate: slices.Max(rates), noHistory: true})
	return append(list, flashCase{name: "one app away", rate: 10, away: true, goal: 5 << 10})
}

// RunFlash measures all cases at the same time, each on a disk of its own: they are counted, not timed.
func RunFlash(ctx context.Context, o Options) (Flash, error) {
	cases := flashCases(o.Rates)
	r := Flash{Machine: machine(), Length: o.Paced.Seconds(), Cases: make([]Written, len(cases))}
	errs := make([]error, len(cases))
	var tasks sync.WaitGroup
	var say sync.Mutex
	for i, c := range cases {
		tasks.Go(func() {
			w, err := o.flash(ctx, c)
			r.Cases[i] = w
			if err != nil {
				errs[i] = fmt.Errorf("%s, %d events/s: %w", c.name, c.rate, err)
				return
			}
			say.Lock()
			defer say.Unlock()
			o.Tell("%-34s %4d events/s %8.0f bytes/event", c.name, c.rate, w.PerItem)
		})
	}
	tasks.Wait()
	return r, errors.Join(errs...)
}

// flash is one case.
func (o Options) flash(ctx context.Context, c flashCase) (w Written, err error) {
	w = Written{Case: c.name, Rate: c.rate, Goal: c.goal}
	dir, err := os.MkdirTemp(o.Dir, "flash")
	if err != nil {
		return w, err
	}
	d, err := newDisk(ctx, dir)
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, d.close(), os.RemoveAll(dir)) }()
	s := setup{apps: 3, accounts: 1, data: filepath.Join(d.path, "data"), noHistory: c.noHistory}
	err = o.with(ctx, catflap, s, func(_ *process, l *load) error {
		if err := l.attachAll(ctx); err != nil {
			return err
		}
		time.Sleep(settling)
		if c.away {
			l.apps[0].detach()
		}
		if _, err := l.paced(ctx, preloadRate, preload/preloadRate*time.Second, false); err != nil {
			return fmt.Errorf("filling the history: %w", err)
		}
		if err := sleep(ctx, flashWarm); err != nil {
			return err
		}
		before, err := d.written(ctx)
		if err != nil {
			return err
		}
		if w.Events, err = l.paced(ctx, c.rate, o.Paced, false); err != nil {
			return err
		}
		// What waits for its group belongs to the run.
		if err := sleep(ctx, flashWarm); err != nil {
			return err
		}
		after, err := d.written(ctx)
		if err != nil {
			return err
		}
		w.Bytes = after - before
		w.PerItem = float64(w.Bytes) / float64(max(w.Events, 1))
		w.PerDay = w.PerItem * float64(c.rate) * 86400 / 1e6
		for _, a := range l.apps {
			w.Lost += a.lost.Load()
		}
		return nil
	})
	return w, err
}

// Sheet is the report as a table.
func (r Flash) Sheet() Sheet {
	s := Sheet{
		Title: "Bytes to flash", Machine: r.Machine,
		Method: fmt.Sprintf("The data folder lies on ext4 (noatime, journal on) in a file on a loop device; sectors written by that device, so the file system's "+
			"own writes count. Default settings, three apps, 20 groups, events of about 600 bytes. %d events at %d/s first fill queues and history windows, "+
			"then %.0f s at the given rate. A card multiplies this by its own amplification, which was not measured.", preload, preloadRate, r.Length),
		Head: []string{"", "events/s", "events", "KiB per event", "goal", "MB per day", "lost"},
	}
	for _, c := range r.Cases {
		goal := fmt.Sprintf("%.1f", c.Goal/1024)
		if c.Goal < 0 {
			goal = ""
		}
		s.Rows = append(s.Rows, []string{
			c.Case, fmt.Sprint(c.Rate), fmt.Sprint(c.Events), fmt.Sprintf("%.2f", c.PerItem/1024), goal, number(c.PerDay), fmt.Sprint(c.Lost),
		})
	}
	return s
}
