package guard

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Bounds of a running catflap, with everything on that it can do by itself. Measured on amd64: 15 MiB and 3 MiB idle,
// 7 MiB at 400 events/s, 22 MiB flat out.
const (
	maxIdleRSS   = 20 << 20 // promised
	maxIdleAnon  = 8 << 20
	maxPacedAnon = 16 << 20
	maxLoadAnon  = 32 << 20 // promised
)

// patience bounds what a test waits for; nothing is measured by it.
const patience = 60 * time.Second

// build makes the program as it is released.
func build(t *testing.T, version string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "catflap")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", tags, "-ldflags", "-s -w -X main.version="+version, "-o", out, ".")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if problems, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, problems)
	}
	return out
}

// config writes a configuration with three kinds of apps, on ports that the system chooses.
func writeConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "catflap.yaml")
	text := fmt.Sprintf(`wsPort: 0
accessToken: token-of-napcat-0123456789
owners: [20001]
groups: {"30003": {requireMention: true}}
gateway: {listen: "127.0.0.1:0"}
console: {listen: "127.0.0.1:0"}
dataDir: %q
apps:
  comes: {protocol: onebot11, accessToken: token-of-comes-0123456789}
  dialled: {protocol: onebot11, connect: "ws://127.0.0.1:9/onebot/v11/ws", accessToken: token-of-dialled-0123456789}
  later: {protocol: onebot11, accessToken: token-of-later-0123456789, enabled: false}
`, filepath.Join(dir, "data"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// hub is a catflap that a service manager of this test has started.
type hub struct {
	*exec.Cmd
	told *net.UnixConn
	log  string // file
}

// start runs catflap as systemd does, with a watchdog if there is a limit, and waits until it says that it is ready.
func start(t *testing.T, program, config string, watchdog time.Duration) *hub {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{Cmd: exec.CommandContext(t.Context(), program, "run", "--config", config), told: told, log: filepath.Join(dir, "log")}
	out, err := os.Create(h.log)
	if err != nil {
		t.Fatal(err)
	}
	h.Stderr = out
	h.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket)
	if watchdog > 0 {
		h.Env = append(h.Env, "WATCHDOG_USEC="+strconv.FormatInt(watchdog.Microseconds(), 10))
	}
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.Process.Kill()
		_ = h.Wait()
		_ = told.Close()
		_ = out.Close()
		if t.Failed() {
			text, _ := os.ReadFile(h.log)
			t.Logf("catflap said:\n%s", text)
		}
	})
	if got := h.hear(t); got != "READY=1" {
		t.Fatalf("the first words are %q", got)
	}
	return h
}

// hear gives the next thing that the service manager is told.
func (h *hub) hear(t *testing.T) string {
	t.Helper()
	buf := make([]byte, 4096)
	_ = h.told.SetReadDeadline(time.Now().Add(patience))
	n, err := h.told.Read(buf)
	if err != nil {
		text, _ := os.ReadFile(h.log)
		t.Fatalf("the service manager hears nothing: %v\n%s", err, text)
	}
	return string(buf[:n])
}

// memory reads the sizes of /proc/PID/status in bytes.
func memory(t *testing.T, pid int) map[string]int64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := make(map[string]int64)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		if words := strings.Fields(rest); len(words) == 2 && words[1] == "kB" {
			n, _ := strconv.ParseInt(words[0], 10, 64)
			found[name] = n << 10
		}
	}
	return found
}

func TestMemoryOfAnIdleBox(t *testing.T) {
	h := start(t, build(t, "1.0.0"), writeConfig(t), time.Second)
	for range 8 {
		h.hear(t) // two seconds of watchdog: what starts late has started, and every probe has run
	}
	m := memory(t, h.Process.Pid)
	t.Logf("idle: VmRSS %.1f MiB, RssAnon %.1f MiB, RssFile %.1f MiB", mib(m["VmRSS"]), mib(m["RssAnon"]), mib(m["RssFile"]))
	if rss := m["VmRSS"]; rss > maxIdleRSS || rss == 0 {
		t.Errorf("an idle catflap takes %.1f MiB, more than %.1f", mib(rss), mib(maxIdleRSS))
	}
	if anon := m["RssAnon"]; anon > maxIdleAnon || anon == 0 {
		t.Errorf("an idle catflap takes %.1f MiB of its own, more than %.1f", mib(anon), mib(maxIdleAnon))
	}
}

