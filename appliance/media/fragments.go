package media

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// fragmentsIdle is how long a transfer may stand still.
	fragmentsIdle = 10 * time.Minute
	// fragmentsYield is after what time one that stands still makes way for another that finds no place.
	fragmentsYield = time.Minute
	maxFragments   = 8 // transfers at once
	// maxGaps bounds what is kept of which bytes have come: pieces in order leave one gap.
	maxGaps = 1024
)

// Why a piece, or the whole of what came in pieces, is not taken.
var (
	// ErrTransfer: no such transfer, or it stood still for too long.
	ErrTransfer = errors.New("no such transfer: it has ended, or stood still for 10 minutes")
	// ErrPiece: a piece does not lie inside what was announced.
	ErrPiece = errors.New("the piece reaches beyond total_size")
	// ErrMissing: not all bytes have come.
	ErrMissing = errors.New("pieces are missing")
	// ErrSum: the bytes are not those that the sender has.
	ErrSum = errors.New("the bytes have another SHA-256")
	// ErrTransfers: there is no place for another transfer, or for its pieces.
	ErrTransfers = errors.New("too much is on its way in pieces already")
)

// Fragments are media that come in pieces, in any order: each lies in a file of its own until it is whole.
type Fragments struct {
	cache *Cache

	mu   sync.Mutex
	over bool
	open map[string]*fragments
}

// fragments is one medium on its way. Writing it, and ending it, is done under its lock.
type fragments struct {
	mu    sync.Mutex
	root  *os.Root
	path  string
	file  *os.File // nil once it has ended
	name  string
	total int64
	gaps  []span // what has not come, in order
	idle  *time.Timer

	seen time.Time // of the last sign of life; under the lock of all
}

// span is from a byte to another, which is not in it.
type span struct{ from, to int64 }

// NewFragments makes the transfers into a cache. Close ends them.
func NewFragments(c *Cache) *Fragments {
	return &Fragments{cache: c, open: make(map[string]*fragments)}
}

// Prepare begins a transfer and returns its id. Errors wrap ErrTooLarge, ErrTransfers or ErrUnavailable.
func (f *Fragments) Prepare(name string, total, max int64) (id string, err error) {
	c := f.cache
	if total > max {
		return "", errLarge
	}
	if total > c.settings.Load().Total/2 {
		return "", errShare
	}
	if err := c.mayWrite(total); err != nil {
		return "", err
	}
	root := c.root.Load()
	if root == nil {
		return "", errFolder
	}
	for {
		id, left, err := f.begin(root, name, total)
		if left == "" {
			return id, err
		}
		f.end(left)
	}
}

// begin finds a place for a transfer, or one that was left lying and has to make way for it.
func (f *Fragments) begin(root *os.Root, name string, total int64) (id, left string, err error) {
	c := f.cache
	f.mu.Lock()
	defer f.mu.Unlock()
	promised, latest := total, time.Now().Add(-fragmentsYield)
	for id, t := range f.open {
		promised += t.total
		if !t.seen.After(latest) {
			left, latest = id, t.seen
		}
	}
	if f.over || len(f.open) >= maxFragments || promised > c.settings.Load().Total/2 {
		return "", left, ErrTransfers
	}
	var random Key
	if _, err := rand.Read(random[:]); err != nil {
		return "", "", fmt.Errorf("naming a transfer: %w", err)
	}
	t := &fragments{
		root: root, path: tempFolder + "/" + tempPrefix + strconv.FormatInt(c.parts.Add(1), 10), name: name, total: total, gaps: []span{{0, total}}, seen: time.Now(),
	}
	if t.file, err = root.OpenFile(t.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return "", "", fmt.Errorf("%w: making a temporary file: %w", ErrUnavailable, c.diskError(err))
	}
	id = random.String()
	t.idle = time.AfterFunc(fragmentsIdle, func() { f.end(id) })
	f.open[id] = t
	return id, "", nil
}

