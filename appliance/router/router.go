// Package router joins the two pipelines: events from NapCat pass one policy, are remembered and put into the journal for
// the apps; actions from apps pass the firewall and pacing to NapCat, and their answers go back to the caller alone.
package router

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/napcat"
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
}

// Router holds one lane per account and the plan that all of them follow.
type Router struct {
	Options

	plan   atomic.Pointer[Plan]
	chores chan func()
	tails  tails

	mu    sync.Mutex
	lanes map[string]*Lane

	lostChores atomic.Int64
}

// New makes a router that drops everything until SetPlan.
func New(o Options) *Router {
	r := &Router{Options: o, chores: make(chan func(), maxChores), lanes: make(map[string]*Lane)}
	r.plan.Store(&Plan{})
	return r
}

// SetPlan makes the compiled policy the one that the next event and action meet.
func (r *Router) SetPlan(p *Plan) { r.plan.Store(p) }

// Run does the slow work that frames must not wait for, until ctx ends.
func (r *Router) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			r.closeLanes()
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

func (r *Router) closeLanes() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		l.pace.close()
	}
}

// Lane returns the lane of an account, making it at first. The index is the account's number in the journal.
func (r *Router) Lane(name string, index uint16, log *slog.Logger) *Lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lanes[name]
	if l == nil {
		l = &Lane{router: r, name: name, index: index}
		l.pace.init(r.Now, r.Rand)
		r.lanes[name] = l
	}
	l.log = log
	return l
}

func (r *Router) lane(name string) *Lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lanes[name]
}

// Lane is one account's way through the router. Event is called by one goroutine at a time.
type Lane struct {
	router *Router
	name   string
	index  uint16
	log    *slog.Logger

	account atomic.Pointer[napcat.Account]
	links   atomic.Uint64 // links of the account seen so far

	seed sync.Once
	sent idMemory // message ids that the bot sent; answers and events add to it
	pace pace

	event eventScratch
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

// AccountChanged lets pacing begin anew after a reconnect: QQ limits accounts that burst right after one.
func (l *Lane) AccountChanged() {
	a := l.account.Load()
	if a == nil {
		return
	}
	links := a.State().Links
	if before := l.links.Swap(links); before != 0 && before != links {
		l.pace.restart()
	}
}
