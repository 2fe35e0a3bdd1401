package service

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Probe asks one part of the hub for a sign of life. Check returns nil when the part answered, at the latest when ctx has
// ended; a part that hangs may keep the call for ever.
type Probe struct {
	Name  string
	Check func(context.Context) error
}

// Watchdog tells the service manager that the hub works, for as long as every probe says so. A round is a quarter of the
// limit, so three rounds in a row may fail before the manager acts: a card that stalls for seconds is no hang.
type Watchdog struct {
	Limit  time.Duration // how long without a good round is a hang
	Probes []Probe
	Log    *slog.Logger
	// Tell passes words on to the service manager.
	Tell func(state string)
	// Hung is called once when no manager counts and the limit has passed; nil where the manager counts. It ends the process.
	Hung func(reason string)
}

// WatchdogLimit is what the service manager asks for (sd_watchdog_enabled(3)); 0 = nothing.
func WatchdogLimit(getenv func(string) (string, bool)) time.Duration {
	if pid, ok := getenv("WATCHDOG_PID"); ok && pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0 // it is meant for the process that started this one
	}
	text, _ := getenv("WATCHDOG_USEC")
	usec, err := strconv.ParseInt(text, 10, 64)
	if err != nil || usec <= 0 || usec > int64(24*time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(usec) * time.Microsecond
}

// Run looks until ctx ends. A probe that hangs is not asked a second time, and Run does not wait for it.
func (w *Watchdog) Run(ctx context.Context) {
	round := w.Limit / 4
	tick := time.NewTicker(round)
	defer tick.Stop()
	busy := make([]chan error, len(w.Probes)) // of the probes that have not answered yet
	good, complained := time.Now(), ""
	for {
		switch ill := w.round(ctx, round, busy); {
		case ctx.Err() != nil:
			return
		case ill == "":
			good = time.Now()
			w.Tell(Healthy)
			if complained != "" {
				w.Log.Info("everything answers again")
				w.Tell("STATUS=serving")
			}
			complained = ""
		default:
			if ill != complained {
				w.Log.Error("a part of catflap does not answer; it is started again if that lasts", "what", ill, "limit", w.Limit)
				w.Tell("STATUS=not answering: " + ill)
				complained = ill
			}
			if w.Hung != nil && time.Since(good) >= w.Limit {
				w.Hung(ill)
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// round asks every probe at once and names those that failed, or did not answer in time.
func (w *Watchdog) round(ctx context.Context, limit time.Duration, busy []chan error) string {
	ctx, cancel := context.WithTimeout(ctx, limit-limit/8)
	defer cancel()
	var mu sync.Mutex
	var ill []string
	var waits sync.WaitGroup
	for i, probe := range w.Probes {
		select {
		case <-busy[i]: // an answer that came after its round is no answer to this one
			busy[i] = nil
		default:
		}
		if busy[i] == nil {
			answer := make(chan error, 1)
			busy[i] = answer
			go func() { answer <- probe.Check(ctx) }()
		}
		waits.Go(func() {
			var err error
			select {
			case err = <-busy[i]:
				busy[i] = nil
			case <-ctx.Done():
				select {
				case err = <-busy[i]: // the answer to the deadline
					busy[i] = nil
				default:
					err = fmt.Errorf("no answer within %v", limit)
				}
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				ill = append(ill, probe.Name+": "+err.Error())
			}
		})
	}
	waits.Wait()
	slices.Sort(ill)
	return strings.Join(ill, "; ")
}
