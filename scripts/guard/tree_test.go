package guard

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the top of the checkout, seen from this package's folder.
const root = "../.."

// tags are the build tags of the product; Makefile and the end-to-end tests name the same.
const tags = "nethttpomithttp2"

func TestEverybodyBuildsWithTheSameTags(t *testing.T) {
	for name, want := range map[string]string{
		"Makefile":                  "TAGS     := " + tags + "\n",
		"scripts/e2e/build_test.go": `"` + tags + `"`,
		"scripts/soak/main_test.go": `"` + tags + `"`,
		"scripts/release/main.go":   `"` + tags + `"`,
		"Dockerfile":                "-tags " + tags + " ",
	} {
		if !strings.Contains(string(read(t, name)), want) {
			t.Errorf("%s does not build with the tags %s", name, tags)
		}
	}
}

// output runs a command at the top of the checkout and returns what it printed on standard output.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = root
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, problems.String())
	}
	return string(out)
}

// files lists what the repository holds or would hold: tracked files and new ones that are not ignored, with slashes,
// relative to the top.
func files(t *testing.T) []string {
	t.Helper()
	var list []string
	for name := range strings.SplitSeq(output(t, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		if name == "" {
			continue
		}
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || !info.Mode().IsRegular() {
			continue // removed in the work tree, or a link
		}
		list = append(list, name)
	}
	if len(list) == 0 {
		t.Fatal("git lists no files: the guard tests need a checkout")
	}
	return list
}

// read returns one file of the checkout.
func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatalf("reading a file of the tree: %v", err)
	}
	return data
}
