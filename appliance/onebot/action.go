package onebot

import (
	"errors"
	"strings"
)

// Action is what catflap knows of an app's call without decoding it. The byte
// slices point into the frame.
type Action struct {
	Name   string // as sent, with its suffix
	Params []byte // raw JSON object; nil when absent or null
	Echo   []byte // raw JSON value; nil when there is no such key
	// SelfID is the account the call names, in params or beside them (params
	// win); 0 when none is named. With HasSelfID it is a value that is no
	// usable number: such a call must fail, not go to some account. SelfName
	// is that value if it is text: it may be an account's name.
	SelfID    uint64
	HasSelfID bool
	SelfName  string
}

// Why a call is refused before its name is known. Action.Echo is filled all
// the same, so the answer finds its caller.
var (
	ErrNoAction = errors.New(`"action" is missing or not a string: send {"action":"...","params":{...},"echo":...}`)
	ErrParams   = errors.New(`"params" must be an object`)
)

// PeekAction validates an app's frame as strictly as PeekHead and reads name,
// parameters and echo. The JSON5 that NapCat itself tolerates is not accepted.
// Errors: ErrNotObject, ErrDepth, *SyntaxError, ErrNoAction, ErrParams.
func PeekAction(frame []byte, a *Action) error {
	*a = Action{}
	i := space(frame, 0)
	if i >= len(frame) {
		return &SyntaxError{Offset: i}
	}
	if frame[i] != '{' {
		return notObject(frame, i)
	}
	var name, top, inner []byte
	badParams := false
	m := members(frame, i, 1)
	for m.next() {
		switch m.name() {
		case "action":
			name = m.value()
		case "echo":
			a.Echo = m.value()
		case "self_id":
			top = m.value()
		case "params":
			inner, a.Params, badParams = nil, nil, false
			if m.at < len(frame) && frame[m.at] == '{' {
				p := members(frame, m.at, 2)
				for p.next() {
					if v := p.value(); p.name() == "self_id" {
						inner = v
					}
				}
				if m.end = p.end; m.end >= 0 {
					a.Params = frame[m.at:m.end]
				}
				break
			}
			v := m.value()
			badParams = v != nil && v[0] != 'n'
		default:
			m.skip()
		}
	}
	if m.end < 0 {
		*a = Action{}
		return fault(m.end)
	}
	if end := space(frame, m.end); end != len(frame) {
		*a = Action{}
		return &SyntaxError{Offset: end}
	}
	for _, raw := range [...][]byte{inner, top} {
		if len(raw) > 0 && raw[0] != 'n' && !a.HasSelfID {
			a.SelfID, _ = readID(raw)
			a.HasSelfID = true
			if a.SelfID == 0 && raw[0] == '"' {
				a.SelfName = decodeString(raw)
			}
		}
	}
	if a.Name = decodeString(name); a.Name == "" {
		return ErrNoAction
	}
	if badParams {
		return ErrParams
	}
	return nil
}

// Suffixes of actions' names.
const (
	Async       = "_async"        // the outcome is not waited for
	RateLimited = "_rate_limited" // likewise, and such calls are spaced
)

// Normalise splits an action's name from the suffix `_async` or
// `_rate_limited`. NapCat runs the same handler for all three names, so rules
// must be matched on the base (napcat-onebot11.md, 3.5). Only one suffix is
// taken off: NapCat knows no name with two.
func Normalise(name string) (base, suffix string) {
	for _, suffix := range [...]string{Async, RateLimited} {
		if base, ok := strings.CutSuffix(name, suffix); ok && base != "" {
			return base, suffix
		}
	}
	return name, ""
}
