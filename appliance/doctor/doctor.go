// Package doctor judges what was read of a box and its configuration: what is wrong, how bad it is, and what to do.
package doctor

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/napcat/settings"
)

// Level is how bad a finding is.
type Level string

// The levels. What is critical keeps catflap from its work or opens it to strangers.
const (
	OK       Level = "ok"
	Warning  Level = "warning"
	Critical Level = "critical"
)

// Finding is one thing that was looked at.
type Finding struct {
	Check string // which check found it, for scripts: "permissions"
	Level Level
	Found console.Text
	Fix   console.Text // what to do; empty where nothing is to be done
	Fixed bool         // Mend has done it

	mend func() error // does what Fix says, where that can do no harm; nil = only people can
}

// Mends reports whether Mend can do something about the finding.
func (f *Finding) Mends() bool { return f.mend != nil && !f.Fixed }

// Mend does what Fix says. The finding is ok afterwards; on an error it stays as it was.
func (f *Finding) Mend() error {
	if !f.Mends() {
		return nil
	}
	if err := f.mend(); err != nil {
		return err
	}
	f.Fixed, f.Level = true, OK
	return nil
}

// Readings is what was read of the box. What could not be read is nil or empty, and is judged by nobody.
type Readings struct {
	Now     time.Time
	Version string

	ConfigPath string
	ConfigErr  error          // why there is no Config
	Config     *config.Config // nil = it cannot be loaded

	Files     []File
	Listeners []Listener

	Running  bool
	Barred   bool                // something runs, and we may not talk to it
	Status   *console.Status     // of the running instance
	Facts    *console.Facts      // of the store
	Media    *console.MediaStats // of the running instance
	Database *Database

	Disk    *Disk
	Memory  *Memory
	Clock   *Clock
	Service *Service
	Update  *Update // one that was cut short; nil = none
	// Containers names the sign of a container runtime on this host; "" = there is none.
	Containers string

	NapCat []NapCat
	Dials  []Dial
}

// Kind is what a file is to catflap.
type Kind uint8

// The kinds of files that are looked at.
const (
	ConfigFile Kind = iota // holds tokens
	DataFolder
	DataFile // a database
	Socket   // admin.sock
	Leftover // of a backup or restore that was cut short
	SetAside // a database that was replaced
)

// File is one file or folder.
type File struct {
	Path    string
	Kind    Kind
	Missing bool
	Mode    fs.FileMode
	Size    int64
	Changed time.Time
	Owner   int  // user id; -1 = the system has none
	Stale   bool // a socket at which nobody answers
}

// Listener is an address that catflap is to listen on, tried while nothing runs.
type Listener struct {
	Key, Address string
	Err          error // nil = it is free
}

// Database is what a walk through the files brought.
type Database struct {
	Err     error  // nil = sound
	Problem string // the same from a running instance
	NoCopy  bool   // state.db is damaged, and so is the copy that a salvage would take
	Skipped bool   // it is large and runs: only on request
	Bytes   int64
}

// Disk is the file system of the data folder.
type Disk struct {
	Free, Total int64  // bytes; free for us
	FreeFiles   int64  // inodes; -1 = no such bound
	ReadOnly    bool   // mounted so
	SDCard      bool   // the device is a card
	Device      string // as the kernel names it
}

// Memory is the box's.
type Memory struct {
	Total, Available int64 // bytes
	NoCgroup         bool  // the kernel was started without the memory cgroup
	ServiceMax       int64 // bytes that the service's cgroup allows; 0 = no bound known
	// Group is the bound of the cgroup that this program runs in where that is tighter than memory.limit, and InForce what
	// catflap makes of it; 0 = memory.limit counts. GoLimit is the environment's GOMEMLIMIT, which wins.
	Group, InForce int64
	GoLimit        string
}

// Clock is what else than Now tells about the time.
type Clock struct {
	Synced *bool     // by the kernel; nil = not known
	Newest time.Time // of the data folder's files
}

// Service is the service manager's word; see service.State.
type Service struct {
	Manager                     string
	Installed, Enabled, Running bool
	Detail                      string
	Restarts                    int
	// Account is the user that the service runs as; "" = root, or whoever asks.
	Account string
	// Shadowed is a unit of `catflap service install` that hides the package's; "" = none.
	Shadowed string
	// Closed: the service cannot read its configuration. Unsettled: it can, by other rights than root:catflap 0660.
	Closed, Unsettled bool
	Adopt             func() error // gives the configuration those rights
}

// Update is one that was begun and not ended: by a power cut, or kill -9.
type Update struct {
	Program, From, To string
}

// NapCat is NapCat's own file for one account.
type NapCat struct {
	Account, Path, Dir string
	Err                error
	Changes            []settings.Change // what is not as it must be
}

// Dial is an attempt to reach what catflap dials, while nothing runs.
type Dial struct {
	Account, Address string
	Err              error
}

// report collects the findings of one check.
type report struct {
	check string
	list  []Finding
}

func (r *report) add(level Level, found, fix console.Text) *Finding {
	r.list = append(r.list, Finding{Check: r.check, Level: level, Found: found, Fix: fix})
	return &r.list[len(r.list)-1]
}

// both says something in both languages, from the same arguments.
func both(en, zh string, args ...any) console.Text {
	if len(args) == 0 {
		return console.Text{EN: en, ZH: zh}
	}
	return console.Text{EN: fmt.Sprintf(en, args...), ZH: fmt.Sprintf(zh, args...)}
}

// Examine makes all checks, each of which finds at least one thing where it could read anything.
func Examine(r *Readings) []Finding {
	var out []Finding
	for _, c := range []struct {
		name string
		run  func(*Readings, *report)
	}{
		{"config", checkConfig},
		{"permissions", checkPermissions},
		{"instance", checkInstance},
		{"service", checkService},
		{"update", checkUpdate},
		{"ports", checkPorts},
		{"tokens", checkTokens},
		{"policies", checkPolicies},
		{"groups", checkBareNumbers},
		{"napcat", checkNapCat},
		{"napcat.config", checkNapCatFiles},
		{"container", checkContainer},
		{"apps", checkApps},
		{"media", checkMedia},
		{"database", checkDatabase},
		{"disk", checkDisk},
		{"memory", checkMemory},
		{"clock", checkClock},
	} {
		rep := report{check: c.name}
		c.run(r, &rep)
		out = append(out, rep.list...)
	}
	return out
}
