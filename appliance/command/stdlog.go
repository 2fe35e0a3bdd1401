package command

import (
	"bytes"
	"io"
)

// stdlog is where the standard library's own log goes. net/http quotes there what strange servers send, which may write
// anything into a terminal or a journal: only panics of handlers are passed on.
type stdlog struct{ w io.Writer }

// Write takes one message.
func (l stdlog) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("http: panic serving ")) {
		return l.w.Write(b)
	}
	return len(b), nil
}
