// Package media keeps the pictures, records, videos and files of admitted messages beyond the few hours that QQ's links
// live: each once, below a quota, under an address that cannot be guessed.
package media

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/fence"
	"github.com/catflap/catflap/store"
)

const (
	maxOffers   = 4096    // offers that wait to be looked at: a burst of messages is faster than the index
	offerBytes  = 2 << 20 // of their texts
	maxInlines  = 64      // media of actions that wait to be written
	maxQueue    = 512     // fetches that wait for a worker
	maxFailures = 4096
	// eagerWorkers fetch what has just arrived, readerWorkers what somebody waits for while those are busy.
	eagerWorkers  = 2
	readerWorkers = 4
	// slowPlaces are for fetches that have lasted longer than slowTime: servers that say nothing, and large files, take no
	// worker from those that follow.
	slowPlaces = 8
	slowTime   = 2 * time.Second
	// askWorkers ask NapCat for what its link does not give any more, askPerAccount of them the same one.
	askWorkers    = 4
	askPerAccount = 2
	// flightTime bounds one fetch over all its roads, however slowly the bytes come.
	flightTime = 20 * time.Minute
	// sweepTime is how often age and quota are looked at without a reason.
	sweepTime = time.Hour
	// secretSetting is the secret's name among the store's settings.
	secretSetting = "media.secret"
)

// Settings are what the configuration says of the cache. They change with a reload.
type Settings struct {
	Total  int64         // quota in bytes; 0 = nothing is kept
	MaxAge time.Duration // what arrived before that is removed
	Eager  int64         // what is not larger is fetched when it arrives, bytes
	Daily  int64         // bytes written to the disk per day; 0 = nothing is fetched
	Item   int64         // largest medium that an app may upload, bytes
	// Max is the accounts' mediaMaxMb in bytes, by name; 0 = no bound. For others it is what was offered with the medium.
	Max  map[string]int64
	Base string // how apps reach the gateway, without a slash at its end: "http://127.0.0.1:6700"
}

// Options are what Open needs.
type Options struct {
	Dir      string // the cache's folder; made if it is missing
	Store    *store.Store
	Settings Settings
	Log      *slog.Logger     // nil = nowhere
	Now      func() time.Time // nil = time.Now
	// Fetch is the guarded client's (fence.Fence.Fetch).
	Fetch func(ctx context.Context, address string, max int64, w io.Writer) (fence.Fetched, error)
	// Ask makes a call to an account's NapCat and decodes the data of the answer. ErrAway is in the chain of its error if
	// NapCat gave no answer at all. Nil = there is no NapCat.
	Ask func(ctx context.Context, account, action string, params []byte, data any) error
	// Stream makes a call that is answered by many frames. Each is called with every frame in order, on the link's own
	// goroutine: it does not block, and the frame is valid during the call only. Nil = no such calls.
	Stream func(ctx context.Context, account, action string, params []byte, each func(frame []byte)) error
}

// Cache is the folder and the work around it. All methods are safe for many goroutines.
type Cache struct {
	dir    string
	root   atomic.Pointer[os.Root] // nil while the folder cannot be used
	index  *store.Media
	secret []byte
	log    *slog.Logger
	now    func() time.Time
	fetch  func(context.Context, string, int64, io.Writer) (fence.Fetched, error)
	ask    func(context.Context, string, string, []byte, any) error
	stream func(context.Context, string, string, []byte, func([]byte)) error

	writeTime, slowTime, askTime time.Duration // shorter in tests

	settings atomic.Pointer[Settings]
	offers   inbox
	inlines  chan inlined
	unseen   atomic.Int64  // offers and inlines that were not looked at
	waiting  atomic.Int64  // bytes of inlines
	noRoom   atomic.Int64  // unix ns; nothing is fetched before: the disk is full
	spares   atomic.Int64  // files of flights in asking
	idle     chan struct{} // eager has room for what is in later
	count    counters
	parts    atomic.Int64 // numbers temporary files
	guests   guests

	ctx   context.Context
	stop  context.CancelFunc
	tasks sync.WaitGroup

	// taking is held while an offer is looked at.
	taking sync.Mutex

	// room is held while a file is added under the quota or files are evicted.
	room sync.Mutex

	mu        sync.Mutex
	closed    bool
	flights   map[Key]*flight
	eager     []*flight // wait for a worker, oldest first
	later     []Key     // wait for a place in eager, oldest first
	urgent    []*flight // the same, with somebody waiting
	asking    []*flight // their links are dead: they wait for their turn at NapCat
	running   int       // quick and late ones
	late      []*flight // have lasted too long, and wait for a slow place
	slow      int
	askers    map[string]int     // by account
	silences  map[string]silence // the same
	failures  map[Key]failure
	doubts    map[Key]doubt
	pins      map[store.MediaSum]int           // files that are being read or added: not to be evicted
	condemned map[store.MediaSum]chan struct{} // files that are being evicted; closed when that is over
	trouble   error                            // why the folder cannot be used
	fakes     []string                         // networks of fake-IP proxies that were refused
	rkeys     map[string]rkeys                 // by account
}

