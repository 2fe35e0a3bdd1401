package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	window   = 1024 // events on their way at most when flat out: more would only measure queues
	chunk    = 32   // frames per write of the load when flat out
	silence  = 20 * time.Second
	settling = 300 * time.Millisecond
)

// measure runs one process through a flat-out and a paced run.
func measure(ctx context.Context, o Options, kind string, s setup) (f figures, err error) {
	err = o.with(ctx, kind, s, func(p *process, l *load) error {
		if err := l.attachAll(ctx); err != nil {
			return err
		}
		time.Sleep(settling)
		f.idleRSS = p.status()["VmRSS"]

		// Paced first: memory then has not seen the flood.
		var err error
		f.paced, f.pacedCPU, f.pacedWrites, err = l.run(p, func() (int, error) { return l.paced(ctx, o.Rate, o.Paced, true) })
		if err != nil {
			return fmt.Errorf("at %d events/s: %w", o.Rate, err)
		}
		f.p50, f.p99 = latency(l.apps)
		began := time.Now()
		f.flat, f.cpu, f.flatWrites, err = l.run(p, func() (int, error) { return o.Events, l.flat(ctx, o.Events) })
		if err != nil {
			return fmt.Errorf("flat out: %w", err)
		}
		f.eventsPerS = float64(o.Events) / l.ended.Sub(began).Seconds()
		f.count(l)
		return nil
	})
	return f, err
}

// count adds what went wrong with the events of all apps.
func (f *figures) count(l *load) {
	for _, a := range l.apps {
		f.lost += a.lost.Load()
		f.repeated += a.repeated.Load()
		f.disorder += a.disorder.Load()
	}
}

// with runs one process, with NapCats connected to it, and stops it.
func (o Options) with(ctx context.Context, kind string, s setup, fn func(*process, *load) error) (err error) {
	dir, err := os.MkdirTemp(o.Dir, kind)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if kind == baseline {
		s.accounts = 1
	}
	p, err := start(ctx, o, kind, dir, s)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := p.stop(); err == nil && stopErr != nil && ctx.Err() == nil {
			err = fmt.Errorf("stopping: %w", stopErr)
		}
	}()
	l, err := connect(ctx, p, s)
	if err != nil {
		return err
	}
	defer l.close()
	return fn(p, l)
}

// load is some NapCats that write and apps that read. Event n is of account n modulo the number of accounts.
type load struct {
	process   *process
	setup     setup
	napcats   []net.Conn
	apps      []*app // every app once per account
	templates [][]template
	bufs      [][]byte // per account
	next      int      // number of the next event
	timed     atomic.Pointer[timing]
	ended     time.Time // when the last app had read the last event
	tasks     sync.WaitGroup
}

// timing is when the events of one paced run were sent.
type timing struct {
	first int
	sent  []atomic.Int64
}

// connect opens the connections of all NapCats.
func connect(ctx context.Context, p *process, s setup) (*load, error) {
	l := &load{process: p, setup: s, next: 1, bufs: make([][]byte, s.accounts)}
	for k := range s.accounts {
		var list []template
		for g := range groups {
			list = append(list, newTemplate(k, g))
		}
		l.templates = append(l.templates, list)
	}
	for i := range s.apps {
		for k := range s.accounts {
			a := &app{number: i, account: k}
			a.got.Store(int64(k - s.accounts))
			if k == 0 {
				a.got.Store(0)
			}
			a.away.Store(true)
			l.apps = append(l.apps, a)
		}
	}
	for k := range s.accounts {
		path, _ := s.paths(p.kind, k)
		c, r, err := dial(ctx, p.napcat, path, http.Header{"Authorization": {"Bearer " + token}, "X-Self-ID": {fmt.Sprint(self + k)}})
		if err != nil {
			l.close()
			return nil, fmt.Errorf("connecting NapCat: %w", err)
		}
		l.napcats = append(l.napcats, c)
		l.tasks.Go(func() { answer(c, r) })
	}
	return l, nil
}

// dialApp opens an event connection of an app.
func (l *load) dialApp(ctx context.Context, a *app) (net.Conn, *bufio.Reader, error) {
	_, path := l.setup.paths(l.process.kind, a.account)
	header := http.Header{"Authorization": {fmt.Sprintf("Bearer %s-%d", token, a.number)}}
	c, r, err := dial(ctx, l.process.app, path, header)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting app %d: %w", a.number, err)
	}
	return c, r, nil
}

