package appliance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
)

// Bounds of the versions that are kept.
const (
	maxVersions   = 20
	versionFolder = "config"
	versionForm   = "20060102T150405.000Z"
	versionEnd    = ".yaml"
	maxConfigFile = 1 << 20 // as package config has it
)

// configuration is the file as the console reads and writes it.
func (a *Appliance) configuration() *console.Configuration {
	return &console.Configuration{
		Read: func() (console.ConfigFile, error) {
			path := a.config().Path
			data, err := readConfig(path)
			if err != nil {
				return console.ConfigFile{}, err
			}
			return console.ConfigFile{Path: path, Text: string(data), Sum: sum(data)}, nil
		},
		Check: a.checkConfig,
		Write: func(ctx context.Context, text, base string) (console.ReloadResult, error) {
			return a.rewrite(ctx, func(data []byte) ([]byte, error) {
				if base != "" && base != sum(data) {
					return nil, console.ErrConfigChanged
				}
				return []byte(text), nil
			})
		},
		Versions: a.configVersions,
		Version:  a.configVersion,
	}
}

func readConfig(path string) ([]byte, error) {
	if path == "" {
		return nil, &console.Problem{Status: http.StatusConflict, Message: "this instance has no configuration file"}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxConfigFile {
		return nil, fmt.Errorf("%s is not a file of at most %d KiB", path, maxConfigFile>>10)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return data, nil
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// checkConfig reads a text as if it were the file.
func (a *Appliance) checkConfig(text string) console.ConfigCheck {
	out := console.ConfigCheck{Issues: []console.ConfigIssue{}, Warnings: []console.ConfigIssue{}}
	shown := func(list []config.Issue) []console.ConfigIssue {
		issues := []console.ConfigIssue{}
		for _, i := range list {
			issues = append(issues, console.ConfigIssue{Line: i.Line, Column: i.Column, Path: i.Path, Message: i.Message, Source: i.Source})
		}
		return issues
	}
	c, err := config.Parse(a.config().Path, []byte(text), os.LookupEnv)
	var all *config.Errors
	switch {
	case errors.As(err, &all):
		out.Issues = shown(all.Issues)
	case err != nil:
		out.Issues = append(out.Issues, console.ConfigIssue{Message: err.Error()})
	default:
		out.OK, out.Warnings = true, shown(c.Warnings)
	}
	return out
}

// rewrite changes the configuration file and loads it. The old text is kept as a version, and comes back when the new one
// cannot be loaded.
func (a *Appliance) rewrite(ctx context.Context, change func([]byte) ([]byte, error)) (console.ReloadResult, error) {
	a.rewriting.Lock()
	defer a.rewriting.Unlock()
	path := a.config().Path
	old, err := readConfig(path)
	if err != nil {
		return console.ReloadResult{}, err
	}
	next, err := change(old)
	if errors.Is(err, config.ErrNotEditable) {
		return console.ReloadResult{}, &console.Problem{Status: http.StatusConflict, Message: err.Error(), Cause: err,
			Remedy: "the Configuration page shows it"}
	}
	if err != nil {
		return console.ReloadResult{}, err
	}
	if check := a.checkConfig(string(next)); !check.OK {
		first := check.Issues[0]
		return console.ReloadResult{}, &console.Problem{Status: http.StatusUnprocessableEntity,
			Message: placed(first)}
	}
	if string(next) == string(old) {
		return a.Reload(ctx)
	}
	if err := a.keepVersion(old); err != nil {
		return console.ReloadResult{}, err
	}
	if err := writeConfig(path, next); err != nil {
		return console.ReloadResult{}, notWritable(path, err)
	}
	result, err := a.Reload(ctx)
	if err == nil {
		return result, nil
	}
	if back := writeConfig(path, old); back != nil {
		return result, errors.Join(err, fmt.Errorf("putting the old configuration back: %w", back))
	}
	return result, err
}

func notWritable(path string, err error) error {
	return &console.Problem{Status: http.StatusConflict, Message: fmt.Sprintf("%s cannot be written (%v)", path, err), Cause: err,
		Remedy: "let the user that catflap runs as write it, or change it at the box and run `catflap reload`"}
}

// writeConfig replaces a file whole, with its owner and permissions. Where the folder does not take a new file, or the
// file is a mount of its own (a container), it is overwritten in place.
func writeConfig(path string, data []byte) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(real), ".catflap-*.tmp")
	if err != nil {
		return overwrite(real, data)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, keepOwner(f, info), f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if errors.Is(err, fs.ErrPermission) {
		return overwrite(real, data)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), real); errors.Is(err, syscall.EBUSY) || errors.Is(err, fs.ErrPermission) {
		return overwrite(real, data)
	} else if err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(real)); err == nil {
		_ = dir.Sync() // not every file system can
		_ = dir.Close()
	}
	return nil
}

func overwrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// versions opens the folder of the old texts, making it if need be. They hold the same secrets as the file itself.
func (a *Appliance) versions() (*os.Root, error) {
	root, err := os.OpenRoot(a.dataDir)
	if err != nil {
		return nil, fmt.Errorf("opening the data folder: %w", err)
	}
	defer root.Close()
	if err := root.Mkdir(versionFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("making the folder of old configurations: %w", err)
	}
	dir, err := root.OpenRoot(versionFolder)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of old configurations: %w", err)
	}
	return dir, nil
}

// keepVersion stores a text that is about to be replaced, and removes the oldest above the bound.
func (a *Appliance) keepVersion(data []byte) error {
	dir, err := a.versions()
	if err != nil {
		return err
	}
	defer dir.Close()
	at := a.now().UTC()
	for range 100 { // more than one in a millisecond, or a clock that jumped back
		var f *os.File
		f, err = dir.OpenFile(at.Format(versionForm)+versionEnd, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			at = at.Add(time.Millisecond)
			continue
		}
		if err == nil {
			_, err = f.Write(data)
			err = errors.Join(err, f.Sync(), f.Close())
		}
		break
	}
	if err != nil {
		return fmt.Errorf("keeping the old configuration: %w", err)
	}
	list, err := listVersions(dir)
	if err != nil {
		return err
	}
	for _, old := range list[min(maxVersions, len(list)):] {
		if err := dir.Remove(old.ID + versionEnd); err != nil {
			return fmt.Errorf("removing an old configuration: %w", err)
		}
	}
	return nil
}

func listVersions(dir *os.Root) ([]console.ConfigVersion, error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, fmt.Errorf("reading the folder of old configurations: %w", err)
	}
	defer f.Close()
	entries, err := f.ReadDir(10 * maxVersions)
	if err != nil && len(entries) == 0 {
		return nil, nil // an empty folder says EOF
	}
	var out []console.ConfigVersion
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), versionEnd)
		at, err := time.Parse(versionForm, id)
		if !ok || err != nil || !e.Type().IsRegular() {
			continue
		}
		v := console.ConfigVersion{ID: id, Time: at}
		if info, err := e.Info(); err == nil {
			v.Bytes = info.Size()
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(x, y console.ConfigVersion) int { return strings.Compare(y.ID, x.ID) })
	return out, nil
}

func (a *Appliance) configVersions() ([]console.ConfigVersion, error) {
	dir, err := a.versions()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return listVersions(dir)
}

func (a *Appliance) configVersion(id string) (string, error) {
	missing := &console.Problem{Status: http.StatusNotFound, Message: "there is no such version", Remedy: "GET config/versions lists them"}
	if _, err := time.Parse(versionForm, id); err != nil {
		return "", missing
	}
	dir, err := a.versions()
	if err != nil {
		return "", err
	}
	defer dir.Close()
	info, err := dir.Lstat(id + versionEnd)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxConfigFile {
		return "", missing
	}
	data, err := dir.ReadFile(id + versionEnd)
	if err != nil {
		return "", fmt.Errorf("reading an old configuration: %w", err)
	}
	return string(data), nil
}

// placed is a mistake with its place. What is wrong at the top has no path.
func placed(i console.ConfigIssue) string {
	if i.Path == "" {
		return fmt.Sprintf("line %d, column %d of the file: %s", i.Line, i.Column, i.Message)
	}
	return fmt.Sprintf("line %d, column %d: %s: %s", i.Line, i.Column, i.Path, i.Message)
}
