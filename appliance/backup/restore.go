package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/catflap/catflap/store"
)

// unpacked is how the folders begin in which a backup is laid out before it is put in place.
const unpacked = ".restore-"

// IsLeftover reports whether a name in the data folder is of a backup or restore that was cut short.
func IsLeftover(name string) bool {
	return strings.HasPrefix(name, staging) || strings.HasPrefix(name, unpacked)
}

// Restored says what a restore did.
type Restored struct {
	Files []string // what is in place now
	Kept  []string // what was there before, under its new name
	Media int      // files that came back to the media cache
}

// Restore unpacks a backup beside the data folder's files, checks the databases page by page, and only then puts them in
// place. What was there is kept as NAME.bad-TIME. The data folder must not be in use (store.ErrLocked). Media files that
// are there already are left alone. Everything that is written belongs to the owner of the data folder.
func Restore(ctx context.Context, r io.Reader, data, media string, now time.Time) (*Restored, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	dir, err := os.MkdirTemp(data, unpacked)
	if err != nil {
		return nil, fmt.Errorf("unpacking the backup: %w", err)
	}
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("unpacking the backup: %w", err)
	}
	defer root.Close()
	content, err := Read(ctx, r, root)
	if err != nil {
		return nil, err
	}
	if err := store.Upgrade(dir); err != nil {
		return nil, fmt.Errorf("checking the backup: %w", err)
	}
	before := present(data)
	if err := store.Restore(data, dir, now); err != nil {
		for _, name := range store.Files() {
			_ = os.Remove(filepath.Join(data, name+".new"))
		}
		return nil, err
	}
	out := &Restored{}
	for _, name := range store.Files() {
		out.Files = append(out.Files, filepath.Join(data, name))
	}
	for name := range present(data) {
		if !before[name] {
			out.Kept = append(out.Kept, filepath.Join(data, name))
		}
	}
	if err := giveToOwner(data); err != nil {
		return out, err
	}
	out.Media, err = bringMedia(content, dir, media, data)
	return out, err
}

// present is the files that were set aside.
func present(data string) map[string]bool {
	out := make(map[string]bool)
	for _, name := range store.Files() {
		found, _ := filepath.Glob(filepath.Join(data, name+".bad-*"))
		for _, one := range found {
			out[filepath.Base(one)] = true
		}
	}
	return out
}

func bringMedia(content *Content, dir, media, data string) (n int, err error) {
	for _, m := range content.Members {
		rest, ok := strings.CutPrefix(m.Name, mediaPrefix)
		if !ok {
			continue
		}
		from, to := filepath.Join(dir, filepath.FromSlash(m.Name)), filepath.Join(media, filepath.FromSlash(rest))
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return n, fmt.Errorf("restoring the media cache: %w", err)
		}
		if err := os.Rename(from, to); err != nil {
			return n, fmt.Errorf("restoring the media cache: %w", err)
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, giveAll(media, data)
}

// Salvage is the way out of a damaged data folder that an owner has decided for: each of the two files that cannot be
// trusted is set aside (NAME.bad-TIME) and replaced, journal.db by an empty one, state.db by the copy of the last good
// start. It returns the names of the files that were replaced, none when both are sound. The folder must not be in use.
func Salvage(data string, now time.Time) ([]string, error) {
	if _, err := os.Stat(data); err != nil {
		return nil, fmt.Errorf("looking at the data folder: %w", err)
	}
	var replaced []string
	for _, name := range store.Files() {
		err := store.Check(filepath.Join(data, name))
		switch {
		case err == nil:
			continue
		case !errors.Is(err, store.ErrDamaged) && !errors.Is(err, fs.ErrNotExist):
			return replaced, err
		}
		if _, err := store.SetAside(data, name, now); err != nil {
			return replaced, err
		}
		replaced = append(replaced, name)
	}
	if len(replaced) == 0 {
		return nil, nil
	}
	return replaced, giveToOwner(data)
}
