package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
)

// parseFailed is NapCat's message for a frame that is no JSON.
const parseFailed = "json解析失败,请检查数据格式"

// Call is one action that somebody called.
type Call struct {
	Seq     int64           // 1, 2, 3 ... in order of arrival
	At      time.Time       // by Options.Now
	Link    int64           // which connection, counted from 1
	Action  string          // as written by the caller
	Name    string          // without the suffix _async or _rate_limited
	Params  Params          // decoded; never nil
	Raw     json.RawMessage // params as they came; nil when absent
	Echo    json.RawMessage // as it came; nil when absent
	nap     *NapCat
	adapter *adapter
	session *session // nil over HTTP
	ctx     context.Context
}

// action is one entry of the table of actions.
type action struct {
	run    func(*Call) (any, error)
	stream bool // answers say stream-action
	loose  bool // NapCat checks nothing before the handler (reference 3.4)
}

// handle does one call from frame to answer. It runs in a goroutine of its own.
func (a *adapter) handle(ctx context.Context, s *session, frame []byte) {
	n := a.nap
	c, problem := a.parse(ctx, s, frame)
	if problem != nil {
		a.answer(s, problem.bytes(), 1)
		return
	}
	n.book.called(c)
	n.log.Debug("call", "action", c.Action, "link", c.Link)
	if n.silenced() {
		return
	}
	fault := n.hook(*c)
	if !sleep(ctx, n.jitter()+fault.Delay) {
		return
	}
	frames := c.perform(fault)
	if fault.Drop {
		n.cut(s)
		return
	}
	if fault.Silent || len(frames) == 0 {
		return
	}
	if fault.NextLink {
		if s = a.next(ctx, s); s == nil {
			return
		}
	}
	for _, frame := range frames {
		a.answer(s, frame, 1+fault.Repeat)
	}
}

// parse reads the frame; what is no call at all is answered at once.
func (a *adapter) parse(ctx context.Context, s *session, frame []byte) (*Call, *envelope) {
	var in struct {
		Action json.RawMessage `json:"action"`
		Params json.RawMessage `json:"params"`
		Echo   json.RawMessage `json:"echo"`
	}
	if err := json.Unmarshal(frame, &in); err != nil {
		var wrongType *json.UnmarshalTypeError
		if !errors.As(err, &wrongType) {
			return nil, &envelope{status: "failed", retcode: 1400, data: null, message: parseFailed, echo: null}
		}
	}
	name := "undefined"
	if len(in.Action) > 0 && json.Unmarshal(in.Action, &name) != nil {
		name = string(in.Action)
	}
	base, _ := onebot.Normalise(name)
	info, listed := onebot.Lookup(base)
	if (!listed || !info.InNapCat) && base != SayAction {
		api := either(a.server, "不支持的API ", "不支持的Api ")
		return nil, &envelope{status: "failed", retcode: 1404, data: null, message: api + name, echo: mirrorEcho(in.Echo, "null")}
	}
	c := &Call{At: a.nap.opts.Now(), Link: a.nap.Links(), Action: name, Name: base, Raw: in.Params, Echo: in.Echo,
		nap: a.nap, adapter: a, session: s, ctx: ctx, Params: Params{}}
	if len(in.Params) > 0 {
		d := json.NewDecoder(bytes.NewReader(in.Params))
		d.UseNumber()
		var params map[string]any
		if d.Decode(&params) == nil && params != nil {
			c.Params = params
		}
	}
	return c, nil
}

// perform runs the action, or what a hook put in its place, and returns the frames of the answer.
func (c *Call) perform(fault Answer) [][]byte {
	echo := mirrorEcho(c.Echo, `""`)
	act := c.nap.actions[c.Name]
	e := envelope{status: "ok", echo: echo, stream: act.stream, http: c.session == nil}
	switch {
	case fault.Raw != nil:
		return fault.Raw
	case fault.Retcode != 0:
		return [][]byte{e.failed(&failure{fault.Retcode, fault.Message}).bytes()}
	case fault.Data != nil:
		e.data = encode(fault.Data)
		return [][]byte{e.bytes()}
	case fault.Skip:
		return nil
	}
	data, err := c.act(act)
	var f *failure
	if errors.As(err, &f) {
		return [][]byte{e.failed(f).bytes()}
	}
	switch v := data.(type) {
	case silent:
		if e.http { // the error that keeps a WebSocket waiting for ever is caught here
			return [][]byte{e.failed(&failure{1200, "TypeError: Cannot read properties of null (reading 'type')\n    at SendMsg.check"}).bytes()}
		}
		return nil
	case absent:
	case packets:
		frames := make([][]byte, 0, len(v))
		for _, p := range v {
			e.data = p.bytes()
			frames = append(frames, e.bytes())
		}
		return frames
	case *object:
		e.data = v.bytes()
	default:
		e.data = encode(v)
	}
	return [][]byte{e.bytes()}
}

func (c *Call) act(act action) (any, error) {
	if !act.loose {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	if act.run == nil {
		return nil, nil // everything else in the catalogue: ok, data null
	}
	return act.run(c)
}

func (e envelope) failed(f *failure) envelope {
	e.status, e.retcode, e.message, e.data = "failed", f.retcode, f.message, null
	if e.stream {
		e.data = json.RawMessage(`{"type":"error","data_type":"error"}`)
	}
	return e
}

// answer writes a frame to where answers to s go now; without a connection it is lost.
func (a *adapter) answer(s *session, frame []byte, copies int) {
	t := a.target(s)
	for range copies {
		if t == nil || !t.push(frame) {
			a.nap.log.Debug("answer lost: no connection")
			return
		}
	}
}
