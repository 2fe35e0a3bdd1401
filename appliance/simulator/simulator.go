// Package simulator is a NapCat 4.18 that is not there: the same bytes on the wire, a small world instead of QQ.
//
// A [NapCat] plays one QQ account with any of NapCat's five network adapters, several at once if wanted: it dials a
// gateway as the WebSocket client does ([NapCat.Dial], the "reverse" link), listens as the WebSocket server does
// ([NapCat.Serve], the "forward" link), as the HTTP server or the HTTP SSE server ([NapCat.ServeHTTP]), and posts events
// as the HTTP client ([NapCat.Post]). Section numbers in comments are those of the NapCat wire reference: 2 adapters, 3 API frames, 4 events,
// 5 segments, 10 traps.
//
// Tests and the demo drive it from Go:
//
//	nap := simulator.New(simulator.Options{Token: "s3cret", ReportSelf: true})
//	go nap.Dial(ctx, "ws://127.0.0.1:3001/onebot/v11/ws") // the caller waits for it after ending ctx
//	nap.WaitConnected(ctx)
//	nap.Say(simulator.InGroup(30003, 20002), simulator.At(10001), simulator.Text(" ping"))
//	nap.WaitSent(ctx, func(s simulator.Sent) bool { return s.Text == "pong" })
//
// People without a QQ account drive it with a scenario file: see [LoadScenario], [Run] and testdata/sample.yaml,
// which shows every step.
//
// Faults are first-class: [NapCat.OnAction] changes single answers, [NapCat.Drop] cuts the link with a TCP reset,
// [NapCat.Stall] stops reading, [NapCat.Silence] keeps events but answers nothing, [NapCat.Mute] the other way round,
// [NapCat.Duplicate] sends events twice.
package simulator

import (
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
)

// Version is the NapCat release whose behaviour is imitated; get_version_info reports it.
const Version = "4.18.19"

// MaxFrame is the largest frame that NapCat takes over WebSocket: 50 MiB (reference 2.1).
const MaxFrame = 50 << 20

// Defaults of NapCat's configuration file (reference 1).
const (
	DefaultHeartInterval     = 30 * time.Second
	DefaultReconnectInterval = 5 * time.Second
	// HandshakeTimeout is fixed in NapCat: from the dial to the 101.
	HandshakeTimeout = 2 * time.Second
)

// Format is NapCat's messagePostFormat.
type Format string

// The two forms of a message. NapCat compares with the exact word "string"; anything else means array.
const (
	Array  Format = "array"
	String Format = "string"
)

// Latency is how long an action takes before its answer: uniform in [Min, Max]. Zero answers at once.
type Latency struct{ Min, Max time.Duration }

// Options says which account is played and how NapCat is configured. The zero value is a usable bot 10001.
type Options struct {
	SelfID   uint64 // default: the world's
	Nickname string // default: the world's
	Token    string // sent when dialling, demanded when serving; empty = none, which still sends "Bearer "
	// ReportSelf is NapCat's reportSelfMessage: message_sent events for what the account itself says.
	ReportSelf bool
	Format     Format // default Array
	// HeartInterval is NapCat's heartInterval. 0 = DefaultHeartInterval, negative = off (NapCat's 0).
	HeartInterval time.Duration
	// ReconnectInterval is the fixed delay between a closed or failed connection and the next dial. 0 = DefaultReconnectInterval.
	ReconnectInterval time.Duration
	Latency           Latency
	// Debug adds the field `raw` to message events, as NapCat's adapter option debug does.
	Debug bool
	// NoPacketBackend makes the actions that need the packet backend fail with 1400 (reference 10.16).
	NoPacketBackend bool
	// LocalFileBase64 is NapCat's enableLocalFile2Url: get_file and get_image answer with the content as base64.
	LocalFileBase64 bool
	// World is the account's friends and groups; nil = DefaultWorld().
	World *World
	// Rand gives message ids and jitter; nil = seeded at random. It is used under a lock.
	Rand *rand.Rand
	// TLS is for wss addresses; nil = the system's roots. It is cloned. NapCat's verifyCertificate: false is
	// InsecureSkipVerify.
	TLS *tls.Config
	// Now gives event times; nil = time.Now.
	Now func() time.Time
	// Log receives one line per connection change and per call; nil = nothing. Never the token.
	Log *slog.Logger
}

// NapCat is one simulated QQ account with its NapCat. Make it with New; every method is safe for concurrent use.
// It owns no goroutine of its own: Dial and Serve start what they need and wait for it before they return.
type NapCat struct {
	opts    Options
	log     *slog.Logger
	actions map[string]action

	// order makes events leave in the order in which the world changed. Taken before mu, held while events wait for
	// room in a connection, so that nobody who only reads the world waits for a slow gateway.
	order sync.Mutex

	mu    sync.Mutex // guards state
	state state

	linkMu   sync.Mutex // guards sessions, outlets, cables, faults
	sessions map[*session]struct{}
	outlets  map[*outlet]struct{}
	cables   map[*cable]struct{} // of HTTP servers
	faults   faults
	changed  bell // rung when sessions change
	links    atomic.Int64
	posts    posts

	book record
}

// New makes a NapCat that is not connected to anything.
func New(o Options) *NapCat {
	w := DefaultWorld()
	if o.World != nil {
		w = o.World.clone()
	}
	if o.SelfID != 0 && o.SelfID != w.SelfID {
		w.renumber(o.SelfID)
	}
	if o.Nickname != "" {
		w.Nickname = o.Nickname
	}
	o.SelfID, o.Nickname = w.SelfID, w.Nickname
	if o.HeartInterval == 0 {
		o.HeartInterval = DefaultHeartInterval
	}
	if o.ReconnectInterval <= 0 {
		o.ReconnectInterval = DefaultReconnectInterval
	}
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n := &NapCat{opts: o, log: o.Log, actions: actions(), sessions: make(map[*session]struct{}),
		outlets: make(map[*outlet]struct{}), cables: make(map[*cable]struct{})}
	n.state = newState(w, o)
	return n
}

// SelfID is the account's QQ number.
func (n *NapCat) SelfID() uint64 { return n.opts.SelfID }

// Segment is a message segment; see the constructors Text, At, Image and so on.
type Segment = onebot.Segment

// bell wakes everybody who waits for a change. The zero value is ready.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

// listen returns a channel that is closed at the next ring. Take it before looking at what may change.
func (b *bell) listen() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
