// Package localfile decides which files of this box an action may name, and opens them (design: POLICY, Files).
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
	"syscall"
)

// nonblocking keeps the opening of a pipe from waiting for its other end.
const nonblocking = syscall.O_NONBLOCK

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
	// ErrFolder: it is a folder where a file is wanted.
	ErrFolder = errors.New("it is a folder, and this action takes files")
	// ErrSpecial: a device, a pipe or a socket, whose reading may never end; for Open a folder, too.
	ErrSpecial = errors.New("it is neither an ordinary file nor a folder")
)

// Roots are the full paths of the folders of one account's files.roots.
type Roots []string

// Allows says whether a path may be read: a full path or a file:/// URL whose file or folder lies below a root when
// all symlinks are resolved. It looks at the disk. The answer is of this moment: whoever reads the file uses Open.
func (r Roots) Allows(name string) error {
	return r.find(name, look)
}

// AllowsFile is Allows for what takes no folders: those are refused with ErrFolder.
func (r Roots) AllowsFile(name string) error {
	return r.find(name, func(dir *os.Root, rel string) error {
		if err := look(dir, rel); err != nil {
			return err
		}
		if info, err := dir.Lstat(rel); err == nil && info.IsDir() {
			return ErrFolder
		}
		return nil
	})
}

// Open opens the file that Allows would allow, for reading; folders are refused with ErrSpecial. It goes through the
// root's own handle, so that a link that is put in its way meanwhile leads nowhere.
func (r Roots) Open(name string) (*os.File, error) {
	var file *os.File
	err := r.find(name, func(dir *os.Root, rel string) error {
		if err := look(dir, rel); err != nil {
			return err
		}
		// Nothing blocks here: a pipe that has taken the file's place opens at once, and is refused.
		f, err := dir.OpenFile(rel, os.O_RDONLY|nonblocking, 0)
		if err != nil {
			return ErrMissing // the cause would name a path that a link leads to
		}
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			_ = f.Close()
			return ErrSpecial
		}
		file = f
		return nil
	})
	return file, err
}

// find has a path looked at through the root that holds it.
func (r Roots) find(name string, see func(dir *os.Root, rel string) error) error {
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
		if err = holds(root, actual, see); !errors.Is(err, ErrOutside) {
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

// holds shows a path without symlinks through the root that it should be below, so that a link that is put in its way
// meanwhile leads nowhere.
func holds(root, actual string, see func(dir *os.Root, rel string) error) error {
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
	return see(dir, rel)
}

// look judges what lies there.
func look(dir *os.Root, rel string) error {
	info, err := dir.Lstat(rel)
	if err != nil {
		return ErrMissing
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return ErrSpecial
	}
	return nil
}
