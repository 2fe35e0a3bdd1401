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
	"slices"
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
func measure(ctx context.Context, o Options, kind string) (f figures, err error) {
	dir, err := os.MkdirTemp(o.Dir, kind)
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(dir)
	p, err := start(ctx, o, kind, dir)
	if err != nil {
		return f, err
	}
	defer func() {
		if stopErr := p.stop(); err == nil && stopErr != nil && ctx.Err() == nil {
			err = fmt.Errorf("stopping: %w", stopErr)
		}
	}()
	l, err := connect(ctx, o, p, kind)
	if err != nil {
		return f, err
	}
	defer l.close()
	time.Sleep(settling)
	f.idleRSS = p.status()["VmRSS"]

	// Paced first: memory then has not seen the flood.
	f.paced, f.pacedCPU, f.pacedWrites, err = l.run(p, func() (int, error) { return l.paced(ctx, o) })
	if err != nil {
		return f, fmt.Errorf("at %d events/s: %w", o.Rate, err)
	}
	f.p50, f.p99 = l.latency()
	began := time.Now()
	f.flat, f.cpu, f.flatWrites, err = l.run(p, func() (int, error) { return o.Events, l.flat(ctx, o.Events) })
	if err != nil {
		return f, fmt.Errorf("flat out: %w", err)
	}
	f.eventsPerS = float64(o.Events) / l.ended.Sub(began).Seconds()
	for _, a := range l.apps {
		f.lost += a.lost.Load()
		f.repeated += a.repeated.Load()
		f.disorder += a.disorder.Load()
	}
	return f, nil
}

// load is a NapCat that writes and apps that read.
type load struct {
	napcat    net.Conn
	apps      []*app
	templates []template
	next      int // number of the next event
	sent      []atomic.Int64
	ended     time.Time // when the last app had read the last event
	tasks     sync.WaitGroup
}

// app reads one connection to its end.
type app struct {
	conn                     net.Conn
	got                      atomic.Int64 // number of the newest event
	lost, repeated, disorder atomic.Int64
	took                     []int64 // ns per event, by number; of the paced run
}

func connect(ctx context.Context, o Options, p *process, kind string) (*load, error) {
	paced := o.Rate*int(o.Paced/time.Second) + 1
	l := &load{sent: make([]atomic.Int64, paced), next: 1}
	for g := range groups {
		l.templates = append(l.templates, newTemplate(g))
	}
	napcatPath, appPath := "/napcat", "/app"
	if kind == "catflap" {
		napcatPath, appPath = "/onebot/v11/ws", "/"
	}
	for i := range o.Apps {
		header := http.Header{"Authorization": {fmt.Sprintf("Bearer %s-%d", token, i)}}
		c, r, err := dial(ctx, p.app, appPath, header)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("connecting app %d: %w", i, err)
		}
		a := &app{conn: c, took: make([]int64, paced)}
		l.apps = append(l.apps, a)
		l.tasks.Go(func() { a.read(r, l) })
	}
	c, r, err := dial(ctx, p.napcat, napcatPath, http.Header{"Authorization": {"Bearer " + token}, "X-Self-ID": {fmt.Sprint(self)}})
	if err != nil {
		l.close()
		return nil, fmt.Errorf("connecting NapCat: %w", err)
	}
	l.napcat = c
	l.tasks.Go(func() { answer(c, r) })
	return l, nil
}

func (l *load) close() {
	if l.napcat != nil {
		_ = l.napcat.Close()
	}
	for _, a := range l.apps {
		_ = a.conn.Close()
	}
	l.tasks.Wait()
}

// answer gives catflap's own calls an empty answer: a NapCat that knows nobody.
func answer(c net.Conn, r *bufio.Reader) {
	buf := make([]byte, 1<<20)
	var out []byte
	for {
		payload, err := readFrame(r, buf)
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

func (a *app) read(r *bufio.Reader, l *load) {
	buf := make([]byte, 1<<20)
	for {
		payload, err := readFrame(r, buf)
		if err != nil {
			return
		}
		n := l.templates[0].read(payload)
		if n < 0 {
			continue
		}
		if n < len(a.took) {
			a.took[n] = time.Now().UnixNano() - l.sent[n].Load()
		}
		switch want := int(a.got.Load()) + 1; {
		case n == want:
		case n > want:
			a.lost.Add(int64(n - want))
		case n == want-1:
			a.repeated.Add(1)
			continue
		default:
			a.disorder.Add(1)
			continue
		}
		a.got.Store(int64(n))
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

// paced sends at a rate and keeps the time of each event.
func (l *load) paced(ctx context.Context, o Options) (int, error) {
	events := o.Rate * int(o.Paced/time.Second)
	every := time.Second / time.Duration(o.Rate)
	began := time.Now()
	var buf []byte
	for i := range events {
		time.Sleep(time.Until(began.Add(time.Duration(i) * every)))
		n := l.next
		buf = appendFrame(buf[:0], l.templates[n%groups].number(n))
		l.sent[n].Store(time.Now().UnixNano())
		if _, err := l.napcat.Write(buf); err != nil {
			return i, err
		}
		l.next++
		if ctx.Err() != nil {
			return i, ctx.Err()
		}
	}
	return events, l.arrived(ctx)
}

// flat sends as fast as the apps read, with a bounded number of events on their way.
func (l *load) flat(ctx context.Context, events int) error {
	var buf []byte
	for done := 0; done < events; {
		if err := l.await(ctx, l.next-window); err != nil {
			return err
		}
		buf = buf[:0]
		for range min(chunk, events-done) {
			n := l.next
			buf = appendFrame(buf, l.templates[n%groups].number(n))
			l.next++
			done++
		}
		if _, err := l.napcat.Write(buf); err != nil {
			return err
		}
	}
	return l.arrived(ctx)
}

// arrived waits until every app has the last event.
func (l *load) arrived(ctx context.Context) error {
	err := l.await(ctx, l.next-1)
	l.ended = time.Now()
	return err
}

// await waits until every app has read up to an event, or nothing moves any more.
func (l *load) await(ctx context.Context, n int) error {
	slowest := func() int {
		got := int(l.apps[0].got.Load())
		for _, a := range l.apps[1:] {
			got = min(got, int(a.got.Load()))
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

// latency is over all apps and events of the paced run, in microseconds.
func (l *load) latency() (p50, p99 float64) {
	var all []int64
	for _, a := range l.apps {
		for _, ns := range a.took[1:] {
			if ns > 0 {
				all = append(all, ns)
			}
		}
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	at := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))]) / 1000 }
	return at(0.50), at(0.99)
}
