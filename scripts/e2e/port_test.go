package e2e

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// ports remembers what has been handed out, so that no two tests of this process get the same one.
var ports struct {
	mu   sync.Mutex
	used map[int]bool
}

// freePort finds a port that nothing listens on: the kernel is asked by listening on it. It lies below the range from
// which the kernel takes ports for outgoing connections, so that none of those takes it before it is used.
func freePort(t *testing.T) int {
	t.Helper()
	ports.mu.Lock()
	defer ports.mu.Unlock()
	if ports.used == nil {
		ports.used = make(map[int]bool)
	}
	for range 1000 {
		port := 15000 + rand.IntN(15000)
		if ports.used[port] {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		ports.used[port] = true
		return port
	}
	t.Fatal("no free port")
	return 0
}
