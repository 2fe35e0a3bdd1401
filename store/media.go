package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// maxMediaWaiting bounds rows and blobs in memory each, and touchLimit the uses that were not written.
	maxMediaWaiting = 1024
	touchLimit      = 4096
	// touchTime is how long uses stay in memory only: what was used when matters to eviction alone.
	touchTime = time.Hour
	// mediaShare is the part of journal.db that rows of the media table may take.
	mediaShare = 8
	// maxOrigin and maxMediaText bound one row.
	maxOrigin    = 4 << 10
	maxMediaText = 512
)

// keyMedia is the totals' place in the meta table.
var keyMedia = []byte("media")

// ErrMediaBusy means that more of the media index waits to be written than memory may hold: the disk is full or slow.
var ErrMediaBusy = errors.New("the media index cannot be written fast enough")

// MediaKey names a medium to the world.
type MediaKey [20]byte

// MediaSum is the SHA-256 of a medium's bytes, and the name of its file.
type MediaSum [32]byte

// Medium is what a key stands for.
type Medium struct {
	Key    MediaKey
	Sum    MediaSum // zero: the bytes are not here
	Size   int64    // of the bytes; 0 when they are not here
	Type   string   // content type as sniffed
	Name   string   // for people, at most 512 bytes
	Origin []byte   // where the bytes came from, for whoever put it there; at most 4 KiB
	At     int64    // unix seconds of the newest offer
}

// Blob is one file of the cache.
type Blob struct {
	Sum  MediaSum
	Size int64
	Type string // content type as sniffed
	At   int64  // unix seconds of its arrival
	Used int64  // unix seconds of its last use
}

// MediaTotals sums the index up.
type MediaTotals struct {
	Bytes int64 // of all blobs
	Blobs int64
	Rows  int64 // keys

	rowBytes   int64
	day, spent int64 // bytes that were written to the disk on the newest day, counted from 1970
}

// Media is the index of the media cache: what a key stands for and which files there are. Changes wait in memory for the
// next commit of journal.db; nothing waits for one but Evict and Flush. It knows nothing of the files themselves.
type Media struct {
	f      *file
	o      Options
	kick   func()
	inside func(context.Context, func() error) error
	commit func() error // writes what waits; inside the committer only

	mu      sync.Mutex
	waiting mediaBatch
	writing *mediaBatch // in the hands of the committer
	touched map[MediaSum]int64
	since   time.Duration // when the first of waiting came, steady
	touchAt time.Duration // when the first of touched came
	totals  MediaTotals
}

func newMedia(f *file, o Options) *Media {
	return &Media{f: f, o: o, kick: func() {}, waiting: newMediaBatch(), touched: map[MediaSum]int64{}}
}

// Get returns what a key stands for. Sum is zero when the bytes are not here (any more). It reads the file's mapped
// pages and waits for no commit.
func (m *Media) Get(key MediaKey) (row Medium, ok bool, err error) {
	m.mu.Lock()
	row, ok = m.waiting.row(m.writing, key)
	m.mu.Unlock()
	if !ok {
		err = m.f.view(func(tx *bbolt.Tx) (err error) {
			v := tx.Bucket(bucketMedia).Get(key[:])
			if v == nil {
				return nil
			}
			ok = true
			row, err = decodeMedium(v)
			return err
		})
		if err != nil {
			return Medium{}, false, fmt.Errorf("reading the media index: %w", err)
		}
		row.Key = key
	}
	if !ok || row.Sum == (MediaSum{}) {
		return row, ok, nil
	}
	blob, here, err := m.Blob(row.Sum)
	if err != nil {
		return Medium{}, false, err
	}
	row.Size, row.Type = blob.Size, blob.Type
	if !here {
		row.Sum = MediaSum{}
	}
	return row, true, nil
}

// Blob returns a file's row; false when there is none.
func (m *Media) Blob(sum MediaSum) (blob Blob, ok bool, err error) {
	m.mu.Lock()
	blob, gone, ok := m.waiting.blob(m.writing, sum)
	m.mu.Unlock()
	if ok || gone {
		return blob, ok, nil
	}
	err = m.f.view(func(tx *bbolt.Tx) (err error) {
		if v := tx.Bucket(bucketBlobs).Get(sum[:]); v != nil {
			ok = true
			blob, err = decodeBlob(sum, v)
		}
		return err
	})
	if err != nil {
		return Blob{}, false, fmt.Errorf("reading the media index: %w", err)
	}
	return blob, ok, nil
}

