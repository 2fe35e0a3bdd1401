package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// documents writes what goes beside the program: the manual page, which the program prints, and the licences of
// everything that is linked into it, as those licences ask.
func (r *release) documents(ctx context.Context) error {
	program, err := r.native(ctx)
	if err != nil {
		return err
	}
	page, err := r.tool(ctx, []string{"LC_ALL=C"}, program, "manual")
	if err != nil {
		return fmt.Errorf("printing the manual page: %w", err)
	}
	packed, err := zipped(page)
	if err != nil {
		return err
	}
	licences, err := r.licences(ctx)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"catflap.1": page, "catflap.1.gz": packed, "copyright": licences} {
		if err := os.WriteFile(filepath.Join(r.stage, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// zipped is gzip without a name and without a time.
func zipped(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// part is one module that is linked into the program.
type part struct{ path, version, dir string }

// parts are the modules behind the program on any of the targets, and Go itself, sorted.
func (r *release) parts(ctx context.Context) ([]part, error) {
	found := make(map[part]bool)
	for _, t := range r.targets {
		out, err := r.tool(ctx, append([]string{"CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOOS=" + t.goos}, t.env...),
			"go", "list", "-deps", "-tags", r.tags, "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", ".")
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(out)) {
			if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
				found[part{f[0], f[1], f[2]}] = true
			}
		}
	}
	out, err := r.tool(ctx, nil, "go", "env", "GOROOT", "GOVERSION")
	if err != nil {
		return nil, err
	}
	f := strings.Fields(string(out))
	if len(f) != 2 {
		return nil, fmt.Errorf("go env answered %q", out)
	}
	list := []part{{"std", f[1], f[0]}}
	for p := range found {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b part) int { return strings.Compare(a.path, b.path) })
	return list, nil
}

// licences is our own licence and, behind it, those of the parts.
func (r *release) licences(ctx context.Context) ([]byte, error) {
	own, err := os.ReadFile(filepath.Join(r.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("catflap, https://github.com/catflap/catflap\n\n")
	out.Write(bytes.TrimRight(own, "\n"))
	out.WriteString("\n")
	parts, err := r.parts(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		texts, err := p.licence()
		if err != nil {
			return nil, err
		}
		name := p.path + " " + p.version
		if p.path == "std" {
			name = "the Go standard library and runtime, " + p.version
		}
		fmt.Fprintf(&out, "\n%s\ncatflap contains %s:\n\n%s\n", strings.Repeat("-", 80), name, bytes.TrimSpace(texts))
	}
	return out.Bytes(), nil
}

// licence is the text of a part's licence files. A part without any cannot be shipped.
func (p part) licence() ([]byte, error) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return nil, fmt.Errorf("the licence of %s: %w", p.path, err)
	}
	var out bytes.Buffer
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "NOTICE") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.dir, e.Name()))
		if err != nil {
			return nil, err
		}
		out.Write(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		out.WriteString("\n")
	}
	if out.Len() == 0 {
		return nil, fmt.Errorf("%s %s has no licence file", p.path, p.version)
	}
	return out.Bytes(), nil
}
