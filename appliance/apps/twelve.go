package apps

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/onebot12"
	"github.com/catflap/catflap/store"
)

// Lookups are what OneBot 12 needs to know that OneBot 11 frames do not say. Functions may be nil, and only one with a context
// blocks.
type Lookups struct {
	Version string
	// Author names who wrote a message of an account.
	Author func(account string, messageID int64) (user uint64, ok bool)
	// Upstream is what an account's NapCat calls itself, "" if that is not to be known before the context ends.
	Upstream func(ctx context.Context, account string) (name, version string)
	// Allowed reports whether an app may call an OneBot 11 action at all.
	Allowed func(app, action string) bool
	// Denied says which rule forbids an app an action that is done here, "" for none.
	Denied func(app, action string) string
	// FileID gives a medium of a message the id by which apps name it; "" if there is none.
	FileID func(account string, m onebot12.Medium) string
	// Files are the file actions; nil = there are none.
	Files *Files
}

// twelve is OneBot 12. Everything is translated at the edge: what an app asks for goes to the router as actions of
// OneBot 11, and events are those of the journal.
type twelve struct {
	app   *App
	metas atomic.Uint64 // numbers meta events
	jobs  chan struct{} // a place for each request that does not end at once
}

// maxJobs bounds the requests of one app that take several actions, or move a file.
const maxJobs = 16

func newTwelve(a *App) *twelve { return &twelve{app: a, jobs: make(chan struct{}, maxJobs)} }

// userAgent is free form; the names in it are those of version and handshake.
func (d *twelve) userAgent() string {
	return "OneBot/12 (" + onebot12.Platform + ") " + onebot12.Impl + "/" + d.app.Lookups.Version
}

// dialHeader offers the subprotocol that names version and implementation. Most apps select none.
func (d *twelve) dialHeader(uint64) http.Header {
	return d.authorised(http.Header{"User-Agent": {d.userAgent()}, "Sec-WebSocket-Protocol": {onebot12.Subprotocol}})
}

func (d *twelve) postHeader(uint64) http.Header {
	return d.authorised(http.Header{
		"User-Agent": {d.userAgent()}, "X-OneBot-Version": {"12"}, "X-Impl": {onebot12.Impl}, "Content-Type": {"application/json"},
	})
}

func (d *twelve) authorised(h http.Header) http.Header {
	if token := d.app.settings().AccessToken; token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return h
}

// greeting is connect and then status_update, which lists all bots of the link: NoneBot makes its bots of it.
func (d *twelve) greeting(f *feed, self uint64) (frames [][]byte, beat bool) {
	connect := onebot12.AppendConnect(nil, d.metaID(f), d.app.Now(), d.app.Lookups.Version)
	return [][]byte{connect, d.standing(f, self)}, false
}

// arrival is status_update: a webhook has no connect.
func (d *twelve) arrival(f *feed, self uint64) []byte { return d.standing(f, self) }

func (d *twelve) departure(uint64) []byte { return nil }

func (d *twelve) heartbeat(f *feed, _ uint64) []byte {
	return onebot12.AppendHeartbeat(nil, d.metaID(f), d.app.Now(), d.app.settings().Heartbeat)
}

func (d *twelve) standing(f *feed, self uint64) []byte {
	return onebot12.AppendStatusUpdate(nil, d.metaID(f), d.app.Now(), true, []onebot12.Bot{{Self: self, Online: f.presence.see(f)}})
}

func (d *twelve) metaID(f *feed) string {
	return onebot12.EventID(f.account.Name, "meta:"+d.app.Name()+":"+strconv.FormatInt(d.app.Now().UnixNano(), 10), d.metas.Add(1))
}

func (d *twelve) healthChanged(f *feed) { f.presence.changed(f) }

// event translates an event. Its id is the same on every road, and when it is sent again.
func (d *twelve) event(f *feed, e *store.Event, r *eventReader) []byte {
	out, ok, err := onebot12.Event(e.Raw, &onebot12.EventOptions{
		Reading: d.reading(f), ID: onebot12.EventID(f.account.Name, "", e.Seq), OwnMessages: d.app.settings().ReportSelf,
	})
	switch {
	case err != nil:
		d.app.Log.Warn("an event cannot be told in OneBot 12; the app does not get it", "app", d.app.Name(), "account", f.account.Name, "seq", e.Seq, "err", err)
		return nil
	case !ok:
		return nil
	}
	if e.Class == store.ClassMessage && bytes.Contains(e.Raw, []byte(`"group"`)) && onebot.PeekHead(e.Raw, &r.head) == nil && r.head.Detail == "private" && r.head.SubType == "group" {
		f.temps.note(r.head.UserID, r.head.GroupID)
	}
	return out
}

// reading is what the translation asks about an account's messages.
func (d *twelve) reading(f *feed) onebot12.Reading {
	o := onebot12.Reading{Self: f.account.Self(), OriginURL: !d.app.settings().RewriteMedia}
	if author := d.app.Lookups.Author; author != nil {
		o.Author = func(id int64) (uint64, bool) { return author(f.account.Name, id) }
	}
	if fileID := d.app.Lookups.FileID; fileID != nil {
		o.FileID = func(m onebot12.Medium) string { return fileID(f.account.Name, m) }
	}
	return o
}

// maxTemps bounds the temporary sessions that an account remembers.
const maxTemps = 256

// temps knows through which group a stranger's temporary session goes: an app of OneBot 12 answers him by his number
// alone, and NapCat wants the group.
type temps struct {
	mu     sync.Mutex
	groups map[uint64]uint64
	order  []uint64
}

func (t *temps) note(user, group uint64) {
	if user == 0 || group == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.groups == nil {
		t.groups = make(map[uint64]uint64)
	}
	if _, known := t.groups[user]; !known {
		if len(t.order) >= maxTemps {
			delete(t.groups, t.order[0])
			t.order = append(t.order[:0], t.order[1:]...)
		}
		t.order = append(t.order, user)
	}
	t.groups[user] = group
}

func (t *temps) group(user uint64) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.groups[user]
}

// job runs something that does not end at once, false if too much of that is at work.
func (d *twelve) job(f *feed, work func(context.Context)) bool {
	select {
	case d.jobs <- struct{}{}:
	default:
		return false
	}
	if !f.spawn(func() {
		defer func() { <-d.jobs }()
		work(f.ctx)
	}) {
		<-d.jobs
		return false
	}
	return true
}
