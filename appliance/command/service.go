package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/service"
)

// Service installs catflap as a service of this machine and looks after it.
func (s *Shell) Service() *cli.Command { return s.serviceOn(service.NewHost) }

func (s *Shell) serviceOn(host func() *service.Host) *cli.Command {
	userScope := func() cli.Flag {
		return &cli.BoolFlag{Name: "user", Usage: "a service of this user instead of one of the system"}
	}
	dry := func() cli.Flag {
		return &cli.BoolFlag{Name: "dry-run", Usage: "show what would be done, and do nothing"}
	}
	verb := func(name, usage string) *cli.Command {
		return leaf(&cli.Command{
			Name: name, Usage: usage, UsageText: "catflap service " + name + "\n\nexample: sudo catflap service " + name,
			Flags: []cli.Flag{userScope(), langFlag()},
			Action: func(c *cli.Context) error {
				return s.controlService(c, host(), name)
			},
		})
	}
	return &cli.Command{
		Name: "service", Usage: "run catflap in the background, from the start of the machine on",
		Subcommands: []*cli.Command{
			leaf(&cli.Command{
				Name: "install", Usage: "install the service, start it, and have it start with the machine",
				UsageText: "catflap service install [--dry-run] [--no-start] [--user]\n\n" +
					"It can be run again: it changes what is different, such as the memory limit after a change of the configuration.\n\n" +
					"example: sudo catflap service install",
				Flags:  []cli.Flag{dry(), &cli.BoolFlag{Name: "no-start", Usage: "do not start it now"}, userScope(), langFlag()},
				Action: func(c *cli.Context) error { return s.installService(c, host()) },
			}),
			leaf(&cli.Command{
				Name: "uninstall", Usage: "stop and remove the service; configuration and data stay",
				UsageText: "catflap service uninstall [--purge] [--dry-run] [--user]\n\nexample: sudo catflap service uninstall",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "purge", Usage: "remove the configuration, the data and the user catflap too"}, dry(), userScope(), langFlag(),
				},
				Action: func(c *cli.Context) error { return s.uninstallService(c, host()) },
			}),
			verb("start", "start the service"),
			verb("stop", "stop the service until the next start"),
			verb("restart", "stop and start the service"),
			data(&cli.Command{
				Name: "status", Usage: "what the service manager says; the exit code is 0 when the service runs",
				UsageText: "catflap service status [--user] [--json]\n\nexample: catflap service status",
				Flags:     []cli.Flag{userScope(), langFlag()},
				Action:    func(c *cli.Context) error { return s.serviceStatus(c, host()) },
			}),
			leaf(&cli.Command{
				Name: "logs", Usage: "show the log of the service",
				UsageText: "catflap service logs [-f] [-n LINES] [--user]\n\nexample: sudo catflap service logs -f",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on with what comes, until Ctrl-C"},
					&cli.IntFlag{Name: "lines", Aliases: []string{"n"}, Usage: "how many lines of the past", Value: 100},
					userScope(), langFlag(),
				},
				Action: func(c *cli.Context) error { return s.serviceLogs(c, host()) },
			}),
		},
	}
}

// serviceFailed gives the errors of package service a way out.
func (s *Shell) serviceFailed(t *serviceTexts, err error) error {
	switch {
	case errors.Is(err, service.ErrNotRoot):
		return failed(t.NotRootFix, "%s", t.NotRoot)
	case errors.Is(err, service.ErrNoManager):
		return failed(t.NoManagerFix, "%s", t.NoManager)
	case errors.Is(err, service.ErrNotInstalled):
		return failed(t.NotInstalledFix, "%s", t.NotInstalled)
	case errors.Is(err, service.ErrPackaged):
		_, file, _ := strings.Cut(err.Error(), ": ")
		return failed(t.PackagedFix, t.Packaged, file)
	case errors.Is(err, service.ErrNoAnswer):
		_, why, _ := strings.Cut(err.Error(), ": ")
		return failed(t.NoAnswerFix, t.NoAnswer, why)
	}
	return failed("", "%v", err)
}

