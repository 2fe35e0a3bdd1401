package onebot

// Body is the params of an action that came alone, as the body of an HTTP call.
type Body struct {
	Params []byte // the raw object without white space around it; nil for an empty body or null
	Echo   []byte // raw value of its member "echo"; nil when there is none
}

// ReadBody validates a body as strictly as PeekAction does a frame. An empty one and null are no params: ZeroBot sends
// null (frameworks.md, section 0, rule 9). The bytes stay the caller's. Errors: ErrNotObject, ErrDepth, *SyntaxError.
func ReadBody(body []byte) (Body, error) {
	i := space(body, 0)
	if i == len(body) {
		return Body{}, nil
	}
	if body[i] != '{' {
		if err := notObject(body, i); err != ErrNotObject || body[i] != 'n' {
			return Body{}, err
		}
		return Body{}, nil
	}
	var echo []byte
	m := members(body, i, 2) // as deep as in a frame
	for m.next() {
		if m.name() == "echo" {
			echo = m.value()
		} else {
			m.skip()
		}
	}
	if m.end < 0 {
		return Body{}, fault(m.end)
	}
	if end := space(body, m.end); end != len(body) {
		return Body{}, &SyntaxError{Offset: end}
	}
	return Body{Params: body[i:m.end], Echo: echo}, nil
}

// AppendAction appends the frame of an action: its name, its raw params (nil for none) and its raw echo (nil for none).
func AppendAction(dst []byte, name string, params, echo []byte) []byte {
	dst = appendQuoted(append(dst, `{"action":`...), name)
	if params != nil {
		dst = append(append(dst, `,"params":`...), params...)
	}
	return appendEcho(dst, echo)
}

// AppendAsync appends the envelope of a call whose outcome nobody waits for: the standard's status async, retcode 1.
func AppendAsync(dst, echo []byte) []byte {
	return appendEcho(append(dst, `{"status":"async","retcode":1,"data":null,"message":"","wording":""`...), echo)
}

// Quoted returns text as a raw JSON string.
func Quoted(text string) []byte { return appendQuoted(nil, text) }
