package alert

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/alert/address"
)

var everything = []Event{AccountOffline, LinkDown, AccountLimited, AppDown, DiskLow, StoreErrors, PairingRequest, TokenFailures, UpdateAvailable}

// bench is an Alarm in fake time with a box whose facts can change.
type bench struct {
	*Alarm
	mu    sync.Mutex
	facts Facts
	told  []Notice
	sent  map[string][]string          // titles by target
	fail  map[string]func(n int) error // by target, by attempt
	tries map[string][]time.Duration   // since the start
	log   strings.Builder
}

// start runs an Alarm until the test's function is over.
func start(t *testing.T, s Settings, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{facts: well(), sent: make(map[string][]string), fail: make(map[string]func(int) error), tries: make(map[string][]time.Duration)}
		began := time.Now()
		b.Alarm = New(Options{
			Facts: func() Facts { b.mu.Lock(); defer b.mu.Unlock(); return b.facts },
			Told:  func(n Notice) { b.mu.Lock(); defer b.mu.Unlock(); b.told = append(b.told, n) },
			Log:   slog.New(slog.NewTextHandler(&lockedWriter{b}, nil)), Now: time.Now, Box: "pi", Zone: time.UTC,
			Send: func(_ context.Context, target *address.Target, m Message) error {
				b.mu.Lock()
				defer b.mu.Unlock()
				name := target.String()
				b.tries[name] = append(b.tries[name], time.Since(began))
				if fail := b.fail[name]; fail != nil {
					if err := fail(len(b.tries[name])); err != nil {
						return err
					}
				}
				b.sent[name] = append(b.sent[name], m.Title)
				return nil
			},
		})
		b.Configure(s)
		ctx, cancel := context.WithCancel(t.Context())
		var tasks sync.WaitGroup
		tasks.Go(func() { b.Run(ctx) })
		f(b)
		cancel()
		tasks.Wait()
	})
}

type lockedWriter struct{ b *bench }

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	return w.b.log.Write(p)
}

func (b *bench) change(f func(*Facts)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	facts := well()
	if f != nil {
		f(&facts)
	}
	b.facts = facts
}

// after lets time pass and returns what a target has got since it was asked last.
func (b *bench) after(d time.Duration, target string) []string {
	time.Sleep(d)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.sent[target]
	b.sent[target] = nil
	return out
}

const ours, theirs = "ntfy ntfy.sh", "generic hooks.example"

func TestAlarmTellsEachTarget(t *testing.T) {
	start(t, Settings{To: []string{"ntfy://s3cret", "generic://hooks.example/s3cret"}, On: everything, Language: "en"}, func(b *bench) {
		time.Sleep(10 * time.Minute)
		b.change(offline)
		for _, target := range []string{ours, theirs} {
			if diff := cmp.Diff([]string{"QQ is offline: Cat (bot1)"}, b.after(time.Minute, target)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", target, diff)
			}
		}
		st := b.Status()
		if len(st.Active) != 1 || len(st.Last) != 1 || st.Raised[AccountOffline] != 1 || st.Active[0].At.IsZero() {
			t.Errorf("status: %+v", st)
		}
		if diff := cmp.Diff([]CourierStats{{Target: ours, Sent: 1}, {Target: theirs, Sent: 1}}, st.Targets); diff != "" {
			t.Errorf("targets (-want +got):\n%s", diff)
		}
		b.change(nil)
		if diff := cmp.Diff([]string{"QQ is online again: Cat (bot1)"}, b.after(time.Minute, ours)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.told) != 2 || strings.Contains(b.log.String(), "s3cret") {
			t.Errorf("told %d, log:\n%s", len(b.told), b.log.String())
		}
	})
}

// What alerts.on does not name is not told, neither to addresses nor to the console.
func TestAlarmKeepsToOn(t *testing.T) {
	start(t, Settings{To: []string{"ntfy://topic"}, On: []Event{LinkDown}}, func(b *bench) {
		time.Sleep(10 * time.Minute)
		b.change(offline)
		if got := b.after(time.Hour, ours); got != nil {
			t.Errorf("told: %v", got)
		}
		if st := b.Status(); len(st.Active)+len(st.Last) != 0 {
			t.Errorf("status: %+v", st)
		}
	})
}

// A target that is away delays no other, is asked again at growing intervals, gets what waits in order, and loses what is a day old.
func TestAlarmRetries(t *testing.T) {
	start(t, Settings{To: []string{"ntfy://topic", "generic://hooks.example/x"}, On: everything, Language: "en"}, func(b *bench) {
		b.fail[ours] = func(n int) error {
			if n <= 9 {
				return &SendError{text: "ntfy.sh: no route to host"}
			}
			return nil
		}
		time.Sleep(10 * time.Minute)
		b.change(asks(10001))
		if got := b.after(time.Minute, theirs); len(got) != 1 {
			t.Errorf("the other target waits: %v", got)
		}
		b.change(asks(10001, 10002))
		if got := b.after(2*time.Hour, ours); cmp.Diff([]string{"10001 asks for access: bot1", "10002 asks for access: bot1"}, got) != "" {
			t.Errorf("got %v", got)
		}
		b.mu.Lock()
		var gaps []time.Duration
		for i, at := range b.tries[ours][1:10] {
			gaps = append(gaps, at-b.tries[ours][i])
		}
		b.mu.Unlock()
		const s, m = time.Second, time.Minute
		if diff := cmp.Diff([]time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 320 * s, 10 * m, 10 * m, 10 * m}, gaps); diff != "" {
			t.Errorf("gaps (-want +got):\n%s", diff)
		}
		if st := b.Status().Targets[0]; st.Sent != 2 || st.Failed != 9 || st.LastError != "" {
			t.Errorf("%+v", st)
		}
		b.fail[ours] = func(int) error { return &SendError{text: "ntfy.sh: no route to host"} }
		b.change(asks(10001, 10002, 10003))
		time.Sleep(25 * time.Hour)
		if st := b.Status().Targets[0]; st.Dropped != 1 || st.Waiting != 0 || st.LastError != "ntfy.sh: no route to host" {
			t.Errorf("%+v", st)
		}
	})
}

