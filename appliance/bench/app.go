package bench

import (
	"bufio"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// app reads one account's events.
type app struct {
	number, account          int
	conn                     net.Conn
	reader                   sync.WaitGroup
	away                     atomic.Bool  // nobody waits for it
	got                      atomic.Int64 // number of the newest event
	lost, repeated, disorder atomic.Int64
	took                     []int64 // ns per event of the timed run
}

// detach ends an app's connection: it is away.
func (a *app) detach() {
	a.away.Store(true)
	if a.conn != nil {
		_ = a.conn.Close()
	}
	a.reader.Wait()
}

// read takes frames until the connection ends, and keeps the books.
func (a *app) read(r *bufio.Reader, l *load) {
	buf := make([]byte, 1<<20)
	var pong []byte
	for {
		opcode, payload, err := readFrame(r, buf)
		if err != nil {
			return
		}
		if opcode == opPing {
			pong = appendPong(pong[:0], payload)
			if _, err := a.conn.Write(pong); err != nil {
				return
			}
			continue
		}
		n := l.templates[0][0].read(payload)
		if n < 0 {
			continue
		}
		if t := l.timed.Load(); t != nil && n >= t.first && n-t.first < min(len(t.sent), len(a.took)) {
			a.took[n-t.first] = time.Now().UnixNano() - t.sent[n-t.first].Load()
		}
		step := l.setup.accounts
		switch want := int(a.got.Load()) + step; {
		case n == want:
		case n > want:
			a.lost.Add(int64((n - want) / step))
		case n == want-step:
			a.repeated.Add(1)
			continue
		default:
			a.disorder.Add(1)
			continue
		}
		a.got.Store(int64(n))
	}
}

// latency is over some apps and all events of the timed run, in microseconds.
func latency(apps []*app) (p50, p99 float64) {
	var all []int64
	for _, a := range apps {
		for _, ns := range a.took {
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
