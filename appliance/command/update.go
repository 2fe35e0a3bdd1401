package command

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"aead.dev/minisign"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/service"
	"github.com/catflap/catflap/appliance/update"
	"github.com/catflap/catflap/packaging"
)

// Times of an update.
const (
	updatePatience = 90 * time.Second // for stopping, starting and becoming ready, each
	updateSettling = 5 * time.Second  // how long the new version has to go on answering
)

// Update replaces this program by a newer signed release.
func (s *Shell) Update() *cli.Command { return s.updateOn(service.NewHost) }

func (s *Shell) updateOn(host func() *service.Host) *cli.Command {
	return data(&cli.Command{
		Name: "update", Usage: "replace this program by a newer signed release, and go back if it does not come up",
		UsageText: "catflap update [--check] --from URL|DIR [--allow-downgrade] [--key FILE]\n\n" +
			"The folder or URL holds SHA256SUMS, SHA256SUMS.minisig and the archives of a release. The signature is checked with the\n" +
			"keys that this program was built with; --key names the public key of releases that you build yourself.\n\n" +
			"After a power cut in the middle `catflap doctor` says so: --undo goes back to what was there before (run it by the old\n" +
			"program, catflap.old, if the new one does not work), --settle keeps the new one.\n\n" +
			"example: sudo catflap update --from https://example.org/catflap/1.2.3/",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "only say what there is"},
			&cli.StringFlag{Name: "from", Usage: "the `URL` or folder of the release", EnvVars: []string{"CATFLAP_UPDATE_FROM"}},
			&cli.BoolFlag{Name: "allow-downgrade", Usage: "take an older release too"},
			&cli.DurationFlag{Name: "patience", Usage: "how long stopping, starting and coming up may take, each", Value: updatePatience, Action: goodPatience},
			&cli.BoolFlag{Name: "undo", Usage: "go back from an update that was cut short, as by a power cut"},
			&cli.BoolFlag{Name: "settle", Usage: "take an update that was cut short for done"},
			&cli.StringFlag{Name: "key", Usage: "minisign public key `FILE` to check with, instead of those of this build"},
			langFlag(),
		},
		Action: func(c *cli.Context) error { return s.update(c, host()) },
	})
}

func goodPatience(_ *cli.Context, d time.Duration) error {
	if d < time.Second || d > time.Hour {
		return misuse("such as --patience 90s", "--patience must be between 1s and 1h")
	}
	return nil
}

// updateAnswer is what `catflap update --check --json` prints.
type updateAnswer struct {
	Installed string `json:"installed"`
	Available string `json:"available"`
	Newer     bool   `json:"newer"`
}

func (s *Shell) update(c *cli.Context, h *service.Host) error {
	if err := none(c); err != nil {
		return err
	}
	t := s.serviceTexts(s.language(c))
	target, err := executable()
	if err != nil {
		return failed("", "finding this program: %v", err)
	}
	target = strings.TrimSuffix(target, ".old") // what an update has set aside is there to go back
	check := c.Bool("check")
	if undo := c.Bool("undo"); undo || c.Bool("settle") {
		return s.endUpdate(c, h, t, target, undo)
	}
	if cut := update.Unfinished(target); cut != nil && !check {
		return failed(fmt.Sprintf(t.CutFix, target), t.Cut, target, cut.From, cut.To)
	}
	if manager, upgrade := update.Packaged(c.Context, target, h.Has, h.Run); manager != "" && !check {
		return failed(fmt.Sprintf(t.OwnedByFix, upgrade), t.OwnedBy, target, manager)
	}
	if c.String("from") == "" {
		return misuse(t.NoSourceFix, "%s", t.NoSource)
	}
	release, err := s.lookForRelease(c)
	if err != nil {
		return failed("", "%v", err)
	}
	order := update.Compare(release.Version, s.Version)
	if check && c.Bool("json") {
		return s.printValue(updateAnswer{s.Version, release.Version, order > 0})
	}
	switch {
	case order == 0:
		s.say(fmt.Sprintf(t.Current, s.Version, release.Version), 0, nil)
		return nil
	case order < 0 && !c.Bool("allow-downgrade"):
		return failed("--allow-downgrade", t.Older, release.Version, s.Version)
	case check:
		s.say(fmt.Sprintf(t.Available, s.Version, release.Version), 0, nil)
		return nil
	}
	return s.replaceProgram(c, h, t, release, target)
}

