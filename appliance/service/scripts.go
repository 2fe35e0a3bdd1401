package service

import (
	"fmt"

	"github.com/catflap/catflap/packaging"
)

// initScript is where OpenRC and procd look.
const initScript = "/etc/init.d/" + Name

// openRC writes the script of OpenRC (Alpine, Gentoo) and adds it to the default run level.
func (p *Plan) openRC(s Settings) error {
	values := map[string]string{"command=": quoted(s.Binary), "config=": quoted(s.Config)}
	if s.Data != "" {
		values["data="] = quoted(s.Data)
	}
	if s.Memory > 0 {
		values["memory.high "], values["memory.max "] = fmt.Sprint(s.Memory*3/2), fmt.Sprint(s.Memory*2)
	}
	script, err := edit(packaging.OpenRCScript, values)
	if err != nil {
		return err
	}
	p.file(initScript, []byte(script), script, rights{0o755, "root", "root"})
	p.command(func() (bool, error) { return !p.host.exists("/etc/runlevels/default/" + Name), nil }, "rc-update", "add", Name, "default")
	p.startScript(s, "rc-service", Name)
	return nil
}

// procd writes the script of OpenWrt.
func (p *Plan) procd(s Settings) error {
	values := map[string]string{"command=": quoted(s.Binary), "config=": quoted(s.Config)}
	if s.Data != "" {
		values["data="] = quoted(s.Data)
	}
	script, err := edit(packaging.ProcdScript, values)
	if err != nil {
		return err
	}
	p.file(initScript, []byte(script), script, rights{0o755, "root", "root"})
	p.command(p.unless([]string{initScript, "enabled"}), initScript, "enable")
	p.startScript(s, initScript)
	return nil
}

// startScript starts what does not run, and starts again what was changed.
func (p *Plan) startScript(s Settings, control ...string) {
	if !s.Start {
		return
	}
	verb := func(v string) []string { return append(control[:len(control):len(control)], v) }
	status := "status"
	if p.host.Manager == Procd {
		status = "running"
	}
	stopped, changed := p.unless(verb(status)), p.after(initScript, s.Binary)
	p.command(func() (bool, error) {
		if again, _ := changed(); again {
			return true, nil
		}
		return stopped()
	}, verb("restart")...)
}

func (p *Plan) removeScript(control, levels string) {
	there := func() (bool, error) { return p.host.exists(initScript), nil }
	if p.host.Manager == Procd {
		p.command(there, control, "stop")
		p.command(there, levels, "disable")
	} else {
		p.command(there, control, "--ifstarted", Name, "stop")
		p.command(there, levels, "delete", Name)
	}
	p.remove(initScript, false)
}

// quoted writes a safe path for a shell.
func quoted(path string) string { return `"` + path + `"` }
