package service

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/packaging"
)

var golden = flag.Bool("golden", false, "write the golden files anew")

// box is a machine in a folder: commands are written down and do what they would do to its files.
type box struct {
	*Host
	t       *testing.T
	ran     []string
	users   map[string]bool
	groups  map[string]bool
	enabled bool
	active  bool
	owners  map[uint64]string // by inode
	fails   string            // a command line that fails
}

func newBox(t *testing.T, manager string, commands ...string) *box {
	t.Helper()
	b := &box{t: t, users: make(map[string]bool), groups: make(map[string]bool), owners: make(map[uint64]string)}
	b.Host = &Host{
		Manager: manager, Root: t.TempDir(), Home: "/home/ann",
		Has:        func(name string) bool { return slices.Contains(commands, name) },
		Known:      func(name string) bool { return b.users[name] },
		KnownGroup: func(name string) bool { return b.groups[name] },
		Own:        b.own, Run: b.run,
		Manage: func(action string, s Settings) error { return fmt.Errorf("kardianos was asked to %s", action) },
	}
	for _, dir := range []string{"/etc/systemd/system", "/etc/init.d", "/usr/local/bin", "/usr/bin", "/var/lib"} {
		if err := os.MkdirAll(b.At(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.write("/usr/bin/catflap", "a program", 0o755)
	b.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\ndnsmasq:x:453:453::/:/bin/false", 0o644)
	b.write("/etc/group", "root:x:0:\ndnsmasq:x:453:\n", 0o644)
	return b
}

func (b *box) write(path, content string, mode os.FileMode) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.At(path)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.At(path), []byte(content), mode); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) own(path, owner, group string, dry bool) (bool, error) {
	if !dry && !b.users[Name] && (owner == Name || group == Name) {
		return false, fmt.Errorf("there is no user %s yet", Name)
	}
	who := owner + ":" + group
	if b.owner(path) == who {
		return false, nil
	}
	if !dry {
		b.owners[inode(b.t, path)] = who
	}
	return true, nil
}

// owner is who a path was given to; it follows the file when that is renamed.
func (b *box) owner(path string) string {
	if who := b.owners[inode(b.t, path)]; who != "" {
		return who
	}
	return "root:root"
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

func (b *box) run(_ context.Context, name string, args ...string) (string, error) {
	line := commandLine(append([]string{name}, args...))
	if slices.Contains(args, "show-environment") {
		return "", nil
	}
	ask := true
	yes := func(state bool) error {
		if state {
			return nil
		}
		return errors.New("exit status 3")
	}
	var err error
	switch {
	case strings.Contains(line, "is-enabled"), strings.HasSuffix(line, " enabled"):
		err = yes(b.enabled)
	case strings.Contains(line, "is-active"), strings.HasSuffix(line, " status"), strings.HasSuffix(line, " running"):
		err = yes(b.active)
	default:
		ask = false
	}
	if ask {
		return "", err
	}
	b.ran = append(b.ran, line)
	if line == b.fails {
		return "it is broken\n", errors.New("exit status 1")
	}
	switch {
	case name == "useradd" && slices.Contains(args, "--user-group") && b.groups[Name],
		name == "addgroup" && b.groups[Name]:
		return "group " + Name + " exists\n", errors.New("exit status 9")
	case name == "useradd", name == "adduser", name == "systemd-sysusers":
		b.users[Name], b.groups[Name] = true, true
	case name == "addgroup":
		b.groups[Name] = true
	case name == "userdel", name == "deluser":
		delete(b.users, Name)
	case strings.Contains(line, "enable "), strings.HasSuffix(line, " enable"):
		b.enabled = true
	case strings.HasPrefix(line, "rc-update add"):
		b.write("/etc/runlevels/default/"+Name, "", 0o755)
	case strings.Contains(line, "restart"):
		b.active = true
	}
	return "", nil
}

// carry runs a plan and returns what it reported, one line a step.
func (b *box) carry(p *Plan, dry bool) (string, error) {
	var out strings.Builder
	err := p.Run(b.t.Context(), dry, func(d Done) {
		mark := "same "
		if d.Changed {
			mark = "change "
		}
		out.WriteString(mark + d.Title + "\n")
		for line := range strings.Lines(d.Body) {
			out.WriteString("    " + line)
		}
	})
	return out.String(), err
}

func standard() Settings {
	return Settings{Binary: "/usr/bin/catflap", Config: SystemConfig, Memory: 48 << 20, Start: true}
}

// A dry run of every kind of service, against a file that people can read.
func TestInstallPlans(t *testing.T) {
	external := standard()
	external.Memory = 32 << 20
	external.Writable, external.Readable = []string{"/mnt/usb/catflap", "/home/ann/napcat"}, []string{"/home/ann/pictures", "/srv/pictures"}
	own := Settings{Binary: "/home/ann/bin/catflap", Config: "/home/ann/catflap.yaml", Memory: 48 << 20, User: true, Start: true}
	openwrt := standard()
	openwrt.Data = "/mnt/usb/catflap"
	for _, tt := range []struct {
		name, manager string
		commands      []string
		settings      Settings
	}{
		{"systemd", Systemd, []string{"useradd"}, standard()},
		{"systemd-folders", Systemd, []string{"systemd-sysusers"}, external},
		{"systemd-user", Systemd, nil, own},
		{"openrc", OpenRC, []string{"adduser", "addgroup"}, standard()},
		{"procd", Procd, nil, openwrt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBox(t, tt.manager, tt.commands...)
			b.write("/home/ann/bin/catflap", "a program", 0o755)
			p, err := b.InstallPlan(tt.settings)
			if err != nil {
				t.Fatal(err)
			}
			before := b.tree()
			got, err := b.carry(p, true)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, b.tree()); diff != "" || len(b.ran) > 0 {
				t.Errorf("a dry run changed something: %s %q", diff, b.ran)
			}
			file := filepath.Join("testdata", tt.name+".txt")
			if *golden {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the plan is another (-want +got; -golden writes it anew):\n%s", diff)
			}
		})
	}
}

