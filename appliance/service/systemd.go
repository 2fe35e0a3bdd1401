package service

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catflap/catflap/packaging"
)

const unitName = Name + ".service"

// systemUnitPath hides a unit of the same name that a package brings, for which reason there must be none.
const systemUnitPath = "/etc/systemd/system/" + unitName

// packagedUnit is the service file that a package has installed; "" = none.
func (h *Host) packagedUnit() string {
	if h.Manager != Systemd {
		return ""
	}
	for _, dir := range []string{"/usr/lib/systemd/system", "/lib/systemd/system"} {
		if path := dir + "/" + unitName; h.exists(path) {
			return path
		}
	}
	return ""
}

func (h *Host) userUnitPath() string { return filepath.Join(h.Home, ".config/systemd/user", unitName) }

// Unit is the systemd unit of these settings.
func (s Settings) Unit() (string, error) {
	values := map[string]string{"ExecStart=": commandLine([]string{s.Binary, "run", "--config", s.Config})}
	if s.Memory > 0 {
		values["MemoryHigh="], values["MemoryMax="] = mebibytes(s.Memory*3/2), mebibytes(s.Memory*2)
	}
	if s.User {
		values["WantedBy="] = "default.target"
		values["EnvironmentFile="] = "-%h/.config/catflap/environment"
		return edit(ownScope(packaging.SystemdUnit), values)
	}
	paths := []string{"-" + filepath.Dir(s.Config)}
	var bound []string
	for _, path := range s.Writable {
		paths = append(paths, "-"+path)
		if inHome(path) {
			bound = append(bound, "BindPaths=-"+path+"\n")
		}
	}
	for _, path := range s.Readable {
		if inHome(path) {
			bound = append(bound, "BindReadOnlyPaths=-"+path+"\n")
		}
	}
	values["ReadWritePaths="] = strings.Join(paths, " ")
	if len(bound) > 0 {
		values["ProtectHome="] = "tmpfs\n" + strings.TrimSuffix(strings.Join(bound, ""), "\n")
	}
	return edit(packaging.SystemdUnit, values)
}

// inHome tells whether ProtectHome hides a path.
func inHome(path string) bool {
	return slices.ContainsFunc([]string{"/home", "/root", "/run/user"}, func(dir string) bool {
		return path == dir || strings.HasPrefix(path, dir+"/")
	})
}

// ownScope leaves out what only the system's manager can do, with the comments before it.
func ownScope(unit string) string {
	drop := []string{
		"Wants", "After", "User", "Group", "StateDirectory", "StateDirectoryMode", "ReadWritePaths", "CapabilityBoundingSet", "AmbientCapabilities",
		"PrivateTmp", "PrivateDevices", "PrivateUsers", "PrivateIPC", "PrivateMounts", "DevicePolicy", "RemoveIPC", "KeyringMode",
	}
	var b, comments strings.Builder
	for line := range strings.Lines(unit) {
		key, _, assigns := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "#"):
			comments.WriteString(line)
			continue
		case assigns && (slices.Contains(drop, key) || strings.HasPrefix(key, "Protect")):
		default:
			b.WriteString(comments.String())
			b.WriteString(line)
		}
		comments.Reset()
	}
	return b.String()
}

func (p *Plan) systemUnit(s Settings) error {
	unit, err := s.Unit()
	if err != nil {
		return err
	}
	p.file(systemUnitPath, []byte(unit), unit, rights{0o644, "root", "root"})
	p.enable(s, systemUnitPath, "systemctl")
	return nil
}

func (p *Plan) userUnit(s Settings) error {
	unit, err := s.Unit()
	if err != nil {
		return err
	}
	path := p.host.userUnitPath()
	p.file(path, []byte(unit), unit, rights{mode: 0o644})
	p.enable(s, path, "systemctl", "--user")
	p.Notes = append(p.Notes, "`loginctl enable-linger` keeps it running when you log out, and starts it with the machine")
	return nil
}

// enable makes systemd know the unit and start it with the machine, and now if asked to.
func (p *Plan) enable(s Settings, path string, systemctl ...string) {
	with := func(args ...string) []string { return slices.Concat(systemctl, args) }
	p.command(p.after(path), with("daemon-reload")...)
	p.command(p.unless(with("is-enabled", "--quiet", unitName)), with("enable", unitName)...)
	if !s.Start {
		return
	}
	active := p.unless(with("is-active", "--quiet", unitName))
	changed := p.after(path, s.Binary)
	p.command(func() (bool, error) {
		if again, _ := changed(); again {
			return true, nil
		}
		return active()
	}, with("restart", unitName)...)
}

// unless is true when a question to the system is answered by no.
func (p *Plan) unless(args []string) func() (bool, error) {
	return func() (bool, error) {
		_, err := p.host.Run(context.Background(), args[0], args[1:]...)
		return err != nil, nil
	}
}

func (p *Plan) removeUnit(userScope bool) {
	path, systemctl := systemUnitPath, []string{"systemctl"}
	if userScope {
		path, systemctl = p.host.userUnitPath(), []string{"systemctl", "--user"}
	}
	there := func() (bool, error) { return p.host.exists(path), nil }
	p.command(there, slices.Concat(systemctl, []string{"disable", "--now", unitName})...)
	p.remove(path, false)
	p.command(p.after(path), slices.Concat(systemctl, []string{"daemon-reload"})...)
}
