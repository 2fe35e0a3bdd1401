package onebot12

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/catflap/catflap/appliance/onebot"
)

// Request is one action request of an app. The byte slices point into the frame.
type Request struct {
	Action string
	Params []byte // raw object
	Echo   []byte // raw JSON string; nil when there is none, or ""
	// Self is the bot that is meant; with HasSelf it is 0 for one that cannot exist (another platform, no number).
	Self    uint64
	HasSelf bool

	params value
}

// ParseRequest reads a request. With a fault (always BadRequest) r.Echo is filled all the same, if it could be read.
func ParseRequest(frame []byte, r *Request) *Fault {
	*r = Request{}
	frame = bytes.TrimPrefix(frame, []byte("\ufeff")) // some write one
	body, err := onebot.ReadBody(frame)
	if err == nil && body.Params == nil {
		err = onebot.ErrNotObject
	}
	if err != nil {
		if errors.Is(err, onebot.ErrNotObject) {
			err = errors.New(`the request is not a JSON object: send {"action":"...","params":{...}}`)
		}
		return fault(BadRequest, "%v", err)
	}
	v := read(body.Params)
	echo := v.get("echo")
	switch {
	case echo.kind() == '"' && len(echo.raw()) > len(`""`):
		r.Echo = echo.raw()
	case !echo.missing() && echo.kind() != '"':
		return fault(BadRequest, `"echo" is not a string`)
	}
	if r.Action = stringOf(v.get("action")); r.Action == "" {
		return fault(BadRequest, `"action" is missing or not a string: send {"action":"...","params":{...}}`)
	}
	if r.params = v.get("params"); r.params.kind() != '{' {
		r.params = value{}
		return fault(BadRequest, `"params" is missing or not an object: send {} for none`)
	}
	r.Params = r.params.raw()
	return r.readSelf(v.get("self"))
}

func (r *Request) readSelf(self value) *Fault {
	if self.missing() {
		return nil
	}
	platform, user := self.get("platform"), self.get("user_id")
	if platform.kind() != '"' || user.kind() != '"' && user.kind() != '0' {
		return fault(BadRequest, `"self" needs "platform" and "user_id", both strings`)
	}
	r.HasSelf = true
	if platform.text() == Platform {
		r.Self, _ = user.uin()
	}
	return nil
}

// Meta reports whether the action is one of the four that need no bot.
func (r *Request) Meta() bool {
	switch r.Action {
	case "get_latest_events", "get_supported_actions", "get_status", "get_version":
		return true
	}
	return false
}

// Bot finds the bot that the request means among those of the link: WhoAmI when it names none and there are several,
// UnknownSelf when it names another, BotOffline when there is none at all. For meta actions it is 0, whatever they name.
func (r *Request) Bot(bots []uint64) (uint64, *Fault) {
	switch {
	case r.Meta():
		return 0, nil
	case r.HasSelf && r.Self != 0 && slices.Contains(bots, r.Self):
		return r.Self, nil
	case r.HasSelf:
		return 0, fault(UnknownSelf, `"self" names a bot that is not on this link`)
	case len(bots) == 1:
		return bots[0], nil
	case len(bots) == 0:
		return 0, fault(BotOffline, "no bot is on this link yet")
	}
	return 0, fault(WhoAmI, `several bots are on this link: name one, "self":{"platform":"qq","user_id":"..."}`)
}

// stringOf is a string's text, "" for anything else.
func stringOf(v value) string {
	if v.kind() != '"' {
		return ""
	}
	return v.text()
}

// param is a parameter of ours: "qq.name", or "name" in the object "qq", which is what NoneBot makes of it. The dotted one
// wins.
func (r *Request) param(name string) value { return extra(r.params, name) }

func extra(object value, name string) value {
	if v := object.get(Platform + "." + name); v.ok() {
		return v
	}
	return object.get(Platform).get(name)
}

// id is a parameter that names somebody or something.
func (r *Request) id(name string) (int64, *Fault) {
	v := r.params.get(name)
	if v.missing() || v.kind() == '"' && len(v.raw()) == len(`""`) {
		return 0, fault(BadParam, "params.%s is missing", name)
	}
	n, ok := v.integer()
	if !ok {
		return 0, fault(BadParam, "params.%s is no decimal number of 64 bits", name)
	}
	return n, nil
}

// uin is a parameter that is a QQ number.
func (r *Request) uin(name string) (int64, *Fault) {
	n, bad := r.id(name)
	if bad == nil && n <= 0 {
		bad = fault(BadParam, "params.%s is no QQ number", name)
	}
	return n, bad
}

// text is a parameter that is text, and may be empty.
func (r *Request) text(name string) (string, *Fault) {
	v := r.params.get(name)
	if v.kind() != '"' {
		return "", fault(BadParam, "params.%s is missing or not a string", name)
	}
	return v.text(), nil
}

// count is a parameter that is a number from 0 on; absent is 0 unless it is needed.
func (r *Request) count(name string, needed bool) (int64, *Fault) {
	v := r.params.get(name)
	if v.missing() && !needed {
		return 0, nil
	}
	n, ok := v.integer()
	if !ok || n < 0 {
		return 0, fault(BadParam, "params.%s is missing or not a number from 0 on", name)
	}
	return n, nil
}

func fault(code int, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}
