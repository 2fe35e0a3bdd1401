package apps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/onebot12"
)

// demand is one request of an app of OneBot 12 while it is answered.
type demand struct {
	onebot12.Request
	d      *twelve
	feed   *feed // whose bot it is for; any of the app's for a meta action
	packed bool  // it came as MessagePack, and the answer goes so
	plan   *onebot12.Plan
	reply  func(frame []byte, binary bool)
}

// take takes one frame of the app's WebSocket. A request in MessagePack is a map, which begins as no text does.
func (d *twelve) take(from caller, frame []byte) {
	d.request(from, frame, isPacked(frame))
}

// isPacked reports whether a frame can only be MessagePack: text in any language is answered as text.
func isPacked(frame []byte) bool {
	first, size := utf8.DecodeRune(frame)
	return first == utf8.RuneError && size == 1
}

// request reads a request and answers it, or sees to it that it is answered. The frame is valid during the call only.
func (d *twelve) request(from caller, frame []byte, packed bool) {
	if r := d.read(from, frame, packed, false); r != nil {
		r.do(d.feeds(from))
	}
}

// feeds are those of the bots that a caller's requests may be for.
func (d *twelve) feeds(from caller) []*feed {
	if from.all {
		return d.app.list()
	}
	return []*feed{from.feed}
}

// read reads a request and plans what it takes. One that cannot be is answered, and nil returned.
func (d *twelve) read(from caller, frame []byte, packed, http bool) *demand {
	r := &demand{d: d, feed: from.feed, packed: packed, reply: from.reply}
	if packed {
		var f *onebot12.Fault
		if frame, f = onebot12.Unpack(frame, d.app.MaxFrame); f != nil {
			r.fail(f)
			return nil
		}
	}
	if f := onebot12.ParseRequest(frame, &r.Request); f != nil {
		r.fail(f)
		return nil
	}
	r.Echo = append([]byte(nil), r.Echo...) // the frame is the link's
	if len(r.Echo) == 0 {
		r.Echo = nil
	}
	byBot := make(map[uint64]*feed)
	var bots []uint64
	for _, f := range d.feeds(from) {
		if self := f.account.Self(); self != 0 {
			byBot[self] = f
			bots = append(bots, self)
		}
	}
	self, f := r.Bot(bots)
	if f != nil {
		r.fail(f)
		return nil
	}
	if self != 0 {
		r.feed = byBot[self]
	}
	if r.plan, f = r.Plan(d.planOptions(r.feed, self, http)); f != nil {
		r.fail(f)
		return nil
	}
	r.Params = nil // the link's, too, and large where a file is in them
	return r
}

// planOptions are what a request for an account's bot depends on.
func (d *twelve) planOptions(f *feed, self uint64, http bool) *onebot12.PlanOptions {
	o := &onebot12.PlanOptions{Self: self, Polls: http, Files: d.keepsFiles(), LocationText: d.app.settings().Unsupported == "text"}
	if f != nil {
		o.TempGroup = f.temps.group
	}
	if o.Files {
		o.Open = d.app.Lookups.Files.Known
	}
	return o
}

// keepsFiles reports whether there are file actions.
func (d *twelve) keepsFiles() bool {
	files := d.app.Lookups.Files
	return files != nil && files.On()
}

func (r *demand) fail(f *onebot12.Fault) {
	r.answer(onebot12.AppendFault(nil, r.Echo, f))
}

func (r *demand) ok(data []byte) { r.answer(onebot12.AppendOK(nil, r.Echo, data)) }

// answer sends the answer in the encoding of the request.
func (r *demand) answer(frame []byte) {
	if !r.packed {
		r.reply(frame, false)
		return
	}
	bytes := r.plan != nil && (r.plan.Kind == onebot12.GetFile || r.plan.Kind == onebot12.GetTransfer)
	r.reply(onebot12.Pack(nil, frame, bytes), true)
}

// errBusy is the fault of a request for which there is no place.
func errBusy() *onebot12.Fault {
	return &onebot12.Fault{Code: onebot12.Limited, Message: fmt.Sprintf("%d requests of this app that take a while are at work already", maxJobs)}
}

// do does what the plan says.
func (r *demand) do(feeds []*feed) {
	d := r.d
	switch r.plan.Kind {
	case onebot12.Upstream:
		r.upstream()
	case onebot12.SupportedActions:
		r.ok(onebot12.AppendSupported(nil, d.supportOptions()))
	case onebot12.Version:
		r.ok(onebot12.AppendVersion(nil, d.app.Lookups.Version))
	case onebot12.Status:
		r.status(feeds)
	case onebot12.LatestEvents: // of HTTP, which has taken it already
		r.fail(&onebot12.Fault{Code: onebot12.UnsupportedAction, Message: "get_latest_events is for HTTP"})
	default:
		r.file()
	}
}

// upstreamTime is how long get_status waits for NapCat to say what it is.
const upstreamTime = 2 * time.Second