// Open opens the cache, and makes folder and index agree: what a crash left half done is removed. A folder that cannot be
// used is no error: until it can, nothing is kept, and Stats says why. It starts the goroutines that Close ends.
func Open(o Options) (*Cache, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cache{
		dir: o.Dir, index: o.Store.Media(), log: o.Log, now: o.Now, writeTime: writeTime, slowTime: slowTime, askTime: askTime, fetch: withFloor(o.Fetch), ask: o.Ask, stream: o.Stream,
		offers: inbox{ready: make(chan struct{}, 1)}, inlines: make(chan inlined, maxInlines), idle: make(chan struct{}, 1), flights: make(map[Key]*flight), failures: make(map[Key]failure), doubts: make(map[Key]doubt),
		pins: make(map[store.MediaSum]int), condemned: make(map[store.MediaSum]chan struct{}), rkeys: make(map[string]rkeys), askers: make(map[string]int), silences: make(map[string]silence),
	}
	c.guests.init(o.Now)
	c.settings.Store(&o.Settings)
	var err error
	if c.secret, err = secret(o.Store.Settings(), o.Log); err != nil {
		return nil, err
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	_ = c.attach() // it has logged why; messages matter more than media
	c.tasks.Go(c.look)
	c.tasks.Go(c.keepInlines)
	c.tasks.Go(c.sweep)
	return c, nil
}

// secret is what keys are made with. It lives as long as state.db, so that addresses in old messages stay good.
func secret(s *store.Settings, log *slog.Logger) ([]byte, error) {
	if b, err := hex.DecodeString(s.Get(secretSetting)); err == nil && len(b) == 32 {
		return b, nil
	}
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return nil, fmt.Errorf("making the secret of the media cache: %w", err)
	}
	if err := s.Set(secretSetting, hex.EncodeToString(b)); err != nil {
		log.Error("the secret of the media cache cannot be saved; addresses of media end with this run", "err", err)
	}
	return b, nil
}

// Close ends fetches and waits for them. Files that are being read stay readable. The store stays the caller's.
func (c *Cache) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	for _, f := range slices.Concat(c.urgent, c.eager, c.asking) {
		delete(c.flights, f.key)
		c.dropTrip(f)
		f.end(errClosed)
	}
	c.eager, c.urgent, c.asking = nil, nil, nil
	c.mu.Unlock()
	c.stop()
	c.tasks.Wait()
	c.room.Lock()
	defer c.room.Unlock()
	if root := c.root.Swap(nil); root != nil {
		return root.Close()
	}
	return nil
}

// Set changes the settings. What is above a smaller quota goes at once, and what could not be had may be tried again: bounds
// and guard may be others now.
func (c *Cache) Set(s Settings) {
	c.settings.Store(&s)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fakes = nil
	clear(c.failures)
	clear(c.silences)
	if c.closed {
		return
	}
	c.tasks.Go(func() {
		if c.root.Load() == nil {
			_ = c.attach()
		}
		if _, err := c.tidy(c.ctx); err != nil && c.ctx.Err() == nil {
			c.log.Error("media could not be tidied up", "err", err)
		}
	})
}

// URL is the address under which apps find a medium.
func (c *Cache) URL(key Key) string { return c.settings.Load().Base + Path + key.String() }

// Own returns the key that an address of catflap's own names, false for any other address.
func (c *Cache) Own(address string) (Key, bool) {
	rest, ok := strings.CutPrefix(address, c.settings.Load().Base+Path)
	if !ok {
		if rest, ok = strings.CutPrefix(address, Path); !ok {
			return Key{}, false
		}
	}
	rest, _, _ = strings.Cut(rest, "?")
	return ParseKey(rest)
}

// Dir is the folder; File.Rel names files inside it.
func (c *Cache) Dir() string {
	if dir, err := filepath.Abs(c.dir); err == nil {
		return dir
	}
	return c.dir
}
