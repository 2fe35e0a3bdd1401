package web

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/gate"
)

// retireTime is how long answers may take once a listener has been replaced; live streams end with it.
const retireTime = 5 * time.Second

// Server is one address at which the console is reached.
type Server struct {
	http     *http.Server
	listener *listener
	handler  http.Handler
	start    sync.Once
	tasks    sync.WaitGroup // serving and retiring

	mu       sync.Mutex
	closed   bool
	requests sync.WaitGroup
	ended    atomic.Bool
}

// Listen binds an address; requests wait in the backlog until Serve. A nil certificate means plain HTTP.
func Listen(address string, certificate *Certificate, h http.Handler, log *slog.Logger) (*Server, error) {
	l, err := gate.Listen(address)
	if err != nil {
		return nil, err
	}
	s := &Server{handler: h, listener: &listener{Listener: l}}
	s.Secure(certificate)
	s.http = gate.NewServer(s)
	s.http.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug) // failed TLS handshakes of passers-by
	return s, nil
}

// Address is where the server really is.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Secure changes the certificate of connections from now on; nil means plain HTTP.
func (s *Server) Secure(certificate *Certificate) { s.listener.certificate.Store(certificate) }

// Serve begins to answer when it is called first, and returns at once.
func (s *Server) Serve() {
	s.start.Do(func() { s.tasks.Go(func() { _ = s.http.Serve(s.listener) }) })
}

// Retire stops accepting and returns at once. What is being answered may end: it may be the request that asked for this.
func (s *Server) Retire() {
	_ = s.listener.Close()
	s.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), retireTime)
		defer cancel()
		_ = s.http.Shutdown(ctx)
		s.end()
	})
}

// Ended reports whether a retired server has nothing left to do.
func (s *Server) Ended() bool { return s.ended.Load() }

// end cuts what is left off and waits for the handlers.
func (s *Server) end() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	_ = s.http.Close()
	_ = s.listener.Close()
	s.requests.Wait()
	s.ended.Store(true)
}

// Close ends everything and waits for it. Handlers must not be waiting for something that the caller holds.
func (s *Server) Close() {
	s.end()
	s.tasks.Wait()
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		http.Error(w, "catflap is going away", http.StatusServiceUnavailable)
		return
	}
	s.requests.Add(1)
	s.mu.Unlock()
	defer s.requests.Done()
	s.handler.ServeHTTP(w, r)
}

// listener wraps what it accepts into TLS while there is a certificate.
type listener struct {
	net.Listener
	certificate atomic.Pointer[Certificate]
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if certificate := l.certificate.Load(); certificate != nil {
		return tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: certificate.get}), nil
	}
	return c, nil
}
