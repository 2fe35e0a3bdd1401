package store

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// Waiting calls fn with the frames of the newest n events of an account in the queue table, oldest first. The bytes are
// valid during the call only, and fn must not use the store. It is made to seed memories at start.
func (j *Journal) Waiting(account string, n int, fn func(frame []byte)) error {
	if j.log == nil || n <= 0 {
		return nil
	}
	err := j.log.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketQueue).Cursor()
		k, v := c.Last()
		for found, looked := 0, 0; k != nil && looked < recentScan; k, v = c.Prev() {
			looked++
			if w, err := decodeWaitingHead(v); err == nil && w.account == account {
				if found++; found == n {
					break
				}
			}
		}
		if k == nil {
			k, v = c.First()
		}
		for ; k != nil; k, v = c.Next() {
			if w, err := decodeWaitingHead(v); err == nil && w.account == account {
				fn(w.raw)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading what waits for apps: %w", err)
	}
	return nil
}