// status answers get_status.
func (r *demand) status(feeds []*feed) {
	var bots []onebot12.Bot
	for _, f := range feeds {
		if self := f.account.Self(); self != 0 {
			h := f.account.Health()
			bots = append(bots, onebot12.Bot{Self: self, Online: h.Linked && h.Online})
		}
	}
	upstream := r.d.app.Lookups.Upstream
	if upstream != nil && len(feeds) == 1 && r.d.job(feeds[0], func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, upstreamTime)
		defer cancel()
		name, version := upstream(ctx, feeds[0].account.Name)
		r.ok(onebot12.AppendStatus(nil, true, bots, name, version))
	}) {
		return
	}
	r.ok(onebot12.AppendStatus(nil, true, bots, "", ""))
}

// supportOptions are what the list of actions depends on: it says nothing of what the app's rules forbid.
func (d *twelve) supportOptions() onebot12.SupportOptions {
	o := onebot12.SupportOptions{Files: d.keepsFiles(), Polls: d.app.admits("http") && !d.app.Dials()}
	allowed, denied := d.app.Lookups.Allowed, d.app.Lookups.Denied
	if allowed == nil || denied == nil {
		return o
	}
	o.Allowed = func(action string) bool {
		switch action {
		case "upload_file", "upload_file_fragmented", "get_file", "get_file_fragmented":
			return denied(d.app.Name(), action) == ""
		}
		return allowed(d.app.Name(), action)
	}
	return o
}

// upstream makes the plan's calls. Several go one after the other, beside.
func (r *demand) upstream() {
	for _, c := range r.plan.Calls {
		if onebot.Streams(c.Action) {
			r.fail(&onebot12.Fault{Code: onebot12.UnsupportedAction, Message: c.Action + " is answered by many frames, and a request of OneBot 12 has one answer: use get_file_fragmented"})
			return
		}
	}
	calls := slices.Clone(r.plan.Calls)
	for i := range calls {
		r.plan.Calls[i].Params = nil // while the answer is waited for
	}
	if len(calls) == 1 {
		r.call(calls[0], func(frame []byte) { r.finish([][]byte{frame}) })
		return
	}
	for i := range calls {
		calls[i].Params = slices.Clone(calls[i].Params)
	}
	if !r.d.job(r.feed, func(ctx context.Context) { r.finish(r.several(ctx, calls)) }) {
		r.fail(errBusy())
	}
}

// several makes calls in order, up to the first that fails. What gets no answer fails.
func (r *demand) several(ctx context.Context, calls []onebot12.Call) (frames [][]byte) {
	for _, c := range calls {
		frame := r.await(ctx, c)
		frames = append(frames, frame)
		if onebot12.Failed(frame) {
			break
		}
	}
	return frames
}

// await makes a call and waits for its answer.
func (r *demand) await(ctx context.Context, c onebot12.Call) []byte {
	answered := make(chan []byte, 1)
	r.call(c, func(frame []byte) {
		select {
		case answered <- frame:
		default:
		}
	})
	timer := time.NewTimer(answerTimeout)
	defer timer.Stop()
	select {
	case frame := <-answered:
		return frame
	case <-timer.C:
		return onebot.AppendFailure(nil, nil, codeNoWord, "uncertain: no answer came in time; the action may have been done")
	case <-ctx.Done():
		return onebot.AppendFailure(nil, nil, codeRestart, "uncertain: catflap restarts; the action may have been done")
	}
}

// call makes one call of OneBot 11.
func (r *demand) call(c onebot12.Call, reply func(frame []byte)) {
	app := r.d.app
	app.Action(Action{
		App: app.Name(), Slot: app.Slot, Account: r.feed.account.Name,
		Frame: onebot.AppendAction(nil, c.Action, c.Params, nil), Reply: reply,
	})
}

func (r *demand) finish(frames [][]byte) {
	reading := r.d.reading(r.feed)
	r.answer(r.plan.Answer(nil, r.Echo, frames, r.d.app.Now(), &reading))
}

// oversize refuses a frame of which only the ends were kept.
func (d *twelve) oversize(from caller, head, tail []byte, size uint64) {
	var echo []byte
	packed := isPacked(head)
	if !packed {
		if raw, ok := onebot.EchoAtEnds(head, tail); ok && strings.HasPrefix(string(raw), `"`) {
			echo = raw
		}
	}
	r := &demand{d: d, packed: packed, reply: from.reply}
	r.Echo = echo
	r.fail(&onebot12.Fault{Code: onebot12.BadRequest, Message: tooLarge12(nameAtStart(head), size, d.app.MaxFrame)})
}

// tooLarge12 is what the sender of a request above the limit is told.
func tooLarge12(name string, size uint64, limit int) string {
	return fmt.Sprintf("%s of %d bytes is above the limit of %d (limits.maxFrameMb: %d): send the file in pieces (upload_file_fragmented), or raise limits.maxFrameMb", name, size, limit, limit>>20)
}
