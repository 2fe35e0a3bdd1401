// Package appliance builds everything in order, changes it while it runs, and closes it in reverse.
package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/agent"
	"github.com/catflap/catflap/appliance/alert"
	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/logbook"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/router"
	"github.com/catflap/catflap/store"
)

// AdminSocket is the name of the command line's socket in the data folder.
const AdminSocket = "admin.sock"

// shutdownTime is how long closing may take before what is left is abandoned.
const shutdownTime = 5 * time.Second

// Options are what the program gives an appliance.
type Options struct {
	Log     *slog.Logger
	Version string
	// Reload reads the configuration again; nil means that it cannot change.
	Reload func() (*config.Config, error)
	// NewerVersion asks where the owner has said for a version that is newer than this one, "" for none. Nil = nobody said where.
	NewerVersion func(context.Context) (string, error)
	// Group may use the admin socket beside the owner; "" is nobody.
	Group string
}

// Appliance is one running catflap. The fields stand in the order in which they are built.
type Appliance struct {
	Options
	began time.Time
	now   func() time.Time

	dataDir string // stays the one of the start
	store   *store.Store
	media   pictures
	files   *apps.Files // of apps of OneBot 12
	router  *router.Router
	admin   net.Listener
	api     *console.API
	browser browser
	alarm   *alert.Alarm
	newer   atomic.Pointer[string] // a version that can be had
	book    logbook.Book           // what the console shows of the log
	rooms   rooms

	rewriting sync.Mutex // one change of the configuration file at a time

	mu        sync.Mutex // one change at a time; never taken by a link's goroutine
	cfg       *config.Config
	accounts  map[string]*napcat.Account
	indexes   map[string]uint16 // of accounts in the journal; never given to another name
	apps      map[string]*apps.App
	agents    map[string]*agent.Agent     // what apps with protocol: agent consist of
	slots     map[string]uint8            // of apps in the journal
	listeners map[string]*napcat.Listener // by configured address
	gateways  map[string]*apps.Gateway    // by configured address

	seats   gate.Seats                                 // of all gateways
	running atomic.Pointer[[]*apps.App]                // what links' goroutines see of apps
	there   atomic.Pointer[map[string]*napcat.Account] // what they see of accounts, and those that a change waits for

	fileRules atomic.Pointer[map[string]fileRules] // by account; what links' goroutines see

	plans   sync.Mutex // one plan at a time
	planned planned
}

// planned is what the router's plan was compiled from.
type planned struct {
	cfg   *config.Config
	slots map[string]uint8
}

// Open builds an appliance from a checked configuration: afterwards every listener accepts. Close must be called.
func Open(cfg *config.Config, o Options) (*Appliance, error) {
	a := &Appliance{
		Options: o, now: time.Now, began: time.Now(),
		accounts: make(map[string]*napcat.Account), indexes: make(map[string]uint16),
		apps: make(map[string]*apps.App), agents: make(map[string]*agent.Agent), slots: make(map[string]uint8),
		listeners: make(map[string]*napcat.Listener), gateways: make(map[string]*apps.Gateway),
	}
	a.running.Store(new([]*apps.App))
	a.Log = slog.New(a.book.Handler(o.Log.Handler()))
	limitMemory(cfg.Memory.Limit)
	if err := a.open(cfg); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *Appliance) open(cfg *config.Config) (err error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	a.store, err = store.Open(cfg.DataDir, store.Options{
		Sync: cfg.Store.Sync, QueueSync: cfg.Store.QueueSync, MaxBytes: int64(cfg.Store.MaxMB) << 20, Log: a.Log,
	})
	if err != nil {
		return err
	}
	if err := a.openMedia(cfg); err != nil {
		return err
	}
	a.router = router.New(router.Options{Store: a.store, Log: a.Log, Now: a.now, Rand: rand.Float64, KeepMedium: a.keepMedium, KeepInline: a.keepInline, HandOver: a.handOver, AwaitFiles: a.awaitFiles, OwnMedium: a.isMediumPath})
	a.api = a.newAPI()
	a.newAlarm()
	a.newSite()
	if err := a.apply(cfg); err != nil {
		return err
	}
	a.dataDir = cfg.DataDir
	a.admin, err = console.ListenSocket(filepath.Join(a.dataDir, AdminSocket), a.Group)
	if err != nil {
		return err
	}
	return nil
}

// Run serves until ctx ends. It returns early only if serving has become impossible.
func (a *Appliance) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var tasks sync.WaitGroup
	tasks.Go(func() { a.router.Run(ctx) })
	tasks.Go(func() { a.alarm.Run(ctx) })
	tasks.Go(func() { a.watchUpdates(ctx) })
	server := gate.NewServer(a.api.Handler())
	tasks.Go(func() {
		if err := server.Serve(a.admin); !errors.Is(err, http.ErrServerClosed) {
			cancel(fmt.Errorf("serving the admin socket: %w", err))
		}
	})
	<-ctx.Done()
	_ = server.Close()
	tasks.Wait()
	return context.Cause(ctx)
}

// Close ends everything in reverse order: no new connections, apps, NapCat, then what is unwritten goes to disk.
func (a *Appliance) Close() error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.closeConsole()
		a.closeLinks()
	}()
	var late error
	select {
	case <-done:
	case <-time.After(shutdownTime):
		late = fmt.Errorf("links did not end within %v; closing the store all the same", shutdownTime)
	}
	if a.admin != nil {
		_ = a.admin.Close()
	}
	late = errors.Join(late, a.closeMedia())
	if a.store == nil {
		return late
	}
	return errors.Join(late, a.store.Close())
}

