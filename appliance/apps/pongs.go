package apps

import (
	"sync"
	"time"
)

const (
	// ackPatience: an app that leaves pings unanswered for this long, sends something else meanwhile, and has never answered
	// one, gets ack: written.
	ackPatience = 30 * time.Second
	// deafPatience is the same for an app that sends nothing at all, or that has answered on an earlier connection.
	deafPatience = 5 * time.Minute
	// probePatience is how long events wait for the pong of a ping that asks whether pings are answered.
	probePatience = 3 * time.Second
	// probeConnections and probeAge: an app that closes at pings is asked again on every so many connections, or after so long.
	probeConnections = 10
	probeAge         = 10 * time.Minute
	// promptly is how soon after a ping a connection ends that a ping ends. Some may be slow at it, so lateDeaths connections
	// in a row count as well.
	promptly   = 250 * time.Millisecond
	lateDeaths = 4
	// forgetDeaths connections in a row that end with their first ping unanswered cast doubt on an app that used to answer.
	// More than it takes to give up a poisonous event.
	forgetDeaths = 8
)

// plan is how a new connection is acknowledged.
type plan uint8

const (
	planPing    plan = iota // pings follow the events
	planProbe               // a ping first, and no event before its pong: does the app die of it?
	planListen              // what is written counts, until the app answers a ping
	planWritten             // what is written counts, and no ping is sent
)

// pongs is what is known of an app's answers to pings, over its connections.
type pongs struct {
	mu     sync.Mutex
	good   bool // it has answered one
	deaths int  // connections in a row that ended with their first ping unanswered
	mute   bool // it ignores them
	closes bool // it closes at them
	conns  int  // connections since that was found
	since  time.Time
}

// begin chooses how a new connection is acknowledged.
func (p *pongs) begin(now time.Time) plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closes:
		p.conns++
		if age := now.Sub(p.since); p.conns < probeConnections && age < probeAge && age >= 0 {
			return planWritten
		}
		p.conns, p.since = 0, now
		return planProbe
	case p.mute:
		return planListen
	case p.good || p.deaths == 0:
		return planPing
	}
	return planProbe
}

// answered notes a pong, and reports whether the app was taken for one that gives none.
func (p *pongs) answered() (news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	news = p.mute || p.closes
	p.good, p.deaths, p.mute, p.closes = true, 0, false, false
	return news
}

// known reports whether the app has answered a ping.
func (p *pongs) known() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.good
}

// dies reports whether the app closes at pings.
func (p *pongs) dies() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closes
}

// died notes a connection that the app ended with its first ping unanswered, so long after it; bare says that it had got
// nothing else. It reports whether the app is now taken for one that closes at pings.
func (p *pongs) died(bare bool, after time.Duration, now time.Time) (news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaths++
	switch {
	case p.deaths >= forgetDeaths:
		p.good = false
	case p.good:
		return false
	}
	if !bare || after > promptly && p.deaths < lateDeaths {
		return false // something else may have been the cause
	}
	news = !p.closes
	if news {
		p.conns, p.since = 0, now
	}
	p.closes = true
	return news
}

// ignores notes that the app does not answer pings.
func (p *pongs) ignores() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
}

// usable reports whether pings prove something for this app.
func (p *pongs) usable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.mute && !p.closes
}
