package apps

import (
	"sync"
	"time"
)

// presenceGrace is how long a bot whose NapCat is away still counts as online for apps of OneBot 12: NoneBot removes a bot
// that goes offline, with all that waits for it, and NapCat's link is often back in a second.
const presenceGrace = 5 * time.Second

// presence is whether an account's bot is online, as apps of OneBot 12 are told.
type presence struct {
	mu     sync.Mutex
	known  bool // online says something
	online bool
	timer  *time.Timer // while the bot is away and still counts as online
	turn   uint64      // numbers timer
}

// see is what is told now.
func (p *presence) see(f *feed) (online bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(f)
	return p.online
}

// begin finds out at first how the account is. The caller holds the lock.
func (p *presence) begin(f *feed) {
	if !p.known {
		h := f.account.Health()
		p.known, p.online = true, h.Linked && h.Online
	}
}

// changed looks at the account's health again, and has the app told if that is news to it: at once when the bot is back, or
// when NapCat itself says that it is offline.
func (p *presence) changed(f *feed) {
	if p.look(f) {
		f.tellStanding() // without the lock: the app may be written to on this goroutine
	}
}

// look takes the account's health, and reports whether it is to be told now.
func (p *presence) look(f *feed) (news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(f)
	h := f.account.Health()
	online := h.Linked && h.Online
	if online == p.online || online || h.Linked {
		news = online != p.online
		p.stop()
		p.online = online
		return news
	}
	if p.timer == nil {
		p.turn++
		turn := p.turn
		p.timer = time.AfterFunc(presenceGrace, func() {
			if p.gone(turn) {
				f.tellStanding()
			}
		})
	}
	return false
}

// gone ends the grace, and reports whether the bot is still away.
func (p *presence) gone(turn uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil || p.turn != turn {
		return false
	}
	p.timer, p.online = nil, false
	return true
}

// stop ends the waiting. The caller holds the lock.
func (p *presence) stop() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// close ends the waiting for good.
func (p *presence) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
}
