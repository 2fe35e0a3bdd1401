package store

import (
	"fmt"
	"sync"

	"go.etcd.io/bbolt"
)

// maxSetting bounds one value.
const maxSetting = 64 << 10

// Settings keeps the few values that people set outside of the configuration file, such as the hash of the console's
// password. Reads are from memory; a change is on the disk when the call returns.
type Settings struct {
	f *file

	changes sync.Mutex
	mu      sync.RWMutex
	values  map[string]string
}

func newSettings(f *file) *Settings { return &Settings{f: f, values: map[string]string{}} }

// load reads the table.
func (s *Settings) load(tx *bbolt.Tx) error {
	err := tx.Bucket(bucketSettings).ForEach(func(k, v []byte) error {
		s.values[string(k)] = string(v)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	return nil
}

// Get returns a value, "" when it was never set.
func (s *Settings) Get(key string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.values[key]
}

// Set changes a value; "" removes it.
func (s *Settings) Set(key, value string) error {
	if key == "" || len(value) > maxSetting {
		return fmt.Errorf("saving the setting %q: it has no name or more than %d bytes", key, maxSetting)
	}
	s.changes.Lock()
	defer s.changes.Unlock()
	if s.Get(key) == value {
		return nil
	}
	err := s.f.update(func(tx *bbolt.Tx) error {
		if value == "" {
			return tx.Bucket(bucketSettings).Delete([]byte(key))
		}
		return tx.Bucket(bucketSettings).Put([]byte(key), []byte(value))
	})
	if err != nil {
		return fmt.Errorf("saving the setting %q: %w", key, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == "" {
		delete(s.values, key)
	} else {
		s.values[key] = value
	}
	return nil
}
