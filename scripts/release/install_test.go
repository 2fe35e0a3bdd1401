package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
)

// shop is a release folder with a program that is a shell script, and a machine to install it on.
type shop struct {
	t       *testing.T
	release string
	root    string // --root
	path    string // $PATH: what the machine has
	key     minisign.PrivateKey
	public  string
}

// basic is what any machine has; which checker of signatures it has, each test says.
var basic = []string{"sh", "sed", "awk", "grep", "cp", "mv", "rm", "mkdir", "mktemp", "chmod", "cut", "head", "tail", "tr", "od", "cat", "wc", "cmp",
	"gzip", "tar", "sha256sum", "id", "uname", "getconf"}

func openShop(t *testing.T, tools ...string) *shop {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, release: t.TempDir(), root: t.TempDir(), path: t.TempDir(), key: private, public: public.String()}
	for _, name := range append(basic, tools...) {
		found, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("this test needs %s: %v", name, err)
		}
		if err := os.Symlink(found, filepath.Join(s.path, name)); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(t.TempDir(), "catflap")
	s.write(program, "#!/bin/sh\necho catflap 1.2.3\n", 0o755)
	r := &release{time: time.Unix(1700000000, 0)}
	for _, arch := range []string{"amd64", "arm64", "armhf", "armv7"} {
		name := "catflap_1.2.3_linux_" + arch
		data, err := r.tarred([]entry{{name + "/catflap", 0o755, program}})
		if err != nil {
			t.Fatal(err)
		}
		if data, err = zipped(data); err != nil {
			t.Fatal(err)
		}
		s.write(filepath.Join(s.release, name+".tar.gz"), string(data), 0o644)
	}
	s.sign("catflap 1.2.3 2026-01-01")
	return s
}

func (s *shop) write(name, text string, mode os.FileMode) {
	s.t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

// sign lists the sums of the release and signs the list.
func (s *shop) sign(comment string) {
	s.t.Helper()
	names, err := artefacts(s.release)
	if err != nil {
		s.t.Fatal(err)
	}
	var list bytes.Buffer
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(s.release, name))
		if err != nil {
			s.t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		list.WriteString(hex.EncodeToString(sum[:]) + "  " + name + "\n")
	}
	s.write(filepath.Join(s.release, sumsFile), list.String(), 0o644)
	s.write(filepath.Join(s.release, signatureFile), string(minisign.SignWithComments(s.key, list.Bytes(), comment, "test")), 0o644)
}

// fake puts a command that prints text before the machine's own.
func (s *shop) fake(name, text string) {
	s.t.Helper()
	os.Remove(filepath.Join(s.path, name))
	s.write(filepath.Join(s.path, name), "#!/bin/sh\necho "+text+"\n", 0o755)
}

// install runs the script; it gives what the script said and whether it was content.
func (s *shop) install(args ...string) (string, bool) {
	s.t.Helper()
	script, err := filepath.Abs("../install.sh")
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(s.path, "sh"), append([]string{script, "--root", s.root}, args...)...)
	cmd.Env = []string{"PATH=" + s.path, "TMPDIR=" + s.t.TempDir()}
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func (s *shop) installed() bool {
	_, err := os.Stat(filepath.Join(s.root, "usr/local/bin/catflap"))
	return err == nil
}

