package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// epochLeap is added to the start number of a state.db that was put back: whatever the lost file had reached since its
// copy was made, numbers are not given twice.
const epochLeap = 1024

// Check walks a whole file and returns the first damage found (ErrDamaged). It takes seconds and memory with a large
// file, so it is for those who ask for it, and needs the store closed or open for reading.
func Check(path string) error {
	sch := stateSchema()
	if filepath.Base(path) == journalName {
		sch = journalSchema()
	}
	f, err := openFile(path, fileOptions{readOnly: true, whole: true, schema: sch})
	if err != nil {
		return err
	}
	defer f.close()
	return f.walk()
}

// walk reads every page of the file.
func (f *file) walk() error {
	return f.view(func(tx *bbolt.Tx) error { return walkAll(f.path, tx) })
}

func walkAll(path string, tx *bbolt.Tx) error {
	return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		var last []byte
		return b.ForEach(func(k, v []byte) error {
			if last != nil && string(k) <= string(last) {
				return damaged(path, fmt.Sprintf("the keys of the table %s are out of order", name))
			}
			last = k
			sum := byte(0)
			for _, c := range v {
				sum ^= c // touches every page
			}
			_ = sum
			return nil
		})
	})
}

// Backup writes consistent copies of both files into an existing folder, also while the store is in use.
func (s *Store) Backup(dir string) error {
	for _, f := range []*file{s.state, s.log} {
		if err := f.copyTo(filepath.Join(dir, filepath.Base(f.path))); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// Restore checks the copies in the folder from, made by Backup, and puts them into the data folder dir, which must not
// be in use. What was there is kept as NAME.bad-TIME. Nothing is changed when a copy cannot be trusted.
func Restore(dir, from string, now time.Time) error {
	names := []string{journalName, stateName}
	for _, name := range names {
		if err := Check(filepath.Join(from, name)); err != nil {
			return fmt.Errorf("checking the backup: %w", err)
		}
		if err := notInUse(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for _, name := range names {
		part := filepath.Join(dir, name+".new")
		if err := copyFile(filepath.Join(from, name), part); err != nil {
			return err
		}
		if name == stateName {
			if err := leap(part); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		if _, err := setAside(filepath.Join(dir, name), now); err != nil {
			return err
		}
		path := filepath.Join(dir, name)
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("restoring %s: %w", path, err)
		}
	}
	return syncDir(dir)
}

// SetAside is the way out of ErrDamaged that an owner has decided for: the damaged, empty or missing file (its name,
// state.db or journal.db, or its path) is renamed to NAME.bad-TIME, of which one is kept, and replaced: journal.db by an
// empty one, state.db by the copy made at the last good start. It returns the path of the renamed file, "" when it was
// missing. A sound file, a locked one and one of a newer version are refused.
func SetAside(dir, name string, now time.Time) (string, error) {
	name = filepath.Base(name)
	path := filepath.Join(dir, name)
	var sch schema
	switch name {
	case journalName:
		sch = journalSchema()
	case stateName:
		sch = stateSchema()
	default:
		return "", fmt.Errorf("setting %s aside: it is neither %s nor %s", path, stateName, journalName)
	}
	size, err := sizeOf(path)
	if err != nil {
		return "", err
	}
	if size > 0 {
		f, err := openFile(path, fileOptions{readOnly: true, whole: true, schema: sch})
		if err == nil {
			err = f.walk()
			_ = f.close()
			if err == nil {
				return "", fmt.Errorf("setting %s aside: the file is sound", path)
			}
		}
		if !errors.Is(err, ErrDamaged) {
			return "", fmt.Errorf("setting %s aside: %w", path, err)
		}
	}
	backup := filepath.Join(dir, stateBackupName)
	if name == stateName {
		if err := Check(backup); err != nil {
			return "", fmt.Errorf("there is no good copy of %s: put a backup back with `catflap restore FILE`, or remove %s and %s to start anew, without pairings: %w", stateName, stateName, journalName, err)
		}
		if err := copyFile(backup, path+".new"); err != nil {
			return "", err
		}
		if err := leap(path + ".new"); err != nil {
			return "", err
		}
	}
	bad, err := setAside(path, now)
	if err != nil {
		return "", err
	}
	if name == journalName {
		return bad, create(path, sch)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return bad, fmt.Errorf("replacing %s: %w", path, err)
	}
	return bad, syncDir(dir)
}

// setAside renames a file and removes the ones that were set aside before; "" when there is no file.
func setAside(path string, now time.Time) (string, error) {
	old, err := filepath.Glob(path + ".bad-*")
	if err != nil {
		return "", fmt.Errorf("setting %s aside: %w", path, err)
	}
	bad := badName(path, now)
	switch err := os.Rename(path, bad); {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("setting %s aside: %w", path, err)
	}
	for _, name := range slices.DeleteFunc(old, func(n string) bool { return n == bad }) {
		if err := os.Remove(name); err != nil {
			return bad, fmt.Errorf("removing an older %s: %w", name, err)
		}
	}
	return bad, nil
}

// notInUse fails with ErrLocked when another process has the file open. Whatever else is wrong with it is no matter.
func notInUse(path string) error {
	if size, err := sizeOf(path); err != nil || size <= 0 {
		return err
	}
	f := &file{path: path}
	err := f.guard(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, ReadOnly: true, OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			file, err := openRegular(name, flag, mode)
			f.raw = file
			return file, err
		}})
		f.db = db
		return err
	})
	_ = f.close()
	if errors.Is(err, berrors.ErrTimeout) {
		return openError(path, err)
	}
	return nil
}

// leap raises the start number of a state.db.
func leap(path string) error {
	f, err := openFile(path, fileOptions{schema: stateSchema()})
	if err != nil {
		return err
	}
	err = f.update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		return putUint(meta, keyEpoch, getUint(meta, keyEpoch)+epochLeap)
	})
	return errors.Join(err, f.close())
}

// copyFile copies a file that nobody writes, and syncs the copy.
func copyFile(from, to string) error {
	data, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	defer data.Close()
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	_, err = out.ReadFrom(data)
	err = errors.Join(err, out.Sync(), out.Close())
	if err != nil {
		return fmt.Errorf("copying %s to %s: %w", from, to, err)
	}
	return nil
}
