package main

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"catflap": main})
}

// TestScripts runs the command line as people and scripts do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "appliance/command/testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_DATA_HOME", env.WorkDir+"/share")
			env.Setenv("LANG", "C")
			env.Setenv("LC_ALL", "")
			env.Setenv("NO_COLOR", "1")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // each of a hundred processes would wait for a second
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"await":   await,
			"shows":   shows,
			"address": address,
			"port":    port,
			"mode":    mode,
		},
	})
}

// exits CODE COMMAND...: the exit code is exactly this one.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// await SOCKET: until somebody answers there. await COMMAND... : until the command succeeds.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: await SOCKET | await COMMAND [ARGUMENT...]")
	}
	try := func() error { return ts.Exec(args[0], args[1:]...) }
	if len(args) == 1 {
		path := ts.MkAbs(args[0])
		try = func() error {
			c, err := net.Dial("unix", path)
			if err == nil {
				c.Close()
			}
			return err
		}
	}
	again(ts, strings.Join(args, " "), try)
}

// again tries until there is no error.
func again(ts *testscript.TestScript, what string, try func() error) {
	deadline := time.Now().Add(time.Minute)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain for %s: %v", what, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// shows REGEXP COMMAND...: runs the command again and again until what it prints matches.
func shows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: shows REGEXP COMMAND [ARGUMENT...]")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	again(ts, args[0], func() error {
		if err := ts.Exec(args[1], args[2:]...); err != nil {
			return err
		}
		if !want.MatchString(ts.ReadFile("stdout")) {
			return errors.New("it is not printed")
		}
		return nil
	})
}

// address VARIABLE LISTENER: sets the variable from the status in stdout.
func address(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: address VARIABLE LISTENER")
	}
	var status struct{ Listen map[string]string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &status))
	if status.Listen[args[1]] == "" {
		ts.Fatalf("nothing listens under the name %s: %v", args[1], status.Listen)
	}
	ts.Setenv(args[0], status.Listen[args[1]])
}

// port VARIABLE: sets the variable to a port that is free now. It lies below those that the kernel gives away, so that nobody
// takes it before it is used.
func port(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: port VARIABLE")
	}
	for range 1000 {
		number := strconv.Itoa(30000 + rand.IntN(1000))
		if l, err := net.Listen("tcp", "0.0.0.0:"+number); err == nil {
			defer l.Close()
			ts.Setenv(args[0], number)
			return
		}
	}
	ts.Fatalf("no free port")
}

// mode FILE MODE: the file has exactly these permissions.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode FILE MODE")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}