func (s *Shell) lookForRelease(c *cli.Context) (*update.Release, error) {
	text := packaging.PublicKeys
	if name := c.String("key"); name != "" {
		own, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the key: %w", err)
		}
		text = string(own)
	}
	var keys []minisign.PublicKey
	keys, err := update.Keys(text)
	if err != nil {
		return nil, err
	}
	source, err := update.NewSource(c.String("from"))
	if err != nil {
		return nil, err
	}
	return update.Look(c.Context, source, keys, runtime.GOOS, update.Architecture(runtime.GOARCH, goarm()))
}

// goarm is what this program was built for: "6", "7", or "" on other processors.
func goarm() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, set := range info.Settings {
			if set.Key == "GOARM" {
				return set.Value
			}
		}
	}
	return ""
}

// replaceProgram fetches, checks and swaps.
func (s *Shell) replaceProgram(c *cli.Context, h *service.Host, t *serviceTexts, release *update.Release, target string) error {
	// A lost connection to the terminal must not leave the box without a service.
	signal.Ignore(syscall.SIGHUP)
	job, err := s.updateJob(c, h, target)
	if err != nil {
		return err
	}
	p, err := release.Prepare(c.Context, target, runtime.GOOS, runtime.GOARCH)
	if errors.Is(err, os.ErrPermission) {
		return failed(t.CannotWriteFix, t.CannotWrite, target, err)
	}
	if err != nil {
		return failed("", "%v", err)
	}
	s.say(fmt.Sprintf(t.Fetched, release.Archive, size(p.Bytes)), 0, nil)
	s.say(t.Checked, 0, nil)
	if file, known := s.serviceConfigFile(c); known {
		if err := p.CheckConfig(c.Context, file); err != nil {
			p.Discard()
			return failed("", "%v", err)
		}
	}
	job.Say = func(done update.Progress) {
		switch done.Stage {
		case update.Stopped:
			s.say(t.Stopping, 0, nil)
		case update.StateCopied:
			s.say(fmt.Sprintf(t.Copied, done.File), 0, nil)
		case update.Swapped:
			s.say(fmt.Sprintf(t.Swapped, target, release.Version, done.File), 0, nil)
		case update.Started:
			s.say(t.Waiting, 0, nil)
		case update.GoingBack:
			s.say(fmt.Sprintf(t.RollingBack, release.Version, done.Err), 0, s.paint(s.Out).bad)
		}
	}
	err = p.Apply(c.Context, job)
	var down *update.NotUpError
	switch {
	case errors.As(err, &down) && down.Back != nil:
		return failed(t.LogsHint, t.RollbackFailed, down.Version, down.Back)
	case errors.As(err, &down):
		return failed(t.LogsHint, t.RolledBack, down.Version, s.Version)
	case err != nil:
		return failed("", "%v", err)
	case job.Service.Start == nil:
		s.say(t.NoService, 0, nil)
	default:
		s.say(fmt.Sprintf(t.Up, release.Version), 0, nil)
	}
	return nil
}

// endUpdate ends an update that was cut short, by going back or by keeping what is there.
func (s *Shell) endUpdate(c *cli.Context, h *service.Host, t *serviceTexts, target string, undo bool) error {
	cut := update.Unfinished(target)
	if cut == nil {
		return failed("", t.NothingCut, target)
	}
	if !undo {
		if err := cut.Settle(); err != nil {
			return failed(t.CannotWriteFix, "%v", err)
		}
		s.say(fmt.Sprintf(t.Whole, target, cut.To), 0, nil)
		return nil
	}
	signal.Ignore(syscall.SIGHUP)
	job := s.serviceJob(c, h)
	if st, err := h.State(c.Context, h.Euid > 0); err != nil || !st.Installed {
		job.Service = update.Service{}
	}
	job.Installed = cut.From
	if err := cut.Undo(c.Context, job); err != nil {
		return failed(t.LogsHint, "%v", err)
	}
	s.say(fmt.Sprintf(t.Undone, target, cut.From), 0, nil)
	return nil
}

