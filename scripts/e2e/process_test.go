package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// limit bounds every wait. Two busy cores and three frameworks are slow; only a failing test ever waits this long.
const limit = 90 * time.Second

// process is a running program and everything that it has printed so far, standard output and error together.
type process struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{} // closed when the program has ended and its last line is here
	err    error         // how it ended; read after exited

	mu    sync.Mutex
	part  []byte        // an unfinished line
	lines []string      // guarded by mu
	news  chan struct{} // closed and replaced with every new line
}

// launch starts a program that ends with the test at the latest. Its output is shown if the test fails.
func launch(t *testing.T, name string, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{name: name, exited: make(chan struct{}), news: make(chan struct{})}
	p.cmd = exec.Command(program, args...)
	p.cmd.Env = append(os.Environ(), append([]string{"NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost"}, env...)...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.WaitDelay = 5 * time.Second
	bind(p.cmd)
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v (run `make deps` once, it installs the frameworks)", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		p.mu.Lock()
		p.part = nil
		p.mu.Unlock()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("---- %s printed:\n%s", name, p.text())
		}
	})
	return p
}

// Write takes the program's output; it makes process an io.Writer.
func (p *process) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.part = append(p.part, data...)
	for {
		line, rest, whole := bytes.Cut(p.part, []byte("\n"))
		if !whole {
			break
		}
		p.lines = append(p.lines, string(bytes.TrimRight(line, "\r")))
		p.part = rest
	}
	close(p.news)
	p.news = make(chan struct{})
	return len(data), nil
}

// text is everything printed so far.
func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n") + "\n" + string(p.part)
}

// mark remembers how much has been printed, for since and after.
func (p *process) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// since tells whether a line with the text has been printed after the mark.
func (p *process) since(mark int, text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count(mark, text) > 0
}

// count is how many lines after the mark hold the text. The caller holds mu.
func (p *process) count(mark int, text string) int {
	n := 0
	for _, line := range p.lines[mark:] {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// wait waits for a line with the text, printed at any time.
func (p *process) wait(t *testing.T, text string) {
	t.Helper()
	p.waitTimes(t, 0, text, 1)
}

// after waits for a line with the text, printed after the mark.
func (p *process) after(t *testing.T, mark int, text string) {
	t.Helper()
	p.waitTimes(t, mark, text, 1)
}

// waitTimes waits until so many lines after the mark hold the text.
func (p *process) waitTimes(t *testing.T, mark int, text string, times int) {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		p.mu.Lock()
		have, news := p.count(mark, text), p.news
		p.mu.Unlock()
		if have >= times {
			return
		}
		select {
		case <-news:
		case <-p.exited:
			p.mu.Lock()
			have = p.count(mark, text)
			p.mu.Unlock()
			if have < times {
				t.Fatalf("%s ended (%v) before it printed %q", p.name, p.err, text)
			}
		case <-late.C:
			t.Fatalf("%s did not print %q (%d of %d times) within %v", p.name, text, have, times, limit)
		}
	}
}

// stop asks the program to end, as a service manager does, and waits for it.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("stopping %s: %v", p.name, err)
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-p.exited:
	case <-late.C:
		t.Fatalf("%s did not end within %v of SIGTERM", p.name, limit)
	}
}

// kill ends the program at once.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.exited
}

// alive fails the test if the program has ended.
func (p *process) alive(t *testing.T) {
	t.Helper()
	select {
	case <-p.exited:
		t.Errorf("%s ended: %v", p.name, p.err)
	default:
	}
}

// eventually asks again and again until the answer is yes; what says what was hoped for.
func eventually(t *testing.T, what string, yes func() (bool, string)) {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		ok, last := yes()
		if ok {
			return
		}
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("%s: not within %v; last seen:\n%s", what, limit, last)
		}
	}
}

// printed is for failures: a value as text.
func printed(v any) string { return fmt.Sprintf("%+v", v) }