// Put says what a key stands for; At 0 is now. Origin belongs to the index from now on. Size and Type are the blob's and not kept here. Texts above their bounds are
// refused, ErrMediaBusy when too much waits.
func (m *Media) Put(row Medium) error {
	if len(row.Origin) > maxOrigin || len(row.Name) > maxMediaText {
		return fmt.Errorf("keeping a medium: its name or origin is longer than %d or %d bytes", maxMediaText, maxOrigin)
	}
	if row.At == 0 {
		row.At = m.o.Now().Unix()
	}
	row.Size, row.Type = 0, ""
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, again := m.waiting.rows[row.Key]; !again && len(m.waiting.rows) >= maxMediaWaiting {
		m.kick()
		return ErrMediaBusy
	}
	m.arm()
	m.waiting.rows[row.Key] = row
	return nil
}

// PutBlob says that a file is there; At and Used 0 are now. The file must be on the disk already.
func (m *Media) PutBlob(blob Blob) error {
	if blob.Size < 0 || len(blob.Type) > maxMediaText {
		return fmt.Errorf("keeping a medium: no size, or a type of more than %d bytes", maxMediaText)
	}
	now := m.o.Now().Unix()
	if blob.At == 0 {
		blob.At = now
	}
	if blob.Used == 0 {
		blob.Used = now
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, again := m.waiting.blobs[blob.Sum]; !again && len(m.waiting.blobs) >= maxMediaWaiting {
		m.kick()
		return ErrMediaBusy
	}
	m.arm()
	delete(m.waiting.gone, blob.Sum)
	m.waiting.blobs[blob.Sum] = blob
	return nil
}

// Forget says that files are not there (any more). Keys that stand for them stay, without bytes. Waiting for the write is
// not needed: what a crash brings back is found by whoever compares folder and index.
func (m *Media) Forget(sums ...MediaSum) {
	if len(sums) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.arm()
	for _, sum := range sums {
		delete(m.waiting.blobs, sum)
		delete(m.touched, sum)
		m.waiting.gone[sum] = true
	}
}

// Touch says that a file was used. It is written with something else, an hour later at most.
func (m *Media) Touch(sum MediaSum) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.touched) >= touchLimit {
		if _, again := m.touched[sum]; !again {
			return
		}
	}
	if len(m.touched) == 0 {
		m.touchAt = m.o.Steady()
		m.kick()
	}
	m.touched[sum] = m.o.Now().Unix()
}

// Spend counts bytes that were written to the disk on a day (counted from 1970) and returns all of that day; n may be 0.
func (m *Media) Spend(day, n int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := &m.waiting
	old := m.spentOf(day)
	if n > 0 {
		m.arm()
		w.day, w.spent = day, old+n
	}
	return old + n
}

// spentOf is what is known of a day.
func (m *Media) spentOf(day int64) int64 {
	switch {
	case m.waiting.day != 0:
		if m.waiting.day == day {
			return m.waiting.spent
		}
		return 0
	case m.writing != nil && m.writing.day != 0:
		if m.writing.day == day {
			return m.writing.spent
		}
		return 0
	case m.totals.day == day:
		return m.totals.spent
	}
	return 0
}

// Totals sums up what is on the disk and what waits to be written. A file that is put twice within one commit counts
// twice until then.
func (m *Media) Totals() MediaTotals {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.totals
	for _, b := range []*mediaBatch{m.writing, &m.waiting} {
		if b == nil {
			continue
		}
		for _, blob := range b.blobs {
			t.Bytes += blob.Size
			t.Blobs++
		}
	}
	return t
}

// Blobs lists the files whose sum begins with a byte, in order: those of one folder of the cache.
func (m *Media) Blobs(first byte) ([]Blob, error) {
	var out []Blob
	err := m.f.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketBlobs).Cursor()
		for k, v := c.Seek([]byte{first}); len(k) == len(MediaSum{}) && k[0] == first; k, v = c.Next() {
			blob, err := decodeBlob(MediaSum(k), v)
			if err != nil {
				return err
			}
			out = append(out, blob)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the media index: %w", err)
	}
	return out, nil
}

// Oldest lists files by their last use as it is on the disk, the longest unused first.
func (m *Media) Oldest(limit int) (out []Blob, err error) {
	err = m.f.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketBlobUse).Cursor()
		for k, _ := c.First(); k != nil && len(out) < limit; k, _ = c.Next() {
			blob, err := findBlob(tx, k)
			if err != nil {
				return err
			}
			out = append(out, blob)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the media index: %w", err)
	}
	return out, nil
}

