package service

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStateOfSystemd(t *testing.T) {
	for _, tt := range []struct {
		name, out string
		want      State
	}{
		{"running", "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nExecMainStatus=0\nNRestarts=2\nMainPID=41\n" +
			"ActiveEnterTimestamp=Sun 2026-11-22 10:00:00 UTC\nMemoryCurrent=20971520\nUnitFileState=enabled\nFragmentPath=/etc/systemd/system/catflap.service\n",
			State{Manager: Systemd, Installed: true, Enabled: true, Running: true, Detail: "active (running)", File: "/etc/systemd/system/catflap.service",
				PID: 41, Restarts: 2, Since: "Sun 2026-11-22 10:00:00 UTC", Memory: 20 << 20}},
		{"a wrong configuration", "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=2\nNRestarts=0\nMainPID=0\nMemoryCurrent=[not set]\nUnitFileState=disabled\n",
			State{Manager: Systemd, Installed: true, Detail: "failed (failed), exit-code, exit status 2"}},
		{"nothing there", "LoadState=not-found\nActiveState=inactive\nSubState=dead\nResult=success\n", State{Manager: Systemd, Detail: "inactive (dead)"}},
	} {
		h := &Host{Manager: Systemd, Run: func(context.Context, string, ...string) (string, error) { return tt.out, nil }}
		got, err := h.State(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
	h := &Host{Manager: Systemd, Run: func(context.Context, string, ...string) (string, error) {
		return "no bus\n", errors.New("exit status 1")
	}}
	if _, err := h.State(t.Context(), true); err == nil || err.Error() != "the service manager does not answer: no bus" {
		t.Errorf("got %v", err)
	}
	if _, err := (&Host{}).State(t.Context(), false); !errors.Is(err, ErrNoManager) {
		t.Errorf("got %v", err)
	}
}

func TestLogs(t *testing.T) {
	for _, tt := range []struct {
		manager      string
		user, follow bool
		command      []string
		file         string
	}{
		{Systemd, false, false, []string{"journalctl", "--no-pager", "--lines", "20", "--unit", "catflap.service"}, ""},
		{Systemd, true, true, []string{"journalctl", "--no-pager", "--lines", "20", "--user-unit", "catflap.service", "--follow"}, ""},
		{Procd, false, true, []string{"logread", "-e", "catflap", "-l", "20", "-f"}, ""},
		{OpenRC, false, false, nil, "/var/log/catflap/catflap.log"},
	} {
		command, file := (&Host{Manager: tt.manager}).Logs(tt.user, tt.follow, 20)
		if diff := cmp.Diff(tt.command, command); diff != "" || file != tt.file {
			t.Errorf("%s: %q %s", tt.manager, file, diff)
		}
	}
}

func TestSafePath(t *testing.T) {
	for path, want := range map[string]bool{
		"/usr/bin/catflap": true, "/mnt/usb-1/cat_flap+2@home/x.yaml": true, "/家/猫": true,
		"relative": false, "": false, "/a b": false, "/a%n": false, "/a$HOME": false, "/a\"b": false, "/a\nUser=root": false, "/a'b": false, "/a;b": false,
	} {
		if got := safePath(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}
