// Package localfile decides which files of this box an action may name (design: POLICY, Files).
package localfile

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// maxPath bounds a path, bytes: no system that catflap runs on opens a longer one.
const maxPath = 4096

// Why a path is refused. The errors of Allows wrap one of these.
var (
	// ErrNoRoots: nothing is open to actions.
	ErrNoRoots = errors.New("files.roots lists no folder")
	// ErrForm: the path is not one that can be judged: relative, with "..", with a home sign, of another system.
	ErrForm = errors.New("only a full path without \"..\" can be below a folder of files.roots")
	// ErrOutside: the path, symlinks resolved, is not below any root. It says the same of files that do not exist: an
	// app must not learn what lies elsewhere.
	ErrOutside = errors.New("it is not below a folder of files.roots, symlinks resolved")
	// ErrMissing: the path would be below a root, but nothing is there that can be reached.
	ErrMissing = errors.New("no such file below files.roots")
	// ErrSpecial: a device, a pipe or a socket. Reading one may never end.
	ErrSpecial = errors.New("it is neither an ordinary file nor a folder")
)

// Roots are the full paths of the folders of one account's files.roots.
type Roots []string

// Allows says whether a path may be read: a full path or a file:/// URL whose file or folder lies below a root when
// all symlinks are resolved. It looks at the disk. The answer is of this moment: whoever opens the file itself goes
// through os.Root.
func (r Roots) Allows(name string) error {
	if len(r) == 0 {
		return ErrNoRoots
	}
	path, ok := fullPath(name)
	if !ok {
		return ErrForm
	}
	actual, err := filepath.EvalSymlinks(path)
	if err != nil {
		if slices.ContainsFunc(r, func(root string) bool { _, ok := below(root, path); return ok }) {
			return ErrMissing // the cause would tell where a link below the root leads to
		}
		return ErrOutside
	}
	for _, root := range r {
		if err = holds(root, actual); !errors.Is(err, ErrOutside) {
			return err
		}
	}
	return ErrOutside
}

// fullPath is the path that a name means; false when it has a form that is never allowed.
func fullPath(name string) (string, bool) {
	path := strings.TrimSpace(name)
	const scheme = "file://"
	if len(path) >= len(scheme) && strings.EqualFold(path[:len(scheme)], scheme) {
		var err error
		if path, err = url.PathUnescape(path[len(scheme):]); err != nil || !strings.HasPrefix(path, "/") {
			return "", false
		}
		if runtime.GOOS == "windows" {
			path = path[1:] // file:///C:/pictures
		}
	}
	if len(path) > maxPath || strings.ContainsRune(path, 0) || !filepath.IsAbs(path) {
		return "", false
	}
	for part := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if part == ".." { // behind a symlink it means another folder than it seems to
			return "", false
		}
	}
	return filepath.Clean(path), true
}

// below is the part of a path behind a folder; false when it is not inside.
func below(folder, path string) (string, bool) {
	rel, err := filepath.Rel(folder, path)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return "", false
	}
	return rel, true
}

// holds looks at a path without symlinks through the root that it should be below, so that a link that is put in
// its way meanwhile leads nowhere.
func holds(root, actual string) error {
	folder, err := filepath.EvalSymlinks(root)
	if err != nil {
		return ErrOutside // a root that is not there, such as a disk that is not mounted, has nothing below it
	}
	rel, ok := below(folder, actual)
	if !ok {
		return ErrOutside
	}
	dir, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("looking into the folder: %w", ErrMissing)
	}
	defer dir.Close()
	info, err := dir.Lstat(rel)
	if err != nil {
		return ErrMissing
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return ErrSpecial
	}
	return nil
}