// serviceConfigFile is the configuration of the service; known is false when it cannot be loaded here, so that a refusal by
// the new version would prove nothing.
func (s *Shell) serviceConfigFile(c *cli.Context) (file string, known bool) {
	named := c.String("config")
	if _, err := os.Stat(service.SystemConfig); named == "" && err == nil {
		named = service.SystemConfig
	}
	file, err := config.Find(named, s.Env)
	if err != nil {
		return "", false
	}
	_, err = config.Load(file, s.Env)
	return file, err == nil
}

// updateJob finds the service that runs this program.
func (s *Shell) updateJob(c *cli.Context, h *service.Host, target string) (update.Job, error) {
	st, err := h.State(c.Context, h.Euid > 0)
	if err != nil || !st.Running {
		return update.Job{Installed: s.Version, Patience: c.Duration("patience")}, nil
	}
	if running, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", st.PID)); st.PID > 0 && err == nil {
		if running = strings.TrimSuffix(running, " (deleted)"); running != target {
			return update.Job{}, failed("run "+running+" update", "the service runs %s, not %s", running, target)
		}
	}
	return s.serviceJob(c, h), nil
}

// serviceJob is an update's dealing with the service and its data.
func (s *Shell) serviceJob(c *cli.Context, h *service.Host) update.Job {
	job := update.Job{Installed: s.Version, Patience: c.Duration("patience"), Data: service.SystemData}
	userScope := h.Euid > 0
	var web *config.Console
	if file, known := s.serviceConfigFile(c); known {
		if cfg, err := config.Load(file, s.Env); err == nil {
			job.Data, web = cfg.DataDir, &cfg.Console
		}
	} else if file != "" {
		if dir := config.Folder(file, s.Env); dir != "" {
			job.Data = dir
		}
	}
	socket := filepath.Join(job.Data, appliance.AdminSocket)
	job.Service = update.Service{
		Stop:  func(ctx context.Context) error { return h.Order(ctx, "stop", userScope) },
		Start: func(ctx context.Context) error { return h.Order(ctx, "start", userScope) },
		Ready: func(ctx context.Context, version string) error {
			if version == s.Version {
				return hubReady(ctx, socket, version, nil) // going back: better than nothing
			}
			return hubReady(ctx, socket, version, web)
		},
	}
	return job
}

// hubReady waits until the hub of a version answers on its socket and its console, and has gone on doing so for a while
// without having been started again.
func hubReady(ctx context.Context, socket, version string, web *config.Console) error {
	var began time.Time // when it answered first
	var uptime int64
	why := errors.New("it did not answer")
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := hubStatus(ctx, socket)
		switch {
		case err != nil:
			why, began = fmt.Errorf("its socket does not answer: %w", err), time.Time{}
		case st.Version != version:
			why, began = fmt.Errorf("version %s answers", st.Version), time.Time{}
		case st.UptimeS < uptime:
			why, began = errors.New("it was started again"), time.Time{}
		default:
			if err := healthy(ctx, web); err != nil {
				why, began = fmt.Errorf("its console is not healthy: %w", err), time.Time{}
				break
			}
			if began.IsZero() {
				began = time.Now()
			}
			if time.Since(began) >= updateSettling {
				return nil
			}
		}
		uptime = st.UptimeS
		select {
		case <-tick.C:
		case <-ctx.Done():
			return why
		}
	}
}

// healthy asks the console's /healthz. No console, no answer needed.
func healthy(ctx context.Context, web *config.Console) error {
	if web == nil {
		return nil
	}
	host, port, err := net.SplitHostPort(web.Listen)
	if err != nil || port == "0" {
		return nil
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http"
	if web.TLS.Cert != "" {
		scheme = "https"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	// This machine asks itself; the certificate is for the name that people use.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}

// warnOfCut has the log say that an update was cut short, since what runs may be the program that nobody has seen well.
func (s *Shell) warnOfCut(log *slog.Logger) {
	target, err := executable()
	if err != nil {
		return
	}
	if cut := update.Unfinished(target); cut != nil {
		log.Warn("an update of this program was cut short: `catflap doctor` says what to do", "from", cut.From, "to", cut.To)
	}
}
