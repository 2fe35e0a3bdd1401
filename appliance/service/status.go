package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	kardianos "github.com/kardianos/service"
)

// State is what the service manager says of the service.
type State struct {
	Manager   string `json:"manager"`
	Installed bool   `json:"installed"`
	Enabled   bool   `json:"enabled"` // it starts with the machine
	Running   bool   `json:"running"`
	Detail    string `json:"detail"` // in the manager's words
	File      string `json:"file,omitempty"`
	PID       int    `json:"pid,omitempty"`
	Restarts  int    `json:"restarts"`
	Since     string `json:"since,omitempty"`
	Memory    int64  `json:"memory,omitempty"` // of the cgroup, bytes
}

// State asks the service manager.
func (h *Host) State(ctx context.Context, userScope bool) (State, error) {
	st := State{Manager: h.Manager}
	switch h.Manager {
	case "":
		return st, ErrNoManager
	case Systemd:
		return st, h.systemdState(ctx, &st, userScope)
	case OpenRC, Procd:
		h.scriptState(ctx, &st)
		return st, nil
	}
	svc, err := kardianos.New(program{}, described(Settings{User: userScope}))
	if err != nil {
		return st, fmt.Errorf("asking the service manager: %w", err)
	}
	running, err := svc.Status()
	if errors.Is(err, kardianos.ErrNotInstalled) {
		return st, nil
	}
	st.Installed, st.Enabled, st.Running, st.Detail = true, true, running == kardianos.StatusRunning, "stopped"
	if st.Running {
		st.Detail = "running"
	} else if err != nil {
		st.Detail = err.Error()
	}
	return st, nil
}

// noAnswer says in one line why systemctl failed; the command line would only hide it.
func noAnswer(out string, err error) error {
	first, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	if first == "" {
		first = err.Error()
	}
	return fmt.Errorf("%w: %s", ErrNoAnswer, first)
}

func (h *Host) systemdState(ctx context.Context, st *State, userScope bool) error {
	args := []string{"show", unitName, "--no-pager",
		"--property=LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,MainPID,ActiveEnterTimestamp,MemoryCurrent,UnitFileState,FragmentPath"}
	if userScope {
		args = append([]string{"--user"}, args...)
	}
	out, err := h.Run(ctx, "systemctl", args...)
	if err != nil {
		return noAnswer(out, err)
	}
	v := make(map[string]string)
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		v[key] = value
	}
	st.Installed = v["LoadState"] == "loaded"
	st.Enabled = strings.HasPrefix(v["UnitFileState"], "enabled")
	st.Running = v["ActiveState"] == "active" || v["ActiveState"] == "reloading"
	st.Detail = strings.TrimSpace(v["ActiveState"] + " (" + v["SubState"] + ")")
	if !st.Running && v["Result"] != "" && v["Result"] != "success" {
		st.Detail += ", " + v["Result"] + ", exit status " + v["ExecMainStatus"]
	}
	st.File, st.Since = v["FragmentPath"], v["ActiveEnterTimestamp"]
	st.PID, _ = strconv.Atoi(v["MainPID"])
	st.Restarts, _ = strconv.Atoi(v["NRestarts"])
	st.Memory, _ = strconv.ParseInt(v["MemoryCurrent"], 10, 64) // "[not set]" without the memory cgroup
	return nil
}

func (h *Host) scriptState(ctx context.Context, st *State) {
	if st.Installed = h.exists(initScript); !st.Installed {
		return
	}
	st.File, st.Detail = initScript, "stopped"
	var err error
	if h.Manager == OpenRC {
		st.Enabled = h.exists("/etc/runlevels/default/" + Name)
		_, err = h.Run(ctx, "rc-service", Name, "status")
	} else {
		_, failed := h.Run(ctx, initScript, "enabled")
		st.Enabled = failed == nil
		_, err = h.Run(ctx, initScript, "running")
	}
	if st.Running = err == nil; st.Running {
		st.Detail = "running"
	}
}

// Logs says where the log is: a command to run in the terminal, or a file.
func (h *Host) Logs(userScope, follow bool, lines int) (command []string, file string) {
	n := strconv.Itoa(lines)
	switch h.Manager {
	case Systemd:
		command = []string{"journalctl", "--no-pager", "--lines", n, "--unit", unitName}
		if userScope {
			command[4] = "--user-unit"
		}
		if follow {
			command = append(command, "--follow")
		}
		return command, ""
	case Procd:
		command = []string{"logread", "-e", Name, "-l", n}
		if follow {
			command = append(command, "-f")
		}
		return command, ""
	case OpenRC:
		return nil, systemLogs + "/" + Name + ".log"
	}
	return nil, ""
}
