package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
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
	whole    bool // look at every page, not only at those that everything hangs on
	maxSize  int64
	schema   schema
}

// openFile opens an existing file (or, before checkPair allowed it, creates a new one), checks the pages that every
// later transaction rests on, and brings the schema up to date.
func openFile(path string, o fileOptions) (*file, error) {
	if !o.readOnly {
		// First for reading: opened for writing, bbolt believes the list of free pages before anybody can look at it.
		if size, err := sizeOf(path); err != nil {
			return nil, err
		} else if size >= 0 {
			f, err := openRaw(path, fileOptions{readOnly: true, whole: o.whole})
			if err != nil {
				return nil, err
			}
			if err := f.close(); err != nil {
				return nil, err
			}
		}
	}
	f, err := openRaw(path, o)
	if err != nil {
		return nil, err
	}
	if err := o.schema.apply(f, o.readOnly); err != nil {
		_ = f.close()
		return nil, openError(path, err)
	}
	return f, nil
}

// openRaw opens a file whatever its schema is.
func openRaw(path string, o fileOptions) (*file, error) {
	f := &file{path: path}
	err := f.guard(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: lockWait, PageSize: pageSize, FreelistType: bbolt.FreelistMapType,
			ReadOnly: o.readOnly, MaxSize: int(o.maxSize),
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
		return f.check(o)
	})
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

// guard runs fn and turns a panic or a memory fault inside bbolt into a *DamagedError, once and for all.
func (f *file) guard(fn func() error) (err error) {
	if d := f.poison.Load(); d != nil {
		return d
	}
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if r := recover(); r != nil {
			d := damaged(f.path, finding(r))
			f.poison.CompareAndSwap(nil, d)
			err = d
		}
	}()
	return fn()
}

// finding is what bbolt's panic says of the file. Where damage made it read beyond a page it says nothing for people.
func finding(panicked any) string {
	if _, ok := panicked.(runtime.Error); ok {
		return "a page of it makes no sense"
	}
	return fmt.Sprint(panicked)
}

// check reads the pages that everything hangs on: the metas were read by bbolt, here follow the file's length, the list
// of free pages, the root page, and both edges of every bucket. Its cost hardly grows with the file.
func (f *file) check(o fileOptions) error {
	return f.db.View(func(tx *bbolt.Tx) error {
		info, err := f.raw.Stat()
		if err != nil {
			return fmt.Errorf("looking at %s: %w", f.path, err)
		}
		if info.Size() < tx.Size() {
			return damaged(f.path, fmt.Sprintf("the file has %d bytes and should have at least %d: it was cut off", info.Size(), tx.Size()))
		}
		f.size.Store(info.Size())
		if o.readOnly {
			if err := inspect(f.path, f.raw, tx, f.db.Info().PageSize, o.whole); err != nil {
				return err
			}
		}
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
