package update

import (
	"context"
	"strings"
)

// Packaged tells which package manager a program belongs to, and how it is upgraded there; empty = none. Has and run are
// those of the machine.
func Packaged(ctx context.Context, program string, has func(string) bool, run func(context.Context, string, ...string) (string, error)) (manager, upgrade string) {
	for _, m := range []struct {
		ask     []string
		upgrade string
	}{
		{[]string{"dpkg", "-S"}, "sudo apt install ./catflap_VERSION_linux_ARCH.deb"},
		{[]string{"rpm", "-qf"}, "sudo dnf install ./catflap_VERSION_linux_ARCH.rpm"},
		{[]string{"apk", "info", "--who-owns"}, "sudo apk add ./catflap_VERSION_linux_ARCH.apk"},
		{[]string{"opkg", "search"}, "opkg install ./catflap_VERSION_ARCH.ipk"},
	} {
		if !has(m.ask[0]) {
			continue
		}
		out, err := run(ctx, m.ask[0], append(m.ask[1:len(m.ask):len(m.ask)], program)...)
		if err == nil && strings.TrimSpace(out) != "" { // opkg succeeds with nothing to say
			return m.ask[0], m.upgrade
		}
	}
	return "", ""
}
