package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"go.etcd.io/bbolt"
)

// trimMedia bounds the rows that one commit deletes because the table is at its share.
const trimMedia = 256

// EvictOptions says what Evict may take.
type EvictOptions struct {
	// Target is the size that the cache should have at most, as Weight counts it; 0 = take everything that may go.
	Target int64
	// Weight is what a file counts for; nil = its size.
	Weight func(totals MediaTotals) int64
	// Keep says that a file stays; it is asked inside the transaction and must not call the store. Nil keeps none.
	Keep func(Blob) bool
	// Max bounds the files taken by one call.
	Max int
}

// Evict takes files out of the index, least lately used first, until Target is met, and returns them: the caller removes
// them from the disk. Keys that stand for them stay, without bytes. It waits for the commit; on an error nothing was taken.
func (m *Media) Evict(ctx context.Context, o EvictOptions) (out []Blob, err error) {
	err = m.change(ctx, func(tx *bbolt.Tx, t *MediaTotals) error {
		out = out[:0]
		c := tx.Bucket(bucketBlobUse).Cursor()
		for k, _ := c.First(); k != nil && len(out) < o.Max; k, _ = c.Next() {
			if o.Target > 0 && o.weigh(t) <= o.Target {
				break
			}
			blob, err := findBlob(tx, k)
			if err != nil {
				return err
			}
			if o.Keep != nil && o.Keep(blob) {
				continue
			}
			t.Bytes -= blob.Size
			t.Blobs--
			out = append(out, blob)
		}
		if len(out) == 0 {
			return errUnchanged
		}
		return deleteBlobs(tx, out)
	})
	if err != nil {
		return nil, fmt.Errorf("evicting media: %w", err)
	}
	return out, nil
}

func (o *EvictOptions) weigh(t *MediaTotals) int64 {
	if o.Weight == nil {
		return t.Bytes
	}
	return o.Weight(*t)
}

// Expire takes files that arrived before a moment (unix seconds) out of the index, at most limit of them that keep does not
// want, and rows as old as that, and returns the files as Evict does. Moments that no clock can have meant (before 2025, or
// later than now) count as now from then on: neither the first look at a time server nor a clock put back may decide.
func (m *Media) Expire(ctx context.Context, before int64, limit int, keep func(Blob) bool) (out []Blob, err error) {
	now := m.o.Now().Unix()
	strange := func(at int64) bool { return at < plausible/1e9 || at > now+3600 }
	err = m.change(ctx, func(tx *bbolt.Tx, t *MediaTotals) error {
		out = out[:0]
		var odd []Blob
		c := tx.Bucket(bucketBlobs).Cursor()
		for k, v := c.First(); k != nil && len(out) < limit; k, v = c.Next() {
			if len(k) != len(MediaSum{}) {
				return errCodec
			}
			blob, err := decodeBlob(MediaSum(k), v)
			switch {
			case err != nil:
				return err
			case strange(blob.At):
				if len(odd) < limit {
					odd = append(odd, blob)
				}
			case blob.At < before && (keep == nil || !keep(blob)):
				t.Bytes -= blob.Size
				t.Blobs--
				out = append(out, blob)
			}
		}
		for _, blob := range odd {
			blob.At = now
			if err := tx.Bucket(bucketBlobs).Put(blob.Sum[:], encodeBlob(&blob)); err != nil {
				return err
			}
		}
		changed, err := expireRows(tx, t, before, now, limit, strange)
		if err != nil {
			return err
		}
		if len(out) == 0 && len(odd) == 0 && !changed {
			return errUnchanged
		}
		return deleteBlobs(tx, out)
	})
	if err != nil {
		return nil, fmt.Errorf("expiring media: %w", err)
	}
	return out, nil
}

