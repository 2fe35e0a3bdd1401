package media

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// inlineMax is what goes to NapCat as base64 within the action itself, bytes. Larger ones would have to be in memory
	// whole, twice, and very large ones have ended NapCat (napcat-onebot11.md, 6).
	inlineMax = 1 << 20
	// chunkBytes is one piece of an upload_file_stream, collectBytes how much of a file goes between two collections of
	// garbage: each piece leaves a frame behind, and the collector would let those of a small process grow to several MiB.
	chunkBytes   = 64 << 10
	collectBytes = 4 * chunkBytes
	// retention is how long NapCat keeps what was uploaded, and how long a file stays in the shared folder: sends are
	// confirmed within 10 minutes or never.
	retention = 15 * time.Minute
	// sharedPrefix begins the names of files in the shared folder; nothing else there is touched.
	sharedPrefix = "catflap-"
	maxShared    = 1024
)

// ErrNoRoad: no way is left by which NapCat would get a file.
var ErrNoRoad = errors.New("NapCat cannot be handed the file")

// Road is what is known of the way from catflap to one account's NapCat.
type Road struct {
	Account string
	// Folder is one that NapCat sees under the same path (media.napcatDir); "" = none.
	Folder string
	// Base is how NapCat reaches the gateway, without a slash at its end; "" = it does not.
	Base string
	Max  int64 // the account's mediaMaxMb in bytes; 0 = no bound
	// Inline is how many bytes of base64 the file may add to the action itself; nil = any of inlineMax.
	Inline *int64
}

// inlines reports whether a file may go within the action.
func (r *Road) inlines(size int64) bool {
	return size <= inlineMax && (r.Inline == nil || (size+2)/3*4 <= *r.Inline)
}

// Parcel is a file on its way to NapCat.
type Parcel struct {
	Key     Key    // zero: it is not in the cache
	Name    string // for people, and for NapCat to tell its kind by; "" = unknown
	Size    int64
	Content io.ReaderAt
}

// Sender hands files to NapCat by the first road that is open: a folder that both see, an address that NapCat fetches,
// base64 within the action if the file is small, else NapCat's own upload in pieces.
type Sender struct {
	cache *Cache

	mu     sync.Mutex
	closed bool
	shared []sharedFile // in the order in which they go
	timer  *time.Timer
}

// sharedFile is a file in the shared folder.
type sharedFile struct {
	folder, name string
	until        time.Time
}

// NewSender makes a sender of a cache's files. Close removes what it left in shared folders.
func NewSender(c *Cache) *Sender { return &Sender{cache: c} }

// Hand returns what the action names the file by. The parcel stays the caller's, who may close it afterwards. Errors wrap
// ErrTooLarge, ErrNoRoad or are ctx's.
func (s *Sender) Hand(ctx context.Context, p Parcel, road Road) (string, error) {
	if road.Max > 0 && p.Size > road.Max {
		return "", fmt.Errorf("%w: %d bytes, and %d MiB are allowed", errLarge, p.Size, road.Max>>20)
	}
	if p.Size == 0 {
		return "", fmt.Errorf("%w: it is empty", ErrNoRoad)
	}
	var faults []error
	if road.Folder != "" {
		path, err := s.share(road.Folder, p)
		if err == nil {
			return path, nil
		}
		faults = append(faults, fmt.Errorf("media.napcatDir: %w", err))
	}
	if road.Base != "" {
		key, err := s.keyOf(ctx, p)
		if err == nil {
			return road.Base + Path + key.String(), nil
		}
		faults = append(faults, err)
	}
	if road.inlines(p.Size) {
		return inline(p)
	}
	path, err := s.upload(ctx, p, road.Account)
	if err == nil {
		return path, nil
	}
	if p.Size <= inlineMax {
		faults = append(faults, errInline)
	}
	return "", fmt.Errorf("%w: %w", ErrNoRoad, errors.Join(append(faults, err)...))
}

// errInline: a small file that would have gone within the action, had there been fewer.
var errInline = errors.New("the action names more files than go to NapCat at once: send fewer in one message, or set media.publicUrl or media.napcatDir")

// keyOf is the parcel's key; what is not in the cache yet goes there.
func (s *Sender) keyOf(ctx context.Context, p Parcel) (Key, error) {
	if p.Key != (Key{}) {
		return p.Key, nil
	}
	info, err := s.cache.Put(ctx, io.NewSectionReader(p.Content, 0, p.Size), p.Name, p.Size)
	return info.Key, err
}

// inline is the file within the action.
func inline(p Parcel) (string, error) {
	const scheme = "base64://"
	var b strings.Builder
	b.Grow(len(scheme) + base64.StdEncoding.EncodedLen(int(p.Size)))
	b.WriteString(scheme)
	enc := base64.NewEncoder(base64.StdEncoding, &b)
	if err := copyWhole(enc, p); err != nil {
		return "", err
	}
	_ = enc.Close() // a builder takes everything
	return b.String(), nil
}

// errShrunk: a file that has become shorter since it was measured.
var errShrunk = errors.New("the file changed while it was read")

func copyWhole(w io.Writer, p Parcel) error {
	n, err := io.Copy(w, io.NewSectionReader(p.Content, 0, p.Size))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNoRoad, err)
	case n != p.Size:
		return fmt.Errorf("%w: %w", ErrNoRoad, errShrunk)
	}
	return nil
}