// find returns a transfer with its lock held, nil if there is none.
func (f *Fragments) find(id string) *fragments {
	f.mu.Lock()
	t := f.open[id]
	if t != nil {
		t.seen = time.Now()
	}
	f.mu.Unlock()
	if t == nil {
		return nil
	}
	t.mu.Lock()
	if t.file == nil {
		t.mu.Unlock()
		return nil
	}
	t.idle.Reset(fragmentsIdle)
	return t
}

// Write takes the piece at an offset: size bytes of r. A piece may come twice. Errors wrap ErrTransfer, ErrPiece,
// ErrTransfers or ErrUnavailable, or are the reader's.
func (f *Fragments) Write(id string, offset, size int64, r io.Reader) error {
	t := f.find(id)
	if t == nil {
		return ErrTransfer
	}
	defer t.mu.Unlock()
	switch {
	case offset < 0 || size < 0 || offset > t.total || size > t.total-offset:
		return ErrPiece
	case size == 0:
		return nil
	}
	if err := f.cache.mayWrite(size); err != nil {
		return err
	}
	gaps := without(t.gaps, span{offset, offset + size})
	if len(gaps) > maxGaps {
		return ErrTransfers
	}
	n, err := io.Copy(io.NewOffsetWriter(t.file, offset), io.LimitReader(r, size))
	f.cache.index.Spend(day(f.cache.now()), n)
	if err != nil {
		return fmt.Errorf("%w: writing a piece: %w", ErrUnavailable, f.cache.diskError(err))
	}
	if n != size {
		return io.ErrUnexpectedEOF
	}
	t.gaps = gaps
	return nil
}

// without takes a span out of gaps.
func without(gaps []span, s span) []span {
	out := make([]span, 0, len(gaps)+1)
	for _, g := range gaps {
		if s.to <= g.from || g.to <= s.from {
			out = append(out, g)
			continue
		}
		if g.from < s.from {
			out = append(out, span{g.from, s.from})
		}
		if s.to < g.to {
			out = append(out, span{s.to, g.to})
		}
	}
	return slices.Clip(out)
}

// Finish makes a medium of what came, if it is whole and its SHA-256 (lower case hex) is sum. Then, and if the sum is
// another, the transfer has ended. Errors wrap ErrTransfer, ErrMissing, ErrSum, ErrTooLarge or ErrUnavailable.
func (f *Fragments) Finish(ctx context.Context, id, sum string, max int64) (Info, error) {
	t := f.find(id)
	if t == nil {
		return Info{}, ErrTransfer
	}
	defer t.mu.Unlock()
	if len(t.gaps) > 0 && t.total > 0 {
		missing := int64(0)
		for _, g := range t.gaps {
			missing += g.to - g.from
		}
		return Info{}, fmt.Errorf("%w: %d bytes, the first at %d", ErrMissing, missing, t.gaps[0].from)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(t.file, 0, t.total)); err != nil {
		return Info{}, fmt.Errorf("%w: reading the pieces: %w", ErrUnavailable, err)
	}
	if hex.EncodeToString(hash.Sum(nil)) != sum {
		f.drop(id, t)
		return Info{}, ErrSum
	}
	info, err := f.cache.Put(ctx, io.NewSectionReader(t.file, 0, t.total), t.name, max)
	if err == nil {
		f.drop(id, t)
	}
	return info, err
}

// drop ends a transfer, whose lock the caller holds.
func (f *Fragments) drop(id string, t *fragments) {
	f.mu.Lock()
	delete(f.open, id)
	f.mu.Unlock()
	if t.file != nil {
		t.idle.Stop()
		_ = t.file.Close()
		_ = t.root.Remove(t.path)
		t.file = nil
	}
}

// end ends a transfer that stood still.
func (f *Fragments) end(id string) {
	f.mu.Lock()
	t := f.open[id]
	f.mu.Unlock()
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		f.drop(id, t)
	}
}

// Close ends all transfers. It comes before the cache's own end.
func (f *Fragments) Close() {
	f.mu.Lock()
	f.over = true
	var ids []string
	for id := range f.open {
		ids = append(ids, id)
	}
	f.mu.Unlock()
	for _, id := range ids {
		f.end(id)
	}
}
