package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// check unpacks each artefact with the tools of its own world (dpkg-deb, rpm2cpio, tar, unzip), compares what is in it
// with testdata/FORMAT.txt, and runs the program that it brings.
func (r *release) check(ctx context.Context) error {
	fmt.Println("unpacking and running")
	for _, t := range r.targets {
		formats := append([]string{"tar.gz"}, t.formats...)
		if t.goos == "windows" {
			formats = []string{"zip"}
		}
		for _, format := range formats {
			name := "catflap_" + r.version.String() + "_" + t.String() + "." + format
			said, err := r.try(ctx, t, format, filepath.Join(r.out, name))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Printf("  %-48s %s\n", name, said)
		}
	}
	return nil
}

// unpacking is how an artefact is opened; $1 is the file, the current folder the place.
func unpacking(format string) string {
	switch format {
	case "deb":
		return `dpkg-deb -x "$1" .`
	case "rpm":
		// The names in an rpm are absolute: without the flag it would be unpacked over this machine's own files.
		return `rpm2cpio "$1" | cpio --quiet -idm --no-absolute-filenames`
	case "apk":
		// Three gzip streams one after the other: signature, control, files.
		return `tar --warning=no-unknown-keyword -xzf "$1" && rm -f .PKGINFO .post-* .pre-*`
	case "zip":
		return `unzip -q "$1"`
	}
	return `tar -xzf "$1"`
}

func (r *release) try(ctx context.Context, t target, format, name string) (string, error) {
	place, err := os.MkdirTemp("", "catflap-try-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(place)
	cmd := exec.CommandContext(ctx, "sh", "-c", "set -e; umask 022; "+unpacking(format), "sh", name)
	cmd.Dir = place
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpacking: %w\n%s", err, out)
	}
	if t.goos == "linux" {
		if err := r.expect(format, place); err != nil {
			return "", err
		}
	}
	program := filepath.Join(place, "usr", "bin", t.program())
	if format == "tar.gz" || format == "zip" {
		program = filepath.Join(place, "catflap_"+r.version.String()+"_"+t.String(), t.program())
	}
	if t.emulator == nil {
		if _, err := os.Stat(program); err != nil {
			return "", err
		}
		return "unpacked; nothing here runs it", nil
	}
	command := append(slices.Clone(t.emulator), program, "version")
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
	}
	said := strings.TrimSpace(string(out))
	if !strings.HasPrefix(said, "catflap "+r.version.String()+" ") {
		return "", fmt.Errorf("the program says %q, not version %s", said, r.version)
	}
	return said, nil
}

// expect compares modes and names with the list of the format. Listing by hand what a package brings is on purpose: a
// file that nobody meant to ship, or a mode that changed, is a difference.
func (r *release) expect(format, place string) error {
	var found []string
	err := filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && !strings.HasSuffix(path, "etc/catflap") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(place, path)
		if err != nil {
			return err
		}
		if format == "tar.gz" {
			_, inside, _ = strings.Cut(filepath.ToSlash(inside), "/")
		}
		found = append(found, fmt.Sprintf("%04o %s", info.Mode().Perm(), filepath.ToSlash(inside)))
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b string) int { return strings.Compare(a[5:], b[5:]) })
	want, err := os.ReadFile(filepath.Join(r.root, "scripts", "release", "testdata", format+".txt"))
	if err != nil {
		return err
	}
	var problems []error
	listed := strings.Split(strings.TrimSpace(string(want)), "\n")
	for _, line := range found {
		if !slices.Contains(listed, line) {
			problems = append(problems, fmt.Errorf("it has %s, which testdata/%s.txt has not", line, format))
		}
	}
	for _, line := range listed {
		if !slices.Contains(found, line) {
			problems = append(problems, fmt.Errorf("it lacks %s", line))
		}
	}
	return errors.Join(problems...)
}
