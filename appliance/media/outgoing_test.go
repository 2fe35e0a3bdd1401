package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// stub is NapCat's upload_file_stream.
type stub struct {
	sum    [32]byte
	pieces int
	chunk  int // largest piece
	names  map[string]bool
	ends   int
	resets int
	fail   int // the piece that fails, from 1; 0 = none
	silent bool
}

func (s *stub) ask(_ context.Context, account, action string, params []byte, data any) error {
	var p struct {
		Stream   string `json:"stream_id"`
		Name     string `json:"filename"`
		Index    int    `json:"chunk_index"`
		Total    int    `json:"total_chunks"`
		Data     []byte `json:"chunk_data"`
		Complete bool   `json:"is_complete"`
		Reset    bool   `json:"reset"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return err
	}
	switch {
	case account != "bot" || action != "upload_file_stream" || p.Stream == "":
		return errors.New("a wrong call")
	case p.Reset:
		s.resets++
		return errors.New("Stream reset completed")
	case p.Complete && s.silent:
		return nil
	case p.Complete:
		s.ends++
		return json.Unmarshal(fmt.Appendf(nil, `{"file_path":"/napcat/%s"}`, p.Stream), data)
	}
	if s.pieces++; s.pieces == s.fail || p.Index != s.pieces-1 {
		return errors.New("NapCat refuses upload_file_stream: retcode 1404")
	}
	h := sha256.New()
	h.Write(s.sum[:])
	h.Write(p.Data)
	s.sum = [32]byte(h.Sum(nil))
	s.chunk = max(s.chunk, len(p.Data))
	s.names[p.Name] = true
	return nil
}

func parcel(name string, content []byte) Parcel {
	return Parcel{Name: name, Size: int64(len(content)), Content: bytes.NewReader(content)}
}

func TestHand(t *testing.T) {
	nap := &stub{names: make(map[string]bool)}
	b := newBox(t, "", func(o *Options) { o.Ask = nap.ask })
	s := NewSender(b.Cache)
	defer s.Close()
	shared := t.TempDir()
	small, large := picture(1, 1000), picture(2, inlineMax+1)
	for _, c := range []struct {
		name string
		p    Parcel
		road Road
		want string // begins so
	}{
		{"small, no road", parcel("a.png", small), Road{}, "base64://" + base64.StdEncoding.EncodeToString(small)},
		{"large, no road", parcel("a.png", large), Road{}, "/napcat/catflap-"},
		{"an address", parcel("a.png", large), Road{Base: "http://c:1"}, "http://c:1/media/"},
		{"a folder before an address", parcel("a.PNG", large), Road{Base: "http://c:1", Folder: shared}, shared + "/catflap-"},
		{"a folder that is not there", parcel("a.png", small), Road{Folder: shared + "/none"}, "base64://"},
	} {
		c.road.Account = "bot"
		got, err := s.Hand(t.Context(), c.p, c.road)
		if err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %.100s, %v", c.name, got, err)
		}
	}
	if nap.pieces != 17 || nap.chunk != chunkBytes || nap.ends != 1 || nap.resets != 0 || len(nap.names) != 1 {
		t.Errorf("NapCat got %+v", nap)
	}
	for name := range nap.names {
		if !strings.HasSuffix(name, ".png") || strings.ContainsAny(name, `/\`) {
			t.Errorf("NapCat is to call it %q", name)
		}
	}
	files, err := os.ReadDir(shared)
	if err != nil || len(files) != 1 || !strings.HasSuffix(files[0].Name(), ".png") {
		t.Fatalf("%v, %v", files, err)
	}
	if got, err := os.ReadFile(filepath.Join(shared, files[0].Name())); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	s.Close()
	if files, _ := os.ReadDir(shared); len(files) != 0 {
		t.Errorf("left: %v", files)
	}
}

func TestHandFails(t *testing.T) {
	large := picture(2, inlineMax+1)
	for _, c := range []struct {
		name string
		nap  *stub
		p    Parcel
		max  int64
		want string
		is   error
	}{
		{"too large", &stub{}, parcel("", large), 1 << 20, "the medium is larger than mediaMaxMb: 1048577 bytes, and 1 MiB are allowed", ErrTooLarge},
		{"empty", &stub{}, parcel("", nil), 0, "NapCat cannot be handed the file: it is empty", ErrNoRoad},
		{"an old NapCat", &stub{fail: 1}, parcel("", large), 0, "NapCat cannot be handed the file: uploading piece 1 of 17: NapCat refuses upload_file_stream: retcode 1404", ErrNoRoad},
		{"half way", &stub{fail: 3, names: map[string]bool{}}, parcel("", large), 0, "NapCat cannot be handed the file: uploading piece 3 of 17: NapCat refuses upload_file_stream: retcode 1404", ErrNoRoad},
		{"no path", &stub{silent: true, names: map[string]bool{}}, parcel("", large), 0, "NapCat cannot be handed the file: NapCat does not say where the uploaded file is", ErrNoRoad},
		{"it shrinks", &stub{names: map[string]bool{}}, Parcel{Size: inlineMax + 7, Content: bytes.NewReader(large)}, 0, "NapCat cannot be handed the file: the file changed while it was read", ErrNoRoad},
		{"a small one shrinks", &stub{}, Parcel{Size: 7, Content: strings.NewReader("abc")}, 0, "NapCat cannot be handed the file: the file changed while it was read", ErrNoRoad},
	} {
		b := newBox(t, "", func(o *Options) { o.Ask = c.nap.ask })
		s := NewSender(b.Cache)
		got, err := s.Hand(t.Context(), c.p, Road{Account: "bot", Max: c.max})
		if err == nil || err.Error() != c.want || !errors.Is(err, c.is) || got != "" {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
		if began := c.nap.pieces > 0 && !c.nap.silent; began != (c.nap.resets == 1) {
			t.Errorf("%s: %d pieces, %d resets", c.name, c.nap.pieces, c.nap.resets)
		}
		s.Close()
	}
}

// A large upload takes one piece of memory, not the file's size.
func TestUploadIsNotInMemory(t *testing.T) {
	nap := &stub{names: make(map[string]bool)}
	b := newBox(t, "", func(o *Options) { o.Ask = nap.ask })
	s := NewSender(b.Cache)
	defer s.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "large"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const size = 50 << 20
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	peak, stop, done := uint64(0), make(chan struct{}), make(chan struct{})
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	}()
	// A frame stays behind for each piece, as it does on a link: those of a small process do not pile up until the
	// collector's least heap is full.
	garbage, cycle := int64(0), before.NumGC
	ask := b.ask
	b.ask = func(ctx context.Context, account, action string, params []byte, data any) error {
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.NumGC != cycle {
			garbage, cycle = 0, m.NumGC
		}
		if garbage += int64(len(params)); garbage > 1<<20 {
			t.Errorf("%d bytes of frames were left behind", garbage)
		}
		return ask(ctx, account, action, params, data)
	}
	_, err = s.Hand(t.Context(), Parcel{Size: size, Content: file}, Road{Account: "bot"})
	close(stop)
	<-done
	if extra := int64(peak) - int64(before.HeapAlloc); err != nil || extra > 4<<20 {
		t.Errorf("%d bytes of extra memory, %v", extra, err)
	}
}

func TestSharedFilesGo(t *testing.T) {
	b := newBox(t, "", nil)
	s := NewSender(b.Cache)
	defer s.Close()
	shared := t.TempDir()
	for _, name := range []string{"catflap-0123456789abcdef.png", "catflap-0123456789abcdef", "catflap-me.png", "mine.png"} {
		if err := os.WriteFile(filepath.Join(shared, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Clean(shared)
	s.Clean(shared + "/none")
	left := func() int {
		files, err := os.ReadDir(shared)
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if left() != 2 {
		t.Fatalf("%d files are left of an earlier run and of others, want 2", left())
	}
	if _, err := s.Hand(t.Context(), parcel("a", []byte("abc")), Road{Folder: shared}); err != nil {
		t.Fatal(err)
	}
	if s.sweep(); left() != 3 {
		t.Errorf("a new file went at once")
	}
	b.pass(retention)
	if s.sweep(); left() != 2 {
		t.Errorf("an old file stays")
	}
}

func TestExtension(t *testing.T) {
	for name, want := range map[string]string{"a.png": ".png", "A.PDF": ".pdf", "a": "", "a.": "", ".png": ".png", "a.p/g": "", "a.../../x": "", "a.tar.gz": ".gz", "a.verylongone": "", "猫.mp4": ".mp4"} {
		if got := extension(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
