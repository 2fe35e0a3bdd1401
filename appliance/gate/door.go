package gate

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// Door is one address at which links are accepted. Who may come in is decided by the function that it was opened with.
type Door struct {
	answer   func(*Knock)
	server   *http.Server
	listener net.Listener
	ledger   Ledger
	start    sync.Once
	done     chan struct{}
	requests sync.WaitGroup

	mu     sync.Mutex
	closed bool
}

// Open binds an address. Requests wait in the backlog until Serve. Answer is called for each of them, from many
// goroutines at once.
func Open(address string, log *slog.Logger, now func() time.Time, answer func(*Knock)) (*Door, error) {
	l, err := Listen(address)
	if err != nil {
		return nil, err
	}
	d := &Door{answer: answer, listener: l, done: make(chan struct{}), ledger: Ledger{Log: log, Now: now}}
	d.server = NewServer(d)
	d.server.ConnContext = withSocket
	return d, nil
}

// Address is where the door really is.
func (d *Door) Address() string { return d.listener.Addr().String() }

// Refused returns the requests that were refused lately, newest last.
func (d *Door) Refused() []Refused { return d.ledger.Last() }

// Wrong is how many requests with a wrong token, or without one, were refused so far.
func (d *Door) Wrong() uint64 { return d.ledger.wrong.Load() }

// Serve begins to answer requests when it is called first, and returns at once.
func (d *Door) Serve() {
	d.start.Do(func() {
		go func() {
			defer close(d.done)
			_ = d.server.Serve(d.listener)
		}()
	})
}

// Close stops accepting and waits for requests that are being decided. Links belong to those who took them and are
// closed there.
func (d *Door) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	_ = d.server.Close()
	_ = d.listener.Close()
	d.start.Do(func() { close(d.done) })
	<-d.done
	d.requests.Wait()
}

// enter counts a request until d.requests.Done. It is false once the door is closed.
func (d *Door) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.requests.Add(1)
	return true
}

// ServeHTTP has one request answered.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !d.enter() {
		http.Error(w, "catflap is going away", http.StatusServiceUnavailable)
		return
	}
	defer d.requests.Done()
	d.answer(&Knock{Request: r, w: w, door: d})
}

// Knock is one request while it is being answered, once: by Refuse, by Accept if it is for a link, else in Plain.
type Knock struct {
	*http.Request
	Who string // the account or app that the request is for, as soon as it is known; refusals are remembered with it

	w    http.ResponseWriter
	door *Door
}

// Refuse answers with the refusal and remembers it.
func (k *Knock) Refuse(refusal *Refusal) { k.door.ledger.Answer(k.w, k.Request, k.Who, refusal) }

// Note remembers the refusal of a request that has been answered already.
func (k *Knock) Note(refusal *Refusal) { k.door.ledger.Note(k.RemoteAddr, k.Who, refusal) }

// Trust forgets that the peer's address has shown wrong tokens: it has shown the right one. The address may have as many
// sockets as there are: NapCat's HTTP client opens one for each event of a burst.
func (k *Knock) Trust() {
	k.door.ledger.Delays.Succeeded(k.RemoteAddr)
	if l, ok := k.door.listener.(*boundedListener); ok {
		l.trust(k.RemoteAddr)
	}
}

// Accept answers 101 and returns the link, or refuses and returns nil when the request cannot become one.
func (k *Knock) Accept(o link.Options) *link.Conn {
	conn, err := link.Accept(k.w, k.Request, o)
	switch {
	case err == nil:
		return conn
	case errors.Is(err, link.ErrVersion):
		k.w.Header().Set("Sec-WebSocket-Version", "13")
		k.Refuse(&Refusal{http.StatusUpgradeRequired, err.Error()})
	case errors.Is(err, link.ErrNotUpgrade):
		k.Refuse(&Refusal{http.StatusBadRequest, err.Error()})
	default: // the connection is closed already
		k.Note(&Refusal{http.StatusBadRequest, fmt.Sprintf("upgrade failed: %v", err)})
	}
	return nil
}
