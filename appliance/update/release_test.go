package update

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"
)

// published is a release server on loopback, and the machine that updates from it.
type published struct {
	t       *testing.T
	dir     string // what the server has
	server  *httptest.Server
	public  minisign.PublicKey
	private minisign.PrivateKey
	target  string // the installed program
}

func newPublished(t *testing.T) *published {
	t.Helper()
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &published{t: t, dir: t.TempDir(), public: public, private: private, target: filepath.Join(t.TempDir(), "catflap")}
	p.server = httptest.NewServer(http.FileServer(http.Dir(p.dir)))
	t.Cleanup(p.server.Close)
	p.write(p.target, program("1.0.0", "linux", "amd64"), 0o755)
	return p
}

func (p *published) write(path, content string, mode fs.FileMode) {
	p.t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		p.t.Fatal(err)
	}
}

func (p *published) read(path string) string {
	p.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

// program is a program that says what it is.
func program(version, system, arch string) string {
	return fmt.Sprintf("#!/bin/sh\n[ \"$1\" = version ] && echo '{\"version\": %q, \"os\": %q, \"arch\": %q}'\n", version, system, arch)
}

// archived is a program in an archive as scripts/release makes it.
func archived(t *testing.T, name, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, e := range []struct {
		name, content string
		mode          int64
	}{{name + "/completions/catflap", "complete", 0o644}, {name + "/catflap", content, 0o755}, {name + "/README.md", "read me", 0o644}} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// publish puts a release on the server: files by architecture.
func (p *published) publish(version string, programs map[string]string) {
	p.t.Helper()
	var sums strings.Builder
	for arch, content := range programs {
		name := "catflap_" + version + "_linux_" + arch
		data := archived(p.t, name, content)
		p.write(filepath.Join(p.dir, name+".tar.gz"), string(data), 0o644)
		fmt.Fprintf(&sums, "%x  %s.tar.gz\n", sha256.Sum256(data), name)
	}
	p.sign(sums.String(), "catflap "+version+" 2026-11-22")
}

func (p *published) sign(sums, comment string) {
	p.write(filepath.Join(p.dir, sumsName), sums, 0o644)
	p.write(filepath.Join(p.dir, signatureName), string(minisign.SignWithComments(p.private, []byte(sums), comment, "signature of a catflap release")), 0o644)
}

// look finds the release as `catflap update` does.
func (p *published) look(arch string) (*Release, error) {
	p.t.Helper()
	source, err := NewSource(p.server.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	return Look(p.t.Context(), source, []minisign.PublicKey{p.public}, "linux", arch)
}

// prepare does everything before the swap.
func (p *published) prepare() (*Prepared, error) {
	r, err := p.look("amd64")
	if err != nil {
		return nil, err
	}
	return r.Prepare(p.t.Context(), p.target, "linux", "amd64")
}

// leftovers are files beside the program that should not be there.
func (p *published) leftovers() []string {
	p.t.Helper()
	entries, err := os.ReadDir(filepath.Dir(p.target))
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "catflap" && e.Name() != "catflap.old" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestPrepare(t *testing.T) {
	p := newPublished(t)
	p.publish("1.1.0", map[string]string{"amd64": program("1.1.0", "linux", "amd64"), "armhf": "x"})
	prepared, err := p.prepare()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.read(prepared.fresh); got != program("1.1.0", "linux", "amd64") || prepared.Release.Version != "1.1.0" {
		t.Errorf("prepared %+v: %s", prepared, got)
	}
	if p.read(p.target) != program("1.0.0", "linux", "amd64") {
		t.Error("the installed program changed before the swap")
	}
	prepared.Discard()
	if left := p.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}

	// The same from a folder.
	source, err := NewSource(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Look(t.Context(), source, []minisign.PublicKey{p.public}, "linux", "armv7"); err != nil || r.Archive != "catflap_1.1.0_linux_armhf.tar.gz" {
		t.Errorf("for ARMv7, when there is only armhf: %+v %v", r, err)
	}
}

// Whatever is wrong with a release, the installed program stays as it is and nothing is left beside it.
func TestFault_S14_BadReleases(t *testing.T) {
	good := func(p *published) {
		p.publish("1.1.0", map[string]string{"amd64": program("1.1.0", "linux", "amd64")})
	}
	const archive = "catflap_1.1.0_linux_amd64.tar.gz"
	for _, tt := range []struct {
		name   string
		change func(*published)
		want   string
	}{
		{"checksums changed after the signature", func(p *published) {
			p.write(filepath.Join(p.dir, sumsName), p.read(filepath.Join(p.dir, sumsName))+strings.Repeat("0", 64)+"  more\n", 0o644)
		}, ErrSignature.Error()},
		{"signed by somebody else", func(p *published) {
			var err error
			if _, p.private, err = minisign.GenerateKey(nil); err != nil {
				p.t.Fatal(err)
			}
			p.sign(p.read(filepath.Join(p.dir, sumsName)), "catflap 1.1.0 2026-11-22")
		}, ErrSignature.Error()},
		{"the comment with the version changed", func(p *published) {
			file := filepath.Join(p.dir, signatureName)
			p.write(file, strings.Replace(p.read(file), "catflap 1.1.0", "catflap 9.9.9", 1), 0o644)
		}, ErrSignature.Error()},
		{"no signature", func(p *published) { _ = os.Remove(filepath.Join(p.dir, signatureName)) },
			"fetching SHA256SUMS.minisig from ADDRESS: the server answered 404 Not Found"},
		{"a signature of rubbish", func(p *published) { p.write(filepath.Join(p.dir, signatureName), "hello", 0o644) }, ErrSignature.Error() + " (…)"},
		{"checksums without an end", func(p *published) {
			p.write(filepath.Join(p.dir, sumsName), strings.Repeat("x", maxSums+1), 0o644)
		}, "SHA256SUMS is larger than 64 KiB"},
		{"a truncated archive", func(p *published) {
			file := filepath.Join(p.dir, archive)
			p.write(file, p.read(file)[:100], 0o644)
		}, archive + " is damaged or incomplete: its checksum is not the signed one"},
		{"another archive under its name", func(p *published) {
			p.write(filepath.Join(p.dir, archive), string(archived(p.t, "x", program("1.1.0", "linux", "amd64")+"#")), 0o644)
		}, archive + " is damaged or incomplete: its checksum is not the signed one"},
		{"no archive", func(p *published) { _ = os.Remove(filepath.Join(p.dir, archive)) },
			"fetching " + archive + " from ADDRESS: the server answered 404 Not Found"},
		{"nothing for this machine", func(p *published) { p.publish("1.1.0", map[string]string{"riscv64": "x"}) },
			ErrNotHere.Error() + ": there is no catflap_1.1.0_linux_amd64.tar.gz"},
		{"a program for another processor", func(p *published) {
			p.publish("1.1.0", map[string]string{"amd64": program("1.1.0", "linux", "arm64")})
		}, "the program of " + archive + " is for linux/arm64, this machine is linux/amd64"},
		{"a program of another version", func(p *published) {
			p.publish("1.1.0", map[string]string{"amd64": program("1.0.9", "linux", "amd64")})
		}, `the program of ` + archive + ` says that it is version "1.0.9"`},
		{"a program that does not run", func(p *published) {
			p.publish("1.1.0", map[string]string{"amd64": "\x7fELF of another machine"})
		}, "the program of " + archive + " does not run on this machine: …"},
		{"a program that crashes", func(p *published) {
			p.publish("1.1.0", map[string]string{"amd64": "#!/bin/sh\necho no such thing >&2\nexit 3\n"})
		}, "the program of " + archive + " does not run on this machine: exit status 3: no such thing"},
		{"an archive without a program", func(p *published) {
			data := archivedNothing(p.t)
			p.write(filepath.Join(p.dir, archive), string(data), 0o644)
			p.sign(fmt.Sprintf("%x  %s\n", sha256.Sum256(data), archive), "catflap 1.1.0 2026-11-22")
		}, "unpacking " + archive + ": there is no program catflap in it"},
		{"an archive that is none", func(p *published) {
			p.write(filepath.Join(p.dir, archive), "hello", 0o644)
			p.sign(fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte("hello")), archive), "catflap 1.1.0 2026-11-22")
		}, "unpacking " + archive + ": …"},
		{"a comment that names no version", func(p *published) { p.sign(p.read(filepath.Join(p.dir, sumsName)), "file:SHA256SUMS") },
			`the signed comment "file:SHA256SUMS" names no version: "" is no version such as 1.2.3`},
		{"lines that are no checksums", func(p *published) { p.sign("hello\n", "catflap 1.1.0 2026-11-22") }, "SHA256SUMS has a line that is no checksum"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPublished(t)
			good(p)
			tt.change(p)
			prepared, err := p.prepare()
			if err == nil {
				t.Fatalf("it was taken: %+v", prepared)
			}
			got := strings.ReplaceAll(err.Error(), strings.TrimPrefix(p.server.URL, "http://"), "ADDRESS")
			if want, some := strings.CutSuffix(tt.want, "…"); some && strings.HasPrefix(got, want) {
				got = tt.want
			} else if want, some := strings.CutSuffix(tt.want, "…)"); some && strings.HasPrefix(got, want) {
				got = tt.want
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if p.read(p.target) != program("1.0.0", "linux", "amd64") {
				t.Error("the installed program changed")
			}
			if left := p.leftovers(); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// archivedNothing is an archive with no program in it, but with a link of its name.
func archivedNothing(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "x/catflap", Linkname: "/bin/sh", Mode: 0o777}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A redirect leads nowhere but to the host that was named.
func TestSourceStaysWithItsHost(t *testing.T) {
	p := newPublished(t)
	p.publish("1.1.0", map[string]string{"amd64": "x"})
	elsewhere := httptest.NewServer(http.RedirectHandler(p.server.URL+"/"+sumsName, http.StatusFound))
	defer elsewhere.Close()
	source, err := NewSource(elsewhere.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.read(t.Context(), sumsName, maxSums)
	want := "fetching SHA256SUMS from " + strings.TrimPrefix(elsewhere.URL, "http://") + ": it redirects to " + p.server.URL +
		": download the files yourself and give the folder to --from"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	rounds := 0
	circle := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rounds++; rounds == 3 {
			fmt.Fprint(w, "here")
			return
		}
		http.Redirect(w, r, "/"+fmt.Sprint(rounds), http.StatusFound)
	}))
	defer circle.Close()
	if source, err = NewSource(circle.URL); err != nil {
		t.Fatal(err)
	}
	if data, err := source.read(t.Context(), "x", 10); err != nil || string(data) != "here" {
		t.Errorf("redirects on the same host: %q %v", data, err)
	}
	rounds = 100
	if _, err := source.read(t.Context(), "x", 10); err == nil || !strings.HasSuffix(err.Error(), ": it redirects too often") {
		t.Errorf("a circle: %v", err)
	}
}

func TestNewSource(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"", file, file + "/nothing", "ftp://host/x", "https://", "https:///x", "http://host/?x=1", "http://host/#x", "file:///etc"} {
		if _, err := NewSource(from); err == nil {
			t.Errorf("%q was taken", from)
		}
	}
}

func TestKeys(t *testing.T) {
	public, _, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]int{
		string(text) + "\n": 1, string(text) + "\n" + public.String() + "\r\n": 2, "": 0, "untrusted comment: none yet\n": 0, "rubbish": 0,
	} {
		keys, err := Keys(content)
		if len(keys) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d keys, %v", content, len(keys), err)
		}
	}
}

func TestArchitecture(t *testing.T) {
	for _, tt := range [][3]string{
		{"amd64", "", "amd64"}, {"arm64", "", "arm64"}, {"arm", "6", "armhf"}, {"arm", "5", "armhf"}, {"arm", "", "armhf"}, {"arm", "7", "armv7"},
		{"arm", "7,softfloat", "armv7"}, {"riscv64", "", "riscv64"},
	} {
		if got := Architecture(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s %s: %s, want %s", tt[0], tt[1], got, tt[2])
		}
	}
}

func TestCompare(t *testing.T) {
	// Each is older than the next.
	order := []string{"(devel)", "0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc1", "1.0.0", "1.0.1-3-gabc", "1.0.1", "1.2.0", "1.10.0", "2.0.0"}
	for i, a := range order {
		for j, b := range order {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := Compare(a, b); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
	if Compare("v1.2.3+build.5", "1.2.3") != 0 {
		t.Error("the v and the build part order something")
	}
}
