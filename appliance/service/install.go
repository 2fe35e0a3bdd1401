package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Where things are in the system's scope.
const (
	SystemBinary = "/usr/local/bin/catflap"
	SystemConfig = "/etc/catflap/catflap.yaml"
	SystemData   = "/var/lib/catflap"
	systemLogs   = "/var/log/catflap"
)

// Refused says why this person may not install or remove a service here: ErrNotRoot, ErrPackaged, ErrNoManager.
func (h *Host) Refused(userScope bool) error {
	if err := h.allowed(userScope); err != nil {
		return err
	}
	if packaged := h.packagedUnit(); packaged != "" && !userScope {
		return fmt.Errorf("%w: %s", ErrPackaged, packaged)
	}
	return nil
}

// InstallPlan is what it takes that the service is there and comes up with the machine. ErrNotRoot, ErrPackaged,
// ErrNoManager.
func (h *Host) InstallPlan(s Settings) (*Plan, error) {
	if err := h.Refused(s.User); err != nil {
		return nil, err
	}
	p := h.plan()
	switch {
	case s.User && h.Manager != Systemd && h.Manager != Launchd:
		return nil, fmt.Errorf("%s knows no services of a single user: leave out --user", h.Manager)
	case h.Manager == Systemd || h.Manager == OpenRC || h.Manager == Procd:
	default:
		p.hosted(s)
		return p, nil
	}
	for _, path := range append([]string{s.Binary, s.Config}, append(s.Writable, s.Readable...)...) {
		if !safePath(path) {
			return nil, fmt.Errorf("%q cannot stand in a service file: choose a path of letters, digits and / . _ - + @", path)
		}
	}
	if s.User {
		// Without a session nothing could be enabled, and the unit would be left behind.
		if out, err := h.Run(context.Background(), "systemctl", "--user", "show-environment"); err != nil {
			return nil, noAnswer(out, err)
		}
		return p, p.userUnit(s)
	}
	p.account()
	from := s.Binary
	if !h.stable(from) {
		s.Binary = SystemBinary
		if err := p.copyBinary(from, s.Binary); err != nil {
			return nil, err
		}
	}
	p.folder(filepath.Dir(s.Config), rights{0o770, "root", Name})
	p.protect(s.Config, rights{0o660, "root", Name})
	for _, path := range s.Writable {
		if path != "" && !h.exists(path) {
			p.folder(path, rights{0o750, Name, Name})
		}
	}
	switch h.Manager {
	case Systemd:
		return p, p.systemUnit(s)
	case OpenRC:
		return p, p.openRC(s)
	}
	return p, p.procd(s)
}

// Shadowed reports whether a unit of `catflap service install` hides the one that a package has brought since.
func (h *Host) Shadowed() bool { return h.packagedUnit() != "" && h.exists(systemUnitPath) }

// UninstallPlan takes the service away. The data, the configuration and the user stay unless purge. Where a package's unit is
// hidden by one of ours, only that one goes, and the package's runs on.
func (h *Host) UninstallPlan(userScope, purge bool) (*Plan, error) {
	if err := h.Refused(userScope); errors.Is(err, ErrPackaged) && h.Shadowed() && !purge {
		p := h.plan()
		p.remove(systemUnitPath, false)
		p.command(p.after(systemUnitPath), "systemctl", "daemon-reload")
		p.command(p.after(systemUnitPath), "systemctl", "try-restart", unitName)
		if h.exists(SystemBinary) {
			p.Notes = append(p.Notes, "the service is the package's now; the old program is still "+SystemBinary+": rm "+SystemBinary)
		}
		return p, nil
	} else if err != nil {
		return nil, err
	}
	p := h.plan()
	switch h.Manager {
	case Systemd:
		p.removeUnit(userScope)
	case OpenRC:
		p.removeScript("rc-service", "rc-update")
	case Procd:
		p.removeScript(initScript, initScript)
	default:
		p.add(step{title: "remove the service", do: func(context.Context) error { return h.Manage("uninstall", Settings{User: userScope}) }})
	}
	if !purge || userScope {
		return p, nil
	}
	for _, path := range []string{SystemData, systemLogs, filepath.Dir(SystemConfig)} {
		p.remove(path, true)
	}
	p.removeAccount()
	if h.exists(SystemBinary) {
		p.Notes = append(p.Notes, "the program itself stays: "+SystemBinary)
	}
	return p, nil
}

// hosted has package kardianos install the service by its own template.
func (p *Plan) hosted(s Settings) {
	p.add(step{title: "install the service for " + p.host.Manager,
		body: commandLine(append([]string{s.Binary}, described(s).Arguments...)) + "\n",
		do: func(context.Context) error {
			// It refuses to overwrite: an older one makes room. That there was none is no failure.
			_ = p.host.Manage("stop", s)
			_ = p.host.Manage("uninstall", s)
			return p.host.Manage("install", s)
		}})
	if s.Start {
		p.add(step{title: "start the service", do: func(context.Context) error { return p.host.Manage("start", s) }})
	}
}

// stable tells whether a binary may be what the service runs: only root can change it, and the sandbox does not hide it.
func (h *Host) stable(binary string) bool {
	for _, hidden := range []string{"/home/", "/root/", "/tmp/", "/var/tmp/", "/run/"} {
		if strings.HasPrefix(binary, hidden) {
			return false
		}
	}
	for path := binary; ; path = filepath.Dir(path) {
		info, err := os.Stat(h.At(path))
		if err != nil || !rootOwned(info) {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
	}
}

// maxBinary bounds what is taken for a catflap.
const maxBinary = 128 << 20

func (p *Plan) copyBinary(from, to string) error {
	content, err := readAtMost(p.host.At(from), maxBinary)
	if err != nil {
		return fmt.Errorf("reading this program: %w", err)
	}
	if len(content) > maxBinary {
		return fmt.Errorf("%s is too large to be catflap", from)
	}
	p.file(to, content, fmt.Sprintf("(a copy of %s, %d bytes)\n", from, len(content)), rights{0o755, "root", "root"})
	return nil
}

// CopyConfig puts a configuration where the service finds it, unless one is there: then the two must be the same.
func (p *Plan) CopyConfig(from, to string, content []byte) error {
	have, err := os.ReadFile(p.host.At(to))
	if err == nil && string(have) != string(content) {
		return fmt.Errorf("%s and %s differ", from, to)
	}
	if err == nil {
		return nil
	}
	// It comes before everything else but the user and the folder, which are the first steps of every plan.
	at := len(p.steps)
	for i, s := range p.steps {
		if s.path == to {
			at = i
			break
		}
	}
	copied := p.host.plan()
	copied.touched = p.touched
	copied.file(to, content, fmt.Sprintf("(a copy of %s)\n", from), rights{0o660, "root", Name})
	p.steps = append(p.steps[:at:at], append(copied.steps, p.steps[at:]...)...)
	return nil
}

// edit replaces lines of a service file: the one that begins with a key becomes key + value. A key that is not there is a
// mistake of this program, since both come with it.
func edit(text string, values map[string]string) (string, error) {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		for key, value := range values {
			if strings.HasPrefix(line, key) {
				lines[i] = key + value + "\n"
				delete(values, key)
			}
		}
	}
	for key := range values {
		return "", fmt.Errorf("the service file has no line %q", key)
	}
	return strings.Join(lines, ""), nil
}