func TestInstallChecksTheSignature(t *testing.T) {
	ruin := func(name, from, to string) func(*shop) {
		return func(s *shop) {
			data, err := os.ReadFile(filepath.Join(s.release, name))
			if err != nil {
				s.t.Fatal(err)
			}
			if !bytes.Contains(data, []byte(from)) {
				s.t.Fatalf("%s has no %q to ruin", name, from)
			}
			s.write(filepath.Join(s.release, name), strings.Replace(string(data), from, to, 1), 0o644)
		}
	}
	another := func(s *shop) {
		public, _, err := minisign.GenerateKey(rand.Reader)
		if err != nil {
			s.t.Fatal(err)
		}
		s.public = public.String()
	}
	for _, c := range []struct {
		name string
		ruin func(*shop)
		want string // in what it says; "" = it installs
	}{
		{"as released", func(*shop) {}, ""},
		{"another list", ruin(sumsFile, "a", "b"), "the signature of SHA256SUMS is WRONG"},
		{"another comment", ruin(signatureFile, "catflap 1.2.3", "catflap 9.9.9"), "the signature of SHA256SUMS is WRONG"},
		{"another key", another, "the signature of SHA256SUMS is WRONG"},
		{"no signature", func(s *shop) { os.Remove(filepath.Join(s.release, signatureFile)) }, "this release is not signed"},
		{"no key", func(s *shop) { s.public = "" }, "no key to check the release with"},
		{"another archive", func(s *shop) { s.write(filepath.Join(s.release, "catflap_1.2.3_linux_arm64.tar.gz"), "x", 0o644) }, "is damaged"},
		{"a truncated archive", func(s *shop) {
			if err := os.Truncate(filepath.Join(s.release, "catflap_1.2.3_linux_arm64.tar.gz"), 100); err != nil {
				s.t.Fatal(err)
			}
		}, "is damaged"},
	} {
		for _, tool := range []string{"openssl", "minisign"} {
			t.Run(c.name+" by "+tool, func(t *testing.T) {
				s := openShop(t, tool)
				c.ruin(s)
				said, fine := s.install("--from", s.release, "--arch", "arm64", "--public-key", s.public)
				if c.want == "" {
					if !fine || !s.installed() || !strings.Contains(said, "the signature is right: catflap 1.2.3 2026-01-01") {
						t.Errorf("not installed:\n%s", said)
					}
					return
				}
				if fine || s.installed() || !strings.Contains(said, c.want) {
					t.Errorf("want %q; installed %v:\n%s", c.want, s.installed(), said)
				}
			})
		}
	}
}

