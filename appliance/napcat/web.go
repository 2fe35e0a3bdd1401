package napcat

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
)

// web is the road of a session whose calls go to NapCat's HTTP server: one request and one answer each.
type web struct {
	account *Account
	api     *api
	stream  bool // intermediate packets of stream actions come with the events (reference: HTTP SSE server)
	gulps   gulps

	ctx    context.Context
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup // calls; none is added once the table has let go of the road
	bytes  atomic.Int64   // of calls on their way
}

// openWeb makes a road; end closes it.
func (a *Account) openWeb(stream bool) (*web, error) {
	api, err := newAPI(a.Config)
	if err != nil {
		return nil, err
	}
	w := &web{account: a, api: api, stream: stream, gulps: newGulps()}
	w.ctx, w.cancel = context.WithCancelCause(a.ctx)
	return w, nil
}

// end waits for the calls, which end with the road.
func (w *web) end() {
	w.cancel(nil)
	w.tasks.Wait()
	w.api.close()
}

func (w *web) ping() {}

func (w *web) close(_ uint16, reason string) { w.cancel(errors.New("closed here: " + reason)) }

func (w *web) start(e *entry, echo string) error {
	params := e.Params
	if params == nil {
		params = []byte("{}")
	}
	size := int64(len(params))
	if others := w.bytes.Add(size) - size; others > 0 && others+size > maxOutBytes {
		w.bytes.Add(-size)
		return ErrBusy
	}
	body := appendASCII(make([]byte, 0, len(params)), params)
	ctx, stop := context.WithCancel(w.ctx)
	e.stop = stop
	w.tasks.Go(func() {
		defer stop()
		defer w.bytes.Add(-size)
		if err := w.call(ctx, e, body, echo); err != nil {
			w.account.calls.end(e, err)
		}
	})
	return nil
}

// call makes one call and hands on what comes back. An error ends the call.
func (w *web) call(ctx context.Context, e *entry, body []byte, echo string) error {
	if !isActionName(e.Action) {
		return w.answer(e, onebot.AppendFailure(nil, nil, codeUnknown, unknownAction+e.Action))
	}
	if !e.streams || !w.stream {
		echo = "" // the answer is known by its connection
	}
	resp, err := w.api.call(ctx, e.Action, echo, body)
	if err != nil {
		w.lost(err)
		return err
	}
	defer resp.Body.Close()
	if e.streams {
		return w.packets(ctx, e, resp.Body)
	}
	frame, release, err := w.gulps.read(ctx, resp.Body, w.account.MaxFrame)
	defer release()
	switch {
	case errors.Is(err, errTooLarge):
		w.account.countTooLarge(uint64(len(frame)))
		return fmt.Errorf("NapCat's answer is %w", ErrTooLarge)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDropped, err)
	}
	return w.answer(e, frame)
}

// lost ends the session for a call that did not reach NapCat where no probe would find it out.
func (w *web) lost(err error) {
	if !w.account.Config.Heartbeat.Enabled && errors.Is(err, ErrAway) && w.ctx.Err() == nil {
		w.cancel(err)
	}
}

// packets hands on what a stream action answers: JSON objects with empty lines between them.
func (w *web) packets(ctx context.Context, e *entry, body io.Reader) error {
	lines := bufio.NewReaderSize(body, 32<<10)
	var frame []byte
	for {
		part, err := lines.ReadSlice('\n')
		if len(frame)+len(part) > w.account.MaxFrame {
			w.account.countTooLarge(uint64(len(frame) + len(part)))
			return fmt.Errorf("a packet of NapCat's answer is %w", ErrTooLarge)
		}
		frame = append(frame, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if packet := bytes.TrimSpace(frame); len(packet) > 0 {
			if err := w.packet(ctx, e, packet); err != nil {
				return err
			}
		}
		frame = frame[:0]
		switch {
		case err == io.EOF:
			return fmt.Errorf("%w: NapCat's answer ends before its last packet", ErrDropped) // of no meaning after the last packet
		case err != nil:
			return fmt.Errorf("%w: %w", ErrDropped, err)
		}
	}
}

// packet hands on one packet. The last one may have overtaken those that come with the events.
func (w *web) packet(ctx context.Context, e *entry, frame []byte) error {
	var head onebot.Head
	if w.stream && onebot.PeekHead(frame, &head) == nil && head.Retcode == 0 && head.Stream && head.StreamEnd {
		var last struct {
			Chunks *int `json:"total_chunks"`
		}
		want := -1
		if json.Unmarshal(head.Data, &last) == nil && last.Chunks != nil {
			want = *last.Chunks + 1 // and the packet that describes the file
		}
		if !w.gather(ctx, e, want) {
			return fmt.Errorf("%w: some of the packets that NapCat sends with the events did not come", ErrDropped)
		}
	}
	return w.answer(e, frame)
}

// gatherTime is how long the last packet of a stream waits while no other comes.
const gatherTime = 500 * time.Millisecond

// gather waits until that many packets of a stream have come, or, with -1, until no more come. False when some are missing.
func (w *web) gather(ctx context.Context, e *entry, want int) bool {
	tick := time.NewTicker(gatherTime / 50)
	defer tick.Stop()
	before, quiet := -1, time.Now()
	for {
		w.account.calls.mu.Lock()
		n := e.packets
		w.account.calls.mu.Unlock()
		if want >= 0 && n >= want {
			return true
		}
		if n != before {
			before, quiet = n, time.Now()
		} else if time.Since(quiet) > gatherTime {
			return want < 0
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// answer hands on one frame.
func (w *web) answer(e *entry, frame []byte) error {
	var head onebot.Head
	if err := onebot.PeekHead(frame, &head); err != nil || !head.IsResponse() {
		return &answerError{status: 200, body: string(frame[:min(len(frame), 256)])}
	}
	frame = normalise(frame, &head)
	if !w.account.calls.answer(e, frame, &head) {
		w.account.countLate()
	}
	return nil
}

// What NapCat answers over WebSocket where over HTTP it says 200 and 400 (reference: return codes).
const (
	codeFailed  = 1200
	codeRefused = 1400
	codeUnknown = 1404

	unknownAction = "不支持的Api "
)

// normalise gives a failure the return code that it has over WebSocket: apps are not to see which link there is.
func normalise(frame []byte, head *onebot.Head) []byte {
	var code int
	switch {
	case head.Retcode == 400:
		code = codeRefused
	case head.Retcode != 200:
		return frame
	default:
		code = codeFailed
	}
	var wording string
	if json.Unmarshal(head.Wording, &wording) == nil && strings.HasPrefix(wording, unknownAction) && code == codeFailed {
		code = codeUnknown
	}
	// NapCat writes these two first. No text inside holds quotes that are not escaped, so it is the right place.
	if was := fmt.Appendf(nil, `{"status":"failed","retcode":%d,`, head.Retcode); bytes.HasPrefix(frame, was) {
		out := fmt.Appendf(make([]byte, 0, len(frame)+1), `{"status":"failed","retcode":%d,`, code)
		out = append(out, frame[len(was):]...)
		if onebot.PeekHead(out, head) == nil {
			return out
		}
	}
	out := onebot.AppendFailure(nil, head.Echo, code, wording)
	_ = onebot.PeekHead(out, head) // it is catflap's own
	return out
}

// isActionName reports whether a name can stand in an address. NapCat knows no other names.
func isActionName(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-') {
			return false
		}
	}
	return name != "" && strings.Trim(name, ".") != "" && name != "_events"
}
