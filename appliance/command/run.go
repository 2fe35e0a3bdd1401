package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/service"
	"github.com/catflap/catflap/store"
)

// Run serves in the foreground until SIGTERM or SIGINT; SIGHUP reloads.
func (s *Shell) Run() *cli.Command {
	return leaf(&cli.Command{
		Name: "run", Usage: "run in the foreground",
		UsageText: "catflap run [--config FILE] [--log-file FILE]\n\nSIGTERM and Ctrl-C stop it within 5 s, SIGHUP reloads the configuration.\n\nexample: catflap run --config /etc/catflap/catflap.yaml",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "log-file", Usage: "write the log to `FILE`, at most 1 MiB and one older file of it", DefaultText: "the standard error"},
			&cli.DurationFlag{Name: "watchdog", Usage: "end the process when a part of it has not answered for `TIME`; systemd does that by itself", DefaultText: "off", Action: goodWatchdog},
		},
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			// A crash must not end with the exit status of a wrong configuration (2), after which nothing starts it again: it
			// ends by a signal.
			debug.SetTraceback("crash")
			run := func(ctx context.Context) error {
				cfg, err := s.load(c)
				if err != nil {
					return err
				}
				var log io.Writer = s.Err
				if name := c.String("log-file"); name != "" {
					file, err := service.OpenLogFile(name)
					if err != nil {
						return failed("", "%v", err)
					}
					defer file.Close()
					log = file
				}
				return s.serve(ctx, cfg, log, c.Duration("watchdog"))
			}
			return service.Supervise(c.Context, run)
		},
	})
}

func goodWatchdog(_ *cli.Context, limit time.Duration) error {
	if limit < 10*time.Second || limit > time.Hour {
		return misuse("such as --watchdog 60s", "--watchdog must be between 10s and 1h")
	}
	return nil
}

func (s *Shell) serve(ctx context.Context, cfg *config.Config, w io.Writer, watchdog time.Duration) (err error) {
	log, levels := newLog(w, cfg)
	for _, warning := range cfg.Warnings {
		log.Warn(clean(warning.Head()))
	}
	if err := s.notRoots(cfg, os.Geteuid(), service.OwnsFolder); err != nil {
		return err
	}
	s.warnOfCut(log)
	load := func() (*config.Config, error) {
		next, err := config.Load(cfg.Path, s.Env)
		if err == nil {
			levels.set(next)
		}
		return next, err
	}
	a, err := appliance.Open(cfg, appliance.Options{Log: log, Version: s.Version, Reload: load, Group: service.OwnGroup(), NewerVersion: s.newerVersion()})
	if err != nil {
		return notOpened(ctx, cfg, err)
	}
	defer func() {
		if closing := a.Close(); err == nil && closing != nil {
			err = failed("", "closing: %v", closing)
		}
	}()
	addresses := a.Addresses()
	for _, name := range slices.Sorted(maps.Keys(addresses)) {
		log.Info("listening", "name", name, "address", addresses[name])
	}
	s.greet(a, w)

	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	s.notify(log, service.Ready)
	defer s.notify(log, service.Stopping)

	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() { reloadOn(ctx, hangup, a, log) })
	if guard := s.watchdog(a, watchdog, log); guard != nil {
		tasks.Go(func() { guard.Run(ctx) })
	}
	defer func() {
		signal.Stop(hangup)
		cancel()
		tasks.Wait()
	}()
	if err := a.Run(ctx); err != nil && ctx.Err() == nil {
		return failed("", "%v", err)
	}
	return nil
}

// greet gives who has started catflap on a terminal a way into the console, while it has no password. The link is a secret: a log
// that is kept, in a file or by a service, never has it.
func (s *Shell) greet(a *appliance.Appliance, log io.Writer) {
	if log != s.Err || !isTerminal(s.Err) {
		return
	}
	if link := a.FirstLink(); link != "" {
		fmt.Fprintf(s.Err, s.texts(nil).RunLink+"\n", s.paint(s.Err).bold(link))
	}
}

// watchdog is nil when nobody wants one: neither systemd nor the flag.
func (s *Shell) watchdog(a *appliance.Appliance, limit time.Duration, log *slog.Logger) *service.Watchdog {
	w := &service.Watchdog{Limit: service.WatchdogLimit(s.Env), Probes: a.Probes(), Log: log, Tell: func(state string) { s.notify(log, state) }}
	if w.Limit == 0 {
		// Like systemd's SIGABRT: what hangs shows in the log.
		w.Limit, w.Hung = limit, func(reason string) { panic("the watchdog ends catflap: " + reason) }
	}
	if w.Limit == 0 {
		return nil
	}
	return w
}

// notOpened says why catflap does not start. The most likely holder of the store is another catflap, which answers.
func notOpened(ctx context.Context, cfg *config.Config, err error) error {
	if !errors.Is(err, store.ErrLocked) && !errors.Is(err, console.ErrInUse) {
		return failed("", "%v", err)
	}
	path := filepath.Join(cfg.DataDir, appliance.AdminSocket)
	if other, dialling := dialSocket(ctx, path); dialling == nil || errors.Is(dialling, fs.ErrPermission) {
		if dialling == nil {
			_ = other.close()
		}
		return failed("`catflap status` shows it; stop it first, or give this one a dataDir of its own",
			"another catflap runs with the data folder %s and holds %s", cfg.DataDir, path)
	}
	return failed("a catflap command may be at work there: try again when it has ended", "%v", err)
}

// notify tells systemd, which may be waiting for it.
func (s *Shell) notify(log *slog.Logger, state string) {
	if err := service.Notify(s.Env, state); err != nil {
		log.Warn("the service manager was not told", "state", state, "err", err)
	}
}

func reloadOn(ctx context.Context, hangup <-chan os.Signal, a *appliance.Appliance, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		result, err := a.Reload(ctx)
		if err != nil {
			log.Error("the configuration was not reloaded, the old one serves on", "err", err)
			continue
		}
		log.Info("configuration reloaded", "changed", len(result.Changed))
	}
}
