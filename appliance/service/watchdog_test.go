package service

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// watched is a watchdog over one probe that hangs, fails or answers.
type watched struct {
	*Watchdog
	hangs, fails atomic.Bool
	asked        atomic.Int64
	mu           sync.Mutex
	told         []string
	hung         []string
}

func newWatched(limit time.Duration) *watched {
	w := &watched{}
	w.Watchdog = &Watchdog{
		Limit: limit, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Tell: func(state string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, state)
		},
		Probes: []Probe{
			{"good", func(context.Context) error { return nil }},
			{"store", func(ctx context.Context) error {
				w.asked.Add(1)
				for w.hangs.Load() {
					time.Sleep(time.Second)
				}
				if w.fails.Load() {
					return errors.New("it is full")
				}
				return nil
			}},
		},
	}
	return w
}

// pass lets time pass and returns what systemd was told meanwhile.
func (w *watched) pass(d time.Duration) []string {
	w.mu.Lock()
	w.told = nil
	w.mu.Unlock()
	time.Sleep(d)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

func TestWatchdogFeedsWhileAllAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Run(ctx) }()
		synctest.Wait()
		if got := w.pass(time.Minute); !slices.Equal(got, []string{Healthy, Healthy, Healthy, Healthy}) {
			t.Errorf("in a good minute systemd was told %q", got)
		}

		w.hangs.Store(true)
		w.pass(30 * time.Second) // the rounds of before have passed
		if got := w.pass(10 * time.Minute); slices.Contains(got, Healthy) {
			t.Errorf("while the store hung systemd was told %q", got)
		}
		if n := w.asked.Load(); n != 6 {
			t.Errorf("a probe that hangs was asked again: %d times", n)
		}
		w.hangs.Store(false)
		w.pass(20 * time.Second)
		if got := w.pass(time.Minute); !slices.Contains(got, Healthy) {
			t.Errorf("after the hang systemd was told %q", got)
		}

		w.fails.Store(true)
		w.pass(15 * time.Second)
		if got := w.pass(time.Minute); len(got) > 0 {
			t.Errorf("while the store failed systemd was told %q", got)
		}
		w.fails.Store(false)
		if got := w.pass(15 * time.Second); !slices.Equal(got, []string{Healthy, "STATUS=serving"}) {
			t.Errorf("after the failure systemd was told %q", got)
		}

		// What an old round answers at last says nothing about the new one.
		w.hangs.Store(true)
		w.fails.Store(true)
		w.pass(38*time.Second + 500*time.Millisecond) // 13.5 s into a round, which has given up by then
		w.hangs.Store(false)
		w.pass(time.Second)
		w.fails.Store(false)
		if got := w.pass(14 * time.Second); !slices.Contains(got, Healthy) {
			t.Errorf("an old answer counted: systemd was told %q", got)
		}
		cancel()
		<-done
	})
}

func TestWatchdogSaysWhatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(time.Minute)
		w.hangs.Store(true)
		w.Hung = func(reason string) { w.hung = append(w.hung, reason) }
		began := time.Now()
		w.Run(t.Context()) // ends by Hung
		if got := time.Since(began); got < time.Minute || got > 75*time.Second {
			t.Errorf("the limit of a minute was taken for %v", got)
		}
		if diff := cmp.Diff([]string{"store: no answer within 15s"}, w.hung); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"STATUS=not answering: store: no answer within 15s"}, w.told); diff != "" {
			t.Error(diff)
		}
		w.hangs.Store(false)
		time.Sleep(time.Minute) // the probe ends
	})
}

func TestWatchdogLimit(t *testing.T) {
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"60000000", "", time.Minute},
		{"60000000", strconv.Itoa(os.Getpid()), time.Minute},
		{"60000000", "1", 0},
		{"", "", 0},
		{"0", "", 0},
		{"-5", "", 0},
		{"many", "", 0},
		{"9223372036854775807", "", 0},
	} {
		env := func(name string) (string, bool) {
			v := map[string]string{"WATCHDOG_USEC": tt.usec, "WATCHDOG_PID": tt.pid}[name]
			return v, v != ""
		}
		if got := WatchdogLimit(env); got != tt.want {
			t.Errorf("%q %q: %v, want %v", tt.usec, tt.pid, got, tt.want)
		}
	}
}

func TestLogFileIsBounded(t *testing.T) {
	path := t.TempDir() + "/logs/catflap.log"
	l, err := OpenLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 999) + "\n"
	for range 5 * maxLog / len(line) {
		if _, err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Write([]byte("last\n")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxLog {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
		total += info.Size()
	}
	if total < maxLog {
		t.Errorf("only %d bytes are left", total)
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(data), "\nlast\n") {
		t.Errorf("the end of the log is missing: %v", err)
	}
	if _, err := l.Write([]byte("late")); err == nil {
		t.Error("a closed log took a line")
	}
	again, err := OpenLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.size != int64(len(data)) {
		t.Errorf("the size of an old log counts as %d, it is %d", again.size, len(data))
	}
}
