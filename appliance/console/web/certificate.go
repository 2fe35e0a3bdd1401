package web

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often the files of a certificate are looked at, when somebody connects.
const lookEvery = 10 * time.Second

// Certificate is a pair of PEM files that something else may renew at any time.
type Certificate struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu     sync.Mutex
	loaded *tls.Certificate
	state  [2]fileState
	looked time.Time
}

// fileState tells a file from its renewed self.
type fileState struct {
	at   time.Time
	size int64
}

// LoadCertificate reads the two files.
func LoadCertificate(cert, key string, log *slog.Logger, now func() time.Time) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key, log: log, now: now, looked: now(), state: states(cert, key)}
	loaded, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("console.tls: %w", err)
	}
	c.loaded = &loaded
	return c, nil
}

// get is what TLS asks. While a renewal is half done the old certificate serves on.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		if state := states(c.cert, c.key); state != c.state {
			c.state = state
			loaded, err := tls.LoadX509KeyPair(c.cert, c.key)
			if err != nil {
				c.log.Warn("the console's renewed certificate cannot be used, the old one serves on", "err", err)
			} else {
				c.loaded = &loaded
			}
		}
	}
	return c.loaded, nil
}

func states(names ...string) (out [2]fileState) {
	for i, name := range names {
		if info, err := os.Stat(name); err == nil {
			out[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	return out
}
