package gate

import (
	"io"
	"net/http"
	"time"
)

// Read lets read take the request's body, which must have come within the given time: who sends it slower is cut off.
func (k *Knock) Read(within time.Duration, read func(io.Reader) error) error {
	c := http.NewResponseController(k.w)
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	err := read(k.Body)
	if err != nil {
		return err
	}
	return c.SetReadDeadline(time.Time{})
}