// A signature by the minisign program is of the list's BLAKE2b sum.
func TestInstallReadsHashedSignatures(t *testing.T) {
	s := openShop(t, "openssl")
	list, err := os.ReadFile(filepath.Join(s.release, sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	hashed := minisign.NewReader(bytes.NewReader(list))
	if _, err := io.Copy(io.Discard, hashed); err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(s.release, signatureFile), string(hashed.SignWithComments(s.key, "hashed", "test")), 0o644)
	if said, fine := s.install("--from", s.release, "--arch", "amd64", "--public-key", s.public); !fine || !s.installed() {
		t.Error(said)
	}
}

func TestInstallWithoutAnythingToCheckWith(t *testing.T) {
	s := openShop(t)
	said, fine := s.install("--from", s.release, "--arch", "amd64", "--public-key", s.public)
	if fine || s.installed() || !strings.Contains(said, "there is nothing here to check the signature with") {
		t.Error(said)
	}
	said, fine = s.install("--from", s.release, "--arch", "amd64", "--insecure-skip-signature")
	if !fine || !s.installed() || !strings.Contains(said, "NOT CHECKED") {
		t.Error(said)
	}
}

func TestInstallFindsTheArchitecture(t *testing.T) {
	for _, c := range []struct{ machine, bits, want string }{
		{"x86_64", "64", "amd64"},
		{"x86_64", "32", "this system is 32-bit x86"},
		{"aarch64", "64", "arm64"},
		{"aarch64", "32", "armhf"}, // a 32-bit system on a 64-bit kernel
		{"armv8l", "32", "armhf"},
		{"armv7l", "32", "armv7"},
		{"armv6l", "32", "armhf"},
		{"riscv64", "64", "no archive for riscv64"}, // the release of this test has none
		{"mips", "32", "there is no catflap for mips"},
	} {
		t.Run(c.machine+" "+c.bits, func(t *testing.T) {
			s := openShop(t)
			s.fake("uname", c.machine)
			s.fake("getconf", c.bits)
			said, _ := s.install("--from", s.release, "--insecure-skip-signature", "--dry-run")
			want := "would install catflap_1.2.3_linux_" + c.want + ".tar.gz"
			if strings.Contains(c.want, " ") {
				want = c.want
			}
			if !strings.Contains(said, want) {
				t.Errorf("want %q:\n%s", want, said)
			}
			if s.installed() {
				t.Error("--dry-run installed something")
			}
		})
	}
}

func TestInstallFromAnAddressAgainAndAway(t *testing.T) {
	for _, tool := range []string{"curl", "wget"} {
		t.Run(tool, func(t *testing.T) {
			s := openShop(t, "openssl", tool)
			server := httptest.NewServer(http.FileServer(http.Dir(s.release)))
			defer server.Close()
			for range 2 {
				if said, fine := s.install("--from", server.URL+"/", "--arch", "amd64", "--public-key", s.public, "--version", "v1.2.3"); !fine || !s.installed() {
					t.Fatal(said)
				}
			}
			if said, fine := s.install("--from", server.URL, "--arch", "amd64", "--public-key", s.public, "--version", "1.2.4"); fine || !strings.Contains(said, "has version 1.2.3, not 1.2.4") {
				t.Error(said)
			}
			if said, fine := s.install("--from", server.URL+"/nowhere", "--public-key", s.public); fine || !strings.Contains(said, "there is no release at") {
				t.Error(said)
			}
			data := filepath.Join(s.root, "var/lib/catflap/state.db")
			if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
				t.Fatal(err)
			}
			s.write(data, "x", 0o600)
			for range 2 {
				if said, fine := s.install("uninstall"); !fine || s.installed() {
					t.Fatal(said)
				}
			}
			if _, err := os.Stat(data); err != nil {
				t.Error("uninstall took the data away")
			}
			if said, fine := s.install("uninstall", "--purge"); !fine {
				t.Error(said)
			}
			if _, err := os.Stat(data); err == nil {
				t.Error("uninstall --purge left the data")
			}
		})
	}
}

func TestInstallRefusesWrongUse(t *testing.T) {
	s := openShop(t)
	for _, args := range [][]string{{"--nonsense"}, {"--from"}, {"install", "--purge"}, {"--arch", "vax", "--from", "."}} {
		said, fine := s.install(args...)
		if fine || !strings.Contains(said, "--help shows what it takes") {
			t.Errorf("%v: %s", args, said)
		}
	}
}

// What the service's part of the script says and does, with a program that plays along. --prefix keeps it off this machine.
func TestInstallScriptAndTheService(t *testing.T) {
	script, err := filepath.Abs("../install.sh")
	if err != nil {
		t.Fatal(err)
	}
	s := openShop(t)
	prefix := t.TempDir()
	program := filepath.Join(prefix, "bin", "catflap")
	run := func(args ...string) (string, bool) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(s.path, "sh"), append([]string{script, "--prefix", prefix}, args...)...)
		cmd.Env = []string{"PATH=" + s.path, "TMPDIR=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		return string(out), err == nil
	}
	if out, ok := run("--from", "/nosuch"); ok || !strings.Contains(out, "there is no folder /nosuch\n") {
		t.Errorf("a folder that is not there: %v\n%s", ok, out)
	}
	for _, tt := range []struct {
		name, says string
		ok, stays  bool
	}{
		{"refused", "only root may change the services of the system", false, true},
		{"no services here", "catflap: no service manager was found on this machine", true, false},
	} {
		if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
			t.Fatal(err)
		}
		s.write(program, "#!/bin/sh\necho '"+tt.says+"' >&2\nexit 1\n", 0o755)
		out, ok := run("uninstall")
		_, gone := os.Stat(program)
		if ok != tt.ok || (gone == nil) != tt.stays {
			t.Errorf("%s: content %v, the program: %v\n%s", tt.name, ok, gone, out)
		}
	}
}
