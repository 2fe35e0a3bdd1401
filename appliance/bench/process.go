package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a relay under measurement.
type process struct {
	cmd    *exec.Cmd
	kind   string // baseline or catflap
	napcat string // host:port
	app    string
	log    *os.File
}

// start runs a child and waits for the line in which it says where it listens.
func start(ctx context.Context, o Options, kind, dir string, s setup) (*process, error) {
	p := &process{kind: kind}
	var err error
	if p.log, err = os.Create(filepath.Join(dir, kind+".log")); err != nil {
		return nil, err
	}
	if kind == "baseline" {
		p.cmd = exec.CommandContext(ctx, o.Program, "bench", "--role", "relay")
	} else {
		path := filepath.Join(dir, "catflap.yaml")
		if s.data == "" {
			s.data = filepath.Join(dir, "data")
		}
		if err := os.WriteFile(path, []byte(s.configuration()), 0o600); err != nil {
			return nil, err
		}
		p.cmd = exec.CommandContext(ctx, o.Program, "bench", "--role", "catflap", "--config", path)
	}
	p.cmd.Stderr = p.log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 10 * time.Second
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", o.Program, err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = p.stop()
		return nil, fmt.Errorf("%s did not say where it listens (see %s): %w", kind, p.log.Name(), err)
	}
	if _, err := fmt.Sscanf(line, "%s %s", &p.napcat, &p.app); err != nil {
		_ = p.stop()
		return nil, fmt.Errorf("%s said %q: %w", kind, line, err)
	}
	return p, nil
}

func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	err := p.cmd.Wait()
	_ = p.log.Close()
	return err
}

// peak is the most memory seen while something ran.
type peak struct{ rssAnon, hwm int64 }

// watch samples a process until the returned function is called.
func (p *process) watch() func() peak {
	var top peak
	done := make(chan struct{})
	var task sync.WaitGroup
	task.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			st := p.status()
			top.rssAnon = max(top.rssAnon, st["RssAnon"])
			top.hwm = max(top.hwm, st["VmHWM"])
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return func() peak {
		close(done)
		task.Wait()
		return top
	}
}

// status reads the sizes of /proc/PID/status in bytes.
func (p *process) status() map[string]int64 {
	out := make(map[string]int64)
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(line, ":")
		if f := strings.Fields(rest); len(f) == 2 && f[1] == "kB" {
			n, _ := strconv.ParseInt(f[0], 10, 64)
			out[name] = n << 10
		}
	}
	return out
}

// cpu is the time that the process has run so far, all threads, ended ones too.
func (p *process) cpu() time.Duration {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	const tick = time.Second / 100 // USER_HZ on every Linux that Go runs on
	return time.Duration(user+system) * tick
}

// written is how many bytes the process has caused to be written to the disk.
func (p *process) written() int64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid))
	for line := range strings.Lines(string(data)) {
		if n, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			v, _ := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			return v
		}
	}
	return 0
}

// machine names where the figures come from.
func machine() string {
	cpu := ""
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			cpu = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s/%s, %d CPUs %s, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpu, runtime.Version())
}