// expireRows deletes rows from before a moment; the oldest come first, those with a strange moment are dated anew.
func expireRows(tx *bbolt.Tx, t *MediaTotals, before, now int64, limit int, strange func(int64) bool) (changed bool, err error) {
	var old [][]byte
	c := tx.Bucket(bucketMediaAge).Cursor()
	for k, _ := c.First(); k != nil && len(old) < limit; k, _ = c.Next() {
		if len(k) != 8+len(MediaKey{}) {
			return false, errCodec
		}
		at := int64(binary.BigEndian.Uint64(k))
		if at >= before && !strange(at) {
			break // in order
		}
		old = append(old, bytes.Clone(k))
	}
	for k, _ := c.Last(); k != nil && len(old) < 2*limit; k, _ = c.Prev() {
		if !strange(int64(binary.BigEndian.Uint64(k))) {
			break
		}
		old = append(old, bytes.Clone(k))
	}
	for _, k := range old {
		if !strange(int64(binary.BigEndian.Uint64(k))) {
			if err := deleteRow(tx, t, k); err != nil {
				return false, err
			}
			continue
		}
		v := tx.Bucket(bucketMedia).Get(k[8:])
		if v == nil { // both ends of the table met
			continue
		}
		row, err := decodeMedium(v)
		if err != nil {
			return false, err
		}
		row.Key, row.At = MediaKey(k[8:]), now
		if err := putRow(tx, t, &row); err != nil {
			return false, err
		}
	}
	return len(old) > 0, nil
}

// change changes the tables in the committer, after what waits was written. A change that has begun is waited for whatever
// becomes of ctx: its caller has to know what it did. run returns errUnchanged when there is nothing to write.
func (m *Media) change(ctx context.Context, run func(*bbolt.Tx, *MediaTotals) error) error {
	const begun, given = 1, 2
	var state atomic.Int32
	done := make(chan error, 1)
	err := m.inside(ctx, func() error {
		if !state.CompareAndSwap(0, begun) {
			return context.Canceled
		}
		err := m.changeNow(run)
		done <- err
		return err
	})
	if ctx.Err() != nil && !state.CompareAndSwap(0, given) {
		return <-done
	}
	return err
}

// changeNow is change inside the committer.
func (m *Media) changeNow(run func(*bbolt.Tx, *MediaTotals) error) error {
	m.mu.Lock()
	if len(m.touched) > 0 {
		m.touchAt = m.o.Steady() - touchTime // uses decide what goes
	}
	m.mu.Unlock()
	if err := m.commit(); err != nil {
		return err
	}
	m.mu.Lock()
	before := m.totals
	m.mu.Unlock()
	after := before
	err := m.f.update(func(tx *bbolt.Tx) error {
		after = before
		if err := run(tx, &after); err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(keyMedia, after.encode())
	})
	if err == nil {
		m.mu.Lock()
		m.totals = after
		m.mu.Unlock()
	}
	return err
}

// settle makes all that waits due, for the last commit; false when nothing does.
func (m *Media) settle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touchAt = m.o.Steady() - touchTime
	return !m.waiting.empty() || len(m.touched) > 0
}

// write puts the batch into a transaction.
func (b *mediaBatch) write(tx *bbolt.Tx) error {
	t := b.before
	for _, row := range b.rows {
		if err := putRow(tx, &t, &row); err != nil {
			return fmt.Errorf("writing the media index: %w", err)
		}
	}
	for sum := range b.gone {
		blob, ok, err := readBlob(tx, sum)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		t.Bytes -= blob.Size
		t.Blobs--
		if err := deleteBlobs(tx, []Blob{blob}); err != nil {
			return err
		}
	}
	for _, blob := range b.blobs {
		if err := putBlob(tx, &t, &blob); err != nil {
			return fmt.Errorf("writing the media index: %w", err)
		}
	}
	for sum, used := range b.touched {
		blob, ok, err := readBlob(tx, sum)
		if err != nil {
			return err
		}
		if !ok || used <= blob.Used {
			continue
		}
		blob.Used = used
		if err := putBlob(tx, &t, &blob); err != nil {
			return fmt.Errorf("writing the media index: %w", err)
		}
	}
	for n := 0; t.rowBytes > b.limit && n < trimMedia; n++ {
		k, _ := tx.Bucket(bucketMediaAge).Cursor().First()
		if k == nil {
			break
		}
		if err := deleteRow(tx, &t, bytes.Clone(k)); err != nil {
			return fmt.Errorf("trimming the media index: %w", err)
		}
	}
	if b.day != 0 {
		t.day, t.spent = b.day, b.spent
	}
	b.after = t
	if t == b.before {
		return nil
	}
	return tx.Bucket(bucketMeta).Put(keyMedia, t.encode())
}

