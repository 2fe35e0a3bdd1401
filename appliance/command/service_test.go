package command

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/catflap/catflap/appliance/service"
)

// onHost runs `catflap service ...` on a machine that is not this one.
func onHost(t *testing.T, h *service.Host, args ...string) (code int, out, problems string) {
	t.Helper()
	var o, e bytes.Buffer
	s := &Shell{Out: &o, Err: &e, Env: func(string) (string, bool) { return "", false }, Version: "1.0.0", Program: "catflap"}
	app := &cli.App{Name: "catflap", Commands: []*cli.Command{s.serviceOn(func() *service.Host { return h })}}
	code = s.report(s.run(t.Context(), app, append([]string{"catflap", "service"}, args...)))
	return code, o.String(), e.String()
}

func systemdHost(show string) *service.Host {
	return &service.Host{
		Manager: service.Systemd,
		Has:     func(string) bool { return true },
		Known:   func(string) bool { return false },
		Run: func(_ context.Context, name string, args ...string) (string, error) {
			if name == "systemctl" && args[0] == "show" {
				return show, nil
			}
			return "", errors.New("exit status 3")
		},
		Manage: func(action string, _ service.Settings) error {
			return errors.New(action + " failed with exit status 1")
		},
	}
}

func TestServiceStatus(t *testing.T) {
	for _, tt := range []struct {
		name, show string
		code       int
		out        string
		problems   string
	}{
		{"a crash loop", "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=2\nNRestarts=3\nUnitFileState=enabled\nFragmentPath=/etc/systemd/system/catflap.service\n", 1,
			"catflap: not running, starts with the machine\n" +
				"  manager   linux-systemd: failed (failed), exit-code, exit status 2\n" +
				"  file      /etc/systemd/system/catflap.service\n" +
				"  restarts  3\n" +
				"`catflap service logs` shows why\n", ""},
		{"nothing", "LoadState=not-found\nActiveState=inactive\nSubState=dead\n", 1, "",
			"catflap: the service is not installed\n  `catflap service install` does it\n"},
	} {
		code, out, problems := onHost(t, systemdHost(tt.show), "status")
		if diff := cmp.Diff(tt.out, out); diff != "" || code != tt.code {
			t.Errorf("%s: exit code %d, %s", tt.name, code, diff)
		}
		if diff := cmp.Diff(tt.problems, problems); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	code, out, _ := onHost(t, systemdHost("LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=disabled\n"), "status", "--json")
	want := "{\n  \"manager\": \"linux-systemd\",\n  \"installed\": true,\n  \"enabled\": false,\n  \"running\": true,\n  \"detail\": \"active (running)\",\n  \"restarts\": 0\n}\n"
	if diff := cmp.Diff(want, out); diff != "" || code != 0 {
		t.Errorf("exit code %d, %s", code, diff)
	}
}

func TestServiceRefusals(t *testing.T) {
	nobody, bare := systemdHost(""), systemdHost("")
	nobody.Euid, bare.Manager = 1000, ""
	for _, tt := range []struct {
		host *service.Host
		args []string
		code int
		want string
	}{
		{nobody, []string{"install"}, 1, "catflap: only root may change the services of the system\n  run it with sudo, or add --user for a service of your own\n"},
		{nobody, []string{"uninstall"}, 1, "catflap: only root may change the services of the system\n  run it with sudo, or add --user for a service of your own\n"},
		{nobody, []string{"stop", "--lang", "zh"}, 1, "catflap: 只有 root 可以更改系统服务\n  用 sudo 运行，或加 --user 安装为你自己的用户服务\n"},
		{bare, []string{"install"}, 1, "catflap: no service manager was found on this machine\n" +
			"  start `catflap run` by whatever starts programs here; in a container that is the container itself\n"},
		{systemdHost(""), []string{"stop"}, 1, "catflap: stop failed with exit status 1\n  `catflap service logs` shows why\n"},
		{systemdHost(""), []string{"logs", "-n", "-1"}, 2, "catflap: --lines must be between 0 and 100000\n"},
		{systemdHost(""), []string{"stopp"}, 2, "catflap: there is no command `catflap service stopp`\n  did you mean `catflap service stop`?\n"},
	} {
		code, _, problems := onHost(t, tt.host, tt.args...)
		if diff := cmp.Diff(tt.want, problems); diff != "" || code != tt.code {
			t.Errorf("%q: exit code %d, %s", tt.args, code, diff)
		}
	}
}

// What of a configuration the service's file has to know.
func TestServiceConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (f serviceFile, err error) {
		s := &Shell{Env: func(string) (string, bool) { return "", false }}
		app := &cli.App{Commands: []*cli.Command{leaf(&cli.Command{Name: "x", Action: func(c *cli.Context) error {
			f, err = s.serviceConfig(c, false, serviceEnglish())
			return nil
		}})}}
		if err := app.Run([]string{"catflap", "x", "--config", file}); err != nil {
			t.Fatal(err)
		}
		return f, err
	}
	write("accessToken: token-of-napcat\nmemory: {limit: 64MiB}\ndataDir: /mnt/usb/catflap\nmedia: {napcatDir: /srv/napcat}\nfiles: {roots: [/srv/pictures]}\n")
	f, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if f.path != service.SystemConfig || f.from != file || f.memory != 64<<20 || f.data != "/mnt/usb/catflap" {
		t.Errorf("%+v", f)
	}
	if diff := cmp.Diff([]string{"/mnt/usb/catflap", "/mnt/usb/catflap/media", "/srv/napcat"}, f.writable); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/srv/pictures"}, f.readable); diff != "" {
		t.Error(diff)
	}
	write("accessToken: ${NAPCAT_TOKEN}\n")
	if f, err = read(); err != nil || !f.elsewhere {
		t.Errorf("a token from the service's environment: %v %+v", err, f.elsewhere)
	}
	write("accessToken: token-of-napcat\n")
	if f, err = read(); err != nil || f.data != service.SystemData || len(f.writable) > 0 {
		t.Errorf("the defaults: %v %+v", err, f)
	}
	write("nonsense: 1\n")
	var wrong *failure
	if _, err = read(); !errors.As(err, &wrong) || wrong.code != exitUsage {
		t.Errorf("a wrong configuration: %v", err)
	}
}

func TestTailFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte(strings.Repeat("old\n", 5000)+"one\ntwo\nthree"), 0o600); err != nil {
		t.Fatal(err)
	}
	for lines, want := range map[int]string{0: "", 1: "three", 2: "two\nthree", 3: "one\ntwo\nthree"} {
		var out bytes.Buffer
		s := &Shell{Out: &out}
		if err := s.tailFile(t.Context(), file, lines, false); err != nil || out.String() != want {
			t.Errorf("%d lines: %q, %v", lines, out.String(), err)
		}
	}
	if err := (&Shell{}).tailFile(t.Context(), file+".none", 1, false); err == nil {
		t.Error("a log that is not there was read")
	}
}