func (s *Shell) installService(c *cli.Context, h *service.Host) error {
	if err := none(c); err != nil {
		return err
	}
	t := s.serviceTexts(s.language(c))
	if err := h.Refused(c.Bool("user")); err != nil {
		return s.serviceFailed(t, err)
	}
	binary, err := executable()
	if err != nil {
		return failed("", "finding this program: %v", err)
	}
	set := service.Settings{Binary: binary, User: c.Bool("user")}
	f, err := s.serviceConfig(c, h, set.User, t)
	if err != nil {
		return err
	}
	set.Config, set.Memory, set.Start = f.path, f.memory, f.content != nil && !c.Bool("no-start")
	if f.data != service.SystemData && !set.User {
		set.Data = f.data
	}
	set.Writable, set.Readable = f.writable, f.readable
	plan, err := h.InstallPlan(set)
	if err != nil {
		return s.serviceFailed(t, err)
	}
	if f.copied {
		if err := plan.CopyConfig(f.from, f.path, f.content); err != nil {
			return failed(fmt.Sprintf(t.DifferFix, f.from), t.Differ, f.path)
		}
	}
	dry := c.Bool("dry-run")
	if err := s.runPlan(c.Context, t, plan, dry); err != nil {
		return err
	}
	if f.copied {
		s.say(fmt.Sprintf(t.CopyOf, f.from, f.path), 0, nil)
	}
	if f.newData {
		s.say(fmt.Sprintf(t.NewData, f.data), 0, nil)
		for line := range strings.Lines(fmt.Sprintf(t.NewDataFix, s.Program, f.from, s.Program, s.Program, f.path, s.Program)) {
			s.say("  "+strings.TrimSuffix(line, "\n"), 4, nil)
		}
	}
	if f.ignored != "" {
		s.say(fmt.Sprintf(t.Ignored, f.ignored, f.path), 0, nil)
	}
	for _, path := range f.writable {
		s.say(fmt.Sprintf(t.Writable, path), 0, nil)
	}
	if f.elsewhere {
		s.say(fmt.Sprintf(t.Elsewhere, "/etc/default/catflap"), 0, nil)
	}
	if f.content == nil {
		s.say(t.NoConfig, 0, nil)
		s.say(fmt.Sprintf("  "+t.NoConfigFix, s.Program, f.path, s.Program), 2, nil)
	}
	return nil
}

// runPlan does what is needed, or shows it, and says what that was.
func (s *Shell) runPlan(ctx context.Context, t *serviceTexts, plan *service.Plan, dry bool) error {
	changed := false
	p := s.paint(s.Out)
	err := plan.Run(ctx, dry, func(d service.Done) {
		format := t.Did
		switch {
		case !d.Changed:
			fmt.Fprintln(s.Out, p.faint(fmt.Sprintf(t.Same, clean(d.Title))))
			return
		case dry:
			format = t.Would
		}
		changed = true
		fmt.Fprintf(s.Out, format+"\n", clean(d.Title))
		for line := range strings.Lines(d.Body) {
			fmt.Fprintln(s.Out, "    | "+clean(strings.TrimSuffix(line, "\n")))
		}
	})
	if err != nil {
		return failed("", "%v", err)
	}
	if !changed {
		s.say(t.Nothing, 0, nil)
	}
	for _, note := range plan.Notes {
		s.say(note, 0, nil)
	}
	return nil
}

// executable is the file of this program.
func executable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

func (s *Shell) uninstallService(c *cli.Context, h *service.Host) error {
	if err := none(c); err != nil {
		return err
	}
	t := s.serviceTexts(s.language(c))
	plan, err := h.UninstallPlan(c.Bool("user"), c.Bool("purge"))
	if errors.Is(err, service.ErrPackaged) {
		_, file, _ := strings.Cut(err.Error(), ": ")
		remedy := "sudo systemctl disable --now catflap"
		if h.Shadowed() {
			remedy = t.ShadowedFix
		}
		return failed(remedy, t.Packaged, file)
	}
	if err != nil {
		return s.serviceFailed(t, err)
	}
	if err := s.runPlan(c.Context, t, plan, c.Bool("dry-run")); err != nil {
		return err
	}
	if !c.Bool("purge") && !c.Bool("user") {
		s.say(fmt.Sprintf(t.DataKept, filepath.Dir(service.SystemConfig), service.SystemData), 0, nil)
	}
	return nil
}

