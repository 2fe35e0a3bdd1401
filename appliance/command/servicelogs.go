package command

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/service"
)

func (s *Shell) serviceLogs(c *cli.Context, h *service.Host) error {
	if err := none(c); err != nil {
		return err
	}
	if n := c.Int("lines"); n < 0 || n > 100_000 {
		return misuse("", "--lines must be between 0 and 100000")
	}
	t := s.serviceTexts(s.language(c))
	if h.Manager == "" {
		return s.serviceFailed(t, service.ErrNoManager)
	}
	command, file := h.Logs(c.Bool("user"), c.Bool("follow"), c.Int("lines"))
	switch {
	case len(command) > 0:
		cmd := exec.CommandContext(c.Context, command[0], command[1:]...)
		cmd.Stdout, cmd.Stderr = s.Out, s.Err
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		if err := cmd.Run(); err != nil && c.Context.Err() == nil {
			return failed("", "%s: %v", command[0], err)
		}
		return nil
	case file == "":
		return failed("", "%s", t.NoLog)
	}
	return s.tailFile(c.Context, file, c.Int("lines"), c.Bool("follow"))
}

// tailFile prints the end of a log, and goes on with what is added when follow is set. A log that was turned over begins
// again.
func (s *Shell) tailFile(ctx context.Context, path string, lines int, follow bool) error {
	f, err := os.Open(path)
	if err != nil {
		return failed("", "reading the log: %v", err)
	}
	defer func() { f.Close() }()
	var kept []string
	reader := bufio.NewReader(f)
	for {
		line, err := reader.ReadString('\n')
		if line != "" {
			kept = append(kept, line)
			kept = kept[max(0, len(kept)-lines):]
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return failed("", "reading the log: %v", err)
		}
	}
	fmt.Fprint(s.Out, strings.Join(kept, ""))
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for follow {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := io.Copy(s.Out, f); err != nil {
			return failed("", "reading the log: %v", err)
		}
		here, _ := f.Stat()
		if now, err := os.Stat(path); err == nil && here != nil && !os.SameFile(here, now) {
			if next, err := os.Open(path); err == nil {
				f.Close()
				f = next
			}
		}
	}
	return nil
}
