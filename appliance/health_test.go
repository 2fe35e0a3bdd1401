package appliance

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
)

// probe asks one part, with more patience than any of them needs.
func probe(t *testing.T, a *Appliance, name string, patience time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, p := range a.Probes() {
		if p.Name == name {
			return p.Check(ctx)
		}
	}
	t.Fatalf("there is no probe %s", name)
	return nil
}

func TestProbes(t *testing.T) {
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "catflap.yaml"), []byte("accessToken: t0ken-of-napcat\nwsPort: 0\ndataDir: data\nconsole: {listen: \"127.0.0.1:0\"}\n"+
		"gateway: {listen: \"127.0.0.1:0\"}\napps: {bot: {protocol: onebot11, accessToken: t0ken-of-bot}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(cfg, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = a.Run(ctx) })
	defer func() {
		cancel()
		running.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, p := range a.Probes() {
		if err := probe(t, a, p.Name, time.Minute); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	// A knock is no visitor: nobody is refused and delayed for it.
	for _, l := range a.listeners {
		if refused := l.Refused(); len(refused) > 0 {
			t.Errorf("the probe shows among those refused: %+v", refused)
		}
	}

	// A change of the configuration that never ends holds what everything else asks for.
	a.mu.Lock()
	if err := probe(t, a, "admin socket", 50*time.Millisecond); err == nil {
		t.Error("the API answers although its state is locked")
	}
	a.mu.Unlock()

	for _, g := range a.gateways {
		g.Close()
	}
	if err := probe(t, a, "listeners", time.Minute); err == nil || !strings.Contains(err.Error(), "nobody listens there any more") {
		t.Errorf("a listener that is gone: %v", err)
	}
}

func TestAnswers(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	hasty, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := hasty.Accept()
			if err != nil {
				return
			}
			c.Close() // as when every seat is taken
		}
	})
	defer accepting.Wait()
	defer hasty.Close()
	for _, tt := range []struct {
		address string
		within  time.Duration
		ill     bool
	}{
		{silent.Addr().String(), 100 * time.Millisecond, true}, // the kernel takes connections for it, as for a server that hangs
		{hasty.Addr().String(), time.Minute, false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), tt.within)
		if err := answers(ctx, tt.address); (err != nil) != tt.ill {
			t.Errorf("%s: %v", tt.address, err)
		}
		cancel()
	}
}

func TestOurs(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:80": true, "[::1]:80": true, "0.0.0.0:80": true, "192.0.2.1:80": false} {
		if got := ours(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestReachable(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:80": "127.0.0.1:80", "[::]:80": "[::1]:80", "192.168.1.2:80": "192.168.1.2:80", "nowhere": "nowhere",
	} {
		if got := reachable(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
