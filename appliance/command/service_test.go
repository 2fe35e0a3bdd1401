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

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
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
		Manager:    service.Systemd,
		Has:        func(string) bool { return true },
		Known:      func(string) bool { return false },
		KnownGroup: func(string) bool { return false },
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
		{systemdHost("LoadState=loaded\n"), []string{"stop"}, 1, "catflap: stop failed with exit status 1\n  `catflap service logs` shows why\n"},
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
			f, err = s.serviceConfig(c, &service.Host{Root: t.TempDir()}, false, serviceEnglish())
			return nil
		}})}}
		if err := app.RunContext(t.Context(), []string{"catflap", "x", "--config", file}); err != nil {
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

// Which configuration a service takes: what `catflap run` was tried with, until it has its own.
func TestServiceTakesTheConfigurationOfThisFolder(t *testing.T) {
	const mine, others, bad = "accessToken: token-of-napcat\n", "accessToken: another-token-1\n", "nonsense: 1\n"
	for _, tt := range []struct {
		name          string
		here, etc     string
		user          bool
		args          []string
		code          int
		out, problems []string
	}{
		{"the one here", mine, "", false, nil, 0,
			[]string{"would: write /etc/catflap/catflap.yaml (0660 root:catflap)", "The service's configuration is a copy of ", "from now on edit /etc/catflap/catflap.yaml.",
				"The service keeps approvals and history in /var/lib/catflap.", "catflap backup --config "}, nil},
		{"the service's own", "", mine, false, nil, 0, []string{"systemctl restart"}, nil},
		{"both and the same", mine, mine, false, nil, 0, []string{"systemctl restart"}, nil},
		{"both and different", mine, others, false, nil, 0, []string{"catflap.yaml in this folder is not used: the service has /etc/catflap/catflap.yaml."}, nil},
		{"none", "", "", false, nil, 0, []string{"There is no configuration yet"}, nil},
		{"a mistake", bad, "", false, nil, 2, nil, []string{"/catflap.yaml:1:1"}},
		{"a user's", mine, others, true, nil, 0, []string{"systemctl --user restart"}, nil},
		{"a user's takes no other", "", others, true, nil, 2, nil, []string{"there is no configuration of your own", "`catflap init` writes ./catflap.yaml"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, h := t.TempDir(), systemdHost("")
			t.Chdir(dir)
			h.Root, h.Home = t.TempDir(), "/home/ann"
			h.Own = func(string, string, string, bool) (bool, error) { return false, nil }
			run := h.Run
			h.Run = func(ctx context.Context, name string, args ...string) (string, error) {
				if args[len(args)-1] == "show-environment" {
					return "", nil
				}
				return run(ctx, name, args...)
			}
			binary, err := executable()
			if err != nil {
				t.Fatal(err)
			}
			for path, text := range map[string]string{h.At(binary): "a program", "catflap.yaml": tt.here, h.At(service.SystemConfig): tt.etc} {
				if text == "" {
					continue
				}
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			args := append([]string{"install", "--dry-run"}, tt.args...)
			if tt.user {
				args = append(args, "--user")
			}
			code, out, problems := onHost(t, h, args...)
			if code != tt.code {
				t.Errorf("exit code %d: %s", code, problems)
			}
			flat := strings.Join(strings.Fields(out), " ")
			for _, want := range tt.out {
				if !strings.Contains(flat, want) {
					t.Errorf("it does not say %q:\n%s", want, out)
				}
			}
			if len(tt.out) == 1 && strings.Contains(out, "is a copy of") {
				t.Errorf("something is copied:\n%s", out)
			}
			for _, want := range tt.problems {
				if !strings.Contains(problems, want) {
					t.Errorf("it does not say %q:\n%s", want, problems)
				}
			}
			if strings.Contains(problems, "/etc/catflap/catflap.yaml:1:1") {
				t.Errorf("the mistake is in another file: %s", problems)
			}
		})
	}
}

// What the manager would only call a failure is looked at before it is asked.
func TestServiceControlLooksFirst(t *testing.T) {
	const loaded = "LoadState=loaded\nActiveState=active\n"
	for _, tt := range []struct {
		name, show, conf string
		args             []string
		code             int
		want             string
	}{
		{"not installed", "LoadState=not-found\n", "", []string{"start"}, 1, "catflap: the service is not installed\n  `catflap service install` does it\n"},
		{"a mistake in the configuration", loaded, "nonsense: 1\n", []string{"restart"}, 2, "nothing was stopped or started: correct it"},
		{"stopping needs none", loaded, "nonsense: 1\n", []string{"stop"}, 1, "catflap: stop failed with exit status 1\n  `catflap service logs` shows why\n"},
	} {
		h := systemdHost(tt.show)
		h.Root = t.TempDir()
		if err := os.MkdirAll(h.At("/etc/catflap"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(h.At(service.SystemConfig), []byte(tt.conf), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, problems := onHost(t, h, tt.args...)
		if code != tt.code || !strings.Contains(problems, tt.want) {
			t.Errorf("%s: exit code %d, %q", tt.name, code, problems)
		}
	}
	h := systemdHost("")
	h.Run = func(context.Context, string, ...string) (string, error) {
		return "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus\n", errors.New("systemctl show: exit status 1")
	}
	_, _, problems := onHost(t, h, "status")
	if want := "catflap: the service manager does not answer: System has not been booted with systemd as init system (PID 1). Can't operate.\n  in a container"; !strings.HasPrefix(problems, want) {
		t.Errorf("got %q", problems)
	}
	h.Manager = ""
	if _, _, problems := onHost(t, h, "logs"); !strings.HasPrefix(problems, "catflap: no service manager was found on this machine\n") {
		t.Errorf("got %q", problems)
	}
}

// Root in the service's folder would leave files that the service cannot open.
func TestRunAsRootInTheServicesFolder(t *testing.T) {
	cfg := &config.Config{DataDir: "/var/lib/catflap", Path: "/etc/catflap/catflap.yaml"}
	s := &Shell{Env: func(string) (string, bool) { return "", false }}
	for _, tt := range []struct {
		euid     int
		services bool
		want     string
	}{
		{0, true, "root may not run it with the data folder /var/lib/catflap of the user catflap: its files would be root's, and the service could not open them"},
		{0, false, ""},
		{1000, true, ""},
	} {
		err := s.notRoots(cfg, tt.euid, func(folder string) bool { return tt.services && folder == cfg.DataDir })
		var f *failure
		if errors.As(err, &f); (err == nil) != (tt.want == "") || err != nil && (f.message != tt.want || !strings.Contains(f.remedy, "sudo -u catflap catflap run --config /etc/catflap/catflap.yaml")) {
			t.Errorf("%+v: got %v", tt, err)
		}
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
