// Package alert tells the owner by another road than QQ what is wrong with the box: it looks at facts every few seconds,
// decides what is worth a message, and sends it to each address of the configuration.
package alert

import (
	"strings"
	"time"
)

// Event is a kind of alert, as alerts.on names it.
type Event string

// The events.
const (
	AccountOffline  Event = "account.offline"  // NapCat is there, QQ is not
	LinkDown        Event = "link.down"        // NapCat is away, or there and does not answer (half-dead)
	AccountLimited  Event = "account.limited"  // QQ refuses what the account sends
	AppDown         Event = "app.down"         // an app is away and events wait for it
	DiskLow         Event = "disk.low"         // where the data folder is
	StoreErrors     Event = "store.errors"     // history or waiting events cannot be written
	PairingRequest  Event = "pairing.request"  // a stranger asks for access
	TokenFailures   Event = "token.failures"   // somebody shows wrong tokens again and again
	UpdateAvailable Event = "update.available" // of catflap
)

// State says what a Notice is about.
type State string

// The states.
const (
	Raised    State = "raised"    // it is wrong now
	Recovered State = "recovered" // it is right again
	Once      State = "once"      // it happened; nothing will recover
)

// Text is something said to the owner, in both languages.
type Text struct{ EN, ZH string }

// In is the text in a language; anything but "zh" is English.
func (t Text) In(language string) string {
	if language == "zh" {
		return t.ZH
	}
	return t.EN
}

// Notice is one thing that is told.
type Notice struct {
	Event   Event
	Subject string // "account:bot1", "app:koishi@bot1", "disk", "store", "door:gateway", "catflap"
	State   State
	Urgent  bool // shown as such by services that know urgency
	At      time.Time
	Title   Text // one line
	More    Text // what to do; may be empty
}

// Message is a Notice, or several of them, in the words of one language, as services get it.
type Message struct {
	Title, Body string
	Event       Event // "" for several, and for a test
	Subject     string
	State       State
	Urgent      bool
	At          time.Time
}

// Facts are what the rest of catflap knows at one moment. The slices belong to the package once they are handed over.
type Facts struct {
	Accounts []Account
	Apps     []App
	Doors    []Door
	Pairing  []Request

	DiskFree, DiskTotal int64  // bytes where the data folder is; total 0 = not known
	Failures            uint64 // commits of the store that failed so far
	StoreError          string // why the last one failed; "" = it did not

	Update string // a version that can be had, "" = none is known
}

// Account is one QQ account and its link.
type Account struct {
	Name, Title string
	Linked      bool
	Online      bool
	HalfDead    bool
	Limited     bool
	LastError   string
	// Settle is how long a link must have been good to be taken for good, for it takes a while until a half-dead one is found.
	Settle time.Duration
	// Patience is how long a link that is away may take to come back until it is said a second time, urgently; 0 = never.
	Patience time.Duration
}

// App is one app on one account.
type App struct {
	Name, Account string
	Connected     bool
	Waiting       bool // events are kept for it
	Paused        bool // its owner wants it so
	Backlog       int
}

// Door is an address at which others come in.
type Door struct {
	Name  string
	Wrong uint64 // requests with a wrong token or none, so far
	Last  string // where the last of them came from, and why it was refused
	// Logins: people come in here, with a password.
	Logins bool
}

// Request is a stranger who waits for access.
type Request struct {
	Account string
	User    uint64
	Code    string
}

// called is how an account is named to its owner.
func (a Account) called() string {
	if a.Title == "" || a.Title == a.Name {
		return a.Name
	}
	return a.Title + " (" + a.Name + ")"
}

// oneLine keeps a text of others from looking like more than it is.
func oneLine(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strings.TrimSpace(s)
}