// Flush writes what waits, uses included.
func (m *Media) Flush(ctx context.Context) error {
	return m.inside(ctx, func() error {
		m.mu.Lock()
		m.touchAt = m.o.Steady() - touchTime
		m.mu.Unlock()
		return m.commit()
	})
}

// arm starts the clock of what waits. The caller holds the lock.
func (m *Media) arm() {
	if m.waiting.empty() {
		m.since = m.o.Steady()
		m.kick()
	} else if len(m.waiting.rows)+len(m.waiting.blobs) == maxMediaWaiting/2 {
		m.kick()
	}
}

// due returns how long until something has to be written: negative or 0 = now; ok is false when nothing waits.
func (m *Media) due() (wait time.Duration, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.o.Steady()
	if len(m.touched) > 0 {
		wait, ok = m.touchAt+touchTime-now, true
	}
	if !m.waiting.empty() {
		w := m.since + m.o.QueueSync - now // addresses of media are handed out with events, and are to outlive a crash like those
		if len(m.waiting.rows)+len(m.waiting.blobs) >= maxMediaWaiting/2 {
			w = 0
		}
		if !ok || w < wait {
			wait, ok = w, true
		}
	}
	return wait, ok
}

// take hands what waits to the committer; nil when it is nothing.
func (m *Media) take() *mediaBatch {
	m.mu.Lock()
	defer m.mu.Unlock()
	uses := len(m.touched) > 0 && (m.o.Steady() >= m.touchAt+touchTime || len(m.touched) >= touchLimit)
	if m.waiting.empty() && !uses {
		return nil
	}
	b := m.waiting
	if uses {
		b.touched, m.touched = m.touched, map[MediaSum]int64{}
	}
	b.limit = m.o.MaxBytes / mediaShare
	b.before = m.totals
	m.writing, m.waiting = &b, newMediaBatch()
	return &b
}

// finish tells what became of a batch.
func (m *Media) finish(b *mediaBatch, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writing = nil
	if ok {
		m.totals = b.after
		return
	}
	if m.waiting.empty() {
		m.since = m.o.Steady()
	}
	newer := m.waiting
	m.waiting = *b
	m.waiting.add(&newer)
	for sum, at := range b.touched {
		if _, again := m.touched[sum]; !again && len(m.touched) < touchLimit {
			m.touched[sum] = at
		}
	}
	m.waiting.touched = nil
}

// mediaBatch is what one commit does to the media tables.
type mediaBatch struct {
	rows       map[MediaKey]Medium
	blobs      map[MediaSum]Blob
	gone       map[MediaSum]bool
	touched    map[MediaSum]int64
	day, spent int64

	limit         int64 // of the rows, bytes
	before, after MediaTotals
}

func newMediaBatch() mediaBatch {
	return mediaBatch{rows: map[MediaKey]Medium{}, blobs: map[MediaSum]Blob{}, gone: map[MediaSum]bool{}}
}

func (b *mediaBatch) empty() bool {
	return len(b.rows)+len(b.blobs)+len(b.gone) == 0 && b.day == 0
}

// row finds a key in two batches, the newer one first.
func (b *mediaBatch) row(older *mediaBatch, key MediaKey) (Medium, bool) {
	row, ok := b.rows[key]
	if !ok && older != nil {
		row, ok = older.rows[key]
	}
	return row, ok
}

// blob finds a file in two batches, the newer one first; gone says that it is known not to be there.
func (b *mediaBatch) blob(older *mediaBatch, sum MediaSum) (blob Blob, gone, ok bool) {
	if blob, ok = b.blobs[sum]; ok || b.gone[sum] {
		return blob, !ok, ok
	}
	if older == nil {
		return Blob{}, false, false
	}
	blob, ok = older.blobs[sum]
	return blob, older.gone[sum], ok
}

// add puts a newer batch over this one.
func (b *mediaBatch) add(newer *mediaBatch) {
	maps.Copy(b.rows, newer.rows)
	for sum, blob := range newer.blobs {
		delete(b.gone, sum)
		b.blobs[sum] = blob
	}
	for sum := range newer.gone {
		delete(b.blobs, sum)
		b.gone[sum] = true
	}
	if newer.day != 0 {
		b.day, b.spent = newer.day, newer.spent
	}
}
