package update

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
)

// Service is what runs the program. The zero value is no service: the program is replaced and nothing else.
type Service struct {
	Stop, Start func(context.Context) error
	// Ready waits until the hub of that version answers, and goes on answering.
	Ready func(ctx context.Context, version string) error
}

// Job is one update.
type Job struct {
	Installed string        // version
	Data      string        // data folder; "" = unknown
	Patience  time.Duration // for each of stopping, starting and becoming ready
	Service   Service
	// Say is told each thing that was done.
	Say func(Progress)
}

// Progress is one thing that was done.
type Progress struct {
	Stage Stage
	File  string
	Err   error // of GoingBack: why
}

// Stage is a part of an update.
type Stage int

// The stages in their order.
const (
	Stopped Stage = iota
	StateCopied
	Swapped
	Started
	GoingBack
)

// NotUpError says that the new version did not come up. Back is nil when the old one runs again.
type NotUpError struct {
	Version string
	Why     error
	Back    error
}

// Error names both failures.
func (e *NotUpError) Error() string {
	if e.Back != nil {
		return fmt.Sprintf("version %s did not come up (%v), and going back failed: %v", e.Version, e.Why, e.Back)
	}
	return fmt.Sprintf("version %s did not come up: %v", e.Version, e.Why)
}

// Unwrap gives both causes.
func (e *NotUpError) Unwrap() []error { return []error{e.Why, e.Back} }

// Old is where the program that was replaced stays.
func Old(target string) string { return target + ".old" }

// Apply puts the new program in the place of the old one and starts the service again. When the new one does not come up,
// program and databases become again what they were: a *NotUpError. From the first change on, ctx only shortens the waiting:
// a person who gives up gets the old version back.
func (p *Prepared) Apply(ctx context.Context, j Job) error {
	defer p.Discard()
	steady := context.WithoutCancel(ctx)
	if j.Service.Stop != nil {
		if err := j.within(steady, j.Service.Stop); err != nil {
			return fmt.Errorf("stopping the service: %w", err)
		}
		j.Say(Progress{Stage: Stopped})
	}
	before, err := j.setAside()
	if err != nil {
		return errors.Join(err, j.restart(steady))
	}
	cut := &Cut{Program: p.target, From: j.Installed, To: p.Release.Version, Data: j.Data, Before: before, HasState: before != nil}
	held, err := swap(p.fresh, p.target, cut)
	if err != nil {
		return errors.Join(fmt.Errorf("replacing %s: %w", p.target, err), j.restart(steady))
	}
	defer held.Close()
	j.Say(Progress{Stage: Swapped, File: Old(p.target)})
	if j.Service.Start == nil {
		return cut.Settle()
	}
	why := j.within(ctx, func(ctx context.Context) error {
		if err := j.Service.Start(ctx); err != nil {
			return fmt.Errorf("starting the service: %w", err)
		}
		j.Say(Progress{Stage: Started})
		return nil
	})
	if why == nil {
		why = j.within(ctx, func(ctx context.Context) error { return j.Service.Ready(ctx, p.Release.Version) })
	}
	if why == nil {
		return cut.Settle()
	}
	j.Say(Progress{Stage: GoingBack, Err: why})
	undoing := back(steady, p.target, j, before)
	if undoing == nil {
		undoing = cut.Settle()
	}
	return &NotUpError{Version: p.Release.Version, Why: why, Back: undoing}
}

// back undoes everything. It goes on after a failure: the more of the old state is there again, the better.
func back(ctx context.Context, target string, j Job, before databases) error {
	var stopping error
	if j.Service.Stop != nil {
		stopping = j.within(ctx, j.Service.Stop) // a service that failed may not be there to be stopped
	}
	restoring := restoreProgram(target)
	if restoring == nil {
		restoring = before.restore(j.Data)
	}
	if restoring == nil && j.Service.Start == nil {
		return nil
	}
	starting := j.restart(ctx)
	if starting == nil {
		starting = j.within(ctx, func(ctx context.Context) error { return j.Service.Ready(ctx, j.Installed) })
	}
	if restoring == nil && starting == nil {
		return nil
	}
	return errors.Join(restoring, starting, stopping)
}