// share copies the file into a folder that NapCat sees, too. A hard link would do without the bytes, but then NapCat
// could change what the cache has, or not read it at all: the cache's files are for catflap's user only.
func (s *Sender) share(folder string, p Parcel) (path string, err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", err
	}
	defer root.Close()
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	name := sharedPrefix + hex.EncodeToString(random[:]) + extension(p.Name)
	if !s.expect(folder, name) {
		return "", fmt.Errorf("%d files wait there already", maxShared)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	if err = copyWhole(f, p); err == nil {
		err = f.Chmod(0o644) // whatever the umask is: NapCat may be another user
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = root.Remove(name)
		return "", err
	}
	return strings.TrimRight(folder, "/") + "/" + name, nil
}

// extension is the end of a name that tells the kind of a file, if it is a plain one.
func extension(name string) string {
	i := strings.LastIndexByte(name, '.')
	if i < 0 || len(name)-i > 8 || strings.Trim(strings.ToLower(name[i+1:]), "abcdefghijklmnopqrstuvwxyz0123456789") != "" || i+1 == len(name) {
		return ""
	}
	return strings.ToLower(name[i:])
}

// expect notes a file that is to be removed later.
func (s *Sender) expect(folder, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.shared) >= maxShared {
		return false
	}
	s.shared = append(s.shared, sharedFile{folder, name, s.cache.now().Add(retention)})
	if s.timer == nil {
		s.timer = time.AfterFunc(retention, s.sweep)
	}
	return true
}

// sweep removes what has been there for long enough.
func (s *Sender) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cache.now()
	for len(s.shared) > 0 && !s.shared[0].until.After(now) {
		s.shared[0].remove()
		s.shared = s.shared[1:]
	}
	if s.timer = nil; len(s.shared) > 0 && !s.closed {
		s.timer = time.AfterFunc(max(time.Second, s.shared[0].until.Sub(now)), s.sweep)
	}
}

// Close removes what is left in shared folders.
func (s *Sender) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, f := range s.shared {
		f.remove()
	}
	s.shared = nil
}

func (f sharedFile) remove() {
	if root, err := os.OpenRoot(f.folder); err == nil {
		_ = root.Remove(f.name)
		_ = root.Close()
	}
}

// Clean removes what a run that ended by itself left in a shared folder. It is called once, before anything is handed over.
func (s *Sender) Clean(folder string) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return
	}
	defer root.Close()
	dir, err := root.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(16 * maxShared)
	for _, name := range names {
		rest, ours := strings.CutPrefix(name, sharedPrefix)
		stem, _, _ := strings.Cut(rest, ".")
		if _, err := hex.DecodeString(stem); ours && err == nil && len(stem) == 16 {
			_ = root.Remove(name)
		}
	}
}

// upload gives NapCat the file in pieces, one call each, and returns where it lies on NapCat's host (napcat-onebot11.md,
// 3.7). One piece is in memory at a time.
func (s *Sender) upload(ctx context.Context, p Parcel, account string) (string, error) {
	if s.cache.ask == nil {
		return "", errors.New("there is no NapCat")
	}
	var random [12]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	id := "catflap-" + hex.EncodeToString(random[:])
	total := (p.Size + chunkBytes - 1) / chunkBytes
	piece := make([]byte, min(p.Size, chunkBytes))
	var params []byte
	for i := range total {
		n, err := p.Content.ReadAt(piece[:min(chunkBytes, p.Size-i*chunkBytes)], i*chunkBytes)
		if err != nil && (!errors.Is(err, io.EOF) || int64(n) != min(chunkBytes, p.Size-i*chunkBytes)) {
			s.forget(ctx, account, id)
			return "", errShrunk
		}
		params = appendChunk(params[:0], id, i, total, p, piece[:n])
		if err := s.cache.ask(ctx, account, "upload_file_stream", params, nil); err != nil {
			s.forget(ctx, account, id)
			return "", fmt.Errorf("uploading piece %d of %d: %w", i+1, total, err)
		}
		if (i+1)*chunkBytes%collectBytes == 0 {
			runtime.GC()
		}
	}
	var end struct {
		Path string `json:"file_path"`
	}
	params = append(strconv.AppendQuote(append(params[:0], `{"stream_id":`...), id), `,"is_complete":true}`...)
	if err := s.cache.ask(ctx, account, "upload_file_stream", params, &end); err != nil {
		return "", fmt.Errorf("ending the upload: %w", err)
	}
	if end.Path == "" {
		return "", errors.New("NapCat does not say where the uploaded file is")
	}
	return end.Path, nil
}

// forget drops an upload that failed. NapCat says that this failed when it worked.
func (s *Sender) forget(ctx context.Context, account, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = s.cache.ask(ctx, account, "upload_file_stream", append(strconv.AppendQuote([]byte(`{"stream_id":`), id), `,"reset":true}`...), nil)
}

// appendChunk writes the params of one piece.
func appendChunk(dst []byte, id string, index, total int64, p Parcel, piece []byte) []byte {
	dst = append(strconv.AppendQuote(append(dst, `{"stream_id":`...), id), `,"chunk_index":`...)
	dst = append(strconv.AppendInt(dst, index, 10), `,"total_chunks":`...)
	dst = append(strconv.AppendInt(dst, total, 10), `,"file_size":`...)
	dst = append(strconv.AppendInt(dst, p.Size, 10), `,"file_retention":`...)
	dst = append(strconv.AppendInt(dst, retention.Milliseconds(), 10), `,"filename":`...)
	name, _ := json.Marshal(uploadName(id, p.Name)) // a string without bytes that are not UTF-8
	dst = append(append(dst, name...), `,"chunk_data":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, piece), `"}`...)
}

// uploadName is what NapCat calls the file in its folder, to which it joins the name as it is: nobody else's words. The
// id keeps files of the same name apart.
func uploadName(id, name string) string {
	if !utf8.ValidString(name) {
		name = ""
	}
	return id + extension(name)
}
