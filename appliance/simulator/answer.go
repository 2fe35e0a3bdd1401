package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

var null = json.RawMessage("null")

// envelope is an answer in NapCat's field order (reference 3.2). data nil = the key is missing.
type envelope struct {
	status  string
	retcode int64
	data    json.RawMessage
	message string
	echo    json.RawMessage
	stream  bool
	http    bool // over HTTP: 1400 is 400 and has no echo, every other failure is 200 (reference 3.3)
}

func (e envelope) bytes() []byte {
	if e.http && e.retcode == 1400 {
		e.retcode, e.echo = 400, null
	} else if e.http && e.retcode != 0 {
		e.retcode = 200
	}
	o := new(object).add("status", e.status).add("retcode", e.retcode)
	if e.data != nil {
		o.add("data", e.data)
	}
	return o.add("message", e.message).add("wording", e.message).add("echo", e.echo).
		add("stream", either(e.stream, "stream-action", "normal-action")).bytes()
}

// failure is an action that NapCat answers with status failed. The codes are those of reference 3.3 over WebSocket.
type failure struct {
	retcode int64
	message string
}

func (f *failure) Error() string { return fmt.Sprintf("retcode %d: %s", f.retcode, f.message) }

// broken is a business or kernel error.
func broken(format string, a ...any) error { return &failure{1200, fmt.Sprintf(format, a...)} }

// refused is a parameter check.
func refused(message string) error { return &failure{1400, message} }

// absent is what a handler returns when NapCat's returns nothing: the answer then has no key `data` at all.
type absent struct{}

// silent is what a handler returns when NapCat never answers (reference 3.4).
type silent struct{}

// mirrorEcho is what JavaScript makes of an echo: parsed and written again. Key order and types stay, spaces go,
// escapes are resolved and numbers pass through an IEEE double. missing is what a missing or null echo becomes.
func mirrorEcho(raw []byte, missing string) json.RawMessage {
	var compact bytes.Buffer
	if len(raw) == 0 || json.Compact(&compact, raw) != nil || compact.String() == "null" {
		return json.RawMessage(missing)
	}
	b := compact.Bytes()
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			end := stringEnd(b, i)
			var s string
			if json.Unmarshal(b[i:end], &s) != nil {
				return json.RawMessage(missing)
			}
			out, i = append(out, encode(s)...), end
		case c == '-' || c >= '0' && c <= '9':
			end := i + 1
			for end < len(b) && bytes.IndexByte([]byte("0123456789+-.eE"), b[end]) >= 0 {
				end++
			}
			out, i = append(out, double(string(b[i:end]))...), end
		default:
			out, i = append(out, c), i+1
		}
	}
	return out
}

func stringEnd(b []byte, start int) int {
	for i := start + 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// double writes a number as JavaScript does after having read it. What overflows becomes null.
func double(number string) []byte {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return null
	}
	if f == 0 {
		return []byte("0") // minus zero too
	}
	return encode(f)
}