func (j Job) restart(ctx context.Context) error {
	if j.Service.Start == nil {
		return nil
	}
	if err := j.within(ctx, j.Service.Start); err != nil {
		return fmt.Errorf("starting the service again: %w", err)
	}
	return nil
}

func (j Job) within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, j.Patience)
	defer cancel()
	return do(ctx)
}

// swap keeps the old program under another name and puts the new one in its place; there is a program at every moment. Once
// the old one is kept, the note of the update is made: it comes back open, and goes when the update has ended.
func swap(fresh, target string, cut *Cut) (held *os.File, err error) {
	old := Old(target)
	if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.Link(target, old); err != nil {
		if err := copyProgram(target, old); err != nil { // a file system without hard links
			return nil, err
		}
	}
	if held, err = cut.write(); err != nil {
		return nil, err
	}
	if err := os.Rename(fresh, target); err != nil {
		return nil, errors.Join(err, held.Close(), cut.Settle())
	}
	syncFolder(filepath.Dir(target))
	return held, nil
}

// restoreProgram puts the old program back.
func restoreProgram(target string) error {
	if err := os.Rename(Old(target), target); err != nil {
		return fmt.Errorf("putting the old program back: %w", err)
	}
	syncFolder(filepath.Dir(target))
	return nil
}

func copyProgram(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}

// syncFolder makes a rename last where the file system can do that.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// stateCopy is the copy of state.db that an update leaves for people.
const stateCopy = "state.db.old"

// databases is what the data folder held before the new version ran: the copies that the store makes of a file before it
// brings it to a newer schema ("state.db.schema-1").
type databases map[string]time.Time

func schemaCopies(root *os.Root) (databases, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	found := make(databases)
	for _, e := range entries {
		if base, _, ok := strings.Cut(e.Name(), ".schema-"); ok && (base == "state.db" || base == "journal.db") && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				found[e.Name()] = info.ModTime()
			}
		}
	}
	return found, nil
}

// setAside copies state.db and remembers which copies there are already. The folder belongs to the service: nothing in it
// leads out of it.
func (j Job) setAside() (databases, error) {
	if j.Data == "" || j.Service.Start == nil {
		return nil, nil
	}
	root, err := os.OpenRoot(j.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking into the data folder: %w", err)
	}
	defer root.Close()
	before, err := schemaCopies(root)
	if err != nil {
		return nil, fmt.Errorf("looking into the data folder: %w", err)
	}
	if err := copyState(root); errors.Is(err, fs.ErrNotExist) {
		return before, nil
	} else if err != nil {
		return nil, fmt.Errorf("copying state.db: %w", err)
	}
	j.Say(Progress{Stage: StateCopied, File: filepath.Join(j.Data, stateCopy)})
	return before, nil
}

func copyState(root *os.Root) (err error) {
	in, err := root.Open("state.db")
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is no file")
	}
	const temporary = stateCopy + ".new"
	if err := root.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = root.Remove(temporary)
		}
	}()
	if _, err = io.Copy(out, in); err != nil {
		return err
	}
	if err = sameOwner(out, info); err != nil {
		return err
	}
	if err = out.Sync(); err != nil {
		return err
	}
	if err = out.Close(); err != nil {
		return err
	}
	return root.Rename(temporary, stateCopy)
}

// restore puts back each database that the new version has brought to a schema that the old one does not know.
func (before databases) restore(dir string) error {
	if before == nil {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("putting the databases back: %w", err)
	}
	defer root.Close()
	now, err := schemaCopies(root)
	if err != nil {
		return fmt.Errorf("putting the databases back: %w", err)
	}
	var errs []error
	for name, made := range now {
		if was, known := before[name]; known && was.Equal(made) {
			continue
		}
		base, _, _ := strings.Cut(name, ".schema-")
		if err := root.Rename(name, base); err != nil {
			errs = append(errs, fmt.Errorf("putting %s back: %w", base, err))
		}
	}
	return errors.Join(errs...)
}
