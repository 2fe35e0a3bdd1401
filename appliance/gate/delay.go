package gate

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Bounds of the memory of guessing addresses.
const (
	maxAddresses = 1024
	firstDelay   = 250 * time.Millisecond
	maxDelay     = 10 * time.Second
	forgetAfter  = 10 * time.Minute
)

// Delays makes each wrong token from one address cost more than the one before. Loopback is never delayed:
// behind it, or behind a container bridge, sit the good links too.
type Delays struct {
	Now func() time.Time // nil means time.Now

	mu   sync.Mutex
	seen map[netip.Addr]failures
}

type failures struct {
	count int
	last  time.Time
}

// Failed records a wrong token from a remote address ("host:port") and returns how long to wait before answering.
func (d *Delays) Failed(remote string) time.Duration {
	addr, ok := remoteAddr(remote)
	if !ok || addr.IsLoopback() {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if d.seen == nil {
		d.seen = make(map[netip.Addr]failures)
	}
	f := d.seen[addr]
	if now.Sub(f.last) > forgetAfter {
		f.count = 0
	}
	f.count++
	f.last = now
	if _, known := d.seen[addr]; !known && len(d.seen) >= maxAddresses {
		d.forgetOldest()
	}
	d.seen[addr] = f
	return min(firstDelay<<min(f.count-1, 10), maxDelay)
}

// Succeeded forgets an address whose owner has shown the right token.
func (d *Delays) Succeeded(remote string) {
	if addr, ok := remoteAddr(remote); ok {
		d.mu.Lock()
		delete(d.seen, addr)
		d.mu.Unlock()
	}
}

func (d *Delays) forgetOldest() {
	var oldest netip.Addr
	var at time.Time
	for addr, f := range d.seen {
		if at.IsZero() || f.last.Before(at) {
			oldest, at = addr, f.last
		}
	}
	delete(d.seen, oldest)
}

func (d *Delays) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}

func remoteAddr(remote string) (netip.Addr, bool) {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}
