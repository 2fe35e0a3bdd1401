package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of the harness itself.
const patience = 60 * time.Second

// raceless tells the race detector not to wait a second at the end of every process; it still reports and fails it.
const raceless = "GORACE=atexit_sleep_ms=0"

// catflap is the program under test: one process after the other on the same folder.
type catflap struct {
	dir    string // of the configuration
	data   string
	config string
	ledger *ledger

	cmd    *exec.Cmd
	exited chan struct{}
	err    error // read after exited

	logs   tail
	starts int
	slow   time.Duration // longest start
}

// tail keeps the newest output and remembers what must never be in it.
type tail struct {
	mu   sync.Mutex
	text []byte
	bad  []string
	full int // lines that say that the store could not write
}

// Write takes output; lines of the race detector and of panics are remembered.
func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, word := range []string{"DATA RACE", "panic:", "fatal error:", "unexpected fault"} {
		if bytes.Contains(p, []byte(word)) {
			w.bad = append(w.bad, word)
		}
	}
	w.full += bytes.Count(p, []byte("writing to the store failed"))
	w.text = append(w.text, p...)
	if over := len(w.text) - 256<<10; over > 0 && len(w.bad) == 0 {
		w.text = append(w.text[:0:0], w.text[over:]...)
	}
	return len(p), nil
}

func (w *tail) last(n int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text[max(0, len(w.text)-n):])
}

// start runs catflap; it does not wait until it serves.
func (c *catflap) start() error {
	c.cmd = exec.Command(binary, "run")
	c.cmd.Env = append(os.Environ(), "CATFLAP_CONFIG="+c.config, "NO_COLOR=1", raceless)
	c.cmd.Stdout, c.cmd.Stderr = &c.logs, &c.logs
	c.cmd.WaitDelay = 5 * time.Second
	bind(c.cmd)
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("starting catflap: %w", err)
	}
	exited := make(chan struct{})
	c.exited = exited
	cmd := c.cmd
	go func() {
		err := cmd.Wait()
		c.err = err
		close(exited)
	}()
	c.starts++
	return nil
}

// ready waits until catflap's command line answers: the store is open and everything listens.
func (c *catflap) ready() error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		select {
		case <-c.exited:
			return fmt.Errorf("catflap ended when it should start: %v", c.err)
		default:
		}
		conn, err := net.Dial("unix", filepath.Join(c.data, "admin.sock"))
		if err == nil {
			_ = conn.Close()
			c.slow = max(c.slow, time.Since(began))
			return nil
		}
		if !pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("catflap did not serve within %v", patience)
		}
	}
}

// kill ends catflap as the power does, and waits.
func (c *catflap) kill() error {
	select {
	case <-c.exited:
		return fmt.Errorf("catflap had ended by itself: %v", c.err)
	default:
	}
	_ = c.cmd.Process.Kill()
	<-c.exited
	return nil
}

// stop ends catflap as a service manager does.
func (c *catflap) stop() error {
	select {
	case <-c.exited:
		return fmt.Errorf("catflap had ended by itself: %v", c.err)
	default:
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.exited:
	case <-time.After(patience):
		_ = c.cmd.Process.Signal(syscall.SIGQUIT)
		<-c.exited
		return errors.New("catflap did not end after SIGTERM")
	}
	if c.err != nil {
		return fmt.Errorf("catflap ended with %w after SIGTERM", c.err)
	}
	return nil
}

func (c *catflap) hangUp() { _ = c.cmd.Process.Signal(syscall.SIGHUP) }

// command runs a catflap command against the running one.
func (c *catflap) command(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "CATFLAP_CONFIG="+c.config, "NO_COLOR=1", raceless)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// appStatus is what the harness reads of `catflap status --json`.
type appStatus struct {
	Name      string
	Connected bool
	Backlog   int
	Dropped   uint64
	Skipped   uint64
	Repeated  uint64
}

type status struct {
	Apps  []appStatus
	Store struct {
		Commits      uint64
		CommitErrors uint64 `json:"commit_errors"`
		LastError    string `json:"last_error"`
	}
}

func (c *catflap) status() (s status, err error) {
	out, err := c.command("status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &s)
	}
	if err != nil {
		return s, fmt.Errorf("catflap status: %w\n%s", err, out)
	}
	return s, nil
}

// approved lists who is let in to an account.
func (c *catflap) approved() (map[uint64]bool, error) {
	out, err := c.command("pairing", "list", "--json")
	var list []struct {
		User  uint64 `json:"user_id"`
		State string
	}
	if err == nil {
		err = json.Unmarshal([]byte(out), &list)
	}
	if err != nil {
		return nil, fmt.Errorf("catflap pairing list: %w\n%s", err, out)
	}
	in := make(map[uint64]bool)
	for _, e := range list {
		in[e.User] = e.State == "approved"
	}
	return in, nil
}

// freePort finds a port that nothing listens on, below those that the kernel gives to outgoing connections.
func freePort(t *testing.T, roll func(int) int) int {
	t.Helper()
	for range 1000 {
		port := 11000 + roll(4000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// write replaces the configuration file at once, as an editor does: a start that reads half of it proves nothing.
func (c *catflap) write(text string) error {
	c.config = filepath.Join(c.dir, "catflap.yaml")
	if err := os.WriteFile(c.config+".new", []byte(strings.TrimSpace(text)+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(c.config+".new", c.config)
}
