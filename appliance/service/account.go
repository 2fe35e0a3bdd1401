package service

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/catflap/catflap/packaging"
)

// account makes the user and the group that the service runs as, by whatever the system has for it.
func (p *Plan) account() {
	missing := func() (bool, error) { return !p.host.Known(Name), nil }
	switch {
	case p.host.Has("useradd"):
		group := []string{"--user-group"}
		if p.host.KnownGroup(Name) { // useradd refuses to make it again
			group = []string{"--gid", Name}
		}
		p.command(missing, slices.Concat([]string{"useradd", "--system"}, group,
			[]string{"--home-dir", SystemData, "--no-create-home", "--shell", "/usr/sbin/nologin", Name})...)
	case p.host.Has("systemd-sysusers"):
		p.command(missing, "systemd-sysusers", "--inline", strings.TrimSpace(packaging.Sysusers))
	case p.host.Has("adduser") && p.host.Has("addgroup"): // busybox: Alpine
		p.command(func() (bool, error) { return !p.host.Known(Name) && !p.host.KnownGroup(Name), nil }, "addgroup", "-S", Name)
		p.command(missing, "adduser", "-S", "-D", "-H", "-h", SystemData, "-s", "/sbin/nologin", "-G", Name, Name)
	default: // OpenWrt has no command for it
		p.add(step{title: "add the user and the group catflap to /etc/passwd and /etc/group", needed: missing, do: func(context.Context) error { return p.appendAccount() }})
	}
}

// appendAccount writes the lines itself, with an id that nobody has.
func (p *Plan) appendAccount() error {
	passwd, err := os.ReadFile(p.host.At("/etc/passwd"))
	if err != nil {
		return err
	}
	group, err := os.ReadFile(p.host.At("/etc/group"))
	if err != nil {
		return err
	}
	id := 453
	for taken(passwd, id) || taken(group, id) {
		id++
	}
	gid := groupID(group)
	if gid == "" {
		gid = fmt.Sprint(id)
		if err := p.replace("/etc/group", fmt.Appendf(ended(group), "%s:x:%s:\n", Name, gid), rights{mode: 0o644}); err != nil {
			return err
		}
	}
	return p.replace("/etc/passwd", fmt.Appendf(ended(passwd), "%s:x:%d:%s:%s:%s:/bin/false\n", Name, id, gid, Name, SystemData), rights{mode: 0o644})
}

// groupID is the number of the service's group in /etc/group; "" = it has none.
func groupID(table []byte) string {
	for line := range strings.Lines(string(table)) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) > 2 && f[0] == Name {
			return f[2]
		}
	}
	return ""
}

// taken tells whether the third field of a line is id.
func taken(table []byte, id int) bool {
	return slices.ContainsFunc(strings.Split(string(table), "\n"), func(line string) bool {
		f := strings.Split(line, ":")
		return len(f) > 2 && f[2] == fmt.Sprint(id)
	})
}

// ended is a table whose last line has its end.
func ended(table []byte) []byte {
	if len(table) > 0 && table[len(table)-1] != '\n' {
		return append(table, '\n')
	}
	return table
}

func (p *Plan) removeAccount() {
	known := func() (bool, error) { return p.host.Known(Name), nil }
	switch {
	case p.host.Has("userdel"):
		p.command(known, "userdel", Name)
	case p.host.Has("deluser"):
		p.command(known, "deluser", Name)
	default:
		p.Notes = append(p.Notes, "the user catflap stays in /etc/passwd")
	}
}
