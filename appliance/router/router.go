// Package router joins the two pipelines: events from NapCat pass one policy, are remembered and put into the journal for
// the apps; actions from apps pass the firewall and pacing to NapCat, and their answers go back to the caller alone.
package router

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// maxChores bounds what waits for the slow side: pairing and owners' commands, which write to disk.
const maxChores = 64

// Options are what the router needs.
type Options struct {
	Store *store.Store
	Log   *slog.Logger
	Now   func() time.Time
	Rand  func() float64
	// KeepMedium takes a medium of a message that some app receives. It says what the medium's address becomes ("" = it
	// stays), or what to note of it. It is called under the lane's lock and must not block. Nil = nothing is kept.
	KeepMedium func(Medium) (url, note string)
	// KeepInline takes a picture or another file that an action carries as base64 and says what history names it by, "" =
	// nothing. It must neither block nor keep the bytes. Nil = nothing is kept.
	KeepInline func(payload []byte) string
	// HandOver gives NapCat the files that an action names and returns the params that name them as NapCat has them. It may
	// take long; the error is the app's to read. Nil = actions go as they are.
	HandOver func(ctx context.Context, h Handover) (params []byte, err error)
	// AwaitFiles waits until what an action names can be read at once, before HandOver is called: HandOver is for few at a
	// time, and an origin that is slow must not hold them up. The error is the app's to read. Nil = nothing is waited for.
	AwaitFiles func(ctx context.Context, h Handover) error
	// OwnMedium reports whether a path names a medium of catflap's and no file of this box. HandOver replaces such a path or
	// fails. Nil = none does.
	OwnMedium func(path string) bool
}

// Medium is one picture, voice, video or file of a message that came.
type Medium struct {
	onebot.Medium
	Account   string
	MessageID int64
	Group     bool
	Max       int64 // the account's mediaMaxMb in bytes
}

// Router holds one lane per account and the plan that all of them follow.
type Router struct {
	Options

	plan   atomic.Pointer[Plan]
	chores chan func()
	hands  chan struct{} // a place for each handover at work
	tails  tails

	ctx   context.Context // of catching up
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu    sync.Mutex
	lanes map[string]*Lane

	lostChores atomic.Int64
	rhythm     rhythm
}

// New makes a router that drops everything until SetPlan.
func New(o Options) *Router {
	r := &Router{Options: o, chores: make(chan func(), maxChores), hands: make(chan struct{}, handsAtOnce), lanes: make(map[string]*Lane)}
	r.plan.Store(&Plan{})
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// SetPlan makes the compiled policy the one that the next event and action meet.
func (r *Router) SetPlan(p *Plan) { r.moved(r.plan.Swap(p), p) }

// Run does the slow work that frames must not wait for, until ctx ends.
func (r *Router) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case chore := <-r.chores:
			chore()
		}
	}
}

// chore hands work to Run. When too much waits already it is dropped and counted: a flood of strangers must
// not take memory.
func (r *Router) chore(work func()) {
	select {
	case r.chores <- work:
	default:
		r.lostChores.Add(1)
	}
}

// Close refuses what waits for its time and ends catching up. Nothing may come from the accounts any more.
func (r *Router) Close() {
	r.mu.Lock()
	r.stop()
	lanes := slices.Collect(maps.Values(r.lanes))
	r.mu.Unlock()
	for _, l := range lanes {
		l.rated.close()
		l.pace.close()
	}
	r.tasks.Wait()
}

// spawn starts a task unless the router is closing.
func (r *Router) spawn(task func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return false
	}
	r.tasks.Go(task)
	return true
}

// Lane returns the lane of an account, making it at first. The index is the account's number in the journal.
func (r *Router) Lane(name string, index uint16) *Lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lanes[name]
	if l == nil {
		l = &Lane{router: r, name: name, index: index, log: r.Log, marks: make(map[policy.Chat]mark), holes: make(map[policy.Chat]hole)}
		l.sent.ids.limit = maxSent
		l.chats.limit = maxChat
		l.pace.init(r.Now, r.Rand)
		l.rated.now = r.Now
		r.lanes[name] = l
	}
	return l
}

func (r *Router) lane(name string) *Lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lanes[name]
}

// Lane is one account's way through the router.
type Lane struct {
	router *Router
	name   string
	index  uint16
	log    *slog.Logger

	account atomic.Pointer[napcat.Account]
	links   atomic.Uint64          // links of the account seen so far
	version atomic.Pointer[[]byte] // what NapCat last said of itself

	seed  sync.Once
	sent  sentMemory // answers and events add to it
	chats chatMemory // likewise
	pace  pace
	rated rated
	tally tally

	handovers handovers

	mu       sync.Mutex // one event at a time: live ones, and those that catching up finds
	event    eventScratch
	hold     *hold // what waits for catching up; nil otherwise
	marks    map[policy.Chat]mark
	newest   int64 // time of the newest message known, unix seconds
	missing  int64 // newest when the link ended, while NapCat has not said which chats went on; 0 = it has
	holes    map[policy.Chat]hole
	requests requestMemory
	stopLate context.CancelFunc // ends the catching up that runs

	cut atomic.Int64 // chats that not all was fetched of
}

// Attach gives the lane the account whose calls it makes.
func (l *Lane) Attach(a *napcat.Account) {
	l.account.Store(a)
	l.links.Store(0)
}

// Self is the account's QQ number, 0 while unknown.
func (l *Lane) Self() uint64 { return l.State().Self }

// State is what is known of the account's link.
func (l *Lane) State() napcat.State {
	if a := l.account.Load(); a != nil {
		return a.State()
	}
	return napcat.State{}
}

// AccountChanged looks whether the account has a new link. It is called before the link's first event is read.
func (l *Lane) AccountChanged() {
	a := l.account.Load()
	if a == nil {
		return
	}
	st := a.State()
	before := l.links.Swap(st.Links)
	if before == st.Links || !st.Linked {
		return
	}
	if before != 0 {
		l.pace.restart() // QQ limits accounts that burst right after a reconnect
	}
	l.startCatchUp(a)
}
