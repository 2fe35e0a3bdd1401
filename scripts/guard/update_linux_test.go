package guard

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"aead.dev/minisign"
)

// broken is the source of a release that introduces itself well and then does not come up.
const broken = `package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	switch os.Args[1] {
	case "version":
		fmt.Printf("{\"version\": \"1.1.0\", \"os\": %q, \"arch\": %q}\n", runtime.GOOS, runtime.GOARCH)
	case "run":
		WHAT
	}
}
`

// systemctl is a service manager in a few lines. It starts the unit's program and waits for its admin socket or its end, as
// systemd waits for READY=1.
const systemctl = `#!/bin/sh
[ "$1" = --user ] && shift
case "$1" in
show)
	pid=$(cat "$BOX/pid" 2>/dev/null)
	if kill -0 "$pid" 2>/dev/null; then state=active; else state=inactive; fi
	printf 'LoadState=loaded\nActiveState=%s\nSubState=x\nResult=success\nMainPID=%s\nUnitFileState=enabled\n' $state "$pid"
	;;
start)
	"$BOX/bin/catflap" run --config "$BOX/catflap.yaml" >>"$BOX/log" 2>&1 &
	pid=$!
	echo $pid >"$BOX/pid"
	while [ ! -S "$BOX/data/admin.sock" ]; do
		kill -0 $pid 2>/dev/null || exit 1
		sleep 0.1
	done
	;;
stop)
	pid=$(cat "$BOX/pid" 2>/dev/null)
	kill "$pid" 2>/dev/null
	while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	rm -f "$BOX/pid" "$BOX/data/admin.sock"
	;;
*) exit 1 ;;
esac
`

// release writes a signed release of one program.
func release(t *testing.T, dir, version string, key minisign.PrivateKey, program string) {
	t.Helper()
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	arch := runtime.GOARCH
	if arch == "arm" {
		arch = "armhf"
	}
	name := "catflap_" + version + "_linux_" + arch
	var data bytes.Buffer
	zipped := gzip.NewWriter(&data)
	w := tar.NewWriter(zipped)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name + "/catflap", Mode: 0o755, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	sums := fmt.Appendf(nil, "%x  %s.tar.gz\n", sha256.Sum256(data.Bytes()), name)
	signature := minisign.SignWithComments(key, sums, "catflap "+version+" 2026-11-22", "")
	for file, content := range map[string][]byte{name + ".tar.gz": data.Bytes(), "SHA256SUMS": sums, "SHA256SUMS.minisig": signature} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The real program, replaced while a service manager runs it: by a good release, and by some that do not come up.
func TestFault_S14_UpdateOfARunningService(t *testing.T) {
	old, fresh := build(t, "1.0.0"), build(t, "1.1.0")
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, what string // what the new version does instead of serving; "" = the real one
		runs       string // the version that runs in the end
		says       string
	}{
		{"good", "", "1.1.0", "catflap 1.1.0 is up."},
		{"crashes", `panic("no")`, "1.0.0", "version 1.1.0 did not come up; 1.0.0 runs again"},
		{"ends", `fmt.Println(time.Now()); os.Exit(0)`, "1.0.0", "version 1.1.0 did not come up; 1.0.0 runs again"},
		{"hangs", `time.Sleep(time.Hour)`, "1.0.0", "version 1.1.0 did not come up; 1.0.0 runs again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			program := fresh
			if tt.what != "" {
				program = compile(t, strings.Replace(broken, "WHAT", tt.what+"; _ = time.Now", 1))
			}
			box := newUpdatableBox(t, old, public)
			release(t, box.release, "1.1.0", private, program)
			box.systemctl(t, "start")
			out, err := box.update("--patience", "12s")
			if (err == nil) != (tt.runs == "1.1.0") || !strings.Contains(out, tt.says) {
				t.Errorf("update: %v\n%s", err, out)
			}
			var status struct{ Version string }
			answer, err := box.command(filepath.Join(box.dir, "bin/catflap"), "status", "--json", "--config", filepath.Join(box.dir, "catflap.yaml")).Output()
			if err != nil || json.Unmarshal(answer, &status) != nil || status.Version != tt.runs {
				log, _ := os.ReadFile(filepath.Join(box.dir, "log"))
				t.Errorf("version %q runs, not %s: %v\n%s\n%s", status.Version, tt.runs, err, out, log)
			}
			if _, err := os.Stat(filepath.Join(box.dir, "data/state.db.old")); err != nil {
				t.Errorf("no copy of state.db: %v", err)
			}
		})
	}
}

// compile builds a program of one file.
func compile(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", "program", "main.go")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return filepath.Join(dir, "program")
}

// updatable is a machine with an installed program, a service manager and a release server.
type updatable struct {
	t            *testing.T
	dir, release string
	server       *httptest.Server
	key          string
}

func newUpdatableBox(t *testing.T, program string, public minisign.PublicKey) *updatable {
	t.Helper()
	b := &updatable{t: t, dir: t.TempDir(), release: t.TempDir()}
	b.key = filepath.Join(b.dir, "key.pub")
	key, err := public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	installed, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("wsPort: 0\naccessToken: token-of-napcat-0123456789\ngateway: {listen: \"127.0.0.1:0\"}\nconsole: {listen: \"127.0.0.1:0\"}\ndataDir: %q\n",
		filepath.Join(b.dir, "data"))
	for _, f := range []struct {
		name    string
		content []byte
		mode    os.FileMode
	}{
		{"bin/catflap", installed, 0o755}, {"key.pub", key, 0o644}, {"catflap.yaml", []byte(config), 0o600},
		// Package kardianos takes a machine with rpm-ostree for one with systemd.
		{"path/systemctl", []byte(systemctl), 0o755}, {"path/rpm-ostree", []byte("#!/bin/sh\n"), 0o755},
	} {
		file := filepath.Join(b.dir, f.name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.content, f.mode); err != nil {
			t.Fatal(err)
		}
	}
	b.server = httptest.NewServer(http.FileServer(http.Dir(b.release)))
	t.Cleanup(func() {
		b.server.Close()
		_ = b.command(filepath.Join(b.dir, "path/systemctl"), "stop").Run()
	})
	return b
}

func (b *updatable) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "BOX="+b.dir, "PATH="+filepath.Join(b.dir, "path")+":"+os.Getenv("PATH"), "LANG=C", "LC_ALL=C")
	return cmd
}

func (b *updatable) systemctl(t *testing.T, verb string) {
	t.Helper()
	if out, err := b.command(filepath.Join(b.dir, "path/systemctl"), verb).CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(b.dir, "log"))
		t.Fatalf("%s: %v\n%s\n%s", verb, err, out, log)
	}
}

func (b *updatable) update(args ...string) (string, error) {
	all := append([]string{"update", "--from", b.server.URL, "--key", b.key, "--config", filepath.Join(b.dir, "catflap.yaml")}, args...)
	out, err := b.command(filepath.Join(b.dir, "bin/catflap"), all...).CombinedOutput()
	return string(out), err
}
