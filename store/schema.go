package store

import (
	"encoding/binary"
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Table and key names of both files. They are part of the file format.
var (
	bucketMeta = []byte("meta")
	keySchema  = []byte("schema")
	keyEpoch   = []byte("epoch")
)

// step takes a file from one schema version to the next, inside one transaction. A step is never changed once it
// was released: it has golden files of before and after.
type step struct {
	does string // for the log and for errors: "creates the tables"
	run  func(*bbolt.Tx) error
}

// schema is the list of all steps of one file: steps[0] makes version 1 out of an empty file.
type schema struct{ steps []step }

// version is the version that this catflap writes.
func (s schema) version() uint64 { return uint64(len(s.steps)) }

// apply brings a file up to date, each step in a transaction of its own, after a copy of the old file was set aside.
// A file of a newer version is refused with ErrNewer.
func (s schema) apply(f *file, readOnly bool) error {
	var have uint64
	if err := f.view(func(tx *bbolt.Tx) error { have = schemaOf(tx); return nil }); err != nil {
		return err
	}
	switch {
	case have > s.version():
		return fmt.Errorf("%w: it has schema %d and this version knows %d: install the newer catflap again, or put back the copy that it made before (%s.schema-%d)", ErrNewer, have, s.version(), filepath.Base(f.path), s.version())
	case have == s.version():
		return nil
	case readOnly:
		return fmt.Errorf("it has schema %d and this version needs %d: start catflap once to bring it up to date", have, s.version())
	case have == 0:
		fresh := false
		if err := f.view(func(tx *bbolt.Tx) error { fresh = isEmpty(tx); return nil }); err != nil {
			return err
		}
		if !fresh {
			return damaged(f.path, "it has tables but no schema version")
		}
	default:
		if err := f.copyTo(fmt.Sprintf("%s.schema-%d", f.path, have)); err != nil {
			return err
		}
	}
	for v := have; v < s.version(); v++ {
		err := f.update(func(tx *bbolt.Tx) error {
			if err := s.steps[v].run(tx); err != nil {
				return err
			}
			meta, err := tx.CreateBucketIfNotExists(bucketMeta)
			if err != nil {
				return err
			}
			return putUint(meta, keySchema, v+1)
		})
		if err != nil {
			return fmt.Errorf("schema step %d (%s): %w", v+1, s.steps[v].does, err)
		}
	}
	return nil
}

// schemaOf reads a file's version; 0 = none.
func schemaOf(tx *bbolt.Tx) uint64 { return getUint(tx.Bucket(bucketMeta), keySchema) }

// isEmpty reports whether a file has no table at all.
func isEmpty(tx *bbolt.Tx) bool {
	k, _ := tx.Cursor().First()
	return k == nil
}

// getUint reads a big-endian number; 0 when the table or the key is missing or malformed.
func getUint(b *bbolt.Bucket, key []byte) uint64 {
	if b == nil {
		return 0
	}
	v := b.Get(key)
	if len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

// putUint writes a big-endian number.
func putUint(b *bbolt.Bucket, key []byte, n uint64) error {
	return b.Put(key, binary.BigEndian.AppendUint64(nil, n))
}

// createAll makes the tables of a first version.
func createAll(tx *bbolt.Tx, names ...[]byte) error {
	for _, name := range names {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("creating the table %s: %w", name, err)
		}
	}
	return nil
}
