// Package service is catflap as a service of the operating system: how it is installed, started and looked at, what it
// tells systemd, and the watchdog that ends it when it hangs.
package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	kardianos "github.com/kardianos/service"
)

// Name is that of the service, its user and its group.
const Name = "catflap"

// The kinds of service manager, as package kardianos calls them. It serves the others by its own templates.
const (
	Systemd = "linux-systemd"
	OpenRC  = "linux-openrc"
	Procd   = "linux-procd"
	Launchd = "darwin-launchd"
	Windows = "windows-service"
)

var (
	// ErrNotRoot: the system's services are root's business.
	ErrNotRoot = errors.New("only root may change the services of the system")
	// ErrPackaged: a package brought the service; a second unit would hide the one that upgrades replace.
	ErrPackaged = errors.New("a package has installed the service already")
	// ErrNoManager: there is nothing here that could start a service.
	ErrNoManager = errors.New("no service manager was found")
	// ErrNotInstalled: there is nothing to start, stop or remove.
	ErrNotInstalled = errors.New("the service is not installed")
	// ErrNoAnswer: the service manager cannot be talked to: in a container, or without a login of that user.
	ErrNoAnswer = errors.New("the service manager does not answer")
)

// Host is the machine that a service is installed on. Tests give one with a Root of their own.
type Host struct {
	Manager string // Systemd, OpenRC ...
	Root    string // where / is; "" = /
	Home    string // of the user, for services in the user's scope
	Euid    int
	// Run executes a command and returns what it printed.
	Run func(ctx context.Context, name string, args ...string) (string, error)
	// Has tells whether a command is there.
	Has func(name string) bool
	// Known tells whether a user is there.
	Known func(user string) bool
	// KnownGroup tells whether a group is there. It outlives its user as long as somebody else is in it.
	KnownGroup func(group string) bool
	// Own gives a path to an owner and a group. It is false when they have it already.
	Own func(path, owner, group string, dry bool) (changed bool, err error)
	// Manage does what package kardianos does on this system: install, uninstall, start, stop, restart.
	Manage func(action string, s Settings) error
}

// NewHost describes this machine.
func NewHost() *Host {
	home, _ := os.UserHomeDir()
	return &Host{
		Manager: known(kardianos.Platform()), Home: home, Euid: os.Geteuid(), Own: own, Manage: manage,
		Run: func(ctx context.Context, name string, args ...string) (string, error) {
			cmd := exec.CommandContext(ctx, name, args...)
			cmd.WaitDelay = 5 * time.Second // for what it has started and left behind
			out, err := cmd.CombinedOutput()
			if err != nil {
				return string(out), fmt.Errorf("%s: %w", commandLine(append([]string{name}, args...)), err)
			}
			return string(out), nil
		},
		Has:        func(name string) bool { _, err := exec.LookPath(name); return err == nil },
		Known:      func(name string) bool { _, err := user.Lookup(name); return err == nil },
		KnownGroup: func(name string) bool { _, err := user.LookupGroup(name); return err == nil },
	}
}

// known leaves out the managers for which package kardianos has scripts that run everything as root.
func known(manager string) string {
	switch manager {
	case "linux-upstart", "linux-rcs", "unix-systemv":
		return ""
	}
	return manager
}

// At is where a path of the machine lies: below Root.
func (h *Host) At(path string) string {
	if h.Root == "" {
		return path
	}
	return filepath.Join(h.Root, path)
}

func (h *Host) exists(path string) bool {
	_, err := os.Lstat(h.At(path))
	return err == nil
}

// Settings are what of one box goes into the service's files.
type Settings struct {
	Binary string // absolute
	Config string // absolute
	Data   string // absolute; "" = the manager's default
	// Memory is memory.limit in bytes; the cgroup's limits are made of it.
	Memory int64
	// Writable and Readable are the folders outside of Data that the configuration names.
	Writable, Readable []string
	User               bool // a service of this user instead of one of the system
	Start              bool // start it, or start it again when something changed
}

// program gives package kardianos something to name; what runs is `catflap run`.
type program struct{}

func (program) Start(kardianos.Service) error { return nil }
func (program) Stop(kardianos.Service) error  { return nil }

// described is the service in the words of package kardianos.
func described(s Settings) *kardianos.Config {
	options := kardianos.KeyValue{
		"UserService": s.User, "RunAtLoad": true, "KeepAlive": true,
		"OnFailure": "restart", "OnFailureDelayDuration": "3s", "OnFailureResetPeriod": 60, "DelayedAutoStart": true,
	}
	arguments := []string{"run", "--config", s.Config, "--watchdog", "60s"}
	if s.Config != "" {
		arguments = append(arguments, "--log-file", filepath.Join(filepath.Dir(s.Config), Name+".log"))
	}
	return &kardianos.Config{
		Name: Name, DisplayName: Name, Description: "the door between QQ and its bots",
		Executable: s.Binary, Arguments: arguments, Option: options,
	}
}

// manage has package kardianos do something.
func manage(action string, s Settings) error {
	svc, err := kardianos.New(program{}, described(s))
	if errors.Is(err, kardianos.ErrNoServiceSystemDetected) {
		return ErrNoManager
	}
	if err != nil {
		return fmt.Errorf("describing the service: %w", err)
	}
	if err := kardianos.Control(svc, action); err != nil {
		if errors.Is(err, kardianos.ErrNotInstalled) {
			return ErrNotInstalled
		}
		return err
	}
	return nil
}

// Control starts, stops or restarts the installed service.
func (h *Host) Control(action string, userScope bool) error {
	if err := h.allowed(userScope); err != nil {
		return err
	}
	return h.Manage(action, Settings{User: userScope})
}

// allowed refuses those who could only fail half way.
func (h *Host) allowed(userScope bool) error {
	if h.Manager == "" {
		return ErrNoManager
	}
	if h.Euid > 0 && !userScope { // Windows has -1
		return ErrNotRoot
	}
	return nil
}

// OwnGroup is the group that may use the admin socket: that of the service, when this process is the service; else "".
func OwnGroup() string {
	g, err := user.LookupGroup(Name)
	if err != nil || g.Gid != strconv.Itoa(os.Getegid()) {
		return ""
	}
	return Name
}

// safePath tells whether a path can stand in a unit or a script as it is, without a meaning of its own to systemd or to a
// shell.
func safePath(path string) bool {
	if !filepath.IsAbs(path) {
		return false
	}
	for _, r := range path {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '/', r == '.', r == '_', r == '-', r == '+', r == '@', r > 127:
		default:
			return false
		}
	}
	return true
}

// mebibytes writes a size the way systemd reads it.
func mebibytes(n int64) string { return strconv.FormatInt(n>>20, 10) + "M" }

// Order starts or stops the service like Control, and ends with ctx where the manager can hang.
func (h *Host) Order(ctx context.Context, action string, userScope bool) error {
	var args []string
	switch {
	case h.Manager == Systemd && userScope:
		args = []string{"systemctl", "--user", action, unitName}
	case h.Manager == Systemd:
		args = []string{"systemctl", action, unitName}
	case h.Manager == OpenRC:
		args = []string{"rc-service", Name, action}
	case h.Manager == Procd:
		args = []string{initScript, action}
	default:
		return h.Manage(action, Settings{User: userScope})
	}
	if out, err := h.Run(ctx, args[0], args[1:]...); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%s: it took too long", commandLine(args))
		}
		if text := strings.TrimSpace(out); text != "" {
			return fmt.Errorf("%w: %s", err, text)
		}
		return err
	}
	return nil
}