// attach connects an app that reads from then on.
func (l *load) attach(ctx context.Context, a *app) error {
	c, r, err := l.dialApp(ctx, a)
	if err != nil {
		return err
	}
	a.conn = c
	a.away.Store(false)
	a.reader.Go(func() { a.read(r, l) })
	return nil
}

func (l *load) attachAll(ctx context.Context) error {
	for _, a := range l.apps {
		if err := l.attach(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) close() {
	for _, c := range l.napcats {
		_ = c.Close()
	}
	for _, a := range l.apps {
		a.detach()
	}
	l.tasks.Wait()
}

// answer gives catflap's own calls an empty answer: a NapCat that knows nobody.
func answer(c net.Conn, r *bufio.Reader) {
	buf := make([]byte, 1<<20)
	var out []byte
	for {
		_, payload, err := readFrame(r, buf)
		if err != nil {
			return
		}
		var call struct {
			Echo json.RawMessage `json:"echo"`
		}
		if json.Unmarshal(payload, &call) != nil || call.Echo == nil {
			continue
		}
		out = appendFrame(out[:0], fmt.Appendf(nil, `{"status":"ok","retcode":0,"data":null,"message":"","wording":"","echo":%s,"stream":"normal-action"}`, call.Echo))
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// run measures a process while something happens.
func (l *load) run(p *process, what func() (int, error)) (top peak, cpu, writes float64, err error) {
	stop := p.watch()
	cpu0, written0 := p.cpu(), p.written()
	events, err := what()
	top = stop()
	if events > 0 {
		cpu = float64((p.cpu() - cpu0).Microseconds()) / float64(events)
		writes = float64(p.written()-written0) / float64(events)
	}
	return top, cpu, writes, err
}

// add puts the next event into its account's buffer.
func (l *load) add() (account int) {
	n := l.next
	l.next++
	k := n % l.setup.accounts
	l.bufs[k] = appendFrame(l.bufs[k], l.templates[k][n/l.setup.accounts%groups].number(n))
	return k
}

// send writes what was added for an account.
func (l *load) send(k int) error {
	if len(l.bufs[k]) == 0 {
		return nil
	}
	_, err := l.napcats[k].Write(l.bufs[k])
	l.bufs[k] = l.bufs[k][:0]
	return err
}

// paced sends at a rate, and when it is timed keeps the time of each event.
func (l *load) paced(ctx context.Context, rate int, length time.Duration, timed bool) (int, error) {
	events := int(float64(rate) * length.Seconds())
	every := time.Second / time.Duration(rate)
	var t *timing
	if timed {
		t = &timing{first: l.next, sent: make([]atomic.Int64, events)}
		for _, a := range l.apps {
			a.took = make([]int64, events)
		}
		l.timed.Store(t)
		defer l.timed.Store(nil)
	}
	began := time.Now()
	for i := range events {
		if err := sleep(ctx, time.Until(began.Add(time.Duration(i)*every))); err != nil {
			return i, err
		}
		k := l.add()
		if t != nil {
			t.sent[i].Store(time.Now().UnixNano())
		}
		if err := l.send(k); err != nil {
			return i, err
		}
	}
	return events, l.arrived(ctx)
}

// sleep waits, or ends with the context.
func sleep(ctx context.Context, d time.Duration) error {
	if d < 100*time.Millisecond {
		time.Sleep(d) // a timer of its own would add to the latency
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flat sends as fast as the apps read, with a bounded number of events on their way.
func (l *load) flat(ctx context.Context, events int) error {
	for done := 0; done < events; {
		if err := l.await(ctx, l.next-window); err != nil {
			return err
		}
		for range min(chunk, events-done) {
			l.add()
			done++
		}
		for k := range l.bufs {
			if err := l.send(k); err != nil {
				return err
			}
		}
	}
	return l.arrived(ctx)
}

// arrived waits until every app that is not away has the last event.
func (l *load) arrived(ctx context.Context) error {
	err := l.await(ctx, l.next-1)
	l.ended = time.Now()
	return err
}

// await waits until every app has read up to an event, or nothing moves any more.
func (l *load) await(ctx context.Context, n int) error {
	n -= l.setup.accounts - 1 // the newest that is of every account
	slowest := func() int {
		got := l.next
		for _, a := range l.apps {
			if !a.away.Load() {
				got = min(got, int(a.got.Load()))
			}
		}
		return got
	}
	last, moved := slowest(), time.Now()
	for last < n {
		time.Sleep(50 * time.Microsecond)
		now := slowest()
		if now != last {
			last, moved = now, time.Now()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(moved) > silence {
			return errors.New("an app receives nothing any more")
		}
	}
	return nil
}
