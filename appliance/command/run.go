package command

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/service"
	"github.com/catflap/catflap/store"
)

// Run serves in the foreground until SIGTERM or SIGINT; SIGHUP reloads.
func (s *Shell) Run() *cli.Command {
	return leaf(&cli.Command{
		Name: "run", Usage: "run in the foreground",
		UsageText: "catflap run [--config FILE]\n\nSIGTERM and Ctrl-C stop it within 5 s, SIGHUP reloads the configuration.\n\nexample: catflap run --config /etc/catflap/catflap.yaml",
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			cfg, err := s.load(c)
			if err != nil {
				return err
			}
			return s.serve(c.Context, cfg)
		},
	})
}

func (s *Shell) serve(ctx context.Context, cfg *config.Config) (err error) {
	log, levels := newLog(s.Err, cfg)
	for _, warning := range cfg.Warnings {
		log.Warn(clean(warning.Head()))
	}
	load := func() (*config.Config, error) {
		next, err := config.Load(cfg.Path, s.Env)
		if err == nil {
			levels.set(next)
		}
		return next, err
	}
	a, err := appliance.Open(cfg, appliance.Options{Log: log, Version: s.Version, Reload: load})
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

	s.notify(log, service.Ready)
	defer s.notify(log, service.Stopping)

	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	reloads := make(chan struct{})
	go func() {
		defer close(reloads)
		reloadOn(ctx, hangup, a, log)
	}()
	defer func() {
		signal.Stop(hangup)
		cancel()
		<-reloads
	}()
	if err := a.Run(ctx); err != nil && ctx.Err() == nil {
		return failed("", "%v", err)
	}
	return nil
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
