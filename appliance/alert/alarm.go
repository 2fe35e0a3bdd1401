package alert

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/alert/address"
)

// lookEvery is how often the facts are looked at.
const lookEvery = 5 * time.Second

// maxLast is how many notices are remembered for people.
const maxLast = 20

// Options are what an Alarm needs.
type Options struct {
	// Facts gives what is known at this moment.
	Facts func() Facts
	// Told is called for each notice, whether an address is configured or not. It must not block.
	Told func(Notice)
	Log  *slog.Logger
	Now  func() time.Time
	Box  string // the machine's name
	Zone *time.Location
	// Send sends one message; nil is Send.
	Send func(context.Context, *address.Target, Message) error
}

// Settings are the part of the configuration that says what is told to whom.
type Settings struct {
	To       []string // addresses, checked
	On       []Event
	Quiet    Hours
	Language string // zh or en
}

// Alarm looks, decides and tells.
type Alarm struct {
	Options

	changed chan struct{}
	testing sync.Mutex // one test at a time

	mu       sync.Mutex
	settings Settings
	watch    *Watch
	post     post
	couriers []*courier // in the order of the addresses
	last     []Notice   // the newest last
	active   []Notice
	raised   map[Event]uint64
}

// New makes an Alarm that tells nobody until Configure, and looks at nothing until Run.
func New(o Options) *Alarm {
	if o.Send == nil {
		o.Send = Send
	}
	return &Alarm{Options: o, changed: make(chan struct{}, 1), watch: NewWatch(), post: newPost(), raised: make(map[Event]uint64)}
}

// Configure changes what is told to whom. What waits for an address that stays is kept.
func (a *Alarm) Configure(s Settings) {
	a.mu.Lock()
	a.settings = s
	a.mu.Unlock()
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// Run looks and tells until ctx ends, and returns when all that it started has ended.
func (a *Alarm) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	running := make(map[string]*employed)
	defer func() {
		for _, e := range running {
			e.stop()
		}
		for _, e := range running {
			<-e.done
		}
	}()
	for {
		a.employ(ctx, running)
		a.look()
		select {
		case <-ctx.Done():
			return
		case <-a.changed:
		case <-tick.C:
		}
	}
}

// employed is a courier at work.
type employed struct {
	courier *courier
	stop    context.CancelFunc
	done    chan struct{}
}

// employ starts couriers for new addresses and ends those of addresses that are gone.
func (a *Alarm) employ(ctx context.Context, running map[string]*employed) {
	a.mu.Lock()
	to := a.settings.To
	a.mu.Unlock()
	var list []*courier
	for _, s := range to {
		e := running[s]
		if e == nil {
			target, err := address.Parse(s)
			if err != nil {
				a.Log.Error("an address of alerts.to cannot be used", "err", err)
				continue
			}
			own, stop := context.WithCancel(ctx)
			e = &employed{newCourier(target, a.Send, a.Now, a.Log), stop, make(chan struct{})}
			running[s] = e
			go func() {
				defer close(e.done)
				e.courier.run(own)
			}()
		}
		if !slices.Contains(list, e.courier) {
			list = append(list, e.courier)
		}
	}
	for s, e := range running {
		if !slices.Contains(to, s) {
			e.stop()
			<-e.done
			delete(running, s)
		}
	}
	a.mu.Lock()
	a.couriers = list
	a.mu.Unlock()
}

// look is one round.
func (a *Alarm) look() {
	facts := a.Facts()
	now := a.Now()
	a.mu.Lock()
	notices := slices.DeleteFunc(a.watch.Look(now, facts), func(n Notice) bool { return !slices.Contains(a.settings.On, n.Event) })
	a.active = slices.DeleteFunc(a.watch.Active(), func(n Notice) bool { return !slices.Contains(a.settings.On, n.Event) })
	for _, n := range notices {
		if n.State != Recovered {
			a.raised[n.Event]++
		}
		if len(a.last) == maxLast {
			a.last = append(a.last[:0], a.last[1:]...)
		}
		a.last = append(a.last, n)
	}
	quiet := a.settings.Quiet.Hold(now.In(a.Zone))
	messages := a.post.take(now, quiet, notices, a.style())
	couriers := a.couriers
	a.mu.Unlock()
	for _, n := range notices {
		a.Log.Warn("alert", "event", n.Event, "subject", n.Subject, "state", n.State, "text", n.Title.EN)
		if a.Told != nil {
			a.Told(n)
		}
	}
	for _, m := range messages {
		for _, c := range couriers {
			c.put(m)
		}
	}
}

// style is how messages are written now. The caller holds the lock.
func (a *Alarm) style() style { return style{a.settings.Language, a.Box, a.Zone} }

// Status is what people are shown.
type Status struct {
	Active  []Notice // told and not over, the oldest first
	Last    []Notice // the newest first
	Held    int      // that wait for the end of the quiet hours, or for the next hour
	Quiet   bool     // now
	Raised  map[Event]uint64
	Targets []CourierStats
}

// Status returns a copy of what is known.
func (a *Alarm) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	st := Status{Active: slices.Clone(a.active), Last: slices.Clone(a.last), Held: len(a.post.held) + a.post.lost,
		Quiet: a.settings.Quiet.Hold(a.Now().In(a.Zone)), Raised: make(map[Event]uint64, len(a.raised))}
	slices.Reverse(st.Last)
	for e, n := range a.raised {
		st.Raised[e] = n
	}
	for _, c := range a.couriers {
		st.Targets = append(st.Targets, c.status())
	}
	return st
}

// Outcome is what became of a test message at one address.
type Outcome struct {
	Target string // never a secret
	Err    error
	Took   time.Duration
}

// ErrTesting is the error of a test while another runs.
var ErrTesting = errors.New("another test of the alerts runs")

// Test sends a message to each address at once, past queues, quiet hours and bounds.
func (a *Alarm) Test(ctx context.Context) ([]Outcome, error) {
	if !a.testing.TryLock() {
		return nil, ErrTesting
	}
	defer a.testing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	a.mu.Lock()
	to, s := a.settings.To, a.style()
	a.mu.Unlock()
	now := a.Now()
	text := Text{EN: "This is a test of the alerts", ZH: "这是一条测试告警"}
	more := Text{EN: "If you read it, the road works.", ZH: "收到即表示告警通道正常。"}
	m := Message{Title: text.In(s.language), Body: more.In(s.language) + "\n" + s.foot(now), State: Once, At: now}
	out := make([]Outcome, len(to))
	var tasks sync.WaitGroup
	for i, addr := range to {
		target, err := address.Parse(addr)
		if err != nil {
			out[i] = Outcome{Target: "?", Err: err}
			continue
		}
		tasks.Go(func() {
			began := time.Now()
			err := a.Send(ctx, target, m)
			out[i] = Outcome{Target: target.String(), Err: err, Took: time.Since(began)}
		})
	}
	tasks.Wait()
	return out, nil
}
