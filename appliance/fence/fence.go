// Package fence fetches what a message's URL names without ever reaching the owner's own network (FAULTS S02): each
// address that a name resolves to is judged, and the judged address itself is dialled.
package fence

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Why nothing was fetched. The errors of this package wrap one of these, or are a *StatusError.
var (
	// ErrRefused: an address that the URL names or leads to is not to be reached. The chain has an *AddressError.
	ErrRefused = errors.New("refused by the guard of the inner network")
	// ErrURL: the URL is none that is fetched, wherever it leads to.
	ErrURL = errors.New("not a URL that is fetched")
	// ErrAnswer: the server answers with something else than the file as it is: one redirect after another, or packed.
	ErrAnswer = errors.New("the server does not give the file as it is")
	// ErrTooLarge: there is more than the caller wants.
	ErrTooLarge = errors.New("larger than allowed")
	// ErrSlow: nothing came for a while, or all of it took too long.
	ErrSlow = errors.New("the server is too slow")
)

// StatusError is an answer that is not the file. QQ says 400 when a link has died.
type StatusError struct {
	Status int
}

// Error names the status only: the address holds the key to the file.
func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answers with status %d", e.Status)
}

// AddressError is an address that is not dialled. It is an ErrRefused.
type AddressError struct {
	Host    string // that has the address; "" = the URL names the address itself
	Address netip.Addr
	what    string
}

// Error names the keys that open it.
func (e *AddressError) Error() string {
	where := e.Host + " has"
	if e.Host == "" {
		where = "the URL names"
	}
	return fmt.Sprintf("%v: %s the address %s, %s (media.allowHosts, media.allowPrivate)", ErrRefused, where, e.Address, e.what)
}

// Is makes it an ErrRefused.
func (e *AddressError) Is(target error) bool { return target == ErrRefused }

// fakes are the networks out of which proxies in TUN mode give every name an address of their own: Clash, mihomo,
// sing-box and Surge the first, mihomo and sing-box the second for IPv6.
var fakes = [...]netip.Prefix{netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("fc00::/18")}

// Fake returns the network of the fake-IP proxy that made the address; false when none did.
func (e *AddressError) Fake() (netip.Prefix, bool) {
	for _, p := range fakes {
		if e.Host != "" && p.Contains(e.Address) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// Rules are what the owner has opened on purpose.
type Rules struct {
	// AllowHosts are names whose addresses may be private, shared or of this box: "nas.lan", or "*.lan" for all below it.
	AllowHosts []string
	// AllowPrivate are networks that may be dialled whatever the name is: a fake-IP proxy's 198.18.0.0/15.
	AllowPrivate []netip.Prefix
}

// Networks reads addresses and networks as the configuration has them. The error names the one that is neither.
func Networks(texts []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network such as 198.18.0.0/15", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Bounds of one fetch.
const (
	dialTime       = 5 * time.Second // for one address
	handshakeTime  = 10 * time.Second
	headerTime     = 10 * time.Second
	idleTime       = 20 * time.Second // without a byte of the body
	totalTime      = 15 * time.Minute // whatever the caller's context allows
	maxHeaderBytes = 32 << 10
	maxRedirects   = 5
	maxAddresses   = 16 // of one name
)

// Fence is a client that keeps to the rules. It holds few idle connections; Close gives them back.
type Fence struct {
	rules  Rules
	client *http.Client

	// In tests these are others: how names are resolved and how checked addresses are dialled.
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	idle    time.Duration
}

// New makes a client. No proxy is used, whatever the environment says.
func New(rules Rules) *Fence {
	dialer := net.Dialer{Timeout: dialTime}
	f := &Fence{
		rules: rules, idle: idleTime, dial: dialer.DialContext,
		resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
	f.client = &http.Client{
		Transport: &http.Transport{
			DialContext:           f.connect,
			TLSHandshakeTimeout:   handshakeTime,
			ResponseHeaderTimeout: headerTime,
			// What is unpacked on the way would be another size and another sum than what QQ has.
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeaderBytes,
			MaxIdleConns:           4,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: f.redirect,
	}
	return f
}

// Close gives idle connections back. Fetches that run go on.
func (f *Fence) Close() { f.client.CloseIdleConnections() }

// connect dials host:port for the transport. A name is resolved here and nowhere else, so that a second answer of a
// name server changes nothing (DNS rebinding). One bad address among several refuses the name: nobody serves files
// from a public and an inner address at once.
func (f *Fence) connect(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	addresses, err := f.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	var last error
	for _, a := range addresses {
		conn, err := f.dial(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		if last = err; ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("connecting to %s: %w", host, last)
}

// addresses are what may be dialled for a host, in the order of the resolver.
func (f *Fence) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	var found []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{a}
	} else {
		if found, err = f.resolve(ctx, host); err != nil {
			return nil, fmt.Errorf("resolving %s: %w", host, err)
		}
		for i, a := range found {
			found[i] = a.Unmap() // Go's resolver writes IPv4 so; the judgement is that of the IPv4 address
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("resolving %s: no address", host)
	}
	if len(found) > maxAddresses {
		found = found[:maxAddresses]
	}
	named := f.named(host)
	for _, a := range found {
		if why := f.judge(a, named); why != "" {
			return nil, &AddressError{host, a, why}
		}
	}
	return found, nil
}

// named reports whether the owner listed a host.
func (f *Fence) named(host string) bool {
	for _, h := range f.rules.AllowHosts {
		if below, ok := strings.CutPrefix(h, "*"); ok && strings.HasPrefix(below, ".") {
			if len(host) > len(below) && strings.EqualFold(host[len(host)-len(below):], below) {
				return true
			}
			continue
		}
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}
