package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Serve plays NapCat's WebSocket server (reference 2.4) on a listener until ctx ends, and returns after everything it
// started has ended. It closes the listener. Any path is served; /api gets no events. The caller runs and awaits it.
func (n *NapCat) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &forward{adapter: newAdapter(n, true), ctx: ctx, heart: n.opts.HeartInterval}
	h := &http.Server{Handler: http.HandlerFunc(server.upgrade), ReadHeaderTimeout: 10 * time.Second}
	var closing sync.WaitGroup
	closing.Go(func() {
		<-ctx.Done()
		server.shut()
		_ = h.Close() // the listener's own error is what Serve reports
	})
	err := h.Serve(cables{l})
	cancel()
	closing.Wait()
	server.wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving as NapCat's WebSocket server: %w", err)
}

// forward is a WebSocket server adapter.
type forward struct {
	*adapter
	ctx    context.Context
	heart  time.Duration
	others bool // see session

	handlers sync.WaitGroup
	beats    sync.WaitGroup
	stop     context.CancelFunc // ends the shared heartbeat
	clients  map[*session]struct{}
	shutting bool
}

// enter and shut keep handlers from starting while Serve waits for them.
func (f *forward) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shutting {
		return false
	}
	f.handlers.Add(1)
	return true
}

func (f *forward) shut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shutting = true
	f.closed = true
}

func (f *forward) wait() {
	f.handlers.Wait()
	f.calls.Wait()
	f.beats.Wait()
}

func (f *forward) upgrade(w http.ResponseWriter, r *http.Request) {
	if !f.enter() {
		return
	}
	defer f.handlers.Done()
	s, err := take(w, r)
	if err != nil {
		f.nap.log.Info("upgrade failed", "err", err)
		return
	}
	s.events = strings.TrimSuffix(r.URL.Path, "/") != "/api"
	s.others = f.others
	if !f.nap.authorised(r) {
		f.refuse(s)
		return
	}
	if s.events {
		f.join(s)
		defer f.part(s)
	}
	if err := f.run(f.ctx, s); err != nil && f.ctx.Err() == nil {
		f.nap.log.Info("client left", "err", err)
	}
}

// authorised: a non-empty access_token in the query wins over the header; a header without "Bearer " is compared whole
// (reference 2.2, 2.4).
func (n *NapCat) authorised(r *http.Request) bool {
	if n.opts.Token == "" {
		return true
	}
	if token := r.URL.Query().Get("access_token"); token != "" {
		return token == n.opts.Token
	}
	header := r.Header.Get("Authorization")
	if _, after, found := strings.Cut(header, "Bearer "); found {
		header = after
	}
	return header == n.opts.Token
}

// refuse: the handshake has succeeded; one frame says why, then a close without a code follows.
func (f *forward) refuse(s *session) {
	s.push(envelope{status: "failed", retcode: 1403, data: null, message: "token验证失败", echo: null}.bytes())
	s.bye(nil)
	_ = s.serve(f.ctx, func([]byte) bool { return true }) // how it ended is of no interest: it was refused
}

// join starts the heartbeat that all event clients share when the first one comes.
func (f *forward) join(s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clients == nil {
		f.clients = make(map[*session]struct{})
	}
	f.clients[s] = struct{}{}
	if len(f.clients) == 1 {
		ctx, cancel := context.WithCancel(f.ctx)
		f.stop = cancel
		f.beats.Go(func() { f.nap.beat(ctx, f.heart, f.heartAll) })
	}
}

// part stops it when the last one leaves.
func (f *forward) part(s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.clients, s)
	if len(f.clients) == 0 {
		f.stop()
	}
}

func (f *forward) heartAll(frame []byte) {
	f.mu.Lock()
	clients := make([]*session, 0, len(f.clients))
	for s := range f.clients {
		clients = append(clients, s)
	}
	f.mu.Unlock()
	f.nap.linkMu.Lock()
	attached := clients[:0]
	for _, s := range clients {
		if _, ok := f.nap.sessions[s]; ok { // not before its lifecycle
			attached = append(attached, s)
		}
	}
	f.nap.linkMu.Unlock()
	for _, s := range attached {
		s.push(frame)
	}
}