// What is refused for good is not tried again; a server that says when it wants to be asked is heard.
func TestAlarmRefusals(t *testing.T) {
	start(t, Settings{To: []string{"ntfy://topic", "generic://hooks.example/x"}, On: everything}, func(b *bench) {
		b.fail[ours] = func(int) error { return &SendError{Final: true, text: "ntfy.sh answered 403 Forbidden"} }
		b.fail[theirs] = func(n int) error {
			if n == 1 {
				return &SendError{After: 90 * time.Second, text: "busy"}
			}
			return nil
		}
		time.Sleep(10 * time.Minute)
		b.change(asks(10001))
		time.Sleep(time.Hour)
		synctest.Wait()
		b.mu.Lock()
		tries, gap := len(b.tries[ours]), b.tries[theirs][1]-b.tries[theirs][0]
		b.mu.Unlock()
		if tries != 1 || gap != 90*time.Second {
			t.Errorf("%d tries; %v", tries, gap)
		}
		if st := b.Status().Targets[0]; st.Dropped != 1 || st.LastError != "ntfy.sh answered 403 Forbidden" {
			t.Errorf("%+v", st)
		}
	})
}

// Quiet hours hold everything back until the morning, whatever it is.
func TestAlarmQuietHours(t *testing.T) {
	// Fake time begins at midnight UTC.
	start(t, Settings{To: []string{"ntfy://topic"}, On: everything, Quiet: Hours{From: 23 * 60, To: 7 * 60}, Language: "en"}, func(b *bench) {
		time.Sleep(time.Hour)
		b.change(offline)
		time.Sleep(time.Hour)
		b.change(nil)
		if got := b.after(5*time.Hour-10*time.Second, ours); got != nil {
			t.Errorf("in the night: %v", got)
		}
		if st := b.Status(); st.Held != 2 || !st.Quiet {
			t.Errorf("%+v", st)
		}
		if diff := cmp.Diff([]string{"1 alert was held back"}, b.after(time.Minute, ours)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// A reload changes addresses; what waits for one that stays is kept, and one that is gone is asked no more.
func TestAlarmConfigure(t *testing.T) {
	s := Settings{To: []string{"ntfy://topic", "generic://hooks.example/x"}, On: everything}
	start(t, s, func(b *bench) {
		b.fail[ours] = func(n int) error {
			if n == 1 {
				return errors.New("later")
			}
			return nil
		}
		b.fail[theirs] = func(int) error { return errors.New("never") }
		time.Sleep(10 * time.Minute)
		b.change(asks(10001))
		time.Sleep(6 * time.Second)
		s.To = []string{"bark://device", "ntfy://topic"}
		b.Configure(s)
		if got := b.after(time.Minute, ours); len(got) != 1 {
			t.Errorf("what waited is lost: %v", got)
		}
		b.mu.Lock()
		before := len(b.tries[theirs])
		b.mu.Unlock()
		b.change(asks(10001, 10002))
		if got := b.after(time.Hour, "bark api.day.app"); len(got) != 1 {
			t.Errorf("the new one got %v", got)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := len(b.tries[theirs]); n != before {
			t.Errorf("the old one was asked %d times more", n-before)
		}
	})
}

// The queue of an address is bounded.
func TestCourierIsBounded(t *testing.T) {
	target, err := address.Parse("ntfy://topic")
	if err != nil {
		t.Fatal(err)
	}
	c := newCourier(target, nil, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	for i := range 1000 {
		c.put(Message{Title: string(rune('a' + i%26)), At: time.Now()})
	}
	if st := c.status(); st.Waiting != maxWaiting || st.Dropped != 1000-maxWaiting {
		t.Errorf("%+v", st)
	}
}

func TestAlarmTest(t *testing.T) {
	start(t, Settings{To: []string{"ntfy://topic", "generic://hooks.example/x"}, Language: "zh", Quiet: Hours{0, 1439}}, func(b *bench) {
		b.fail[theirs] = func(int) error { return &SendError{text: "hooks.example: no"} }
		got, err := b.Test(context.Background())
		if err != nil || len(got) != 2 || got[0].Err != nil || got[0].Target != ours || got[1].Err == nil || got[1].Err.Error() != "hooks.example: no" {
			t.Errorf("%v %v", got, err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if diff := cmp.Diff([]string{"这是一条测试告警"}, b.sent[ours]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