// putRow writes a row and its place in the order of time.
func putRow(tx *bbolt.Tx, t *MediaTotals, row *Medium) error {
	rows, age := tx.Bucket(bucketMedia), tx.Bucket(bucketMediaAge)
	if v := rows.Get(row.Key[:]); v != nil {
		old, err := decodeMedium(v)
		if err != nil {
			return err
		}
		t.Rows--
		t.rowBytes -= int64(len(v)) + rowOverhead
		if old.At != row.At {
			if err := age.Delete(timeKey(old.At, row.Key[:])); err != nil {
				return err
			}
		}
	}
	v := encodeMedium(row)
	t.Rows++
	t.rowBytes += int64(len(v)) + rowOverhead
	if err := rows.Put(row.Key[:], v); err != nil {
		return err
	}
	return age.Put(timeKey(row.At, row.Key[:]), nil)
}

// deleteRow takes a row away, by its key in the order of time.
func deleteRow(tx *bbolt.Tx, t *MediaTotals, ageKey []byte) error {
	if len(ageKey) != 8+len(MediaKey{}) {
		return errCodec
	}
	if v := tx.Bucket(bucketMedia).Get(ageKey[8:]); v != nil {
		t.Rows--
		t.rowBytes -= int64(len(v)) + rowOverhead
	}
	if err := tx.Bucket(bucketMedia).Delete(ageKey[8:]); err != nil {
		return err
	}
	return tx.Bucket(bucketMediaAge).Delete(ageKey)
}

// putBlob writes a file's row and its place in the order of use.
func putBlob(tx *bbolt.Tx, t *MediaTotals, blob *Blob) error {
	old, ok, err := readBlob(tx, blob.Sum)
	if err != nil {
		return err
	}
	if ok {
		t.Bytes -= old.Size
		t.Blobs--
		if err := tx.Bucket(bucketBlobUse).Delete(timeKey(old.Used, old.Sum[:])); err != nil {
			return err
		}
	}
	t.Bytes += blob.Size
	t.Blobs++
	if err := tx.Bucket(bucketBlobs).Put(blob.Sum[:], encodeBlob(blob)); err != nil {
		return err
	}
	return tx.Bucket(bucketBlobUse).Put(timeKey(blob.Used, blob.Sum[:]), nil)
}

// deleteBlobs takes files out of both tables.
func deleteBlobs(tx *bbolt.Tx, blobs []Blob) error {
	for _, blob := range blobs {
		if err := tx.Bucket(bucketBlobs).Delete(blob.Sum[:]); err != nil {
			return err
		}
		if err := tx.Bucket(bucketBlobUse).Delete(timeKey(blob.Used, blob.Sum[:])); err != nil {
			return err
		}
	}
	return nil
}

// readBlob reads a file's row.
func readBlob(tx *bbolt.Tx, sum MediaSum) (Blob, bool, error) {
	v := tx.Bucket(bucketBlobs).Get(sum[:])
	if v == nil {
		return Blob{}, false, nil
	}
	blob, err := decodeBlob(sum, v)
	return blob, err == nil, err
}

// findBlob reads the row of a place in the order of use.
func findBlob(tx *bbolt.Tx, useKey []byte) (Blob, error) {
	if len(useKey) != 8+len(MediaSum{}) {
		return Blob{}, errCodec
	}
	blob, ok, err := readBlob(tx, MediaSum(useKey[8:]))
	if err == nil && !ok {
		err = errCodec // no row without its place and none the other way round
	}
	return blob, err
}
