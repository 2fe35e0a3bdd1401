package policy

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Defaults of pacing, used where a field of PacingRules is not positive.
const (
	DefaultChatRate     = 1.0 // sends per second
	DefaultChatBurst    = 3
	DefaultAccountRate  = 2.0
	DefaultAccountBurst = 10
	DefaultMaxWait      = 10 * time.Second
)

const (
	// limitedRun is how many sends in a row must end with retcode 1200 to be taken for a limited account: NapCat gives that
	// code for other failures too.
	limitedRun = 3
	// limitedWindow is the longest pause inside such a run.
	limitedWindow = 10 * time.Minute
	// maxChats bounds the buckets kept. At the bound the fullest are forgotten.
	maxChats = 4096
	// jitterShare is the part of a chat's interval that jitter may add to a send that has to wait anyway.
	jitterShare = 0.25
	slowest     = 1.0 / 86400 // rates below one a day would overflow durations
	fastest     = 1e6
	maxBurst    = 1e6
)

// PacingRules bounds how fast one account sends. Rates are sends per second.
type PacingRules struct {
	Off                     bool
	ChatRate, AccountRate   float64
	ChatBurst, AccountBurst int
	MaxWait                 time.Duration // a send that would wait longer is refused at once
}

// Pacer holds the token buckets of one account and its chats. It is not safe for concurrent use. All times must come from one
// clock that does not jump, as time.Now's monotonic reading.
type Pacer struct {
	rules     PacingRules
	account   bucket
	chats     map[Chat]*bucket
	latest    time.Time // newest time seen
	restarted time.Time // zero until the first Restart
	run       int       // sends in a row that were limited
	lastBad   time.Time
	halved    bool
}

// bucket is a token bucket. at may lie in the future: the time of the last send that was promised from it.
type bucket struct {
	tokens float64
	at     time.Time
}

// NewPacer makes a Pacer with full buckets; call Restart when the account connects.
func NewPacer(r PacingRules) *Pacer {
	r.ChatRate = saneRate(r.ChatRate, DefaultChatRate)
	r.AccountRate = saneRate(r.AccountRate, DefaultAccountRate)
	r.ChatBurst = saneBurst(r.ChatBurst, DefaultChatBurst)
	r.AccountBurst = saneBurst(r.AccountBurst, DefaultAccountBurst)
	if r.MaxWait <= 0 {
		r.MaxWait = DefaultMaxWait
	}
	return &Pacer{rules: r, account: bucket{tokens: float64(r.AccountBurst)}, chats: map[Chat]*bucket{}}
}

func saneRate(rate, otherwise float64) float64 {
	if !(rate > 0) { // also NaN
		return otherwise
	}
	return min(max(rate, slowest), fastest)
}

func saneBurst(burst, otherwise int) int {
	if burst <= 0 {
		return otherwise
	}
	return min(burst, maxBurst)
}

// Reserve promises one send to the chat after wait, or refuses at once (false) if that would be longer than MaxWait; a refused
// send costs nothing. jitter in [0,1) lengthens a wait that is needed anyway. Sends of one chat are promised in order: a later
// call never gets an earlier time. The chat's bucket is exact; the account's is charged when the promise is given, so that a
// busy chat's waiting sends do not hold up the other chats.
func (p *Pacer) Reserve(chat Chat, now time.Time, jitter float64) (wait time.Duration, ok bool) {
	if p.rules.Off {
		return 0, true
	}
	now = p.steady(now)
	b := p.chat(chat, now)

	account := p.account.settled(now, p.accountRate(), p.rules.AccountBurst)
	ready := later(now.Add(timeFor(1-account.tokens, p.accountRate())), b.at)
	mine := b.settled(ready, p.chatRate(), p.rules.ChatBurst)
	ready = ready.Add(timeFor(1-mine.tokens, p.chatRate()))

	wait = ready.Sub(now)
	if wait > p.rules.MaxWait {
		return 0, false
	}
	if wait > 0 && jitter > 0 { // never past MaxWait: that was promised
		wait = min(wait+timeFor(min(jitter, 1)*jitterShare, p.chatRate()), p.rules.MaxWait)
	}
	mine = b.settled(now.Add(wait), p.chatRate(), p.rules.ChatBurst)
	mine.tokens--
	account.tokens--
	if _, known := p.chats[chat]; !known {
		p.makeRoom(now)
	}
	p.chats[chat], p.account = &mine, account
	return wait, true
}