func (a *Appliance) closeLinks() {
	const restarts = 1012
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range a.gateways {
		g.Close()
	}
	for _, l := range a.listeners {
		l.Close()
	}
	var tasks sync.WaitGroup
	for _, app := range a.apps {
		tasks.Go(func() { app.Close(restarts, false) })
	}
	tasks.Wait()
	for name := range a.agents {
		a.stopAgent(name)
	}
	for _, account := range a.accounts {
		tasks.Go(account.Close)
	}
	tasks.Wait()
	if a.router != nil {
		a.router.Close()
	}
}

// Reload reads the configuration again and changes what is different. On any error the old one serves on.
func (a *Appliance) Reload(context.Context) (console.ReloadResult, error) {
	if a.Options.Reload == nil {
		return console.ReloadResult{}, errors.New("this instance has no configuration file to read again")
	}
	next, err := a.Options.Reload()
	if err != nil {
		return console.ReloadResult{}, err
	}
	a.mu.Lock()
	before := a.cfg
	a.mu.Unlock()
	var busy *listenError
	if err := a.apply(next); errors.As(err, &busy) {
		return console.ReloadResult{}, &console.Problem{Status: http.StatusConflict, Message: err.Error(),
			Remedy: "the running configuration stays as it was"}
	} else if err != nil {
		return console.ReloadResult{}, err
	}
	limitMemory(next.Memory.Limit)
	var result console.ReloadResult
	for _, c := range config.Diff(before, next) {
		result.Changed = append(result.Changed, console.Change{Path: c.Path, Kind: string(c.Kind)})
	}
	if before.DataDir != next.DataDir || before.Store != next.Store || before.Limits.MaxFrameMB != next.Limits.MaxFrameMB || before.Gateway.Platform != next.Gateway.Platform || before.MediaDir() != next.MediaDir() {
		result.Warnings = append(result.Warnings, "dataDir, media.dir, store, limits.maxFrameMb and gateway.platform take effect at the next start")
	}
	for _, w := range next.Warnings {
		result.Warnings = append(result.Warnings, w.Head())
	}
	return result, nil
}

// apply makes a configuration the running one: compile and open what is new, swap, start it, then end what is
// gone. Links whose own settings did not change are not touched.
func (a *Appliance) apply(next *config.Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	slots := a.assignSlots(next)
	if _, err := router.Compile(next, slots, a.store.Accounts().Groups); err != nil {
		return err
	}
	opened, err := a.openListeners(next)
	if err != nil {
		opened.close()
		return err
	}
	shown, err := a.prepareConsole(next)
	if err != nil {
		opened.close()
		return err
	}
	a.seats.SetLimit(next.Limits.Links)
	maps.Copy(a.listeners, opened.listeners)
	maps.Copy(a.gateways, opened.gateways)

	remade := make(map[string]bool) // accounts and apps whose links cannot stay
	if a.cfg != nil {
		for _, c := range config.Diff(a.cfg, next) {
			remade[c.Path] = c.Link
		}
	}
	a.cfg, a.slots = next, slots
	if err := a.plan(planned{next, slots}); err != nil {
		shown.discard()
		return err
	}
	a.applyAccounts(next, remade)
	a.setMedia(next)
	a.setFileRules(next)
	a.applyApps(next, remade)
	a.media.dialled.Store(a.dialledApps(next))
	a.routeListeners(next)
	a.setAlarm(next)
	a.showConsole(shown)
	return nil
}

// plan makes a compiled configuration the one that events and actions meet.
func (a *Appliance) plan(p planned) error {
	a.plans.Lock()
	defer a.plans.Unlock()
	plan, err := router.Compile(p.cfg, p.slots, a.store.Accounts().Groups)
	if err != nil {
		return err
	}
	a.planned = p
	a.router.SetPlan(plan)
	return nil
}

// replan compiles again what is running: what the store knows has changed.
func (a *Appliance) replan() error {
	a.plans.Lock()
	defer a.plans.Unlock()
	plan, err := router.Compile(a.planned.cfg, a.planned.slots, a.store.Accounts().Groups)
	if err == nil {
		a.router.SetPlan(plan)
	}
	return err
}

// assignSlots gives each app its bit in the journal: the one it has, or the lowest that is free.
func (a *Appliance) assignSlots(next *config.Config) map[string]uint8 {
	slots := make(map[string]uint8, len(next.Apps))
	var taken uint64
	for _, app := range next.Apps {
		if slot, ok := a.slots[app.Name]; ok {
			slots[app.Name] = slot
			taken |= 1 << slot
		}
	}
	for _, app := range next.Apps {
		if _, ok := slots[app.Name]; ok {
			continue
		}
		var slot uint8
		for taken&(1<<slot) != 0 {
			slot++
		}
		slots[app.Name] = slot
		taken |= 1 << slot
	}
	return slots
}

// index is an account's number in the journal.
func (a *Appliance) index(name string) uint16 {
	i, ok := a.indexes[name]
	if !ok {
		i = uint16(len(a.indexes))
		a.indexes[name] = i
	}
	return i
}

// account returns a running account by name, nil if there is none.
func (a *Appliance) account(name string) *napcat.Account {
	if there := a.there.Load(); there != nil {
		return (*there)[name]
	}
	return nil
}

// sortedNames are a map's keys in order.
func sortedNames[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
