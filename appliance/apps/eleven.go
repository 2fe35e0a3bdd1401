package apps

import (
	"net/http"
	"strconv"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/store"
)

// eleven is OneBot 11: what NapCat speaks itself.
type eleven struct{ app *App }

// eventReader is scratch of whoever writes an app's events.
type eventReader struct{ head onebot.Head }

// dialHeader has X-Client-Role spelled exactly so: Koishi compares the text. A missing X-Self-ID would end a bare Koishi
// process.
func (d eleven) dialHeader(self uint64) http.Header {
	h := http.Header{
		"X-Self-ID":     {strconv.FormatUint(self, 10)},
		"X-Client-Role": {"Universal"},
		"User-Agent":    {"OneBot/11 catflap"},
	}
	if token := d.app.settings().AccessToken; token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return h
}

func (d eleven) postHeader(self uint64) http.Header {
	h := d.dialHeader(self)
	h.Del("X-Client-Role") // of WebSockets only
	h.Set("Content-Type", "application/json")
	return h
}

// greeting is lifecycle connect: some frameworks take the first frame for their handshake, whatever it is.
func (d eleven) greeting(f *feed, self uint64) (frames [][]byte, beat bool) {
	h := f.account.Health()
	return [][]byte{d.lifecycle(self, "connect")}, !h.Linked || !h.Online
}

func (d eleven) arrival(_ *feed, self uint64) []byte { return d.lifecycle(self, "enable") }

func (d eleven) departure(self uint64) []byte { return d.lifecycle(self, "disable") }

func (d eleven) lifecycle(self uint64, sub string) []byte {
	return onebot.AppendLifecycle(nil, self, d.app.Now().Unix(), sub)
}

func (d eleven) heartbeat(f *feed, self uint64) []byte {
	h := f.account.Health()
	online := h.Linked && h.Online
	return onebot.AppendHeartbeat(nil, self, d.app.Now().Unix(), &online, h.Linked, d.app.settings().Heartbeat.Milliseconds())
}

// standing is nothing of its own: a heartbeat says it.
func (d eleven) standing(*feed, uint64) []byte { return nil }

func (d eleven) healthChanged(f *feed) { f.beatNow() }

// event gives the bytes themselves unless the app wants CQ strings, or media at their own addresses. The journal holds
// messages as arrays, with the addresses of catflap's media.
func (d eleven) event(_ *feed, e *store.Event, r *eventReader) []byte {
	app := d.app.settings()
	head := &r.head
	asString := app.MessageFormat == "string"
	if e.Class != store.ClassMessage || !asString && app.RewriteMedia {
		return e.Raw
	}
	out := e.Raw
	err := onebot.PeekHead(out, head)
	if err == nil && !app.RewriteMedia {
		if out = onebot.RestoreMedia(e.Raw, head); len(out) != len(e.Raw) {
			err = onebot.PeekHead(out, head)
		}
	}
	if err == nil && asString {
		out, err = onebot.Reformat(out, head, "string")
	}
	if err == nil {
		return out
	}
	d.app.Log.Warn("an event could not be given the form that the app wants; it goes out as it was kept", "app", d.app.Name(), "seq", e.Seq, "err", err)
	return e.Raw
}

func (d eleven) take(from caller, frame []byte) {
	d.app.Action(Action{
		App: d.app.Name(), Slot: d.app.Slot, Account: from.account(), Frame: frame,
		Reply: func(answer []byte) { from.reply(answer, false) },
	})
}

func (d eleven) oversize(from caller, head, tail []byte, size uint64) {
	echo, _ := onebot.EchoAtEnds(head, tail) // nil leaves the key out
	from.reply(onebot.AppendFailure(nil, echo, codeTooLarge, tooLarge(nameAtStart(head), size, d.app.MaxFrame)), false)
}

// answered hands on a quick operation.
func (d eleven) answered(p *poster, e *store.Event, a answer) {
	if len(a.body) > 0 && d.app.Quick != nil {
		d.app.Quick(Quick{App: d.app.Name(), Account: p.feed.account.Name, Event: e.Raw, Operation: a.body, Done: p.carriedOut})
	}
}
