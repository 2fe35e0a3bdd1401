package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// twice builds the release again from a copy of the tree in another folder, with a build cache of its own, and wants the
// same bytes in every file.
func (r *release) twice(ctx context.Context) error {
	fmt.Println("once more, from a copy of the tree and an empty build cache")
	place, err := os.MkdirTemp("", "catflap-again-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(place)
	tree := filepath.Join(place, "another", "tree")
	if err := copyTree(r.root, tree); err != nil {
		return fmt.Errorf("copying the tree: %w", err)
	}
	second := *r
	second.root, second.out = tree, filepath.Join(place, "release")
	// The packager is the same program either way; only what is shipped has to be compiled again.
	second.env = append(slices.Clone(r.env), "GOCACHE="+filepath.Join(place, "cache"))
	if err := second.build(ctx); err != nil {
		return err
	}
	return same(r.out, second.out)
}

// copyTree leaves out what no build needs.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if inside != "." && (strings.HasPrefix(d.Name(), ".") || inside == "build" || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, inside), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return copyFile(path, filepath.Join(to, inside))
	})
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// same compares two release folders, file by file.
func same(one, other string) error {
	names := make(map[string]bool)
	for _, folder := range []string{one, other} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			names[e.Name()] = true
		}
	}
	var different []string
	for name := range names {
		a, errA := os.ReadFile(filepath.Join(one, name))
		b, errB := os.ReadFile(filepath.Join(other, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			different = append(different, name)
		}
	}
	if len(different) > 0 {
		slices.Sort(different)
		return fmt.Errorf("two runs made different files: %s", strings.Join(different, ", "))
	}
	fmt.Printf("  %d files, identical in both runs\n", len(names))
	return nil
}
