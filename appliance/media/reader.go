package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/fence"
	"github.com/catflap/catflap/store"
)

// Info is what is known of a medium that is here.
type Info struct {
	Key  Key
	Size int64
	Sum  [32]byte // SHA-256
	Type string   // content type as sniffed; never what its origin claimed
	Name string   // as its sender named it: not to be trusted as a path; "" = unknown
	At   time.Time
}

// File is a medium that is open for reading. It stays in the cache until Close.
type File struct {
	Info
	doubtful bool // better bytes may come under the same key
	file     *os.File
	close    func()
}

// Read reads on.
func (f *File) Read(b []byte) (int, error) { return f.file.Read(b) }

// ReadAt reads from a place, whatever was read before.
func (f *File) ReadAt(b []byte, at int64) (int, error) { return f.file.ReadAt(b, at) }

// Seek moves the place that Read goes on from.
func (f *File) Seek(offset int64, whence int) (int64, error) { return f.file.Seek(offset, whence) }

// Rel is where the file lies inside Cache.Dir, with slashes.
func (f *File) Rel() string { return fileName(f.Sum) }

// Close gives the file back. A second call does nothing.
func (f *File) Close() error {
	err := f.file.Close()
	f.close()
	return err
}

// Open opens a medium. If its bytes are not here yet it waits for them until ctx ends. Errors wrap ErrUnknown, ErrPending
// (ctx ended first; the fetch goes on), ErrGone, ErrTooLarge or ErrUnavailable. Whoever gets the file closes it.
func (c *Cache) Open(ctx context.Context, key Key) (*File, error) {
	return c.open(ctx, key, func() (func(), error) { return func() {}, nil })
}

// open is Open for who has to ask before waiting: await is called once the fetch has begun, and what it returns when the
// wait is over. Its error is open's.
func (c *Cache) open(ctx context.Context, key Key, await func() (over func(), err error)) (*File, error) {
	waited := false
	for look := range 3 { // a file may leave between two looks
		unseen := c.unseen.Load() // before the look: an offer may be taken between the two
		row, known, err := c.index.Get(store.MediaKey(key))
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		case !known && unseen > 0:
			if err := c.settle(ctx); err != nil {
				return nil, err
			}
			continue
		case !known:
			return nil, ErrUnknown
		}
		o := originOf(row.Origin)
		if row.Sum != (store.MediaSum{}) {
			f, err := c.openBlob(key, &row)
			if f != nil && look < 2 && c.better(ctx, key, o, await) {
				_ = f.Close()
				continue
			}
			if f != nil || err != nil {
				if err == nil && !waited {
					c.count.hits.Add(1)
				}
				return f, err
			}
		}
		if o == (origin{}) {
			return nil, fmt.Errorf("%w: it was given to catflap by an app and has left the cache", ErrGone)
		}
		if !waited {
			c.count.misses.Add(1)
		}
		waited = true
		flight, err := c.demand(key, o)
		if err != nil {
			return nil, err
		}
		over, err := await()
		if err != nil {
			return nil, err
		}
		select {
		case <-flight.done:
			over()
		case <-ctx.Done():
			over()
			return nil, ErrPending
		}
		if flight.err != nil && !flight.lookAgain() {
			return nil, flight.err
		}
	}
	return nil, ErrPending
}

// better has bytes in doubt fetched again, and waits; true = look again.
func (c *Cache) better(ctx context.Context, key Key, o origin, await func() (func(), error)) bool {
	if !o.Doubtful {
		return false
	}
	flight := c.reask(key, o)
	if flight == nil {
		return false
	}
	over, err := await()
	if err != nil {
		return false
	}
	defer over()
	late := time.NewTimer(doubtTime)
	defer late.Stop()
	select {
	case <-flight.done:
		return flight.err == nil || flight.lookAgain()
	case <-late.C:
	case <-ctx.Done():
	}
	return false
}

