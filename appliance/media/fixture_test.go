package media

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/catflap/catflap/appliance/fence"
	"github.com/catflap/catflap/store"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir) // never returns: it is killed
	}
	goleak.VerifyTestMain(m)
}

// qq is where media lie. Its links die when a test says so.
type qq struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
	rkey  string // the one that is good; "" = any
	hits  atomic.Int64
	wait  chan struct{} // answers wait for it; nil = they do not
}

func newQQ(t testing.TB) *qq {
	q := &qq{files: map[string][]byte{}}
	q.Server = httptest.NewServer(q)
	t.Cleanup(q.Close)
	return q
}

func (q *qq) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	body, ok := q.files[r.URL.Query().Get("fileid")]
	expired := q.rkey != "" && r.URL.Query().Get("rkey") != q.rkey
	wait := q.wait
	q.mu.Unlock()
	q.hits.Add(1)
	if wait != nil {
		select {
		case <-wait:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case !ok:
		http.NotFound(w, r)
	case expired:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"retcode":-5503007,"retmsg":"download url has expired"}`)
	default:
		_, _ = w.Write(body)
	}
}

// put adds a file and returns its link.
func (q *qq) put(id string, body []byte) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.files[id] = body
	return q.link(id, "old")
}

func (q *qq) link(id, rkey string) string {
	return q.URL + "/download?appid=1407&fileid=" + id + "&rkey=" + rkey
}

// expire lets links with other rkeys die.
func (q *qq) expire(rkey string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rkey = rkey
}

// box is a cache with everything around it.
type box struct {
	*Cache
	t     testing.TB
	dir   string
	store *store.Store
	clock atomic.Int64 // unix ns
}

func (b *box) time() time.Time { return time.Unix(0, b.clock.Load()) }

func (b *box) pass(d time.Duration) { b.clock.Add(int64(d)) }

func roomy() Settings {
	return Settings{Total: 64 << 20, MaxAge: 24 * time.Hour, Eager: 1 << 20, Daily: 1 << 30, Item: 50 << 20, Base: "http://box:6700"}
}

// newBox opens a cache in dir, "" = a folder of its own. With may change the options.
func newBox(t testing.TB, dir string, with func(*Options)) *box {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	b := &box{t: t, dir: dir}
	b.clock.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	var err error
	if b.store, err = store.Open(dir, store.Options{Now: b.time}); err != nil {
		t.Fatal(err)
	}
	guard := fence.New(fence.Rules{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	o := Options{Dir: filepath.Join(dir, "media"), Store: b.store, Settings: roomy(), Now: b.time, Fetch: guard.Fetch}
	if with != nil {
		with(&o)
	}
	if b.Cache, err = Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.shut()
		guard.Close()
	})
	return b
}

// shut closes cache and store, once.
func (b *box) shut() {
	b.t.Helper()
	if err := b.Cache.Close(); err != nil {
		b.t.Error(err)
	}
	if err := b.store.Close(); err != nil {
		b.t.Error(err)
	}
}

// offer offers a medium and expects a key.
func (b *box) offer(o Offered) Key {
	b.t.Helper()
	key, note, ok := b.Offer(o)
	if !ok {
		b.t.Fatalf("the offer of %s was refused: %q", o.File, note)
	}
	return key
}

// settleDown waits until no offer and no fetch is left.
func (b *box) settleDown() {
	b.t.Helper()
	until(b.t, "fetches end", func() bool { return b.unseen.Load() == 0 && b.Stats().Waiting == 0 })
}

// until waits for a condition.
func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	late, again := time.NewTimer(30*time.Second), time.NewTicker(time.Millisecond)
	defer late.Stop()
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// read opens a medium and reads all of it.
func (b *box) read(key Key) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	f, err := b.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out bytes.Buffer
	_, err = out.ReadFrom(f)
	return out.Bytes(), err
}

// want reads a medium and compares.
func (b *box) want(key Key, body []byte) {
	b.t.Helper()
	got, err := b.read(key)
	if err != nil {
		b.t.Fatalf("reading %s: %v", key, err)
	}
	if !bytes.Equal(got, body) {
		b.t.Fatalf("%s has %d other bytes than the %d of the origin", key, len(got), len(body))
	}
}

// agree checks that folder and index say the same, and returns the number of files.
func agree(t testing.TB, dir string, index *store.Media) (files int) {
	t.Helper()
	if err := index.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	onDisk := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		onDisk[filepath.ToSlash(rel)] = info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files = len(onDisk)
	for first := range 256 {
		blobs, err := index.Blobs(byte(first))
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range blobs {
			name := fileName(blob.Sum)
			if size, ok := onDisk[name]; !ok || size != blob.Size {
				t.Errorf("the index has %s with %d bytes; on the disk: %v, %d", name, blob.Size, ok, size)
			}
			delete(onDisk, name)
		}
	}
	for name := range onDisk {
		t.Errorf("orphan %s", name)
	}
	return files
}

// picture makes bytes that look like a PNG, different for each number.
func picture(n, size int) []byte {
	b := make([]byte, max(size, 16))
	copy(b, "\x89PNG\r\n\x1a\n")
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for i := 8; i < len(b); i++ {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// napcat is what the cache may ask.
type napcat struct {
	mu      sync.Mutex
	answers map[string]string // action -> data, "" = no such action
	frames  map[string][]string
	asked   []string
	away    bool
}

func (n *napcat) ask(_ context.Context, account, action string, params []byte, data any) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, account+" "+action+" "+string(params))
	switch answer := n.answers[action]; {
	case n.away:
		return fmt.Errorf("%w: not connected", ErrAway)
	case answer == "":
		return fmt.Errorf("%s failed with retcode 1404: no", action)
	default:
		return json.Unmarshal([]byte(answer), data)
	}
}

func (n *napcat) stream(_ context.Context, account, action string, params []byte, each func([]byte)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, account+" "+action+" "+string(params))
	if n.away {
		return fmt.Errorf("%w: not connected", ErrAway)
	}
	frames := n.frames[action]
	if frames == nil {
		frames = []string{`{"status":"failed","retcode":1404,"data":null,"wording":"no"}`}
	}
	for _, f := range frames {
		b := []byte(f)
		each(b)
		clear(b) // it was valid during the call only
	}
	return nil
}

func (n *napcat) options(o *Options) { o.Ask, o.Stream = n.ask, n.stream }

func (n *napcat) log() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.asked, "\n")
}

// fakeAddress is the guard's error for a name that has an address.
func fakeAddress(address string) *fence.AddressError {
	return &fence.AddressError{Host: "name", Address: netip.MustParseAddr(address)}
}

// refuser fetches nothing: each address, up to its query, has its error.
func refuser(errs map[string]*fence.AddressError) func(context.Context, string, int64, io.Writer) (fence.Fetched, error) {
	return func(_ context.Context, address string, _ int64, _ io.Writer) (fence.Fetched, error) {
		address, _, _ = strings.Cut(address, "?")
		return fence.Fetched{}, errs[address]
	}
}

// plainLog writes a log without times.
func plainLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
