package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

// Content is a backup that was read from its first to its last byte and is what it was when it was made.
type Content struct {
	Manifest
	Text []byte // of the configuration; nil when the backup has none. It holds secrets
}

// Read reads a whole backup and checks it: the format, every size and every checksum, and that nothing is missing or too
// much. Files are written below root (nil = nowhere), the configuration is not: it is in the answer.
// Errors are ErrNotBackup, ErrDamaged, ErrNewer, or what reading and writing brought.
func Read(ctx context.Context, r io.Reader, root *os.Root) (*Content, error) {
	in := bufio.NewReader(until{ctx, r})
	packed, err := gzip.NewReader(in)
	if errors.Is(err, io.ErrUnexpectedEOF) { // shorter than the head of any: nothing of ours was in it
		return nil, ErrNotBackup
	}
	if err != nil {
		return nil, broken(err, ErrNotBackup)
	}
	packed.Multistream(false) // one is all that we write
	archive := tar.NewReader(packed)
	c, err := first(archive)
	if err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	for _, want := range c.Members {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: %q is missing", ErrDamaged, want.Name)
		}
		if err != nil {
			return nil, broken(err, ErrDamaged)
		}
		if header.Name != want.Name || header.Typeflag != tar.TypeReg || header.Size != want.Size {
			return nil, fmt.Errorf("%w: it holds %q (%d bytes) where the manifest lists %q (%d bytes)", ErrDamaged, shorten(header.Name), header.Size, want.Name, want.Size)
		}
		if err := c.take(archive, want, root); err != nil {
			return nil, err
		}
	}
	if header, err := archive.Next(); err == nil {
		return nil, fmt.Errorf("%w: it holds %q, which the manifest does not list", ErrDamaged, shorten(header.Name))
	} else if !errors.Is(err, io.EOF) {
		return nil, broken(err, ErrDamaged)
	}
	// The checksum of the packing stands at the very end.
	const padding = 1 << 20
	if n, err := io.Copy(io.Discard, io.LimitReader(packed, padding+1)); err != nil {
		return nil, broken(err, ErrDamaged)
	} else if n > padding {
		return nil, fmt.Errorf("%w: something follows its end", ErrDamaged)
	}
	if _, err := in.ReadByte(); err == nil {
		return nil, fmt.Errorf("%w: something follows its end", ErrDamaged)
	} else if !errors.Is(err, io.EOF) {
		return nil, broken(err, ErrDamaged)
	}
	return c, nil
}

// first reads the manifest.
func first(archive *tar.Reader) (*Content, error) {
	header, err := archive.Next()
	if err != nil {
		return nil, broken(err, ErrNotBackup)
	}
	if header.Name != manifestName || header.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("%w: it does not begin with %s", ErrNotBackup, manifestName)
	}
	text, err := io.ReadAll(io.LimitReader(archive, maxManifest+1))
	if err != nil {
		return nil, broken(err, ErrDamaged)
	}
	c := &Content{}
	if len(text) > maxManifest || json.Unmarshal(text, &c.Manifest) != nil {
		return nil, fmt.Errorf("%w: its manifest cannot be read", ErrDamaged)
	}
	return c, nil
}

// take reads one member and compares it with what the manifest says.
func (c *Content) take(archive io.Reader, want Member, root *os.Root) (err error) {
	h := sha256.New()
	var to io.Writer = h
	var text bytes.Buffer
	switch {
	case want.Name == ConfigName:
		to = io.MultiWriter(h, &text)
	case root != nil:
		name := filepath.FromSlash(want.Name)
		if folder := path.Dir(want.Name); folder != "." {
			if err := root.MkdirAll(filepath.FromSlash(folder), 0o700); err != nil {
				return fmt.Errorf("unpacking %q: %w", want.Name, err)
			}
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("unpacking %q: %w", want.Name, err)
		}
		defer func() { // the databases are synced where they are put in place
			if ended := f.Close(); err == nil && ended != nil {
				err = fmt.Errorf("unpacking %q: %w", want.Name, ended)
			}
		}()
		to = io.MultiWriter(h, writing{f})
	}
	n, err := io.Copy(to, io.LimitReader(archive, want.Size))
	if err != nil {
		var w *writeError
		if errors.As(err, &w) {
			return fmt.Errorf("unpacking %q: %w", want.Name, w.err)
		}
		return broken(err, ErrDamaged)
	}
	if n != want.Size || hex.EncodeToString(h.Sum(nil)) != want.SHA256 {
		return fmt.Errorf("%w: the checksum of %q is wrong", ErrDamaged, want.Name)
	}
	if want.Name == ConfigName {
		c.Text = text.Bytes()
		if c.Text == nil {
			c.Text = []byte{}
		}
	}
	return nil
}

// writing tells errors of the disk from errors of the backup.
type writing struct{ w io.Writer }

type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }

func (w writing) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

// broken gives what the unpackers complain of its meaning.
func broken(err, meaning error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it is cut off", ErrDamaged)
	case errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("%w: it was changed (%v)", ErrDamaged, err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader), errors.Is(err, io.EOF):
		return meaning
	}
	return fmt.Errorf("reading the backup: %w", err)
}

func shorten(name string) string {
	const most = 80
	if len(name) > most {
		return name[:most] + "..."
	}
	return name
}