// settle waits a moment for offers that were not looked at: a fast reader may be ahead of them.
func (c *Cache) settle(ctx context.Context) error {
	t := time.NewTimer(50 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ErrPending
	}
}

// openBlob opens a file that the index knows; nil without an error if it is not there after all.
func (c *Cache) openBlob(key Key, row *store.Medium) (*File, error) {
	c.pin(row.Sum)
	if _, ok, err := c.index.Blob(row.Sum); err != nil || !ok { // it may have left while we waited for the pin
		c.unpin(row.Sum)
		return nil, err
	}
	file, err := c.openFile(row)
	if err != nil {
		c.unpin(row.Sum)
		if !errors.Is(err, errMissing) {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		c.log.Warn("a file of the media cache is missing or has changed", "file", fileName(row.Sum))
		c.index.Forget(row.Sum)
		c.count.dangling.Add(1)
		return nil, nil
	}
	c.index.Touch(row.Sum)
	return &File{
		Info:     Info{Key: key, Size: row.Size, Sum: row.Sum, Type: row.Type, Name: row.Name, At: time.Unix(row.At, 0)},
		doubtful: originOf(row.Origin).Doubtful, file: file, close: sync.OnceFunc(func() { c.unpin(row.Sum) }),
	}, nil
}

// errMissing: a file is not there as the index has it.
var errMissing = errors.New("the file is missing or has another size")

func (c *Cache) openFile(row *store.Medium) (*os.File, error) {
	name := fileName(row.Sum)
	root := c.root.Load()
	if root == nil {
		return nil, errFolder
	}
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && (!info.Mode().IsRegular() || info.Size() != row.Size):
		return nil, errMissing
	case err != nil:
		return nil, fmt.Errorf("opening a medium: %w", err)
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening a medium: %w", err)
	}
	return file, nil
}

// Put takes a medium from an app, at most max bytes of it, and returns what its key stands for: the same bytes under the
// same name have the same key. Errors wrap ErrTooLarge or ErrUnavailable, or are the reader's.
func (c *Cache) Put(ctx context.Context, r io.Reader, name string, max int64) (Info, error) {
	info, err := c.put(ctx, r, name, max, Key{})
	if err == nil {
		c.count.uploads.Add(1)
	}
	return info, err
}

// put is Put with a key of the caller's, zero for that of the bytes.
func (c *Cache) put(ctx context.Context, r io.Reader, name string, max int64, key Key) (Info, error) {
	s := c.settings.Load()
	if err := c.mayWrite(0); err != nil {
		return Info{}, err
	}
	above := errLarge
	if s.Total/2 < max {
		max, above = s.Total/2, errShare
	}
	p, err := c.newPart(max, false)
	if err != nil {
		return Info{}, c.diskError(err)
	}
	defer p.discard()
	if err := pour(ctx, p, r); err != nil {
		p.discard()
		if errors.Is(err, fence.ErrTooLarge) {
			err = above
		}
		return Info{}, c.diskError(err)
	}
	if p.size == 0 {
		return Info{}, ErrEmpty
	}
	sum, size, err := c.publish(p)
	if err != nil {
		p.discard()
		return Info{}, c.diskError(err)
	}
	defer c.unpin(sum)
	if key == (Key{}) {
		key = c.key("sum:" + string(sum[:]) + shorten(name))
	}
	info := Info{Key: key, Size: size, Sum: sum, Type: sniff(p.head), Name: shorten(name), At: c.now()}
	row := store.Medium{Key: store.MediaKey(key), Sum: sum, Name: info.Name, At: info.At.Unix()}
	if err := c.write(func() error { return c.index.Put(row) }); err != nil {
		return Info{}, errIndex
	}
	return info, nil
}

// ErrEmpty: somebody gave no bytes at all.
var ErrEmpty = errors.New("the medium has no bytes")

// pour copies a reader into a part with one small buffer, until ctx ends.
func pour(ctx context.Context, p *part, r io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
		n, err := r.Read(buffer)
		if n > 0 {
			if _, err := p.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a medium: %w", err)
		}
	}
}
