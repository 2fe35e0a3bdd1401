package appliance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"github.com/catflap/catflap/appliance/service"
)

// Probes ask every part that the appliance cannot do without for a sign of life: the store's committer, the way of events
// and the slow work of the router, the listeners, and the API (which reads the state of everything). They need Run.
func (a *Appliance) Probes() []service.Probe {
	return []service.Probe{
		{Name: "store", Check: a.store.Alive},
		{Name: "router", Check: a.router.Alive},
		{Name: "listeners", Check: a.listenersAlive},
		{Name: "admin socket", Check: a.adminAlive},
	}
}

func (a *Appliance) listenersAlive(ctx context.Context) error {
	a.mu.Lock()
	addresses := make(map[string]string)
	for key, l := range a.listeners {
		addresses[key] = l.Address()
	}
	for key, g := range a.gateways {
		addresses[key] = g.Address()
	}
	a.mu.Unlock()
	var errs []error
	for _, key := range sortedNames(addresses) {
		if err := answers(ctx, addresses[key]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// answers knocks with something that is no request: the server refuses it before anybody counts it as a visitor. Only a
// listener that is gone, or takes the connection and keeps silent, is ill: an address that this machine has lost for now,
// or a firewall, is not mended by starting again.
func answers(ctx context.Context, address string) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", reachable(address))
	if errors.Is(err, syscall.ECONNREFUSED) && ours(address) {
		return errors.New("nobody listens there any more")
	}
	if err != nil {
		return nil
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline)
	if _, err := c.Write([]byte("?\r\n\r\n")); err != nil {
		return nil // it was closed, so somebody is there
	}
	var timeout net.Error
	if _, err := c.Read(make([]byte, 1)); errors.As(err, &timeout) && timeout.Timeout() {
		return errors.New("connections are taken and not answered")
	}
	return nil
}

// reachable is an address to dial for one that is listened on.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		if ip.To4() != nil {
			return net.JoinHostPort("127.0.0.1", port)
		}
		return net.JoinHostPort("::1", port)
	}
	return address
}

// ours tells whether an address that was listened on is still one of this machine: else a stranger has answered.
func ours(address string) bool {
	host, _, err := net.SplitHostPort(reachable(address))
	ip := net.ParseIP(host)
	if err != nil || ip == nil || ip.IsLoopback() {
		return true
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
			return true
		}
	}
	return false
}

// adminAlive asks for the status as the command line does.
func (a *Appliance) adminAlive(ctx context.Context) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(a.dataDir, AdminSocket))
	if err != nil {
		return err
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	} else {
		_ = c.SetDeadline(time.Now().Add(shutdownTime))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://catflap/api/v1/status", nil)
	if err != nil {
		return err
	}
	req.Close = true
	if err := req.Write(c); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 512), req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}
