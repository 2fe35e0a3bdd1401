package soak

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// app is a bare OneBot application that only notes what it receives. Faults make it slow, cut it off or send it away.
type app struct {
	name   string
	ledger *ledger
	cable  *cable
	tasks  sync.WaitGroup
	turn   sync.Mutex // held by the connection that is read

	mu      sync.Mutex
	stalled chan struct{} // not nil while it does not read; closed when it reads on
	away    chan struct{} // not nil while it is away; closed when it comes back
	conn    *link.Conn
	met     int // connections so far
}

// options let an app live through everything but the end of its socket.
func options() link.Options {
	return link.Options{MaxFrame: 16 << 20, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
}

// dialIn runs an app that dials the gateway through a cable, over and over.
func dialIn(t *testing.T, l *ledger, name, token, gateway string) *app {
	t.Helper()
	a := &app{name: name, ledger: l, cable: layCable(t, gateway)}
	ctx, cancel := context.WithCancel(context.Background())
	a.tasks.Go(func() {
		for a.present(ctx) {
			dialling, done := context.WithTimeout(ctx, 5*time.Second)
			conn, err := link.Dial(dialling, link.Target{
				URL: "ws://" + a.cable.address() + "/", Header: http.Header{"Authorization": {"Bearer " + token}},
			}, options())
			done()
			if err == nil {
				a.serve(ctx, conn)
			}
			pause(ctx, 50*time.Millisecond)
		}
	})
	t.Cleanup(func() {
		a.free()
		cancel()
		a.tasks.Wait()
	})
	return a
}

// dialled runs an app that catflap dials; the address of its cable goes into the configuration.
func dialled(t *testing.T, l *ledger, name string) *app {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{name: name, ledger: l, cable: layCable(t, socket.Addr().String())}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		away := a.away
		a.mu.Unlock()
		if away != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if conn, err := link.Accept(w, r, options()); err == nil {
			a.tasks.Go(func() { a.serve(ctx, conn) })
		}
	})}
	a.tasks.Go(func() { _ = server.Serve(socket) })
	t.Cleanup(func() {
		a.free()
		cancel()
		_ = server.Close()
		a.tasks.Wait()
	})
	return a
}

// serve reads one connection to its end. An older one is closed and awaited, so that its last frame is noted first.
func (a *app) serve(ctx context.Context, conn *link.Conn) {
	a.mu.Lock()
	if a.conn != nil {
		a.conn.Close(1000, "a newer connection came")
	}
	a.mu.Unlock()
	a.turn.Lock()
	defer a.turn.Unlock()
	a.mu.Lock()
	a.conn = conn
	a.met++
	a.mu.Unlock()
	_ = conn.Serve(ctx, link.Handler{Frame: func(data []byte) error {
		a.mu.Lock()
		stalled := a.stalled
		a.mu.Unlock()
		if stalled != nil {
			select {
			case <-stalled:
			case <-conn.Done():
			case <-ctx.Done():
			}
		}
		a.ledger.arrived(a.name, data)
		return nil
	}})
}

// present waits until the app is not away; false when the harness ends.
func (a *app) present(ctx context.Context) bool {
	a.mu.Lock()
	away := a.away
	a.mu.Unlock()
	if away != nil {
		select {
		case <-away:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// stall stops reading, or reads on.
func (a *app) stall(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	toggle(&a.stalled, on)
}

// leave ends the connection and does not come back, or comes back.
func (a *app) leave(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	toggle(&a.away, on)
	if on && a.conn != nil {
		a.conn.Close(1001, "away")
	}
}

// close ends the connection politely.
func (a *app) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn != nil {
		a.conn.Close(1000, "")
	}
}

// connections is how often the app was connected so far.
func (a *app) connections() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.met
}

// free ends every fault of the app.
func (a *app) free() {
	a.stall(false)
	a.leave(false)
	a.cable.hold(false)
}

func toggle(c *chan struct{}, on bool) {
	switch {
	case on && *c == nil:
		*c = make(chan struct{})
	case !on && *c != nil:
		close(*c)
		*c = nil
	}
}
