package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

const (
	stateName       = "state.db"
	journalName     = "journal.db"
	stateBackupName = "state.db.bak"
	// journalSetAside is what an owner renames a damaged journal.db to: the word that a new one may begin.
	journalSetAside = "journal.db.bad"
)

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
			d.Remedy = "put it back, or run `catflap restore --salvage`; by hand: make an empty file " + journalSetAside + " in its place, and the next start begins an empty one"
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
	// The copy is made by the first start that succeeds.
	if backup, err := sizeOf(filepath.Join(dir, stateBackupName)); err != nil {
		return err
	} else if backup >= 0 {
		return damaged(state, "the file is missing beside "+stateBackupName)
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
	// In this order: a disk without room must not use up the word of the owner.
	if err := create(path, journalSchema()); err != nil {
		return err
	}
	switch err := os.Rename(aside, badName(path, o.Now())); {
	case err == nil:
		o.Log.Warn("journal.db was set aside: an empty one begins", "dir", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("beginning %s: %w", path, err)
	}
	return nil
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

// create makes a complete new file and moves it into place. After an error nothing of it is left.
func create(path string, s schema) error {
	part := path + ".new"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	f, err := openFile(part, fileOptions{schema: s})
	if err == nil {
		err = f.close()
	}
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("creating %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// withRemedy tells the owner of a full disk what to do. A running catflap lives with one; what cannot be is a start that
// has to make a file first.
func withRemedy(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: there is no room for the data folder %s: free some space on its disk, or set dataDir to a folder elsewhere, and start catflap again", err, dir)
	}
	return err
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