func TestMemoryUnderLoad(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), build(t, "1.0.0"), "bench", "--rounds", "1", "--events", "20000", "--paced", "2s", "--json")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("catflap bench: %v\n%s", err, out)
	}
	var report struct {
		Catflap struct {
			Paced int64 `json:"rss_anon_peak_paced"`
			Peak  int64 `json:"rss_anon_peak"`
			Lost  int64 `json:"lost"`
		} `json:"catflap"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	t.Logf("peak of RssAnon: %.1f MiB at 400 events/s, %.1f MiB flat out", mib(report.Catflap.Paced), mib(report.Catflap.Peak))
	if got := report.Catflap.Paced; got > maxPacedAnon || got == 0 {
		t.Errorf("at 400 events/s catflap takes %.1f MiB of its own, more than %.1f", mib(got), mib(maxPacedAnon))
	}
	if got := report.Catflap.Peak; got > maxLoadAnon || got == 0 {
		t.Errorf("flat out catflap takes %.1f MiB of its own, more than %.1f", mib(got), mib(maxLoadAnon))
	}
	if report.Catflap.Lost > 0 {
		t.Errorf("%d events were lost", report.Catflap.Lost)
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// The watchdog is fed for as long as everything answers, and the end is announced.
func TestServiceManagerIsTold(t *testing.T) {
	h := start(t, build(t, "1.0.0"), writeConfig(t), 2*time.Second)
	for range 3 {
		if got := h.hear(t); got != "WATCHDOG=1" {
			t.Fatalf("systemd was told %q", got)
		}
	}
	if err := h.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for {
		if got := h.hear(t); got == "STOPPING=1" {
			break
		} else if got != "WATCHDOG=1" {
			t.Fatalf("systemd was told %q", got)
		}
	}
	if err := h.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// systemd does not start a service again that ended with status 2, which Go's crashes do by themselves too. The watchdog's
// signal is a crash like any other.
func TestCrashDiffersFromAWrongConfiguration(t *testing.T) {
	program := build(t, "1.0.0")
	unit := string(read(t, "packaging/systemd/catflap.service"))
	if !strings.Contains(unit, "\nRestartPreventExitStatus=2\n") || !strings.Contains(unit, "\nRestart=always\n") {
		t.Error("the unit restarts otherwise than this test knows")
	}
	for _, signal := range []syscall.Signal{syscall.SIGABRT, syscall.SIGQUIT, syscall.SIGSEGV} {
		h := start(t, program, writeConfig(t), 0)
		if err := h.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = h.Wait()
		if status, ok := h.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
			t.Errorf("%v: it ended with %v, and would not be started again", signal, h.ProcessState)
		}
		if text, err := os.ReadFile(h.log); err != nil || !strings.Contains(string(text), "goroutine ") {
			t.Errorf("%v: the log does not say where everything was: %v", signal, err)
		}
	}

	file := writeConfig(t)
	if err := os.WriteFile(file, []byte("nonsense: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "run", "--config", file).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 2 {
		t.Errorf("a wrong configuration: %v\n%s", err, out)
	}
}

// What keeps the service inside of its sandbox, as systemd itself judges it.
func TestUnitIsTight(t *testing.T) {
	file := filepath.Join(root, "packaging/systemd/catflap.service")
	out := output(t, "systemd-analyze", "security", "--offline=true", "packaging/systemd/catflap.service")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	words := strings.Fields(lines[len(lines)-1]) // → Overall exposure level for catflap.service: 1.1 OK
	at := slices.Index(words, "catflap.service:")
	if at < 0 || at+1 >= len(words) {
		t.Fatalf("systemd-analyze said %q of %s", lines[len(lines)-1], file)
	}
	exposure, err := strconv.ParseFloat(words[at+1], 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("exposure %.1f", exposure)
	if exposure > 1.5 {
		t.Errorf("the unit is more open than it was: %.1f\n%s", exposure, out)
	}
}
