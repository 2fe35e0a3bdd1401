package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	stateName       = "state.db"
	journalName     = "journal.db"
	stateBackupName = "state.db.bak"
	// journalSetAside is what an owner renames a damaged journal.db to: the word that a new one may begin.
	journalSetAside = "journal.db.bad"
	// pageSize is fixed: on a kernel with 16 KiB pages bbolt's own choice would triple what reaches the card.
	pageSize = 4096
	// minFile is the smallest file that bbolt makes.
	minFile = 4 * pageSize
	// growStep keeps MaxSize honest: bbolt refuses to grow when less than one step is left.
	growStep = 1 << 20
	// lockWait is how long Open waits for another process before it says so.
	lockWait = time.Second
)

// file is one bbolt file whose every transaction runs under recover: bbolt panics, or faults on its mapped pages,
// where a damaged file is read.
type file struct {
	path string
	db   *bbolt.DB
	raw  *os.File // bbolt's own handle; closed by hand when bbolt can no longer be asked to

	poison    atomic.Pointer[DamagedError] // set by the first panic; nothing touches the file after it
	size      atomic.Int64
	commits   atomic.Uint64
	failures  atomic.Uint64
	written   atomic.Uint64
	lastError atomic.Pointer[string]

	fault atomic.Pointer[func() error] // tests: called inside a write transaction before its commit
}

// fileOptions is what openFile needs beside the path.
type fileOptions struct {
	readOnly bool
	freelist bool // read the list of free pages too: a writer needs it, and bbolt leaves it alone when it only reads
	maxSize  int64
	schema   schema
}

// openFile opens an existing file (or, before checkPair allowed it, creates a new one), checks the pages that every
// later transaction rests on, and brings the schema up to date.
func openFile(path string, o fileOptions) (*file, error) {
	f := &file{path: path}
	err := f.guard(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: lockWait, PageSize: pageSize, FreelistType: bbolt.FreelistMapType,
			ReadOnly: o.readOnly, PreLoadFreelist: o.freelist, MaxSize: int(o.maxSize),
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				file, err := openRegular(name, flag, mode)
				f.raw = file
				return file, err
			},
		})
		f.db = db
		if err != nil {
			return err
		}
		db.AllocSize = growStep
		return f.check()
	})
	if err == nil {
		err = o.schema.apply(f, o.readOnly)
	}
	if err != nil {
		_ = f.close()
		return nil, openError(path, err)
	}
	return f, nil
}

// openRegular opens a database file and refuses anything that is not a plain file, or that bbolt would silently
// fill: an empty file here is a lost one.
func openRegular(name string, flag int, mode os.FileMode) (*os.File, error) {
	info, err := os.Lstat(name)
	switch {
	case err != nil: // bbolt's own opening says why
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file: remove it or choose another data folder", name)
	case info.Size() < minFile:
		return nil, damaged(name, fmt.Sprintf("the file has %d bytes and should have at least %d: it was cut off", info.Size(), minFile))
	}
	return os.OpenFile(name, flag, mode)
}

// openError gives bbolt's refusals the meaning that callers know.
func openError(path string, err error) error {
	var d *DamagedError
	switch {
	case errors.As(err, &d):
		return err
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("opening %s: %w", path, ErrLocked)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return damaged(path, err.Error())
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("opening %s: %w: run catflap as the user that owns it", path, err)
	}
	return fmt.Errorf("opening %s: %w", path, err)
}

// checkPair decides whether this is a first start. Files are created under a temporary name and renamed, journal.db
// first: so an empty or missing file beside the other one is a loss, and never a fresh start, unless the owner has set
// journal.db aside.
func checkPair(dir string, o Options) error {
	state, journal := filepath.Join(dir, stateName), filepath.Join(dir, journalName)
	stateSize, err := sizeOf(state)
	if err != nil {
		return err
	}
	journalSize, err := sizeOf(journal)
	if err != nil {
		return err
	}
	switch {
	case stateSize == 0:
		return damaged(state, "the file is empty")
	case journalSize == 0:
		return damaged(journal, "the file is empty")
	case stateSize > 0 && journalSize > 0:
		return nil
	case stateSize > 0:
		if decided, err := sizeOf(filepath.Join(dir, journalSetAside)); err != nil {
			return err
		} else if decided < 0 {
			d := damaged(journal, "the file is missing beside "+stateName)
			d.Remedy = "put it back; or make an empty file " + journalSetAside + " in its place, and the next start begins an empty one"
			return d
		}
		if o.ReadOnly {
			return fmt.Errorf("opening the store in %s: %s was set aside: start catflap once, which begins an empty one", dir, journalName)
		}
		return beginJournal(dir, o)
	case journalSize > 0:
		// A first start that was cut short leaves a journal that nothing was written to.
		if fresh, err := isFresh(journal); err != nil {
			return err
		} else if !fresh {
			return damaged(state, "the file is missing beside "+journalName)
		}
	}
	if o.ReadOnly {
		return fmt.Errorf("opening the store in %s: %w: catflap has not run with this data folder yet", dir, fs.ErrNotExist)
	}
	if journalSize < 0 {
		if err := beginJournal(dir, o); err != nil {
			return err
		}
	}
	return create(state, stateSchema())
}