// Restart empties all buckets, for a connection that has just come up: what apps held back must not go out in one burst.
func (p *Pacer) Restart(now time.Time) {
	now = p.steady(now)
	p.restarted = now
	p.account = bucket{at: now}
	for _, b := range p.chats {
		*b = bucket{at: later(b.at, now)} // what was promised keeps its place in the order
	}
}

// Observe takes the result of a send: limited means retcode 1200. A run of them halves the rates until a send succeeds, and is
// reported once (alert).
func (p *Pacer) Observe(limited bool, now time.Time) (alert bool) {
	now = p.steady(now)
	if !limited {
		p.run = 0
		p.setHalved(false, now)
		return false
	}
	if p.run > 0 && now.Sub(p.lastBad) > limitedWindow && !p.halved {
		p.run = 0
	}
	p.run++
	p.lastBad = now
	if p.run < limitedRun || p.halved {
		return false
	}
	p.setHalved(true, now)
	return true
}

// Limited reports whether a run of limited sends has halved the rates.
func (p *Pacer) Limited() bool { return p.halved }

// setHalved changes the rates from now on: what has been earned until now was earned at the old ones.
func (p *Pacer) setHalved(halved bool, now time.Time) {
	if p.halved == halved {
		return
	}
	p.account = p.account.settled(now, p.accountRate(), p.rules.AccountBurst)
	for _, b := range p.chats {
		*b = b.settled(now, p.chatRate(), p.rules.ChatBurst)
	}
	p.halved = halved
}

func (p *Pacer) chatRate() float64    { return p.rate(p.rules.ChatRate) }
func (p *Pacer) accountRate() float64 { return p.rate(p.rules.AccountRate) }

func (p *Pacer) rate(full float64) float64 {
	if p.halved {
		return full / 2
	}
	return full
}

// chat gives a chat's bucket, or what it would be had it been kept: empty at the last Restart, else full.
func (p *Pacer) chat(chat Chat, now time.Time) bucket {
	if b, ok := p.chats[chat]; ok {
		return *b
	}
	if p.restarted.IsZero() {
		return bucket{tokens: float64(p.rules.ChatBurst), at: now}
	}
	return bucket{at: p.restarted}
}

// makeRoom forgets full buckets when the bound is reached; where that is not enough, also the fullest of the others, a quarter of
// all at once so that the search is rare.
func (p *Pacer) makeRoom(now time.Time) {
	if len(p.chats) < maxChats {
		return
	}
	type filled struct {
		chat  Chat
		level float64
	}
	var rest []filled
	for chat, b := range p.chats {
		// A time in the future counts as the tokens that it takes to get there.
		level := b.settled(now, p.chatRate(), p.rules.ChatBurst).tokens - max(0, b.at.Sub(now).Seconds())*p.chatRate()
		if level >= float64(p.rules.ChatBurst) {
			delete(p.chats, chat)
		} else {
			rest = append(rest, filled{chat, level})
		}
	}
	if len(rest) <= maxChats*3/4 {
		return
	}
	slices.SortFunc(rest, func(a, b filled) int { return cmp.Compare(b.level, a.level) })
	for _, r := range rest[:len(rest)-maxChats*3/4] {
		delete(p.chats, r.chat)
	}
}

// steady bounds what a clock that is read before a lock is taken, or that jumps back, can do: time does not run backwards here.
// After a jump by more than any wait the buckets start again, empty.
func (p *Pacer) steady(now time.Time) time.Time {
	if back := p.latest.Sub(now); back > p.rules.MaxWait {
		p.latest = now
		p.run, p.lastBad = 0, now
		clear(p.chats)
		p.restarted, p.account = now, bucket{at: now}
	} else if back < 0 {
		p.latest = now
	}
	return p.latest
}

// settled gives the bucket as it is at t; unchanged if t is before its time.
func (b bucket) settled(t time.Time, rate float64, burst int) bucket {
	if b.at.IsZero() { // never used: full
		return bucket{tokens: b.tokens, at: t}
	}
	if gone := t.Sub(b.at); gone > 0 {
		b.tokens = min(b.tokens+gone.Seconds()*rate, float64(burst))
		b.at = t
	}
	return b
}

// timeFor is how long tokens take to come, 0 for none and for what only rounding left over.
func timeFor(tokens, rate float64) time.Duration {
	const rounding = 1e-6
	if tokens <= rounding {
		return 0
	}
	return time.Duration(math.Ceil(tokens / rate * float64(time.Second)))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