// tree lists the files of the box with their content.
func (b *box) tree() map[string]string {
	found := make(map[string]string)
	err := filepath.WalkDir(b.Root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, b.Root)] = string(data)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

func TestInstallTwiceChangesNothing(t *testing.T) {
	for manager, commands := range map[string][]string{Systemd: {"useradd"}, OpenRC: {"adduser", "addgroup"}, Procd: {"useradd"}} {
		b := newBox(t, manager, commands...)
		b.write(SystemConfig, "owners: [1]\n", 0o600)
		for round := range 2 {
			b.ran = nil
			p, err := b.InstallPlan(standard())
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.carry(p, false)
			if err != nil {
				t.Fatalf("%s, round %d: %v\n%s", manager, round, err, got)
			}
			if round == 1 && (strings.Contains(got, "change ") || len(b.ran) > 0) {
				t.Errorf("%s: the second install did something: %q\n%s", manager, b.ran, got)
			}
		}
		if !b.active || b.owner(b.At(SystemConfig)) != "root:"+Name {
			t.Errorf("%s: active %v, the configuration belongs to %q", manager, b.active, b.owner(b.At(SystemConfig)))
		}
		if info, err := os.Stat(b.At(SystemConfig)); err != nil || info.Mode().Perm() != 0o660 {
			t.Errorf("%s: configuration %v %v", manager, info.Mode(), err)
		}
	}
}

// A new memory limit changes the unit, and nothing else happens than what follows from that.
func TestInstallAfterAChange(t *testing.T) {
	b := newBox(t, Systemd, "useradd")
	for _, limit := range []int64{48, 64} {
		s := standard()
		s.Memory = limit << 20
		p, err := b.InstallPlan(s)
		if err != nil {
			t.Fatal(err)
		}
		b.ran = nil
		if _, err := b.carry(p, false); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"systemctl daemon-reload", "systemctl restart catflap.service"}, b.ran); diff != "" {
		t.Error(diff)
	}
	if unit := b.tree()[systemUnitPath]; !strings.Contains(unit, "\nMemoryHigh=96M\nMemoryMax=128M\n") {
		t.Errorf("unit:\n%s", unit)
	}
}