// beginJournal makes an empty journal.db. The name of one that was set aside is used up by that: it allows no second start
// without a journal.
func beginJournal(dir string, o Options) error {
	path := filepath.Join(dir, journalName)
	aside := filepath.Join(dir, journalSetAside)
	switch err := os.Rename(aside, badName(path, o.Now())); {
	case err == nil:
		o.Log.Warn("journal.db was set aside: an empty one begins", "dir", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("beginning %s: %w", path, err)
	}
	return create(path, journalSchema())
}

// badName is what a file is called once it has been replaced.
func badName(path string, now time.Time) string {
	return path + ".bad-" + now.UTC().Format("20060102-150405")
}

// isFresh reports whether a journal.db has never held anything.
func isFresh(path string) (bool, error) {
	f, err := openFile(path, fileOptions{readOnly: true, schema: journalSchema()})
	if err != nil {
		return false, err
	}
	fresh := true
	err = f.view(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketNames, bucketEvents, bucketQueue, bucketCursors} {
			if b := tx.Bucket(name); b != nil {
				if k, _ := b.Cursor().First(); k != nil {
					fresh = false
				}
			}
		}
		return nil
	})
	if cerr := f.close(); err == nil {
		err = cerr
	}
	return fresh, err
}

// sizeOf returns a file's size, or -1 when it does not exist.
func sizeOf(path string) (int64, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("looking at %s: %w", path, err)
	}
	return info.Size(), nil
}

// create makes a complete new file and moves it into place.
func create(path string, s schema) error {
	part := path + ".new"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	f, err := openFile(part, fileOptions{schema: s})
	if err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	if err := f.close(); err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}

// guard runs fn and turns a panic or a memory fault inside bbolt into a *DamagedError, once and for all.
func (f *file) guard(fn func() error) (err error) {
	if d := f.poison.Load(); d != nil {
		return d
	}
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if r := recover(); r != nil {
			d := damaged(f.path, fmt.Sprint(r))
			f.poison.CompareAndSwap(nil, d)
			err = d
		}
	}()
	return fn()
}

// check reads the pages that everything hangs on: the metas and the freelist were read by bbolt, here follow the file's
// length, the root page, and both edges of every bucket. Its cost does not grow with the file.
func (f *file) check() error {
	return f.db.View(func(tx *bbolt.Tx) error {
		info, err := f.raw.Stat()
		if err != nil {
			return fmt.Errorf("looking at %s: %w", f.path, err)
		}
		if info.Size() < tx.Size() {
			return damaged(f.path, fmt.Sprintf("the file has %d bytes and should have at least %d: it was cut off", info.Size(), tx.Size()))
		}
		f.size.Store(info.Size())
		return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
			if b == nil {
				return damaged(f.path, "a value lies where only tables belong")
			}
			c := b.Cursor()
			c.First()
			c.Last()
			return nil
		})
	})
}

// view runs fn in a read transaction. Nothing that fn was given may be used after it returned.
func (f *file) view(fn func(*bbolt.Tx) error) error {
	err := f.guard(func() error { return f.db.View(fn) })
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// errUnchanged is returned inside a write transaction that turned out to have nothing to write: it ends without the
// two syncs and the pages that even an empty commit costs.
var errUnchanged = errors.New("nothing to write")

// update runs fn in a write transaction that is on the disk when update returns nil.
func (f *file) update(fn func(*bbolt.Tx) error) error {
	var wrote int64
	err := f.guard(func() error {
		tx, err := f.db.Begin(true)
		if err != nil {
			return err
		}
		done := false
		defer func() {
			if !done {
				_ = tx.Rollback()
			}
		}()
		if err := fn(tx); err != nil {
			return err
		}
		if fault := f.fault.Load(); fault != nil {
			if err := (*fault)(); err != nil {
				return err
			}
		}
		done = true // Commit rolls back by itself
		err = tx.Commit()
		stats := tx.Stats()
		wrote = stats.GetPageAlloc()
		return err
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		err = ErrClosed
	}
	if errors.Is(err, berrors.ErrDatabaseReadOnly) {
		return ErrReadOnly
	}
	if err != nil {
		text := err.Error()
		f.lastError.Store(&text)
		f.failures.Add(1)
		return err
	}
	f.lastError.Store(nil)
	f.commits.Add(1)
	f.written.Add(uint64(wrote) + pageSize)
	if info, err := f.raw.Stat(); err == nil {
		f.size.Store(info.Size())
	}
	return nil
}

// used is the part of the file that holds something, in bytes; 0 when it cannot be read.
func (f *file) used() (n int64) {
	_ = f.view(func(tx *bbolt.Tx) error { n = tx.Size(); return nil })
	st := f.db.Stats()
	return max(n-int64(st.FreePageN+st.PendingPageN)*pageSize, 0)
}

// copyTo writes a consistent copy of the file beside it, under a temporary name first.
func (f *file) copyTo(path string) error {
	part := path + ".new"
	err := f.view(func(tx *bbolt.Tx) error {
		out, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = tx.WriteTo(out)
		return errors.Join(err, out.Sync(), out.Close())
	})
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("copying %s to %s: %w", f.path, path, err)
	}
	return nil
}

// close gives the file back. After a panic bbolt may hold its own locks for ever, so only the handle is closed then:
// that frees the lock for others and costs an address range until the process ends.
func (f *file) close() error {
	if f.poison.Load() != nil || f.db == nil {
		if f.raw != nil {
			unlock(f.raw)
			_ = f.raw.Close()
		}
		return nil
	}
	if err := f.guard(f.db.Close); err != nil {
		return fmt.Errorf("closing %s: %w", f.path, err)
	}
	return nil
}