func (s *Shell) controlService(c *cli.Context, h *service.Host, action string) error {
	if err := none(c); err != nil {
		return err
	}
	t := s.serviceTexts(s.language(c))
	mine := h.Euid <= 0 || c.Bool("user") // Control refuses the others; Windows has -1
	if st, err := h.State(c.Context, c.Bool("user")); mine && err == nil && !st.Installed {
		return s.serviceFailed(t, service.ErrNotInstalled)
	}
	if action != "stop" && !c.Bool("user") {
		// The manager would only say that it failed.
		file := h.At(service.SystemConfig)
		var wrong *config.Errors
		if _, err := config.Load(file, s.Env); errors.As(err, &wrong) && config.Folder(file, s.Env) == "" {
			return misuse(fmt.Sprintf(t.CheckFix, s.Program, file), "%v", err)
		}
		// init and restore write as root what the service has to read.
		if err := h.Adopt(service.SystemConfig); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failed("", "letting the service read its configuration: %v", err)
		}
	}
	if err := h.Control(action, c.Bool("user")); err != nil {
		if known := s.serviceFailed(t, err); known.Error() != err.Error() {
			return known
		}
		return failed(t.LogsHint, "%v", err)
	}
	return nil
}

func (s *Shell) serviceStatus(c *cli.Context, h *service.Host) error {
	if err := none(c); err != nil {
		return err
	}
	t := s.serviceTexts(s.language(c))
	st, err := h.State(c.Context, c.Bool("user"))
	if err != nil {
		return s.serviceFailed(t, err)
	}
	done := func() error {
		if !st.Running {
			return &failure{code: exitFailed}
		}
		return nil
	}
	if c.Bool("json") {
		if err := s.printValue(st); err != nil {
			return err
		}
		return done()
	}
	if !st.Installed {
		return s.serviceFailed(t, service.ErrNotInstalled)
	}
	p := s.paint(s.Out)
	word := p.bad(t.Stopped)
	if st.Running {
		word = p.good(t.Running)
	}
	boot := t.NotBoot
	if st.Enabled {
		boot = t.StartsBoot
	}
	fmt.Fprintf(s.Out, "catflap: %s, %s\n", word, boot)
	var out table
	row := func(name, value string) {
		if value != "" {
			out.add(cell{"  " + name, p.faint}, value)
		}
	}
	row("manager", st.Manager+": "+st.Detail)
	row("file", st.File)
	if st.PID > 0 {
		row("pid", fmt.Sprint(st.PID))
		row("since", st.Since)
	}
	if st.Restarts > 0 {
		row("restarts", fmt.Sprint(st.Restarts))
	}
	if st.Memory > 0 {
		row("memory", size(st.Memory))
	}
	if st.Running {
		row("hub", s.hubWords(c, h, t))
	}
	out.write(s.Out)
	if !st.Running {
		s.say(t.LogsHint, 0, nil)
	}
	return done()
}

// hubWords says whether the running hub answers. The system's service has its own configuration, whatever lies in the working
// directory.
func (s *Shell) hubWords(c *cli.Context, h *service.Host, t *serviceTexts) string {
	dir, file := service.SystemData, c.String("config")
	if file == "" && !c.Bool("user") {
		file = h.At(service.SystemConfig)
	}
	if file, err := config.Find(file, s.Env); err == nil {
		if own := config.Folder(file, s.Env); own != "" {
			dir = own
		}
	}
	path := filepath.Join(dir, appliance.AdminSocket)
	st, err := hubStatus(c.Context, path)
	if err != nil {
		return fmt.Sprintf(t.Silent, path)
	}
	return fmt.Sprintf(t.Answers, st.Version, duration(st.UptimeS))
}

// hubStatus asks the hub behind an admin socket.
func hubStatus(ctx context.Context, path string) (console.Status, error) {
	var st console.Status
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	live, err := dialSocket(ctx, path)
	if err != nil {
		return st, err
	}
	defer live.close()
	return st, live.get(ctx, "status", nil, &st)
}

// notRoots refuses to let root make files in the service's data folder, which the service could not open afterwards.
func (s *Shell) notRoots(cfg *config.Config, euid int, services func(folder string) bool) error {
	if euid != 0 || !services(cfg.DataDir) {
		return nil
	}
	t := s.serviceTexts(s.language(nil))
	return failed(fmt.Sprintf(t.BootAsFix, service.Name, cfg.Path), t.BootAs, cfg.DataDir, service.Name)
}
