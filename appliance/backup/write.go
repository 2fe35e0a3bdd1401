package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/catflap/catflap/store"
)

// staging is how the folders begin in which copies are made, below the data folder.
const staging = ".backup-"

// ErrBusy means that a backup is being made already.
var ErrBusy = errors.New("a backup is being made already: wait for it")

// Source is what backups are made of.
type Source struct {
	Store   *store.Store // open, for reading at least
	Version string
	// Where gives the configuration file, the data folder and the folder of the media cache, as they are now.
	Where func() (config, data, media string)
	Now   func() time.Time

	one sync.Mutex
}

// Options choose what goes in.
type Options struct {
	NoConfig bool // leave the configuration, which holds tokens, out
	Media    bool // take the media cache along
}

// part is a member before it is written: bytes in memory or a file.
type part struct {
	Member
	data []byte
	file string
}

// Write makes a backup while the store is in use. The copies are made first, on the disk of the data folder, so that a
// slow reader of w holds up nothing; then they are sent with little memory. Nothing was written when it fails early.
func (s *Source) Write(ctx context.Context, w io.Writer, o Options) error {
	if !s.one.TryLock() {
		return ErrBusy
	}
	defer s.one.Unlock()
	// What came since the last write, up to store.sync ago, is only in memory.
	if err := s.flush(ctx); err != nil {
		return err
	}
	config, data, media := s.Where()
	dir, err := copied(s.Store, data)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := Manifest{Kind: kind, Format: Format, Catflap: s.Version, Time: s.Now().UTC().Truncate(time.Second), Schemas: store.Versions()}
	var parts []part
	if !o.NoConfig {
		text, err := readConfig(config)
		if err != nil {
			return err
		}
		m.Config = absolute(config)
		parts = append(parts, part{Member: Member{Name: ConfigName}, data: text})
	}
	for _, name := range store.Files() {
		parts = append(parts, part{Member: Member{Name: name}, file: filepath.Join(dir, name)})
	}
	if o.Media {
		found, err := linked(ctx, media, filepath.Join(dir, "media"))
		if err != nil {
			return err
		}
		parts = append(parts, found...)
	}
	if len(parts) > maxMembers {
		return fmt.Errorf("making a backup: the media cache has more than %d files: leave it out", maxMembers)
	}
	for i := range parts {
		if err := parts[i].sum(ctx); err != nil {
			return fmt.Errorf("making a backup: %w", err)
		}
		m.Members = append(m.Members, parts[i].Member)
	}
	if err := send(ctx, w, &m, parts); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

// flush writes what is in memory. A store that is open for reading only has nothing there.
func (s *Source) flush(ctx context.Context) error {
	for _, flush := range []func(context.Context) error{s.Store.History().Flush, s.Store.Media().Flush} {
		if err := flush(ctx); err != nil && !errors.Is(err, store.ErrReadOnly) {
			return fmt.Errorf("making a backup: %w", err)
		}
	}
	return nil
}

// Check walks every page of the store's files, by way of copies where the store is in use, and returns the first damage.
func (s *Source) Check() error {
	if !s.one.TryLock() {
		return ErrBusy
	}
	defer s.one.Unlock()
	_, data, _ := s.Where()
	dir, err := copied(s.Store, data)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range store.Files() {
		if err := store.Check(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// copied makes a folder with consistent copies of the store's files.
func copied(st *store.Store, data string) (string, error) {
	dir, err := os.MkdirTemp(data, staging)
	if err != nil {
		return "", fmt.Errorf("making a backup: %w", err)
	}
	if err := st.Backup(dir); err != nil {
		return "", errors.Join(fmt.Errorf("making a backup: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

func absolute(name string) string {
	if full, err := filepath.Abs(name); err == nil {
		return full
	}
	return name
}

func readConfig(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("making a backup: reading the configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = fmt.Errorf("%s is larger than %d KiB", name, maxConfig>>10)
	}
	if err != nil {
		return nil, fmt.Errorf("making a backup: reading the configuration: %w", err)
	}
	return text, nil
}

// linked puts links to all files of the media cache into a folder of ours: what is evicted meanwhile stays until we are
// done. A file that cannot be linked, since the cache is on another disk, is read where it is. Symlinks are left out.
func linked(ctx context.Context, media, to string) ([]part, error) {
	var out []part
	err := filepath.WalkDir(media, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // no cache yet, or evicted meanwhile
			}
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(media, name)
		if err != nil || !d.Type().IsRegular() || limit(mediaPrefix+filepath.ToSlash(rel)) == 0 {
			return err
		}
		link := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			return err
		}
		if err := os.Link(name, link); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			link = name
		}
		out = append(out, part{Member: Member{Name: mediaPrefix + filepath.ToSlash(rel)}, file: link})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("making a backup: reading the media cache: %w", err)
	}
	return out, nil
}

// open gives the part's content from its start.
func (p *part) open() (io.ReadCloser, error) {
	if p.file == "" {
		return io.NopCloser(bytes.NewReader(p.data)), nil
	}
	return os.Open(p.file)
}

// sum fills in size and checksum.
func (p *part) sum(ctx context.Context) error {
	in, err := p.open()
	if err != nil {
		return err
	}
	defer in.Close()
	h := sha256.New()
	if p.Size, err = io.Copy(h, until{ctx, in}); err != nil {
		return err
	}
	p.SHA256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// send writes the archive.
func send(ctx context.Context, w io.Writer, m *Manifest, parts []part) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestSpeed) // boards are slow, and pages of a database pack well
	if err != nil {
		return err
	}
	archive := tar.NewWriter(packed)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	first := part{Member: Member{Name: manifestName, Size: int64(len(text))}, data: text}
	for _, p := range append([]part{first}, parts...) {
		if err := p.send(ctx, archive, m.Time); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return errors.Join(archive.Close(), packed.Close())
}

func (p *part) send(ctx context.Context, archive *tar.Writer, at time.Time) error {
	in, err := p.open()
	if err != nil {
		return err
	}
	defer in.Close()
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: p.Name, Size: p.Size, Mode: 0o600, ModTime: at}); err != nil {
		return err
	}
	if n, err := io.Copy(archive, until{ctx, io.LimitReader(in, p.Size)}); err != nil {
		return err
	} else if n != p.Size {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// until reads as long as the context lives.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u until) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(b)
}