// A program in somebody's home would be hidden by the sandbox, and could be changed by that somebody.
func TestInstallCopiesAProgramThatIsNotRoots(t *testing.T) {
	b := newBox(t, Systemd, "useradd")
	b.write("/home/ann/catflap", "my program", 0o755)
	s := standard()
	s.Binary = "/home/ann/catflap"
	p, err := b.InstallPlan(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.carry(p, false); err != nil {
		t.Fatal(err)
	}
	files := b.tree()
	if files[SystemBinary] != "my program" || !strings.Contains(files[systemUnitPath], "ExecStart="+SystemBinary+" run --config "+SystemConfig+"\n") {
		t.Errorf("files: %v", files)
	}
}

func TestInstallRefuses(t *testing.T) {
	user, spaced := standard(), standard()
	user.User, spaced.Config = true, "/etc/my bot/catflap.yaml"
	for _, tt := range []struct {
		name     string
		manager  string
		prepare  func(*box)
		settings Settings
		want     string
	}{
		{"nobody but root", Systemd, func(b *box) { b.Euid = 1000 }, standard(), ErrNotRoot.Error()},
		{"no manager", "", nil, standard(), ErrNoManager.Error()},
		{"a package", Systemd, func(b *box) { b.write("/usr/lib/systemd/system/catflap.service", "x", 0o644) }, standard(),
			ErrPackaged.Error() + ": /usr/lib/systemd/system/catflap.service"},
		{"a user's service where there is none", OpenRC, nil, user, "linux-openrc knows no services of a single user: leave out --user"},
		{"a path that systemd reads otherwise", Systemd, nil, spaced, `"/etc/my bot/catflap.yaml" cannot stand in a service file: choose a path of letters, digits and / . _ - + @`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBox(t, tt.manager, "useradd")
			if tt.prepare != nil {
				tt.prepare(b)
			}
			_, err := b.InstallPlan(tt.settings)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// A folder of the service must not lead root to another file.
func TestFault_S13_ConfigurationThatIsALink(t *testing.T) {
	b := newBox(t, Systemd, "useradd")
	b.write("/etc/shadow", "secrets", 0o600)
	if err := os.MkdirAll(b.At("/etc/catflap"), 0o770); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(b.At("/etc/shadow"), b.At(SystemConfig)); err != nil {
		t.Fatal(err)
	}
	p, err := b.InstallPlan(standard())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.carry(p, false); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got %v", err)
	}
	if err := b.Adopt(SystemConfig); err == nil {
		t.Error("the link was adopted")
	}
	if info, err := os.Stat(b.At("/etc/shadow")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestInstallStopsAtAFailure(t *testing.T) {
	b := newBox(t, Systemd, "useradd")
	b.fails = "systemctl enable catflap.service"
	p, err := b.InstallPlan(standard())
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.carry(p, false)
	want := "run systemctl enable catflap.service: exit status 1: it is broken"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if b.active {
		t.Error("it was started all the same")
	}
}

func TestCopyConfig(t *testing.T) {
	b := newBox(t, Systemd, "useradd")
	install := func(content string) error {
		p, err := b.InstallPlan(standard())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.CopyConfig("/root/catflap.yaml", SystemConfig, []byte(content)); err != nil {
			return err
		}
		_, err = b.carry(p, false)
		return err
	}
	for _, content := range []string{"owners: [1]\n", "owners: [1]\n"} {
		if err := install(content); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.tree()[SystemConfig]; got != "owners: [1]\n" {
		t.Errorf("got %q", got)
	}
	if err := install("owners: [2]\n"); err == nil || err.Error() != "/root/catflap.yaml and /etc/catflap/catflap.yaml differ" {
		t.Errorf("got %v", err)
	}
}

func TestUninstall(t *testing.T) {
	for _, manager := range []string{Systemd, OpenRC, Procd} {
		b := newBox(t, manager, "useradd", "userdel")
		p, err := b.InstallPlan(standard())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.carry(p, false); err != nil {
			t.Fatal(err)
		}
		b.write(SystemConfig, "owners: [1]\n", 0o660)
		b.write(SystemData+"/state.db", "pairings", 0o600)
		for _, purge := range []bool{false, true} {
			p, err := b.UninstallPlan(false, purge)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.carry(p, false); err != nil {
				t.Fatal(err)
			}
			files := b.tree()
			if files[systemUnitPath] != "" || files[initScript] != "" {
				t.Errorf("%s: the service's file is still there", manager)
			}
			if kept := files[SystemConfig] != "" && files[SystemData+"/state.db"] != "" && b.users[Name]; kept == purge {
				t.Errorf("%s, purge %v: data kept %v", manager, purge, kept)
			}
		}
	}
}

func TestAppendAccount(t *testing.T) {
	b := newBox(t, Procd)
	p := b.plan()
	if err := p.appendAccount(); err != nil {
		t.Fatal(err)
	}
	files := b.tree()
	if want := "root:x:0:0::/root:/bin/sh\ndnsmasq:x:453:453::/:/bin/false\ncatflap:x:454:454:catflap:/var/lib/catflap:/bin/false\n"; files["/etc/passwd"] != want {
		t.Errorf("passwd:\n%s", files["/etc/passwd"])
	}
	if want := "root:x:0:\ndnsmasq:x:453:\ncatflap:x:454:\n"; files["/etc/group"] != want {
		t.Errorf("group:\n%s", files["/etc/group"])
	}
}

// What install writes for the defaults is what packages ship, but for nothing.
func TestUnitOfTheDefaultsIsThePackagedOne(t *testing.T) {
	unit, err := standard().Unit()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(packaging.SystemdUnit, unit); diff != "" {
		t.Error(diff)
	}
}

// What a service of a user must not ask for: systemd refuses to start it then.
func TestUnitOfAUser(t *testing.T) {
	s := standard()
	s.User = true
	unit, err := s.Unit()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"User=", "Group=", "CapabilityBoundingSet=", "PrivateDevices=", "ProtectClock=", "multi-user.target", "StateDirectory"} {
		if strings.Contains(unit, "\n"+key) {
			t.Errorf("it has %s:\n%s", key, unit)
		}
	}
	for _, key := range []string{"Type=notify", "NoNewPrivileges=yes", "WatchdogSec=60", "WantedBy=default.target", "SystemCallFilter=@system-service"} {
		if !strings.Contains(unit, "\n"+key+"\n") {
			t.Errorf("it lacks %s:\n%s", key, unit)
		}
	}
}

// `userdel` leaves the group when somebody has joined it, as the manual says to do: the next install takes it as it is.
func TestInstallAfterAPurgeWithMembers(t *testing.T) {
	for manager, commands := range map[string][]string{Systemd: {"useradd", "userdel"}, OpenRC: {"adduser", "addgroup", "deluser"}} {
		b := newBox(t, manager, commands...)
		for range 2 {
			p, err := b.InstallPlan(standard())
			if err != nil {
				t.Fatal(err)
			}
			if out, err := b.carry(p, false); err != nil {
				t.Fatalf("%s: %v\n%s", manager, err, out)
			}
			if p, err = b.UninstallPlan(false, true); err != nil {
				t.Fatal(err)
			}
			if _, err := b.carry(p, false); err != nil {
				t.Fatal(err)
			}
			if b.users[Name] || !b.groups[Name] {
				t.Fatalf("%s: user %v, group %v", manager, b.users[Name], b.groups[Name])
			}
		}
	}
	b := newBox(t, Procd)
	b.write("/etc/group", "root:x:0:\ncatflap:x:777:ann\n", 0o644)
	if err := b.plan().appendAccount(); err != nil {
		t.Fatal(err)
	}
	files := b.tree()
	if files["/etc/group"] != "root:x:0:\ncatflap:x:777:ann\n" || !strings.Contains(files["/etc/passwd"], "\ncatflap:x:454:777:") {
		t.Errorf("group:\n%s\npasswd:\n%s", files["/etc/group"], files["/etc/passwd"])
	}
}

// A package over a manual install: our unit would hide the package's for ever.
func TestUninstallOfAUnitThatHidesThePackages(t *testing.T) {
	b := newBox(t, Systemd, "useradd")
	const packaged = "/usr/lib/systemd/system/catflap.service"
	b.write(packaged, "the package's", 0o644)
	if _, err := b.UninstallPlan(false, false); !errors.Is(err, ErrPackaged) || b.Shadowed() {
		t.Errorf("only the package's: %v", err)
	}
	b.write(systemUnitPath, "ours", 0o644)
	if _, err := b.UninstallPlan(false, true); !errors.Is(err, ErrPackaged) {
		t.Errorf("a purge is the package manager's business: %v", err)
	}
	p, err := b.UninstallPlan(false, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.carry(p, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"systemctl daemon-reload", "systemctl try-restart catflap.service"}, b.ran); diff != "" {
		t.Error(diff)
	}
	if files := b.tree(); files[systemUnitPath] != "" || files[packaged] == "" {
		t.Errorf("files: %v", files)
	}
}

// Without a session of the user nothing is left behind, and the reason is one line.
func TestInstallWithoutASession(t *testing.T) {
	b := newBox(t, Systemd)
	run := b.Run
	b.Run = func(ctx context.Context, name string, args ...string) (string, error) {
		if slices.Contains(args, "show-environment") {
			return "Failed to connect to bus: No medium found\nmore\n", errors.New("systemctl --user show-environment: exit status 1")
		}
		return run(ctx, name, args...)
	}
	s := standard()
	s.User = true
	_, err := b.InstallPlan(s)
	if !errors.Is(err, ErrNoAnswer) || err.Error() != "the service manager does not answer: Failed to connect to bus: No medium found" {
		t.Errorf("got %v", err)
	}
}

// Whether the service can read what root has written.
func TestServes(t *testing.T) {
	b := newBox(t, Systemd)
	b.users[Name] = true
	for _, tt := range []struct {
		owner             string
		mode              os.FileMode
		readable, settled bool
	}{
		{"root:root", 0o600, false, false},
		{"root:catflap", 0o660, true, true},
		{"root:catflap", 0o640, true, false},
		{"root:catflap", 0o600, false, false},
		{"catflap:catflap", 0o600, true, false},
		{"root:root", 0o644, true, false},
	} {
		b.write(SystemConfig, "x", 0o600)
		if err := os.Chmod(b.At(SystemConfig), tt.mode); err != nil {
			t.Fatal(err)
		}
		b.owners[inode(t, b.At(SystemConfig))] = tt.owner
		if readable, settled := b.Serves(SystemConfig); readable != tt.readable || settled != tt.settled {
			t.Errorf("%s %v: readable %v, settled %v", tt.owner, tt.mode, readable, settled)
		}
	}
	if readable, settled := b.Serves("/home/ann/catflap.yaml"); !readable || !settled {
		t.Error("a file that is not the service's was judged")
	}
}
